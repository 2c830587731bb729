using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training;
using MlNetCifar.Tests.Training.Groups;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Runs by several workers give the weights of one process, to the bit, whatever happens to the workers.</summary>
[TestClass]
public sealed class WorkerGroupTests
{
    static readonly TrainingOptions s_adam = SmallRun.Adam with { Slices = 8, Threads = 1 };

    [TestMethod]
    [DataRow("adam", 8)]
    [DataRow("adam", 5)]
    [DataRow("sgd", 8)]
    [DataRow("muon", 3)]
    public void Fit_IsTheSameForEveryNumberOfWorkers(string rule, int slices)
    {
        var options = rule switch { "adam" => SmallRun.Adam, "sgd" => SmallRun.Sgd, _ => SmallRun.Muon } with { Slices = slices };
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        foreach (var workers in new[] { 1, 2, 3, 8 })
        {
            using var actual = Fit(SmallRun.Network, options, SmallRun.Train, SmallRun.Validation, workers, out var group);
            SmallRun.AssertSame(expected, actual);
            Assert.AreEqual(slices * 4 + (int)Math.Ceiling(11 * slices / 16.0), group.Sum(w => w.Slices) / 3.0, "slices of an epoch of 75 pictures");
            Assert.IsTrue(group.Where(w => workers <= slices || w.Slices > 0).All(w => w is { Slices: > 0, BytesSent: > 0, BytesReceived: > 0, Lost: null }));
        }
    }

    [TestMethod]
    [DataRow("seed-cnn", 16)]
    [DataRow("advanced-cnn", 16)]
    [DataRow("airbench94", 32)]
    public void Fit_OfAPreset_IsTheSame(string preset, int side)
    {
        var images = TestImages.Random(50, side, side, classes: 3);
        var network = Architectures.Create(preset, side, side, 3, 3);
        var options = Recipes.For(preset) with { Epochs = 1, BatchSize = 20, Slices = 4, Threads = 2, TimeBudget = null };
        using var expected = new Trainer(network, options).Fit(images);
        foreach (var workers in new[] { 2, 3 })
        {
            using var actual = Fit(network, options, images, null, workers, out _);
            Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256, $"{workers} workers");
        }
    }

    [TestMethod]
    public void Fit_WithLayersThatThaw_IsTheSame()
    {
        var images = TinyData.Balanced(3, 14);
        var options = new TrainingOptions { Epochs = 3, BatchSize = 12, Slices = 3, Threads = 1, Groups = ParameterGroups.Parse("conv*: frozen, thaw-after-epochs=1") };
        using var expected = new Trainer(GroupNetwork.Spec, options).Fit(images);
        using var actual = Fit(GroupNetwork.Spec, options, images, null, 2, out _);
        Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256);
    }

    [TestMethod]
    public void Fit_WithMixturesClassWeightsAndFewBatches_IsTheSame()
    {
        var options = SmallRun.Sgd with { Slices = 4, OverfitBatches = 2 };
        using var few = new Trainer(SmallRun.Network, options).Fit(SmallRun.Train);
        using var fewByWorkers = Fit(SmallRun.Network, options, SmallRun.Train, null, 2, out _);
        Assert.AreEqual(few.LastWeightsSha256, fewByWorkers.LastWeightsSha256);
        options = SmallRun.Sgd with { Slices = 4, Augmentation = Augmentation.Standard(8) with { Mixup = 0.3f, CutMix = 1 } };
        using var mixed = new Trainer(SmallRun.Network, options).Fit(SmallRun.Train);
        using var mixedByWorkers = Fit(SmallRun.Network, options, SmallRun.Train, null, 3, out _);
        Assert.AreEqual(mixed.LastWeightsSha256, mixedByWorkers.LastWeightsSha256);
        Assert.AreNotEqual(few.LastWeightsSha256, mixed.LastWeightsSha256);
    }

    /// <summary>Cut, changed and stalled wires, at places that the bytes of a run of three epochs (about 200,000 a worker) hold.</summary>
    [TestMethod]
    [DataRow(WireFault.Cut, 3, 2_000, 5_000)]
    [DataRow(WireFault.Cut, 2, 30_000, 30_000)]
    [DataRow(WireFault.Cut, 1, 40_000, 100)]
    [DataRow(WireFault.Flip, 3, 20_000, 45_000)]
    [DataRow(WireFault.Flip, 2, 5, 60_000)]
    public void Fit_WithWorkersThatAreLost_IsTheSame(WireFault fault, int workers, int firstAfter, int secondAfter)
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        using var launcher = new ThreadLauncher(Open, ThreadLauncher.Losing(fault, firstAfter, secondAfter));
        using var group = new WorkerGroup(launcher, new() { Workers = workers, Timeout = TimeSpan.FromSeconds(fault == WireFault.Stall ? 3 : 30), JoinTime = TimeSpan.FromSeconds(30) });
        using var actual = Trainer(SmallRun.Network, s_adam, group).Fit(SmallRun.Train, SmallRun.Validation);
        SmallRun.AssertSame(expected, actual);
        Assert.IsTrue(actual.Warnings.Any(w => w.Contains("worker 1 ", StringComparison.Ordinal)), string.Join('\n', actual.Warnings));
        Assert.IsGreaterThan(workers, launcher.Starts);
        var slices = group.Figures.Sum(f => f.Slices);
        Assert.AreEqual(3 * ((4 * 8) + 6), slices, "every slice was answered once");
    }

    /// <summary>Each is waited for.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(3)]
    [DataRow(1)]
    public void Fit_WithWorkersThatStall_IsTheSame(int workers) => Fit_WithWorkersThatAreLost_IsTheSame(WireFault.Stall, workers, 25_000, 3_000);

    [TestMethod]
    public void Fit_WithAllWorkersLost_EndsAndGoesOn()
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        using var folder = new TestFolder();
        using (var launcher = new ThreadLauncher(Open, (_, _) => (WireFault.Cut, 40_000)))
        using (var group = new WorkerGroup(launcher, new() { Workers = 2, Restarts = 0 }))
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => Trainer(SmallRun.Network, s_adam, group, folder["c"]).Fit(SmallRun.Train, SmallRun.Validation));
            Assert.AreEqual("MNC3311", error.Code);
            StringAssert.Contains(error.Message, "worker 1: ");
            StringAssert.Contains(error.Message, "--resume");
        }

        // Another number of workers, and then none: the run is the same.
        using (var launcher = new ThreadLauncher(Open))
        using (var group = new WorkerGroup(launcher, new() { Workers = 3 }))
        using (var resumed = Trainer(SmallRun.Network, s_adam, group, folder["c"], resume: true).Fit(SmallRun.Train, SmallRun.Validation))
        {
            Assert.IsGreaterThan(0L, resumed.ResumedFrom ?? 0);
            SmallRun.AssertSame(expected, resumed);
        }
    }

    [TestMethod]
    public void Fit_Cancelled_EndsAtOnce_AndGoesOnInOneProcess()
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        using var folder = new TestFolder();
        using var stop = new CancellationTokenSource();
        using (var launcher = new ThreadLauncher(Open))
        using (var group = new WorkerGroup(launcher, new() { Workers = 2 }))
        {
            var trainer = Trainer(SmallRun.Network, s_adam, group, folder["c"]);
            trainer.Observers.Add(new AfterStep(run =>
            {
                if (run.Step == 6)
                    stop.Cancel();
            }));
            using var cut = trainer.Fit(SmallRun.Train, SmallRun.Validation, cancellation: stop.Token);
            Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
        }

        using var resumed = SmallRun.Fit(SmallRun.Trainer(s_adam, folder["c"], resume: true));
        SmallRun.AssertSame(expected, resumed);
    }

    /// <summary>Abandoned while workers compute: the step has not happened, and the weights are the run's again.</summary>
    [TestMethod]
    public void Fit_CancelledWhileAWorkerStalls_DoesNotWaitForIt()
    {
        using var stop = new CancellationTokenSource();
        using var launcher = new ThreadLauncher(Open, (worker, _) => worker == 0 ? (WireFault.Stall, 20_000) : (WireFault.None, 0));
        using var group = new WorkerGroup(launcher, new() { Workers = 2, Timeout = TimeSpan.FromMinutes(10) });
        var trainer = Trainer(SmallRun.Network, s_adam with { Epochs = 1000 }, group);
        using var timer = ThreadLauncher.StopAtStall(group, stop);
        using var cut = trainer.Fit(SmallRun.Train, SmallRun.Validation, cancellation: stop.Token);
        Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
    }

    /// <summary>Random moments, random faults, two and three workers.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Fit_WithRandomFaults_IsTheSame()
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        var random = new Random(5);
        for (var attempt = 0; attempt < 40; attempt++)
        {
            var faults = Enumerable.Range(0, 3).Select(_ => ((WireFault)random.Next(4), (long)random.Next(200_000))).ToArray();
            using var launcher = new ThreadLauncher(Open, (worker, start) => worker == 2 || start > 1 ? (WireFault.None, 0) : faults[worker + start]);
            using var group = new WorkerGroup(launcher, new() { Workers = 3, Timeout = TimeSpan.FromSeconds(2), JoinTime = TimeSpan.FromSeconds(30), Restarts = 3 });
            using var actual = Trainer(SmallRun.Network, s_adam, group).Fit(SmallRun.Train, SmallRun.Validation);
            SmallRun.AssertSame(expected, actual);
            Assert.AreEqual(3 * ((4 * 8) + 6), group.Figures.Sum(f => f.Slices), $"attempt {attempt}: {string.Join(' ', faults)}");
        }
    }

    static Trainer Trainer(NetworkSpec network, TrainingOptions options, WorkerGroup group, string? folder = null, bool resume = false) => new(network, options)
    {
        Workers = group,
        Checkpoints = folder is null ? null : new CheckpointOptions { Folder = folder, EverySteps = 2, Every = null, Resume = resume },
    };

    static TrainingResult Fit(NetworkSpec network, TrainingOptions options, ImageSet train, ImageSet? validation, int workers, out IReadOnlyList<WorkerFigures> figures)
    {
        using var launcher = new ThreadLauncher(_ => new WorkerImages(train));
        using var group = new WorkerGroup(launcher, new() { Workers = workers });
        var result = Trainer(network, options, group).Fit(train, validation);
        figures = group.Figures;
        Assert.IsEmpty(launcher.Errors);
        return result;
    }

    static WorkerImages Open(Welcome welcome) => new(SmallRun.Train);
}
