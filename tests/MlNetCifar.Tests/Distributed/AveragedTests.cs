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

/// <summary>Averaged training against slow references, and against itself by any number of workers, whatever happens to them.</summary>
[TestClass]
public sealed class AveragedTests
{
    static readonly TrainingOptions s_adam = Averaged(SmallRun.Adam, 3, 2) with { Threads = 1 };

    /// <summary>The network of <see cref="SmallRun"/> without dropout, whose masks are numbered otherwise in each mode.</summary>
    static readonly NetworkSpec s_plain = SmallRun.Network with { Layers = [.. SmallRun.Network.Layers.Where(layer => layer is not Dropout)] };

    [TestMethod]
    public void RoundPlan_DealsEveryBatchOnce_InOrder()
    {
        var random = new Random(7);
        for (var attempt = 0; attempt < 2000; attempt++)
        {
            var options = Averaged(new TrainingOptions { BatchSize = random.Next(9, 60) }, random.Next(2, 9), random.Next(0, 7));
            var pictures = random.Next(1, 400);
            var plan = RoundPlan.Of(options, pictures);
            var (next, seen) = (0, 0);
            for (var round = 0; round < plan.Rounds; round++)
            {
                var (inRound, models) = plan.At(round);
                seen += inRound;
                Assert.IsTrue(models >= 1 && models <= options.Slices, $"{plan}: {models} models");
                for (var model = 0; model < models; model++)
                {
                    var (first, end) = plan.Batches(round, model, model + 1);
                    Assert.AreEqual(next, first, $"{plan}");
                    Assert.IsTrue(end > first && end - first <= plan.LocalSteps, $"{plan}: {end - first} batches");
                    next = end;
                }
            }

            Assert.AreEqual(pictures, seen, $"{plan}");
            Assert.AreEqual((pictures + plan.BatchSize - 1) / plan.BatchSize, next, $"{plan}");
            Assert.AreEqual(options.BatchSize / options.Slices, plan.BatchSize);
            Assert.IsTrue(options.UpdateFrequency > 0 || plan.Rounds == 1, $"{plan}");
        }
    }

    /// <summary>One step of plain SGD at each of S models, averaged, is one step by the mean gradient: that of synchronous training with as many slices.</summary>
    [TestMethod]
    [DataRow(2)]
    [DataRow(4)]
    public void Fit_OfOneStepOfPlainSgd_IsTheSynchronousStep(int models)
    {
        var images = TestImages.Random(64, seed: 1);
        var options = new TrainingOptions { Epochs = 2, BatchSize = 8 * models, Optimizer = OptimizerKind.Sgd, Momentum = 0, Nesterov = false, LearningRate = 0.05f, Augmentation = Augmentation.Standard(8), Seed = 3 };
        using var expected = new Trainer(s_plain, options with { Slices = models }).Fit(images);
        using var actual = new Trainer(s_plain, Averaged(options, models, 1)).Fit(images);
        Assert.AreEqual(expected.Steps, actual.Steps);
        AssertNear(expected, actual, 1e-5);
    }

    /// <summary>Against sessions of their own for every model, whose states are averaged in double precision.</summary>
    [TestMethod]
    [DataRow("adam", 3, 2)]
    [DataRow("adam", 2, 0)]
    [DataRow("sgd", 2, 3)]
    public void Fit_IsTheMeanOfModelsTrainedApart(string rule, int models, int frequency)
    {
        var options = Averaged(rule == "adam" ? SmallRun.Adam with { EmaDecay = null } : SmallRun.Sgd, models, frequency);
        using var actual = new Trainer(s_plain, options).Fit(SmallRun.Train);
        var expected = Slowly(s_plain, options, SmallRun.Train);
        var at = 0;
        foreach (var tensor in actual.Weights.Tensors.Where(t => t.Spec.IsTrained))
        {
            at = (int)tensor.Offset;
            for (var i = 0; i < tensor.Length; i++)
                Assert.AreEqual(expected[at + i], tensor.Values[i], 2e-5, $"{tensor.Name}[{i}]");
        }
    }

    [TestMethod]
    [DataRow("adam", 3, 2)]
    [DataRow("adam", 2, 0)]
    [DataRow("sgd", 4, 1)]
    [DataRow("muon", 2, 2)]
    public void Fit_IsTheSameForEveryNumberOfWorkers(string rule, int models, int frequency)
    {
        var options = Averaged(rule switch { "adam" => SmallRun.Adam, "sgd" => SmallRun.Sgd, _ => SmallRun.Muon }, models, frequency);
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        foreach (var workers in new[] { 1, 2, 3, 8 })
        {
            using var actual = Fit(SmallRun.Network, options, SmallRun.Train, SmallRun.Validation, workers, out var figures);
            SmallRun.AssertSame(expected, actual);
            Assert.IsTrue(figures.All(f => f.Lost is null));
        }

        using var other = SmallRun.Fit(SmallRun.Trainer(options with { UpdateFrequency = frequency == 1 ? 2 : 1 }));
        Assert.AreNotEqual(expected.LastWeightsSha256, other.LastWeightsSha256, "the frequency counts for nothing");
    }

    [TestMethod]
    public void Fit_WithLayersThatThaw_IsTheSame_AndLeavesFrozenOnesAlone()
    {
        var images = TinyData.Balanced(3, 14);
        var options = Averaged(new TrainingOptions { Epochs = 3, BatchSize = 4, Threads = 1, Groups = ParameterGroups.Parse("conv*: frozen, thaw-after-epochs=1; fc1: frozen") }, 2, 3);
        using var expected = new Trainer(GroupNetwork.Spec, options).Fit(images);
        using var actual = Fit(GroupNetwork.Spec, options, images, null, 2, out _);
        Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256);
        using var initial = NetworkWeights.Initialize(GroupNetwork.Spec, options.Seed);
        var frozen = initial.Tensors.Where(t => t.Name.StartsWith("fc1", StringComparison.Ordinal)).ToArray();
        Assert.IsNotEmpty(frozen);
        foreach (var tensor in frozen)
            CollectionAssert.AreEqual(tensor.Values.ToArray(), actual.Weights.Find(tensor.Name)!.Values.ToArray(), tensor.Name);
        Assert.IsTrue(initial.Tensors.Any(t => t.Name.StartsWith("conv", StringComparison.Ordinal) && !t.Values.SequenceEqual(actual.Weights.Find(t.Name)!.Values)), "nothing thawed");
    }

    /// <summary>Cut, changed and stalled wires, at places that the bytes of a run of three epochs hold (about 25,000 a model and round).</summary>
    [TestMethod]
    [DataRow(WireFault.Cut, 3, 2_000, 5_000)]
    [DataRow(WireFault.Cut, 2, 30_000, 30_000)]
    [DataRow(WireFault.Cut, 1, 40_000, 100)]
    [DataRow(WireFault.Flip, 2, 20_000, 45_000)]
    public void Fit_WithWorkersThatAreLost_IsTheSame(WireFault fault, int workers, int firstAfter, int secondAfter)
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        using var launcher = new ThreadLauncher(Open, ThreadLauncher.Losing(fault, firstAfter, secondAfter));
        using var group = new WorkerGroup(launcher, new() { Workers = workers, Timeout = TimeSpan.FromSeconds(fault == WireFault.Stall ? 3 : 30), JoinTime = TimeSpan.FromSeconds(30) });
        using var actual = Trainer(s_adam, group).Fit(SmallRun.Train, SmallRun.Validation);
        SmallRun.AssertSame(expected, actual);
        Assert.IsTrue(actual.Warnings.Any(w => w.Contains("worker 1 ", StringComparison.Ordinal)), string.Join('\n', actual.Warnings));
        Assert.IsGreaterThan(workers, launcher.Starts);
        Assert.AreEqual(3 * 8, group.Figures.Sum(f => f.Slices), "every model of every round was answered once");
    }

    /// <summary>They are waited for.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Fit_WithWorkersThatStall_IsTheSame() => Fit_WithWorkersThatAreLost_IsTheSame(WireFault.Stall, 3, 25_000, 3_000);

    [TestMethod]
    public void Fit_WithAllWorkersLost_GoesOnWithOthers_AndInOneProcess()
    {
        var options = s_adam with { UpdateFrequency = 1 };
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        foreach (var workers in new[] { 2, 0 })
        {
            using var folder = new TestFolder();
            using (var launcher = new ThreadLauncher(Open, (_, _) => (WireFault.Cut, 100_000)))
            using (var group = new WorkerGroup(launcher, new() { Workers = 3, Restarts = 0 }))
                Assert.AreEqual("MNC3311", Assert.ThrowsExactly<MlNetCifarException>(() => Trainer(options, group, folder["c"]).Fit(SmallRun.Train, SmallRun.Validation)).Code);
            using var others = new ThreadLauncher(Open);
            using var next = workers == 0 ? null : new WorkerGroup(others, new() { Workers = workers });
            using var resumed = Trainer(options, next, folder["c"], resume: true).Fit(SmallRun.Train, SmallRun.Validation);
            Assert.IsGreaterThan(0L, resumed.ResumedFrom ?? 0);
            SmallRun.AssertSame(expected, resumed);
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => Trainer(options with { UpdateFrequency = 2 }, null, folder["c"], resume: true).Fit(SmallRun.Train, SmallRun.Validation));
            StringAssert.Contains(error.Message, "update_frequency was 1 and is 2 now");
        }
    }

    [TestMethod]
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
        Assert.AreEqual(1L, setup.Session.Optimizer.Steps);
        foreach (var (expected, actual) in before.Zip(setup.Session.StateBlocks()))
            CollectionAssert.AreEqual(expected, actual.Values().ToArray(), actual.Name);
    }

    [TestMethod]
    [DataRow(1, 1, DistributedMode.Averaged, "at least 2: DistributedMode Averaged averages as many models")]
    [DataRow(2, 2, DistributedMode.Synchronous, "UpdateFrequency is 2, expected 1")]
    [DataRow(2, 0, DistributedMode.Synchronous, "UpdateFrequency is 0, expected 1")]
    [DataRow(2, -1, DistributedMode.Averaged, "UpdateFrequency is -1")]
    [DataRow(2, 70000, DistributedMode.Averaged, "UpdateFrequency is 70000")]
    [DataRow(2, 1, (DistributedMode)17, "DistributedMode is 17, expected one of Synchronous, Averaged")]
    public void Options_OutOfRange_AreNamed(int slices, int frequency, DistributedMode mode, string text)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new TrainingOptions { Slices = slices, UpdateFrequency = frequency, DistributedMode = mode }.Validate());
        Assert.AreEqual("MNC3001", error.Code);
        StringAssert.Contains(error.Message, text);
    }

    static TrainingOptions Averaged(TrainingOptions options, int models, int frequency) =>
        options with { DistributedMode = DistributedMode.Averaged, Slices = models, UpdateFrequency = frequency };

    /// <summary>The parameters that averaged training ends with, made the slow way.</summary>
    static double[] Slowly(NetworkSpec network, TrainingOptions options, ImageSource train)
    {
        var normalization = Normalization.Compute(train);
        var alone = options.OfOneProcess with { BatchSize = options.BatchSize / options.Slices };
        var plan = RoundPlan.Of(options, train.Count);
        using var loader = new BatchLoader(train, normalization, TrainingSetup.Loading(alone));
        using var session = new TrainingSession(network, alone, train, normalization);
        session.Optimizer.AdaptiveScale = MathF.Sqrt(options.Slices);
        var state = session.StateBlocks().Select(b => Doubles(b.Values())).ToArray();
        for (var step = 0; step < options.Epochs * plan.Rounds; step++)
        {
            var (epoch, round) = (step / plan.Rounds, step % plan.Rounds);
            var sums = state.Select(b => new double[b.Length]).ToArray();
            for (var model = 0; model < plan.At(round).Parts; model++)
            {
                foreach (var (block, values) in session.StateBlocks().Zip(state))
                    values.Select(v => (float)v).ToArray().CopyTo(block.Values());
                session.Restored(new() { Step = step * plan.LocalSteps });
                var (first, end) = plan.Batches(round, model, model + 1);
                loader.Start(epoch, first);
                var pictures = 0;
                for (var i = first; i < end; i++)
                {
                    var batch = loader.Next()!;
                    pictures += batch.Count;
                    session.Step(batch, (step + ((double)(i - first) / (end - first))) / (options.Epochs * plan.Rounds), out _);
                }

                foreach (var (sum, block) in sums.Zip(session.StateBlocks()))
                    for (var i = 0; i < sum.Length; i++)
                        sum[i] += (double)pictures * block.Values()[i];
            }

            for (var b = 0; b < state.Length; b++)
                state[b] = [.. sums[b].Select(v => v / plan.At(round).Pictures)];
        }

        return state[0];
    }

    static double[] Doubles(Span<float> values) => [.. values.ToArray().Select(v => (double)v)];

    static void AssertNear(TrainingResult expected, TrainingResult actual, double tolerance)
    {
        foreach (var tensor in expected.Weights.Tensors)
            for (var i = 0; i < tensor.Length; i++)
                Assert.AreEqual(tensor.Values[i], actual.Weights.Find(tensor.Name)!.Values[i], tolerance, $"{tensor.Name}[{i}]");
    }

    static Trainer Trainer(TrainingOptions options, WorkerGroup? group, string? folder = null, bool resume = false) => new(SmallRun.Network, options)
    {
        Workers = group,
        Checkpoints = folder is null ? null : new CheckpointOptions { Folder = folder, EverySteps = 1, Every = null, Resume = resume },
    };

    static TrainingResult Fit(NetworkSpec network, TrainingOptions options, ImageSet train, ImageSet? validation, int workers, out IReadOnlyList<WorkerFigures> figures)
    {
        using var launcher = new ThreadLauncher(_ => new WorkerImages(train));
        using var group = new WorkerGroup(launcher, new() { Workers = workers });
        var result = new Trainer(network, options) { Workers = group }.Fit(train, validation);
        figures = group.Figures;
        Assert.IsEmpty(launcher.Errors);
        return result;
    }

    static WorkerImages Open(Welcome welcome) => new(SmallRun.Train);
}
