using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training;
using MlNetCifar.Tests.Training.Groups;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Batch normalisation over all slices of a batch: against the whole batch in one pass, against difference quotients, and by any number of workers, whatever happens to them.</summary>
[TestClass]
public sealed class SyncBatchNormTests
{
    static readonly TrainingOptions s_adam = SmallRun.Adam with { Slices = 8, SyncBatchNorm = true, Threads = 1 };

    /// <summary>Without dropout, whose masks are another in each slice, and without slices: the batch in one pass.</summary>
    [TestMethod]
    [DataRow("small", 2)]
    [DataRow("small", 5)]
    [DataRow("advanced-cnn", 4)]
    [DataRow("airbench94", 4)]
    public void Gradients_AreThoseOfTheWholeBatch(string name, int slices)
    {
        var (network, side) = Network(name);
        var images = TestImages.Random(24, side, side, classes: network.Classes);
        var options = new TrainingOptions { BatchSize = 23, Threads = 2, ClassWeights = ClassWeighting.Balanced, Seed = 3 };
        using var whole = Computed(network, options, images);
        using var together = Computed(network, options with { Slices = slices, SyncBatchNorm = true }, images);
        using var apart = Computed(network, options with { Slices = slices }, images);

        // Rounding decides some of the maxima and kinks the other way, and how many is a matter of the network: as many as the last bit of every weight does.
        using var nudged = Computed(network, options, images, nudge: true);
        var rounding = Math.Max(2e-5, whole.Distance(nudged, s => s.Network.Gradients!.All));
        Assert.AreEqual(whole.Loss, together.Loss, 1e-5 * Math.Abs(whole.Loss));
        Assert.IsLessThan(10 * rounding, whole.Distance(together, s => s.Network.Gradients!.All), "gradients");
        Assert.IsLessThan(1e-5, whole.Distance(together, s => s.Weights.Statistics), "running statistics");
        Assert.IsGreaterThan(100 * rounding, whole.Distance(apart, s => s.Network.Gradients!.All), "slices by themselves give the same");
    }

    /// <summary>The whole backward pass against difference quotients of the whole forward pass.</summary>
    [TestMethod]
    [DataRow("small", 3)]
    public void Gradients_AreThoseOfTheLoss(string name, int slices)
    {
        var (network, side) = Network(name);
        var images = TestImages.Random(12, side, side, classes: network.Classes);
        using var run = Computed(network, new TrainingOptions { BatchSize = 12, Slices = slices, SyncBatchNorm = true, Threads = 2 }, images);
        var gradients = run.Session.Network.Gradients!;
        foreach (var tensor in run.Session.Weights.Tensors.Where(gradients.Has))
        {
            // Along the gradient of one tensor the loss changes by its square; what rounding leaves of other tensors' is not seen.
            var direction = gradients.Of(tensor).ToArray();
            var square = direction.Sum(g => (double)g * g);
            if (square < 1e-6)
                continue;
            var start = tensor.Values.ToArray();
            var step = (float)(2e-3 / Math.Sqrt(square));
            double Shifted(float factor)
            {
                for (var i = 0; i < start.Length; i++)
                    tensor.Values[i] = start[i] + (factor * direction[i]);
                tensor.Changed();
                return run.Session.ComputeGradients(run.Batch, out _);
            }

            var slope = (Shifted(step) - Shifted(-step)) / (2 * step);
            Shifted(0);
            Assert.AreEqual(square, slope, 0.03 * square, tensor.Name);
        }
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Gradients_OfAResidualNetwork_AreThoseOfTheLoss_AndOfTheWholeBatch()
    {
        Gradients_AreThoseOfTheLoss("resnet9", 2);
        Gradients_AreThoseOfTheWholeBatch("resnet9", 3);
    }

    [TestMethod]
    [DataRow("sgd", 8)]
    [DataRow("muon", 3)]
    public void Fit_IsTheSameForEveryNumberOfWorkers(string rule, int slices)
    {
        var options = rule switch { "adam" => SmallRun.Adam, "sgd" => SmallRun.Sgd, _ => SmallRun.Muon } with { Slices = slices, SyncBatchNorm = true };
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        foreach (var workers in new[] { 1, 2, 3, 8 })
        {
            using var actual = Fit(SmallRun.Network, options, SmallRun.Train, SmallRun.Validation, workers);
            SmallRun.AssertSame(expected, actual);
        }

        using var apart = SmallRun.Fit(SmallRun.Trainer(options with { SyncBatchNorm = false }));
        Assert.AreNotEqual(expected.LastWeightsSha256, apart.LastWeightsSha256, "the option counts for nothing");
    }

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("adam", 8)]
    [DataRow("adam", 5)]
    public void Fit_WithAdam_IsTheSameForEveryNumberOfWorkers(string rule, int slices) => Fit_IsTheSameForEveryNumberOfWorkers(rule, slices);

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("resnet9", 16)]
    [DataRow("airbench94", 32)]
    public void Fit_OfAPreset_IsTheSame(string preset, int side)
    {
        var images = TestImages.Random(50, side, side, classes: 3);
        var network = Architectures.Create(preset, side, side, 3, 3);
        var options = Recipes.For(preset) with { Epochs = 1, BatchSize = 20, Slices = 4, SyncBatchNorm = true, Threads = 2, TimeBudget = null };
        using var expected = new Trainer(network, options).Fit(images);
        using var actual = Fit(network, options, images, null, 3);
        Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256);
    }

    /// <summary>One hash of the presets at their size: one process, 1, 2, 3 and 8 workers.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("seed-cnn")]
    [DataRow("advanced-cnn")]
    public void Fit_AtFullSize_IsTheSameForEveryNumberOfWorkers(string preset)
    {
        var images = TestImages.Random(300, 32, 32, classes: 10);
        var network = Architectures.Create(preset, 32, 32, 3, 10);
        var options = Recipes.For(preset) with { Epochs = 2, BatchSize = 64, Slices = 8, SyncBatchNorm = true, Threads = 2, TimeBudget = null };
        using var expected = new Trainer(network, options).Fit(images);
        foreach (var workers in new[] { 1, 2, 3, 8 })
        {
            using var actual = Fit(network, options, images, null, workers);
            Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256, $"{workers} workers");
        }
    }

    [TestMethod]
    public void Fit_WithMixturesAndFrozenLayers_IsTheSame()
    {
        var images = TinyData.Balanced(3, 14);
        var thawing = new TrainingOptions { Epochs = 3, BatchSize = 12, Slices = 3, SyncBatchNorm = true, Threads = 1, Groups = ParameterGroups.Parse("conv*, bn*: frozen, thaw-after-epochs=1") };
        using var thawed = new Trainer(GroupNetwork.Spec, thawing).Fit(images);
        using var thawedByWorkers = Fit(GroupNetwork.Spec, thawing, images, null, 2);
        Assert.AreEqual(thawed.LastWeightsSha256, thawedByWorkers.LastWeightsSha256);
        var mixing = SmallRun.Sgd with { Slices = 4, SyncBatchNorm = true, Augmentation = Augmentation.Standard(8) with { Mixup = 0.3f, CutMix = 1 } };
        using var mixed = new Trainer(SmallRun.Network, mixing).Fit(SmallRun.Train);
        using var mixedByWorkers = Fit(SmallRun.Network, mixing, SmallRun.Train, null, 3);
        Assert.AreEqual(mixed.LastWeightsSha256, mixedByWorkers.LastWeightsSha256);
    }

    /// <summary>Cut, changed and stalled wires, in the middle of steps: the bytes of a run of three epochs are about 200,000 a worker, of which most are weights and gradients.</summary>
    [TestMethod]
    [DataRow(WireFault.Cut, 3, 2_000, 5_000)]
    [DataRow(WireFault.Cut, 2, 30_000, 30_000)]
    [DataRow(WireFault.Cut, 1, 40_000, 100)]
    [DataRow(WireFault.Flip, 3, 20_000, 45_000)]
    public void Fit_WithWorkersThatAreLost_IsTheSame(WireFault fault, int workers, int firstAfter, int secondAfter)
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        using var launcher = new ThreadLauncher(Open, ThreadLauncher.Losing(fault, firstAfter, secondAfter));
        using var group = new WorkerGroup(launcher, new() { Workers = workers, Timeout = TimeSpan.FromSeconds(fault == WireFault.Stall ? 3 : 30), JoinTime = TimeSpan.FromSeconds(30) });
        using var actual = new Trainer(SmallRun.Network, s_adam) { Workers = group }.Fit(SmallRun.Train, SmallRun.Validation);
        SmallRun.AssertSame(expected, actual);
        Assert.IsTrue(actual.Warnings.Any(w => w.Contains("worker 1 ", StringComparison.Ordinal)), string.Join('\n', actual.Warnings));
        Assert.IsGreaterThan(workers, launcher.Starts);
    }

    /// <summary>They are waited for.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(3)]
    [DataRow(1)]
    public void Fit_WithWorkersThatStall_IsTheSame(int workers) => Fit_WithWorkersThatAreLost_IsTheSame(WireFault.Stall, workers, 25_000, 3_000);

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
            using var actual = new Trainer(SmallRun.Network, s_adam) { Workers = group }.Fit(SmallRun.Train, SmallRun.Validation);
            Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256, $"attempt {attempt}: {string.Join(' ', faults)}");
        }
    }

    /// <summary>Abandoned while workers wait for one that stalls: the step has not happened, and the run goes on in one process.</summary>
    [TestMethod]
    public void Fit_CancelledWhileAWorkerStalls_GoesOnInOneProcess()
    {
        var options = s_adam with { Epochs = 6 };
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        using var folder = new TestFolder();
        using (var stop = new CancellationTokenSource())
        using (var launcher = new ThreadLauncher(Open, (worker, _) => worker == 0 ? (WireFault.Stall, 90_000) : (WireFault.None, 0)))
        using (var group = new WorkerGroup(launcher, new() { Workers = 2, Timeout = TimeSpan.FromMinutes(10) }))
        {
            var trainer = new Trainer(SmallRun.Network, options) { Workers = group, Checkpoints = new CheckpointOptions { Folder = folder["c"], EverySteps = 1, Every = null } };
            using var timer = ThreadLauncher.StopAtStall(group, stop);
            using var cut = trainer.Fit(SmallRun.Train, SmallRun.Validation, cancellation: stop.Token);
            Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
        }

        using var resumed = SmallRun.Fit(SmallRun.Trainer(options, folder["c"], resume: true));
        Assert.IsGreaterThan(0L, resumed.ResumedFrom ?? 0);
        SmallRun.AssertSame(expected, resumed);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Step_AllocatesNothing()
    {
        var options = s_adam with { EmaDecay = 0.9f };
        using var setup = new TrainingSetup(new Trainer(SmallRun.Network, options), options, SmallRun.Train, CancellationToken.None);
        setup.Loader.Start(0);
        var batch = setup.Loader.Next()!;
        for (var i = 0; i < 3; i++)
            setup.Session.Step(batch, 0, out _);
        Assert.AreEqual(0, Allocation.Least(setup.Session.Pool, () => setup.Session.Step(batch, 0, out _)));
    }

    [TestMethod]
    public void Step_Cancelled_LeavesTheStateAsItWas()
    {
        using var setup = new TrainingSetup(new Trainer(SmallRun.Network, s_adam), s_adam, SmallRun.Train, CancellationToken.None);
        setup.Loader.Start(0);
        var batch = setup.Loader.Next()!;
        setup.Session.Step(batch, 0, out _);
        var before = setup.Session.StateBlocks().Select(b => b.Values().ToArray()).ToArray();
        Assert.ThrowsExactly<OperationCanceledException>(() => setup.Session.Step(batch, 0, out _, cancellation: new(true)));
        foreach (var (expected, actual) in before.Zip(setup.Session.StateBlocks()))
            CollectionAssert.AreEqual(expected, actual.Values().ToArray(), actual.Name);
    }

    [TestMethod]
    [DataRow(DistributedMode.Averaged, 2)]
    [DataRow(DistributedMode.Asynchronous, 1)]
    [DataRow(DistributedMode.Hogwild, 1)]
    public void Options_ThatDoNotGoTogether_AreNamed(DistributedMode mode, int slices)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new TrainingOptions { Slices = slices, DistributedMode = mode, SyncBatchNorm = true }.Validate());
        Assert.AreEqual("MNC3001", error.Code);
        StringAssert.Contains(error.Message, $"SyncBatchNorm is true with DistributedMode {mode}");
    }

    static (NetworkSpec Network, int Side) Network(string name)
    {
        var (network, side) = name == "small" ? (SmallRun.Network, 8) : name == "airbench94" ? (Architectures.Create(name, 32, 32, 3, 4), 32) : (Architectures.Create(name, 16, 16, 3, 4), 16);
        return (network with { Layers = [.. network.Layers.Where(layer => layer is not Dropout)] }, side);
    }

    static Gradient Computed(NetworkSpec network, TrainingOptions options, ImageSource images, bool nudge = false) => new(network, options, images, nudge);

    static TrainingResult Fit(NetworkSpec network, TrainingOptions options, ImageSet train, ImageSet? validation, int workers)
    {
        using var launcher = new ThreadLauncher(_ => new WorkerImages(train));
        using var group = new WorkerGroup(launcher, new() { Workers = workers });
        var result = new Trainer(network, options) { Workers = group }.Fit(train, validation);
        Assert.IsEmpty(launcher.Errors);
        return result;
    }

    static WorkerImages Open(Welcome welcome) => new(SmallRun.Train);

    /// <summary>One batch of a run, forward and backward.</summary>
    sealed class Gradient : IDisposable
    {
        readonly TrainingSetup _setup;

        public Gradient(NetworkSpec network, TrainingOptions options, ImageSource images, bool nudge)
        {
            _setup = new TrainingSetup(new Trainer(network, options), options, images, CancellationToken.None);
            foreach (var tensor in nudge ? Session.Weights.Tensors.Where(t => t.Spec.IsTrained) : [])
            {
                foreach (ref var value in tensor.Values)
                    value = MathF.BitIncrement(value);
                tensor.Changed();
            }

            _setup.Loader.Start(0);
            Batch = _setup.Loader.Next()!;
            Loss = Session.ComputeGradients(Batch, out _);
        }

        public TrainingSession Session => _setup.Session;

        public Batch Batch { get; }

        public double Loss { get; }

        /// <summary>‖a − b‖ / ‖a‖.</summary>
        public double Distance(Gradient other, Func<TrainingSession, Span<float>> of)
        {
            var (a, b) = (of(Session).ToArray(), of(other.Session).ToArray());
            return Math.Sqrt(a.Zip(b, (x, y) => ((double)x - y) * (x - y)).Sum() / a.Sum(x => (double)x * x));
        }

        public void Dispose() => _setup.Dispose();
    }
}
