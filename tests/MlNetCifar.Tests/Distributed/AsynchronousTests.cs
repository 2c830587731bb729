using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training;
using MlNetCifar.Tests.Training.Groups;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Gradients that are taken as they come: what can be said though no two runs are the same.</summary>
[TestClass]
public sealed class AsynchronousTests
{
    /// <summary>Batches of the three epochs of a small run.</summary>
    const int Batches = 3 * 5;

    /// <summary>A single worker pushes one gradient after the other, each of fresh weights: that is training in one process, but for the order of sums.</summary>
    [TestMethod]
    [DataRow("adam", DistributedMode.Asynchronous)]
    [DataRow("sgd", DistributedMode.Asynchronous)]
    [DataRow("sgd", DistributedMode.Hogwild)]
    public void Fit_ByOneWorker_IsThatOfOneProcess(string rule, DistributedMode mode)
    {
        var options = rule == "adam" ? SmallRun.Adam with { EmaDecay = null } : SmallRun.Sgd;
        using var expected = new Trainer(SmallRun.Network, options).Fit(SmallRun.Train);
        using var actual = Fit(options with { DistributedMode = mode }, 1, out var group);
        foreach (var tensor in expected.Weights.Tensors)
            for (var i = 0; i < tensor.Length; i++)
                Assert.AreEqual(tensor.Values[i], actual.Weights.Find(tensor.Name)!.Values[i], 1e-4, $"{tensor.Name}[{i}]");
        CollectionAssert.AreEqual(new long[] { Batches }, group.Staleness.ToArray());
    }

    [TestMethod]
    [DataRow(DistributedMode.Asynchronous, 2, null)]
    [DataRow(DistributedMode.Asynchronous, 4, null)]
    [DataRow(DistributedMode.Asynchronous, 4, 3)]
    [DataRow(DistributedMode.Asynchronous, 3, 1)]
    [DataRow(DistributedMode.Asynchronous, 3, 0)]
    [DataRow(DistributedMode.Hogwild, 2, null)]
    [DataRow(DistributedMode.Hogwild, 4, null)]
    public void Fit_TakesEveryBatchOnce_NoStalerThanItMayBe_AndLearns(DistributedMode mode, int workers, int? bound)
    {
        var images = TinyData.Balanced(4, 20);
        var options = new TrainingOptions { Epochs = 20, BatchSize = 8, LearningRate = 0.01f, Threads = 1, DistributedMode = mode, EmaDecay = 0.5f };
        using var launcher = new ThreadLauncher(_ => new WorkerImages(images));
        using var group = new WorkerGroup(launcher, new() { Workers = workers, MaxStaleness = bound });
        using var result = new Trainer(SmallRun.Network, options) { Workers = group }.Fit(images);
        Assert.IsEmpty(launcher.Errors);
        Assert.AreEqual(20 * 10, group.Figures.Sum(f => f.Slices));
        Assert.AreEqual(20 * 10, group.Staleness.Sum());
        if (mode == DistributedMode.Asynchronous)
            Assert.IsLessThanOrEqualTo((bound ?? (2 * workers)) + 1, group.Staleness.Count, string.Join(' ', group.Staleness));
        Assert.IsLessThan(0.8 * result.History[0].TrainLoss, result.History[^1].TrainLoss);
        Assert.AreEqual(StopReason.Completed, result.StopReason);
    }

    [TestMethod]
    [DataRow(DistributedMode.Asynchronous, WireFault.Cut)]
    [DataRow(DistributedMode.Asynchronous, WireFault.Flip)]
    [DataRow(DistributedMode.Asynchronous, WireFault.Stall)]
    [DataRow(DistributedMode.Hogwild, WireFault.Cut)]
    public void Fit_WithWorkersThatAreLost_TakesEveryBatchOnce(DistributedMode mode, WireFault fault)
    {
        var options = SmallRun.Adam with { DistributedMode = mode };
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train), (worker, start) => worker == 0 && start < 2 ? (fault, 12_000 * (start + 1)) : (WireFault.None, 0));
        using var group = new WorkerGroup(launcher, new() { Workers = 3, Timeout = TimeSpan.FromSeconds(fault == WireFault.Stall ? 2 : 30), JoinTime = TimeSpan.FromSeconds(30) });
        using var result = new Trainer(SmallRun.Network, options) { Workers = group }.Fit(SmallRun.Train, SmallRun.Validation);
        Assert.IsTrue(result.Warnings.Any(w => w.Contains("worker 1 was lost", StringComparison.Ordinal)), string.Join('\n', result.Warnings));
        Assert.AreEqual(Batches, group.Figures.Sum(f => f.Slices));
        Assert.AreEqual(Batches, group.Staleness.Sum());
    }

    [TestMethod]
    public void Fit_WithLayersThatThaw_MovesThemThenAndNotBefore()
    {
        var images = TinyData.Balanced(3, 14);
        foreach (var (epochs, moves) in new[] { (1, false), (2, true) })
        {
            var options = new TrainingOptions { Epochs = epochs, BatchSize = 4, Threads = 1, DistributedMode = DistributedMode.Asynchronous, Groups = ParameterGroups.Parse("conv*: frozen, thaw-after-epochs=1") };
            using var launcher = new ThreadLauncher(_ => new WorkerImages(images));
            using var group = new WorkerGroup(launcher, new() { Workers = 2 });
            using var result = new Trainer(GroupNetwork.Spec, options) { Workers = group }.Fit(images);
            using var initial = NetworkWeights.Initialize(GroupNetwork.Spec, options.Seed);
            var conv = initial.Tensors.First(t => t.Name == "conv2.weight");
            Assert.AreEqual(moves, !conv.Values.SequenceEqual(result.Weights.Find(conv.Name)!.Values), $"{epochs} epochs");
        }
    }

    [TestMethod]
    public void Fit_CutShort_GoesOnWhereARoundBegan()
    {
        using var folder = new TestFolder();
        var options = SmallRun.Adam with { DistributedMode = DistributedMode.Asynchronous };
        using (var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train), (_, _) => (WireFault.Cut, 30_000)))
        using (var group = new WorkerGroup(launcher, new() { Workers = 2, Restarts = 0 }))
            Assert.AreEqual("MNC3311", Assert.ThrowsExactly<MlNetCifarException>(() => Trainer(group).Fit(SmallRun.Train, SmallRun.Validation)).Code);
        using var others = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train));
        using var next = new WorkerGroup(others, new() { Workers = 3 });
        using var resumed = Trainer(next, resume: true).Fit(SmallRun.Train, SmallRun.Validation);
        Assert.HasCount(3, resumed.History);
        Assert.AreEqual((3 - (resumed.ResumedFrom ?? 0)) * 5, next.Figures.Sum(f => f.Slices));

        Trainer Trainer(WorkerGroup group, bool resume = false) => new(SmallRun.Network, options)
        {
            Workers = group, Checkpoints = new CheckpointOptions { Folder = folder["c"], EverySteps = 1, Every = null, Resume = resume },
        };
    }

    /// <summary>What was updated within a round that is abandoned is as it was: a run that goes on takes no picture twice.</summary>
    [TestMethod]
    public void Fit_Cancelled_LeavesTheLastRound()
    {
        using var folder = new TestFolder();
        using var stop = new CancellationTokenSource();
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train), (worker, _) => worker == 0 ? (WireFault.Stall, 20_000) : (WireFault.None, 0));
        using var group = new WorkerGroup(launcher, new() { Workers = 2, Timeout = TimeSpan.FromMinutes(10) });
        var trainer = new Trainer(SmallRun.Network, SmallRun.Adam with { Epochs = 1000, DistributedMode = DistributedMode.Asynchronous }) { Workers = group };
        var weights = "";
        trainer.Observers.Add(new AfterStep(run => weights = run.Weights.Sha256()));
        using var timer = ThreadLauncher.StopAtStall(group, stop);
        using var cut = trainer.Fit(SmallRun.Train, SmallRun.Validation, cancellation: stop.Token);
        Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
        Assert.AreNotEqual(0, group.Staleness.Sum() % 5, "the round was not under way");
        if (weights.Length > 0)
            Assert.AreEqual(weights, cut.LastWeightsSha256);
    }

    [TestMethod]
    public void Fit_OfWhatCannotBeDone_SaysSo()
    {
        foreach (var mode in new[] { DistributedMode.Asynchronous, DistributedMode.Hogwild })
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(SmallRun.Network, SmallRun.Adam with { DistributedMode = mode }).Fit(SmallRun.Train));
            Assert.AreEqual("MNC3030", error.Code);
            error = Assert.ThrowsExactly<MlNetCifarException>(() => (SmallRun.Adam with { DistributedMode = mode, Slices = 2 }).Validate());
            StringAssert.Contains(error.Message, "Slices is 2, expected 1");
            error = Assert.ThrowsExactly<MlNetCifarException>(() => (SmallRun.Adam with { DistributedMode = mode, UpdateFrequency = 0 }).Validate());
            StringAssert.Contains(error.Message, "only DistributedMode Averaged has others");
        }
    }

    static TrainingResult Fit(TrainingOptions options, int workers, out WorkerGroup group)
    {
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train));
        using (group = new WorkerGroup(launcher, new() { Workers = workers }))
        {
            var result = new Trainer(SmallRun.Network, options) { Workers = group }.Fit(SmallRun.Train);
            Assert.IsEmpty(launcher.Errors);
            return result;
        }
    }
}
