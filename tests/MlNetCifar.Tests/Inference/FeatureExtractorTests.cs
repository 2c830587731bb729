using MlNetCifar.Nn;
using MlNetCifar.Tests.Transfer;

namespace MlNetCifar.Tests.Inference;

/// <summary>Backbones for pictures of another size.</summary>
[TestClass]
public sealed class FeatureExtractorTests
{
    [TestMethod]
    public void Resized_ThereAndBack_GivesTheSameFeatures()
    {
        using var own = SmallBackbone.Create();
        using var wide = own.Resized(new(24, 12));
        using var back = wide.Resized(SmallBackbone.Side);
        Assert.AreEqual((24, 12), (wide.Preprocess.Width, wide.Preprocess.Height));
        Assert.AreEqual(own.WeightsSha256, wide.WeightsSha256);
        var pictures = SmallBackbone.Images(4);
        CollectionAssert.AreEqual(own.Features(pictures), back.Features(pictures));
    }

    [TestMethod]
    public void Resized_OfAnEvenlyColouredPicture_ChangesNothingButTheEdges()
    {
        using var own = SmallBackbone.Create();
        using var large = own.Resized(8 * SmallBackbone.Side);
        using var huge = own.Resized(16 * SmallBackbone.Side);
        var picture = RgbImage.FromPixels([.. Enumerable.Repeat((byte)90, 48)], 4, 4);

        // What the edges weigh halves as the side doubles.
        double Distance(FeatureExtractor one) => one.Features(picture).Zip(huge.Features(picture), (a, b) => Math.Abs(a - b)).Max();
        Assert.IsLessThan(0.2 * Distance(own), Distance(large));
    }

    [TestMethod]
    public void Resized_TakesTheMeanImageAlong()
    {
        float[] mean = [.. Enumerable.Range(0, 4 * 2 * 3).Select(i => i / 24f)];
        var own = Normalization.WithMeanImage(mean, [1, 1, 1]);
        var doubled = own.Resized(new(4, 2), new(8, 4));
        for (var i = 0; i < 8 * 4 * 3; i++)
            Assert.AreEqual(mean[(((i / 24 / 2 * 4) + (i / 3 % 8 / 2)) * 3) + (i % 3)], doubled.MeanAt(i));
        Assert.AreEqual(own, doubled.Resized(new(8, 4), new(4, 2)));
    }

    [TestMethod]
    public void Resized_KeepsTheShareOfTheCrop()
    {
        using var weights = NetworkWeights.Initialize(SmallBackbone.Spec with { Layers = SmallBackbone.Spec.Layers[..^2], Loss = LossKind.None, Classes = 12 }, 1);
        using var cropped = new FeatureExtractor(weights, SmallBackbone.Preprocess with { Resize = ResizeMode.ShorterSideCrop, ShorterSide = 20 }, SmallBackbone.Normalization);
        using var large = cropped.Resized(32);
        Assert.AreEqual(40, large.Preprocess.ShorterSide);
    }

    [TestMethod]
    public void Resized_WhereWeightsDependOnTheSize_IsRefused()
    {
        var spec = new NetworkSpec { Name = "dense", Height = 8, Width = 8, Channels = 3, Classes = 6, Loss = LossKind.None, Layers = [new Conv2d(4, 3), new Pool2d(PoolKind.Max, 8), new Flatten(), new Linear(6)] };
        using var own = new FeatureExtractor(NetworkWeights.Initialize(spec, 1), new PreprocessSpec { Width = 8, Height = 8 }, SmallBackbone.Normalization);
        foreach (var size in new[] { 4, 16 })
        {
            var error = Assert.Throws<MlNetCifarException>(() => own.Resized(size));
            Assert.AreEqual("MNC4012", error.Code);
            StringAssert.Contains(error.Message, $"8×8, cannot take those of {size}×{size}");
        }
    }
}
