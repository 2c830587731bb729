using MlNetCifar.Data;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Resume;

[TestClass]
public sealed class StreamingTests
{
    static readonly TrainingOptions s_options = SmallRun.Adam with { ShuffleWindow = 24 };

    [TestMethod]
    public void Fit_FromShards_GivesTheBitsOfMemoryAndResumesInsideAShard()
    {
        using var folder = Shards();
        using var shards = ImageDataset.Open(folder["out"]);
        var whole = SmallRun.Trainer(s_options).Fit(shards.Train, SmallRun.Validation);
        foreach (var at in new[] { 2, 7 })
        {
            using var cancel = new CancellationTokenSource();
            var stopper = new AfterStep(run =>
            {
                if (run.Step == at)
                    cancel.Cancel();
            });
            SmallRun.Trainer(s_options, folder[$"run{at}"], observers: stopper).Fit(shards.Train, SmallRun.Validation, cancellation: cancel.Token).Weights.Dispose();
            SmallRun.AssertSame(whole, SmallRun.Trainer(s_options with { Threads = 3 }, folder[$"run{at}"], resume: true).Fit(shards.Train, SmallRun.Validation));
        }

        var all = s_options with { ShuffleWindow = 0 };
        SmallRun.AssertSame(SmallRun.Trainer(all).Fit(InMemory(shards.Train), SmallRun.Validation), SmallRun.Trainer(all).Fit(shards.Train, SmallRun.Validation));
    }

    [TestMethod]
    public void Fit_WithAShardDamagedMidRun_NamesItAndLosesNothing()
    {
        using var folder = Shards();
        var part = folder["out/X_part_00002.npy"];
        var bytes = File.ReadAllBytes(part);
        using (var shards = ImageDataset.Open(folder["out"]))
        {
            var saboteur = new AfterStep(run =>
            {
                if (run.Step == 6)
                    Truncate(part);
            });
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => SmallRun.Trainer(s_options, folder["run"], everySteps: 1000, observers: saboteur).Fit(shards.Train, SmallRun.Validation));
            StringAssert.StartsWith(error.Code, "MNC10");
            StringAssert.Contains(error.Message, "X_part_00002.npy");
            Assert.IsNotNull(error.Action);
        }

        File.WriteAllBytes(part, bytes);
        using var repaired = ImageDataset.Open(folder["out"]);
        var resumed = SmallRun.Trainer(s_options, folder["run"], resume: true).Fit(repaired.Train, SmallRun.Validation);
        Assert.IsTrue(resumed.ResumedFrom >= 6, $"{resumed.ResumedFrom}");
        SmallRun.AssertSame(SmallRun.Trainer(s_options).Fit(repaired.Train, SmallRun.Validation), resumed);
    }

    [TestMethod]
    public void MemoryPlan_HalvesTheBatchUntilItFits_OrSaysThatItDoesNot()
    {
        var big = s_options with { BatchSize = 4096 };
        var free = MemoryPlan.Fit(SmallRun.Network, big, SmallRun.Train, null, 1L << 40);
        Assert.AreEqual(4096, free.Options.BatchSize);
        var images = new ImageSet(new byte[4096 * 192], Enumerable.Range(0, 4096).Select(i => i % 4).ToArray(), 8, 8, 3, SmallRun.Train.Classes);
        var wide = MemoryPlan.Fit(SmallRun.Network, big, images, null, 1L << 40);
        var tight = MemoryPlan.Fit(SmallRun.Network, big, images, null, wide.Total - (wide.Parts.Single(p => p.Name == "activations").Bytes / 3));
        Assert.IsTrue(tight.Options.BatchSize is < 4096 and > 256, $"{tight.Options.BatchSize}");
        Assert.IsTrue(tight.Total <= tight.Limit);
        Assert.AreEqual(tight.Options with { BatchSize = 4096 }, big);
        var error = ResumeErrorTests.AssertError("MNC3019", () => MemoryPlan.Fit(SmallRun.Network, big, images, null, 1 << 20));
        StringAssert.Contains(error.Message, "does not fit into 1 MiB");
    }

    static ImageSet InMemory(ImageSource source)
    {
        var pixels = new byte[source.Count * source.ImageLength];
        for (var i = 0; i < source.Count; i++)
            source.CopyPixels(i, pixels.AsSpan(i * source.ImageLength, source.ImageLength));
        return new ImageSet(pixels, [.. Enumerable.Range(0, source.Count).Select(source.Label)], source.Width, source.Height, source.Channels, source.Classes);
    }

    static TestFolder Shards()
    {
        var folder = new TestFolder().AddPictures("in/train/", 4, 19);
        ShardWriter.Write(folder["in"], folder["out"], new ShardOptions { Spec = new PreprocessSpec { Width = 8, Height = 8 }, Parts = 4, Threads = 2 });
        if (!File.Exists(folder["out/X_part_00002.npy"]))
            Assert.Fail("the shards lie elsewhere");
        return folder;
    }

    static void Truncate(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(200);
    }
}
