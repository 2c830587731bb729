using MlNetCifar.Data;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Data;

/// <summary>A mean for every pixel: where it is the same everywhere it changes nothing; else the formula holds at every pixel.</summary>
[TestClass]
public sealed class MeanImageTests
{
    const int Height = 5;
    const int Width = 7;
    static readonly float[] s_mean = [0.25f, 0.5f, 0.75f];
    static readonly float[] s_std = [0.2f, 0.3f, 0.4f];

    [TestMethod]
    public void EqualMeans_GiveTheSameBits()
    {
        var plain = new Normalization(s_mean, s_std);
        var image = Normalization.WithMeanImage([.. Enumerable.Range(0, Height * Width * 3).Select(i => s_mean[i % 3])], s_std);
        CollectionAssert.AreEqual(s_mean, image.Mean.ToArray());
        Assert.AreNotEqual(plain, image);
        var pixels = Pixels();
        foreach (var augmentation in new[] { Augmentation.None, new() { Flip = FlipMode.Random, Shift = 2 }, new() { Brightness = 0.3f, Contrast = 0.3f }, new() { Rotation = 20, Brightness = 0.2f } })
        {
            CollectionAssert.AreEqual(Batch(pixels, plain, augmentation), Batch(pixels, image, augmentation));
        }
    }

    [TestMethod]
    public void EveryPixel_HasItsOwnMean()
    {
        var random = new Random(3);
        float[] means = [.. Enumerable.Range(0, Height * Width * 3).Select(_ => random.NextSingle())];
        var normalization = Normalization.WithMeanImage(means, s_std);
        var pixels = Pixels();
        var found = new float[pixels.Length];
        new PixelNormalizer(Width, normalization, SimdLevel.Active).Apply(pixels, found);
        for (var i = 0; i < found.Length; i++)
            Assert.AreEqual(((pixels[i] / 255.0) - means[i % means.Length]) / s_std[i % 3], found[i], 2e-6);
    }

    [TestMethod]
    public void Text_And_Equality_KeepEveryBit()
    {
        var random = new Random(4);
        var normalization = Normalization.WithMeanImage([.. Enumerable.Range(0, 12).Select(_ => random.NextSingle())], s_std);
        var restored = Normalization.Restore(normalization.Mean, normalization.Std, normalization.MeanImageText);
        Assert.AreEqual(normalization, restored);
        CollectionAssert.AreEqual(normalization.MeanImage!.ToArray(), restored.MeanImage!.ToArray());
        Assert.IsTrue(normalization.Fits(2, 2, 3));
        Assert.IsFalse(normalization.Fits(2, 3, 3));
        Assert.ThrowsExactly<FormatException>(() => Normalization.Restore(s_mean, s_std, "?"));
        Assert.ThrowsExactly<FormatException>(() => Normalization.Restore(s_mean, s_std, "AAA"));
        Assert.ThrowsExactly<ArgumentException>(() => Normalization.WithMeanImage([1, 2, 3, 4], s_std));
        Assert.ThrowsExactly<ArgumentException>(() => Normalization.WithMeanImage([1, 2, float.NaN], s_std));
    }

    static byte[] Pixels()
    {
        var pixels = new byte[4 * Height * Width * 3];
        new Random(1).NextBytes(pixels);
        return pixels;
    }

    static float[] Batch(byte[] pixels, Normalization normalization, Augmentation augmentation)
    {
        var source = new ImageSet(pixels, new int[4], Width, Height, 3, ["any"]);
        using var loader = new BatchLoader(source, normalization, new BatchLoaderOptions { BatchSize = 4, Augmentation = augmentation, Seed = 2 });
        loader.Start(0);
        return loader.Next()!.Pixels.ToArray();
    }
}
