using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MlNetCifar.Data;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class BatchLoaderTests
{
    static readonly Augmentation s_everything = new()
    {
        Flip = FlipMode.Random,
        Shift = 2,
        Rotation = 10,
        Cutout = 3,
        Brightness = 0.2f,
        Contrast = 0.2f,
        Padding = EdgePadding.Reflect,
    };

    [TestMethod]
    public void Next_InStorageOrder_GivesEveryPictureOnceNormalised()
    {
        var set = TestImages.Random(10);
        var normalization = TestImages.Normalization(3);
        using var loader = new BatchLoader(set, normalization, new() { BatchSize = 4 });
        loader.Start(0);
        var seen = 0;
        while (loader.Next() is { } batch)
        {
            Assert.AreEqual(Math.Min(4, 10 - seen), batch.Count);
            for (var i = 0; i < batch.Count; i++, seen++)
            {
                Assert.AreEqual(seen, batch.Indices[i]);
                Assert.AreEqual(set.Label(seen), batch.Labels[i]);
                for (var k = 0; k < set.ImageLength; k++)
                {
                    var c = k % 3;
                    var expected = ((set.Pixels.Span[(seen * set.ImageLength) + k] / 255.0) - normalization.Mean[c]) / normalization.Std[c];
                    Assert.AreEqual(expected, batch.Pixels[(i * set.ImageLength) + k], 1e-6);
                }
            }
        }

        Assert.AreEqual(10, seen);
    }

    [TestMethod]
    [DataRow(1, 2)]
    [DataRow(2, 3)]
    [DataRow(3, 2)]
    [DataRow(8, 5)]
    public void Epochs_AnyThreadsAndPrefetch_AreBitIdentical(int threads, int prefetch)
    {
        var options = new BatchLoaderOptions { BatchSize = 7, Shuffle = true, Seed = 5, Augmentation = s_everything };
        Assert.AreEqual(Hash(options, 0, 0), Hash(options with { Threads = threads, Prefetch = prefetch }, 0, 0));
    }

    [TestMethod]
    public void Epochs_DifferByEpochAndSeed()
    {
        var options = new BatchLoaderOptions { BatchSize = 7, Shuffle = true, Seed = 5 };
        var hashes = new[] { Hash(options, 0, 0), Hash(options, 1, 0), Hash(options with { Seed = 6 }, 0, 0) };
        Assert.HasCount(3, hashes.Distinct());
        Assert.AreEqual(Hash(options with { Shuffle = false }, 0, 0), Hash(options with { Shuffle = false, Seed = 9 }, 0, 0));
    }

    [TestMethod]
    public void Start_InTheMiddle_GivesTheSameBatchesAsFromTheStart()
    {
        var options = new BatchLoaderOptions { BatchSize = 7, Shuffle = true, Seed = 5, Augmentation = s_everything, Threads = 2 };
        var set = TestImages.Random(50);
        using var loader = new BatchLoader(set, TestImages.Normalization(3), options);
        loader.Start(3);
        for (var i = 0; i < 4; i++)
            loader.Next();
        var rest = Rest(loader);
        loader.Start(3, 4);
        Assert.AreEqual(rest, Rest(loader));
        using var fresh = new BatchLoader(set, TestImages.Normalization(3), options);
        fresh.Start(3, 4);
        Assert.AreEqual(rest, Rest(fresh));
    }

    [TestMethod]
    public void Epoch_Shuffled_IsAPermutation()
    {
        using var loader = new BatchLoader(TestImages.Random(53), TestImages.Normalization(3), new() { BatchSize = 8, Shuffle = true });
        loader.Start(2);
        var seen = new List<int>();
        while (loader.Next() is { } batch)
            seen.AddRange(batch.Indices.ToArray());
        Assert.IsFalse(seen.SequenceEqual(Enumerable.Range(0, 53)));
        Assert.IsTrue(seen.Order().SequenceEqual(Enumerable.Range(0, 53)));
    }

    [TestMethod]
    public void DropLast_LeavesOutTheShortBatch()
    {
        using var loader = new BatchLoader(TestImages.Random(10), TestImages.Normalization(3), new() { BatchSize = 4, DropLast = true });
        Assert.AreEqual(2, loader.BatchesPerEpoch);
        Assert.AreEqual(8, loader.SamplesPerEpoch);
        loader.Start(0);
        Assert.AreEqual(4, loader.Next()!.Count);
        Assert.AreEqual(4, loader.Next()!.Count);
        Assert.IsNull(loader.Next());
        Assert.IsNull(loader.Next());
    }

    [TestMethod]
    [DoNotParallelize]
    public void Next_AtSteadyState_AllocatesNothing()
    {
        var options = new BatchLoaderOptions { BatchSize = 16, Shuffle = true, Augmentation = s_everything };
        using var loader = new BatchLoader(TestImages.Random(160), TestImages.Normalization(3), options);
        for (var epoch = 0; epoch < 3; epoch++)
            Drain(loader, epoch);
        var least = long.MaxValue;
        for (var epoch = 3; epoch < 8; epoch++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            Drain(loader, epoch);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        // The smallest of five epochs: the test host's own threads may allocate in any one of them.
        Assert.AreEqual(0, least);
    }

    [TestMethod]
    public void Next_SourceFails_RethrowsHereAndRecoversOnStart()
    {
        using var loader = new BatchLoader(new FailingSource(), TestImages.Normalization(3), new() { BatchSize = 4 });
        loader.Start(0);
        Assert.ThrowsExactly<IOException>(() =>
        {
            while (loader.Next() is not null)
            {
            }
        });
        loader.Start(1);
        Assert.AreEqual(0, loader.Next()!.Index);
    }

    [TestMethod]
    public void Constructor_WrongRequests_AreNamed()
    {
        var set = TestImages.Random(3);
        var e = Assert.ThrowsExactly<ArgumentException>(() => new BatchLoader(set, TestImages.Normalization(3), new() { BatchSize = 0, Threads = 0 }));
        StringAssert.Contains(e.Message, "BatchSize");
        StringAssert.Contains(e.Message, "Threads");
        Assert.ThrowsExactly<ArgumentException>(() => new BatchLoader(set, TestImages.Normalization(1)));
        Assert.ThrowsExactly<ArgumentException>(() => new BatchLoader(set.Subset([]), TestImages.Normalization(3)));
        Assert.ThrowsExactly<ArgumentException>(() => new BatchLoader(set, TestImages.Normalization(3), new() { BatchSize = 4, DropLast = true }));
    }

    [TestMethod]
    public void Dispose_InMidEpoch_ReturnsAndEndsTheThreads()
    {
        var loader = new BatchLoader(TestImages.Random(100), TestImages.Normalization(3), new() { BatchSize = 1, Threads = 2 });
        loader.Start(0);
        loader.Next();
        loader.Dispose();
        loader.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => loader.Next());
    }

    static void Drain(BatchLoader loader, int epoch)
    {
        loader.Start(epoch);
        while (loader.Next() is not null)
        {
        }
    }

    static string Hash(BatchLoaderOptions options, int epoch, int first)
    {
        using var loader = new BatchLoader(TestImages.Random(50), TestImages.Normalization(3), options);
        loader.Start(epoch, first);
        return Rest(loader);
    }

    static string Rest(BatchLoader loader)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (loader.Next() is { } batch)
        {
            hash.AppendData(MemoryMarshal.AsBytes(batch.Pixels));
            hash.AppendData(MemoryMarshal.AsBytes(batch.Labels));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    sealed class FailingSource : ImageSource
    {
        public override int Count => 20;

        public override int Height => 2;

        public override int Width => 2;

        public override int Channels => 3;

        public override IReadOnlyList<string> Classes { get; } = ["a", "b"];

        public override int Label(int index) => 0;

        public override void CopyPixels(int index, Span<byte> destination)
        {
            if (index == 13)
                throw new IOException("The disk went away.");
            destination.Clear();
        }

        public override string Name(int index) => "x";
    }
}
