using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training;
using MlNetCifar.Tests.Training.Groups;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Gradients and models that are taken as they come: what can be said though no two runs are the same.</summary>
[TestClass]
public sealed class AsynchronousTests
{
    /// <summary>Batches of the three epochs of a small run.</summary>
    const int Batches = 3 * 5;

    /// <summary>A single worker pushes one gradient after the other, or one model, each of fresh weights: that is training in one process, but for the order of sums.</summary>
    [TestMethod]
    [DataRow("adam", DistributedMode.Asynchronous, 1, Batches)]
    [DataRow("sgd", DistributedMode.Asynchronous, 1, Batches)]
    [DataRow("sgd", DistributedMode.Hogwild, 1, Batches)]
    [DataRow("adam", DistributedMode.Asynchronous, 3, 6)]
    [DataRow("adam", DistributedMode.Hogwild, 0, 3)]
    [DataRow("sgd", DistributedMode.Asynchronous, 2, 9)]
    public void Fit_ByOneWorker_IsThatOfOneProcess(string rule, DistributedMode mode, int frequency, int updates)
    {
        var options = rule == "adam" ? SmallRun.Adam with { EmaDecay = null } : SmallRun.Sgd;
        using var expected = new Trainer(SmallRun.Network, options).Fit(SmallRun.Train);
        using var actual = Fit(options with { DistributedMode = mode, UpdateFrequency = frequency }, 1, out var group);
        foreach (var tensor in expected.Weights.Tensors)
            for (var i = 0; i < tensor.Length; i++)
                Assert.AreEqual(tensor.Values[i], actual.Weights.Find(tensor.Name)!.Values[i], 1e-4, $"{tensor.Name}[{i}]");
        CollectionAssert.AreEqual(new long[] { updates }, group.Staleness.ToArray());
    }

    /// <summary>Models that begin with the same weights make their mean, whose moments and statistics are the means too; one that is staler than that moves the weights by less.</summary>
    [TestMethod]
    [DataRow(DistributedMode.Asynchronous)]
    [DataRow(DistributedMode.Hogwild)]
    public void Apply_OfModels_GivesTheirMean(DistributedMode mode)
    {
        const int models = 3;
        var options = SmallRun.Adam with { EmaDecay = null, DistributedMode = mode, UpdateFrequency = 2, Slices = models };
        using var weights = NetworkWeights.Initialize(SmallRun.Network, 1);
        using var pool = new WorkerPool(1);
        using var gradients = new WeightGradients(weights, null);
        var plan = new GroupPlan(options, weights);
        using var optimizer = new Optimizer(plan, gradients, pool, SimdLevel.Active);
        using var server = new GradientServer(options, plan, new HashSet<WeightTensor>(), optimizer, RoundPlan.Of(options, 75));
        server.Begin(new(0, 0, 1), 0);
        var state = LocalSteps.StateOf(weights, optimizer);
        var random = new Random(2);
        foreach (var block in state)
            Fill(block.Values(), random);
        var before = state.Select(b => b.Values().ToArray()).ToArray();
        var pushes = Enumerable.Range(0, models + 1).Select(_ => server.CreatePush()).ToArray();
        long[] versions = [.. pushes.Select(push => push.Read())];
        var ends = pushes.Select(_ => before.Select(b => Filled(b.Length, random)).ToArray()).ToArray();
        for (var i = 0; i < pushes.Length; i++)
        {
            // The last one comes with one update more behind it than there are models.
            for (var b = 0; b < state.Count; b++)
            {
                var answer = pushes[i].Answer[b].Values();
                for (var v = 0; v < answer.Length; v++)
                    answer[v] = 10 * (ends[i][b][v] - (b < 2 ? before[b][v] : 0));
            }

            Assert.AreEqual(i, pushes[i].Apply(versions[i], 10, 10));
            if (i == models - 1)
                AssertMean(models, (b, v) => ends.Take(models).Average(end => (double)end[b][v]));
        }

        AssertMean(models + 1, (b, v) => b == 0
            ? before[0][v] + (ends.Take(models).Sum(end => (double)end[0][v] - before[0][v]) / models) + ((ends[models][0][v] - before[0][v]) / (models + 1))
            : ends.Average(end => (double)end[b][v]));
        foreach (var push in pushes)
            push.Dispose();

        void AssertMean(int count, Func<int, int, double> expected)
        {
            for (var b = 0; b < state.Count; b++)
                for (var v = 0; v < before[b].Length; v++)
                    Assert.AreEqual(expected(b, v), state[b].Values()[v], 1e-5, $"{state[b].Name}[{v}] after {count}");
        }

        static float[] Filled(int length, Random random)
        {
            var values = new float[length];
            Fill(values, random);
            return values;
        }

        static void Fill(Span<float> values, Random random)
        {
            foreach (ref var value in values)
                value = random.NextSingle();
        }
    }

    /// <summary>The parts of an epoch hold each of its batches once, in order, and no round is without an end.</summary>
    [TestMethod]
    public void RoundPlan_OfAServer_DealsEveryBatchOnce()
    {
        var random = new Random(11);
        for (var attempt = 0; attempt < 2000; attempt++)
        {
            var frequency = random.Next(0, 9);
            var options = new TrainingOptions { BatchSize = random.Next(9, 60), Slices = frequency == 1 ? 1 : random.Next(1, 9), UpdateFrequency = frequency, DistributedMode = DistributedMode.Asynchronous };
            var plan = RoundPlan.Of(options, random.Next(1, 2000));
            var (next, pictures) = (0, 0);
            for (var round = 0; round < plan.Rounds; round++)
            {
                for (var part = 0; part < plan.At(round).Parts; part++)
                {
                    var (first, end) = plan.Batches(round, part, part + 1);
                    Assert.AreEqual(next, first, $"{plan}");
                    Assert.IsTrue(end > first && end - first <= plan.RunLength && (frequency == 0 || end - first <= frequency), $"{plan}: {end - first} batches");
                    pictures += plan.PicturesOf((first, end));
                    next = end;
                }
            }

            Assert.AreEqual(plan.Pictures, pictures, $"{plan}");
            Assert.AreEqual((plan.Pictures + plan.BatchSize - 1) / plan.BatchSize, next, $"{plan}");
            Assert.IsTrue(frequency > 0 || (plan.Rounds == 1 && plan.At(0).Parts <= options.Slices), $"{plan}");
        }
    }

    [TestMethod]
    [DataRow(DistributedMode.Asynchronous, 2, null, 1, 10)]
    [DataRow(DistributedMode.Asynchronous, 4, null, 1, 10)]
    [DataRow(DistributedMode.Asynchronous, 4, 3, 1, 10)]
    [DataRow(DistributedMode.Asynchronous, 3, 1, 1, 10)]
    [DataRow(DistributedMode.Asynchronous, 3, 0, 1, 10)]
    [DataRow(DistributedMode.Hogwild, 2, null, 1, 10)]
    [DataRow(DistributedMode.Hogwild, 4, null, 1, 10)]
    [DataRow(DistributedMode.Asynchronous, 2, null, 0, 2)]
    [DataRow(DistributedMode.Asynchronous, 4, null, 3, 14)]
    [DataRow(DistributedMode.Asynchronous, 4, 0, 0, 4)]
    [DataRow(DistributedMode.Hogwild, 4, null, 0, 4)]
    [DataRow(DistributedMode.Hogwild, 2, null, 2, 10)]
    public void Fit_TakesEveryBatchOnce_NoStalerThanItMayBe_AndLearns(DistributedMode mode, int workers, int? bound, int frequency, int updates)
    {
        // Of models side by side each has its share of a batch: 20 or 40 batches instead of 10.
        var images = TinyData.Balanced(4, 20);
        var options = new TrainingOptions
        {
            Epochs = 20, BatchSize = 8, LearningRate = 0.01f, Threads = 1, DistributedMode = mode, UpdateFrequency = frequency, Slices = frequency == 1 ? 1 : workers, EmaDecay = 0.5f,
        };
        using var launcher = new ThreadLauncher(_ => new WorkerImages(images));
        using var group = new WorkerGroup(launcher, new() { Workers = workers, MaxStaleness = bound });
        using var result = new Trainer(SmallRun.Network, options) { Workers = group }.Fit(images);
        Assert.IsEmpty(launcher.Errors);
        Assert.AreEqual(20 * updates, group.Figures.Sum(f => f.Slices));
        Assert.AreEqual(20 * updates, group.Staleness.Sum());
        if (mode == DistributedMode.Asynchronous)
            Assert.IsLessThanOrEqualTo((bound ?? (2 * workers)) + 1, group.Staleness.Count, string.Join(' ', group.Staleness));
        Assert.IsLessThan(0.8 * result.History[0].TrainLoss, result.History[^1].TrainLoss);
        Assert.AreEqual(StopReason.Completed, result.StopReason);
    }

    [TestMethod]
    [DataRow(DistributedMode.Asynchronous, WireFault.Cut, 1, Batches)]
    [DataRow(DistributedMode.Asynchronous, WireFault.Flip, 1, Batches)]
    [DataRow(DistributedMode.Hogwild, WireFault.Cut, 1, Batches)]
    [DataRow(DistributedMode.Asynchronous, WireFault.Cut, 2, 3 * 8)]
    [DataRow(DistributedMode.Asynchronous, WireFault.Flip, 0, 3 * 3)]
    [DataRow(DistributedMode.Hogwild, WireFault.Cut, 0, 3 * 3)]
    public void Fit_WithWorkersThatAreLost_TakesEveryBatchOnce(DistributedMode mode, WireFault fault, int frequency, int updates)
    {
        var options = SmallRun.Adam with { DistributedMode = mode, UpdateFrequency = frequency, Slices = frequency == 1 ? 1 : 3 };
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train), (worker, start) => worker == 0 && start < 2 ? (fault, 12_000 * (start + 1)) : (WireFault.None, 0));
        using var group = new WorkerGroup(launcher, new() { Workers = 3, Timeout = TimeSpan.FromSeconds(fault == WireFault.Stall ? 2 : 30), JoinTime = TimeSpan.FromSeconds(30) });
        using var result = new Trainer(SmallRun.Network, options) { Workers = group }.Fit(SmallRun.Train, SmallRun.Validation);
        Assert.IsTrue(result.Warnings.Any(w => w.Contains("worker 1 was lost", StringComparison.Ordinal)), string.Join('\n', result.Warnings));
        Assert.AreEqual(updates, group.Figures.Sum(f => f.Slices));
        Assert.AreEqual(updates, group.Staleness.Sum());
    }

    /// <summary>They are waited for.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(1, Batches)]
    [DataRow(2, 3 * 8)]
    public void Fit_WithWorkersThatStall_TakesEveryBatchOnce(int frequency, int updates) =>
        Fit_WithWorkersThatAreLost_TakesEveryBatchOnce(DistributedMode.Asynchronous, WireFault.Stall, frequency, updates);

    [TestMethod]
    [DataRow(1)]
    [DataRow(0)]
    public void Fit_WithLayersThatThaw_MovesThemThenAndNotBefore(int frequency)
    {
        var images = TinyData.Balanced(3, 14);
        foreach (var (epochs, moves) in new[] { (1, false), (2, true) })
        {
            var options = new TrainingOptions { Epochs = epochs, BatchSize = 4, Threads = 1, DistributedMode = DistributedMode.Asynchronous, UpdateFrequency = frequency, Groups = ParameterGroups.Parse("conv*: frozen, thaw-after-epochs=1") };
            using var launcher = new ThreadLauncher(_ => new WorkerImages(images));
            using var group = new WorkerGroup(launcher, new() { Workers = 2 });
            using var result = new Trainer(GroupNetwork.Spec, options) { Workers = group }.Fit(images);
            using var initial = NetworkWeights.Initialize(GroupNetwork.Spec, options.Seed);
            var conv = initial.Tensors.First(t => t.Name == "conv2.weight");
            Assert.AreEqual(moves, !conv.Values.SequenceEqual(result.Weights.Find(conv.Name)!.Values), $"{epochs} epochs");
        }
    }

    [TestMethod]
    [DataRow(1, 5, 30_000)]
    [DataRow(2, 5, 120_000)]
    public void Fit_CutShort_GoesOnWhereARoundBegan(int frequency, int updates, int cutAfter)
    {
        using var folder = new TestFolder();
        var options = SmallRun.Adam with { DistributedMode = DistributedMode.Asynchronous, UpdateFrequency = frequency, Slices = frequency == 1 ? 1 : 2 };
        using (var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train), (_, _) => (WireFault.Cut, cutAfter)))
        using (var group = new WorkerGroup(launcher, new() { Workers = 2, Restarts = 0 }))
            Assert.AreEqual("MNC3311", Assert.ThrowsExactly<MlNetCifarException>(() => Trainer(group).Fit(SmallRun.Train, SmallRun.Validation)).Code);
        using var others = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train));
        using var next = new WorkerGroup(others, new() { Workers = 3 });
        using var resumed = Trainer(next, resume: true).Fit(SmallRun.Train, SmallRun.Validation);
        Assert.HasCount(3, resumed.History);
        Assert.AreEqual((3 - (resumed.ResumedFrom ?? 0)) * updates, next.Figures.Sum(f => f.Slices));

        Trainer Trainer(WorkerGroup group, bool resume = false) => new(SmallRun.Network, options)
        {
            Workers = group, Checkpoints = new CheckpointOptions { Folder = folder["c"], EverySteps = 1, Every = null, Resume = resume },
        };
    }

    /// <summary>What was updated within a round that is abandoned is as it was: a run that goes on takes no picture twice.</summary>
    [TestMethod]
    [DataRow(1, 5)]
    [DataRow(2, 5)]
    public void Fit_Cancelled_LeavesTheLastRound(int frequency, int updates)
    {
        using var folder = new TestFolder();
        using var stop = new CancellationTokenSource();
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train), (worker, _) => worker == 0 ? (WireFault.Stall, 20_000) : (WireFault.None, 0));
        using var group = new WorkerGroup(launcher, new() { Workers = 2, Timeout = TimeSpan.FromMinutes(10) });
        var trainer = new Trainer(SmallRun.Network, SmallRun.Adam with { Epochs = 1000, DistributedMode = DistributedMode.Asynchronous, UpdateFrequency = frequency, Slices = frequency }) { Workers = group };
        var weights = "";
        trainer.Observers.Add(new AfterStep(run => weights = run.Weights.Sha256()));
        using var timer = ThreadLauncher.StopAtStall(group, stop);
        using var cut = trainer.Fit(SmallRun.Train, SmallRun.Validation, cancellation: stop.Token);
        Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
        Assert.AreNotEqual(0, group.Staleness.Sum() % updates, "the round was not under way");
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
            (SmallRun.Adam with { DistributedMode = mode, Slices = 2, UpdateFrequency = 0 }).Validate();
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
