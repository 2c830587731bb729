using MlNetCifar.Data;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

[TestClass]
public sealed class ImageClassifierTests
{
    [TestMethod]
    public void Score_RowsAreProbabilities_AndDoNotDependOnBatchOrThreads()
    {
        using var model = SmallModel.Create();
        var images = SmallModel.Images(300);
        var scores = model.Score(images, threads: 1);
        CollectionAssert.AreEqual(scores, model.Score(images, threads: 3));
        for (var i = 0; i < images.Count; i++)
        {
            Assert.AreEqual(1, scores[(3 * i)..((3 * i) + 3)].Sum(), 1e-5);
            if (i % 97 == 0)
                CollectionAssert.AreEqual(scores[(3 * i)..((3 * i) + 3)], model.Score(images.Subset([i])));
        }
    }

    [TestMethod]
    public void Score_FoldedNetwork_EqualsTheTrainingNetworkInUse()
    {
        using var model = SmallModel.Create();
        var images = SmallModel.Images(11);
        using var pool = new WorkerPool(1);
        using var network = new Network(model.Weights, 11, training: true, pool);
        using var loader = new BatchLoader(images, model.Normalization, new BatchLoaderOptions { BatchSize = 11 });
        loader.Start(0);
        loader.Next()!.Pixels.CopyTo(network.Input(11));
        network.Forward(11);
        LaneCases.AssertClose(ClassScores.Probabilities(SmallModel.Spec, network.Logits(11)), model.Score(images), 2e-5);
    }

    [TestMethod]
    public void Predict_ManyThreadsAtOnce_GiveTheSame()
    {
        using var model = SmallModel.Create();
        var pictures = Enumerable.Range(0, 24).Select(i =>
        {
            var picture = new RgbImage(9, 7);
            new Random(i).NextBytes(picture.Pixels);
            return picture;
        }).ToArray();
        var alone = pictures.Select(p => model.Predict(p)).ToArray();
        Parallel.For(0, 96, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
            CollectionAssert.AreEqual(alone[i % 24].ToArray(), model.Predict(pictures[i % 24]).ToArray()));
        Assert.IsTrue(alone.All(p => p.Count == 3 && p[0].Probability >= p[1].Probability && p[1].Probability >= p[2].Probability));
        Assert.AreEqual(1, model.Predict(pictures[0], top: 1).Count);
    }

    [TestMethod]
    public void Evaluate_OtherClassesOrSize_IsNamed()
    {
        using var model = SmallModel.Create();
        var other = new ImageSet(new byte[144], [0], 6, 8, 3, ["a", "b", "c"]);
        Assert.AreEqual("MNC4008", Assert.ThrowsExactly<MlNetCifarException>(() => model.Evaluate(other)).Code);
        var larger = new ImageSet(new byte[192], [0], 8, 8, 3, ["a", "b", "ç"]);
        Assert.AreEqual("MNC4008", Assert.ThrowsExactly<MlNetCifarException>(() => model.Score(larger)).Code);
    }

    [TestMethod]
    public void Views_AreMirroredAndShiftedAsDefined()
    {
        const int H = 4, W = 5, C = 2;
        var pictures = Enumerable.Range(0, 2 * H * W * C).Select(i => (float)i).ToArray();
        var written = new float[pictures.Length];
        foreach (var kind in Enum.GetValues<TestTimeViews>())
        {
            var weight = 0f;
            foreach (var view in Views.Of(kind))
            {
                weight += view.Weight;
                Views.Write(view, H, W, C, pictures, written);
                for (var n = 0; n < 2; n++)
                    for (var y = 0; y < H; y++)
                        for (var x = 0; x < W; x++)
                            for (var c = 0; c < C; c++)
                            {
                                var fromY = Mirrored(y + view.Shift, H);
                                var fromX = Mirrored((view.Mirror ? W - 1 - x : x) + view.Shift, W);
                                Assert.AreEqual(pictures[(((((n * H) + fromY) * W) + fromX) * C) + c], written[(((((n * H) + y) * W) + x) * C) + c]);
                            }
            }

            Assert.AreEqual(1, weight);
        }

        static int Mirrored(int i, int length) => i == -1 ? 1 : i == length ? length - 2 : i;
    }

    [TestMethod]
    public void Score_WithViews_AveragesTheLogitsOfMirrorImages()
    {
        using var model = SmallModel.Create();
        var images = SmallModel.Images(5);
        var mirrored = new byte[5 * images.ImageLength];
        for (var i = 0; i < 5; i++)
            for (var y = 0; y < 8; y++)
                for (var x = 0; x < 6; x++)
                    images.Pixels.Span.Slice((((((i * 8) + y) * 6) + x) * 3), 3).CopyTo(mirrored.AsSpan((((((i * 8) + y) * 6) + 5 - x) * 3), 3));
        var other = new ImageSet(mirrored, images.Labels.ToArray(), 6, 8, 3, images.Classes);
        LaneCases.AssertClose(model.Score(images, views: TestTimeViews.Flip), model.Score(other, views: TestTimeViews.Flip), 2e-5);
        LaneCases.AssertClose(model.Score(images, views: TestTimeViews.FlipShift), model.Score(images.Subset([0, 1, 2, 3, 4]), threads: 2, views: TestTimeViews.FlipShift), 2e-5);
        var plain = model.Score(images);
        var both = model.Score(images, views: TestTimeViews.Flip);
        Assert.IsTrue(plain.Zip(both).Any(p => Math.Abs(p.First - p.Second) > 1e-3));
    }
}
