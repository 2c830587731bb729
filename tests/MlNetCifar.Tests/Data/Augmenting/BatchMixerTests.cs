using MlNetCifar.Data;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Data.Augmenting;

/// <summary>Mixup and CutMix of batches.</summary>
[TestClass]
public sealed class BatchMixerTests
{
    static readonly ImageSet s_images = TestImages.Random(11, 6, 8, 3);

    [TestMethod]
    public void Mixup_AveragesEachWithTheNextOfItsBatch()
    {
        foreach (var (plain, mixed) in Batches(new() { Mixup = 0.4f }))
        {
            for (var i = 0; i < mixed.Count; i++)
            {
                var next = (i + 1) % mixed.Count;
                var share = mixed.Shares[i];
                Assert.IsTrue(share is >= 0.5f and <= 1, $"{share}");
                Assert.AreEqual(plain.Labels[next], mixed.Second[i]);
                Assert.AreEqual(plain.Labels[i], mixed.Labels[i]);
                for (var p = 0; p < s_images.ImageLength; p++)
                    Assert.AreEqual((share * plain.At(i, p)) + ((1 - share) * plain.At(next, p)), mixed.At(i, p), 1e-5);
            }
        }
    }

    [TestMethod]
    public void CutMix_PutsOneRectangleOfTheNextPictureIn()
    {
        foreach (var (plain, mixed) in Batches(new() { CutMix = 1 }))
        {
            for (var i = 0; i < mixed.Count; i++)
            {
                var next = (i + 1) % mixed.Count;
                int[] taken = [.. Enumerable.Range(0, 48).Where(p => Pixel(plain, i, p) != Pixel(mixed, i, p))];
                Assert.IsTrue(taken.All(p => Pixel(plain, next, p) == Pixel(mixed, i, p)));
                Assert.AreEqual(1 - (taken.Length / 48.0), mixed.Shares[i], 1e-6);
                Assert.IsTrue(mixed.Shares[i] >= 0.5f);
                if (taken.Length > 0)
                    Assert.AreEqual(taken.Length, (taken.Max(p => p % 8) - taken.Min(p => p % 8) + 1) * (taken.Max(p => p / 8) - taken.Min(p => p / 8) + 1));
            }
        }
    }

    [TestMethod]
    public void Both_EachPictureGetsOneOfTheTwo_AndThreadsDoNotMatter()
    {
        var augmentation = new Augmentation { Flip = FlipMode.Random, CropArea = 0.3f, TrivialAugment = true, Erasing = 0.5f, Hue = 20, Mixup = 0.2f, CutMix = 1 };
        var all = new[] { 1, 2, 5 }.Select(threads => Read(augmentation, threads, batchSize: 5).ToArray()).ToArray();
        foreach (var other in all.Skip(1))
            for (var b = 0; b < all[0].Length; b++)
            {
                CollectionAssert.AreEqual(all[0][b].Pixels, other[b].Pixels);
                CollectionAssert.AreEqual(all[0][b].Shares, other[b].Shares);
            }

        // Another epoch and another seed are other pictures.
        CollectionAssert.AreNotEqual(all[0][0].Pixels, Read(augmentation, 1, 5, seed: 8).First().Pixels);
    }

    [TestMethod]
    public void APictureAlone_StaysAsItIs()
    {
        var last = Read(new() { Mixup = 1 }, 1, batchSize: 5).Last();
        Assert.AreEqual(1, last.Count);
        Assert.IsEmpty(last.Shares);
    }

    [TestMethod]
    [DataRow(0.001)]
    [DataRow(0.2)]
    [DataRow(1.0)]
    [DataRow(5.0)]
    public void LargerShare_HasTheMomentsOfBeta(double alpha)
    {
        const int Draws = 40_000;
        var random = new SplitRandom(3, RandomPurpose.Mix);
        double sum = 0;
        for (var i = 0; i < Draws; i++)
        {
            var share = BatchMixer.LargerShare(ref random, alpha);
            Assert.IsTrue(share is >= 0.5f and <= 1);
            sum += (share - 0.5) * (share - 0.5);
        }

        // The variance of Beta(α, α), which folding at one half leaves.
        Assert.AreEqual(1 / (4 * ((2 * alpha) + 1)), sum / Draws, 0.004);
    }

    static IEnumerable<(Seen Plain, Seen Mixed)> Batches(Augmentation augmentation) => Read(Augmentation.None, 1, 5).Zip(Read(augmentation, 1, 5)).Where(pair => pair.Second.Count > 1);

    static List<Seen> Read(Augmentation augmentation, int threads, int batchSize, ulong seed = 7)
    {
        using var loader = new BatchLoader(
            s_images, Normalization.None(3), new BatchLoaderOptions { BatchSize = batchSize, Shuffle = true, Seed = seed, Augmentation = augmentation, Threads = threads });
        loader.Start(2);
        var seen = new List<Seen>();
        while (loader.Next() is { } batch)
            seen.Add(new(batch.Count, batch.Pixels.ToArray(), batch.Labels.ToArray(), batch.IsMixed ? batch.SecondLabelDestination[..batch.Count].ToArray() : [], batch.IsMixed ? batch.ShareDestination[..batch.Count].ToArray() : []));
        return seen;
    }

    static (float, float, float) Pixel(Seen batch, int i, int p) => (batch.At(i, 3 * p), batch.At(i, (3 * p) + 1), batch.At(i, (3 * p) + 2));

    sealed record Seen(int Count, float[] Pixels, int[] Labels, int[] Second, float[] Shares)
    {
        public float At(int i, int p) => Pixels[(i * s_images.ImageLength) + p];
    }
}
