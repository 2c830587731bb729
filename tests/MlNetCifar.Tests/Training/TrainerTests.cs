using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class TrainerTests
{
    static readonly TrainingOptions s_options = new() { Epochs = 3, BatchSize = 16, LearningRate = 0.01f, Seed = 3, Threads = 2 };

    [TestMethod]
    public void Fit_LearnsAndReportsEveryEpoch()
    {
        var reported = new List<EpochRecord>();
        var trainer = new Trainer(TinyData.Network(4), s_options with { Epochs = 8 });
        var result = trainer.Fit(TinyData.Balanced(4, 40), TinyData.Balanced(4, 20, seed: 2), new ImmediateProgress(reported.Add));
        using var weights = result.Weights;
        CollectionAssert.AreEqual(result.History.ToArray(), reported);
        CollectionAssert.AreEqual(Enumerable.Range(1, 8).ToArray(), result.History.Select(e => e.Epoch).ToArray());
        Assert.AreEqual(StopReason.Completed, result.StopReason);
        Assert.IsGreaterThan(0.9, result.History[result.BestEpoch - 1].ValidationAccuracy!.Value);
        Assert.IsLessThan(result.History[0].TrainLoss, result.History[^1].TrainLoss);
    }

    [TestMethod]
    public void Fit_IsAFunctionOfSeedAndData_NotOfThreads()
    {
        var hashes = new[] { 1, 2, 3, 8 }.Select(threads => Hash(s_options with { Threads = threads, EmaDecay = 0.9f, ClassWeights = ClassWeighting.Balanced })).ToArray();
        Assert.HasCount(1, hashes.Distinct().ToArray());
        Assert.AreNotEqual(hashes[0], Hash(s_options with { Seed = 4, EmaDecay = 0.9f, ClassWeights = ClassWeighting.Balanced }));
    }

    /// <summary>Guessing has the loss ln C; a head of random values used to begin at up to 6.2 nats for 10 classes.</summary>
    [TestMethod]
    [DataRow("seed-cnn", 10, 1e-5)]
    [DataRow("seed-cnn", 2, 1e-5)]
    [DataRow("cats-dogs-cnn", 2, 1e-5)]
    [DataRow("cats-dogs-cnn", 3, 1e-5)]
    [DataRow("elephas-mlp", 2, 1e-5)]
    [DataRow("advanced-cnn", 10, 1.2)]
    public void Presets_BeginNearTheLossOfGuessing(string preset, int classes, double above)
    {
        var random = new Random(1);
        var pixels = new byte[32 * 16 * 16 * 3];
        random.NextBytes(pixels);
        var images = new ImageSet(pixels, [.. Enumerable.Range(0, 32).Select(i => i % classes)], 16, 16, 3, [.. Enumerable.Range(0, classes).Select(k => $"class{k}")]);
        var losses = new List<double>();
        var trainer = new Trainer(Architectures.Create(preset, 16, 16, 3, classes), new() { Epochs = 1, BatchSize = 32, Threads = 2 });
        trainer.Observers.Add(new Watcher { Step = run => losses.Add(run.Loss) });
        trainer.Fit(images).Dispose();
        Assert.AreEqual(Math.Log(classes), losses[0], above);
    }

    /// <summary>A run of the former head, which began with other values, goes on under the preset as it is now.</summary>
    [TestMethod]
    public void Resume_OfANetworkThatBeganWithOtherValues_GoesOn()
    {
        using var folder = new TestFolder();
        var (now, images) = (TinyData.Network(4), TinyData.Balanced(4, 8));
        var then = now with { Layers = [.. now.Layers.SkipLast(1), new Linear(4) { Initializer = Initializer.HeNormal }] };
        Trainer Of(NetworkSpec network, int epochs) => new(network, s_options with { Epochs = epochs }) { Checkpoints = new() { Folder = folder.Root, Resume = true } };
        using (var first = Of(then, 1).Fit(images))
            Assert.AreEqual(1, first.History.Count);
        using var second = Of(now, 2).Fit(images);
        Assert.AreEqual((2L, 4L), (second.ResumedFrom, second.Steps));
        Assert.AreEqual("MNC3017", Assert.ThrowsExactly<MlNetCifarException>(() => Of(TinyData.Network(4, new Activation(ActivationKind.Relu)), 3).Fit(images)).Code);
    }

    [TestMethod]
    public void Fit_ReturnsTheWeightsOfTheBestEpoch()
    {
        var seen = new List<string>();
        var trainer = new Trainer(TinyData.Network(4), s_options with { Epochs = 6, LearningRate = 0.05f });
        trainer.Observers.Add(new Watcher { EpochEnd = (run, _) => seen.Add(run.Weights.Sha256()) });
        var result = trainer.Fit(TinyData.Balanced(4, 12), TinyData.Balanced(4, 12, seed: 2));
        using var weights = result.Weights;
        var accuracies = result.History.Select(e => e.ValidationAccuracy!.Value).ToList();
        Assert.AreEqual(result.History.Where(e => e.ValidationAccuracy == accuracies.Max()).MinBy(e => e.ValidationLoss)!.Epoch, result.BestEpoch, "of equals the one of the least loss");
        Assert.AreEqual(seen[result.BestEpoch - 1], weights.Sha256());
    }

    [TestMethod]
    public void Fit_EarlyStopping_StopsAndRestores()
    {
        // At this rate the first epochs are the best ones.
        var seen = new List<string>();
        var trainer = new Trainer(TinyData.Network(4), s_options with { Epochs = 60, LearningRate = 0.02f, Patience = 3, Schedule = ScheduleKind.Constant });
        trainer.Observers.Add(new Watcher { EpochEnd = (run, _) => seen.Add(run.Weights.Sha256()) });
        var result = trainer.Fit(TinyData.Balanced(4, 12), TinyData.Balanced(4, 12, seed: 2));
        using var weights = result.Weights;
        Assert.AreEqual(StopReason.EarlyStopping, result.StopReason);
        var accuracies = result.History.Select(e => e.ValidationAccuracy).ToList();
        Assert.AreEqual(accuracies.IndexOf(accuracies.Max()) + 1 + 3, result.History.Count, "an equal score is no gain");
        Assert.AreEqual(seen[result.BestEpoch - 1], weights.Sha256());
    }

    [TestMethod]
    public void Fit_WithoutValidation_ReturnsTheLastEpoch()
    {
        var result = new Trainer(TinyData.Network(4), s_options with { Patience = 1 }).Fit(TinyData.Balanced(4, 8));
        result.Weights.Dispose();
        Assert.AreEqual(3, result.BestEpoch);
        Assert.IsTrue(result.History.All(e => e.ValidationAccuracy is null && e.ValidationLoss is null));
    }

    [TestMethod]
    [DataRow(0, 1, 0)]
    [DataRow(1, 2, 1)]
    public void Fit_Cancelled_ReturnsTheBestSoFar(int epoch, int step, int best)
    {
        using var source = new CancellationTokenSource();
        var seen = new List<string>();
        var trainer = new Trainer(TinyData.Network(4), s_options);
        trainer.Observers.Add(new Watcher
        {
            Step = run =>
            {
                if (run.Epoch == epoch && run.StepInEpoch == step)
                    source.Cancel();
            },
            EpochEnd = (run, _) => seen.Add(run.Weights.Sha256()),
            FitEnd = run => seen.Add(run.Weights.Sha256()),
        });
        var result = trainer.Fit(TinyData.Balanced(4, 16), TinyData.Balanced(4, 4), null, source.Token);
        using var weights = result.Weights;
        Assert.AreEqual(StopReason.Cancelled, result.StopReason);
        Assert.HasCount(best, result.History);
        Assert.AreEqual(best, result.BestEpoch);
        Assert.AreEqual(seen[0], weights.Sha256());
    }

    [TestMethod]
    public void Fit_CancelledBeforeItBegins_HasNothingToGiveBack()
    {
        var trainer = new Trainer(TinyData.Network(4), s_options);
        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(TinyData.Balanced(4, 16), cancellation: new CancellationToken(canceled: true)));
    }

    [TestMethod]
    public void Fit_ObserverStops_AtTheEndOfTheEpochKeepsIt()
    {
        var trainer = new Trainer(TinyData.Network(4), s_options);
        trainer.Observers.Add(new Watcher { EpochEnd = (run, _) => run.RequestStop() });
        var result = trainer.Fit(TinyData.Balanced(4, 8));
        result.Weights.Dispose();
        Assert.AreEqual(StopReason.Observer, result.StopReason);
        Assert.HasCount(1, result.History);
    }

    [TestMethod]
    public void Fit_TimeBudget_EndsWithItsSchedule()
    {
        var time = new FakeTime();
        var rates = new List<float>();
        var trainer = new Trainer(TinyData.Network(4), s_options with { TimeBudget = TimeSpan.FromSeconds(100), Schedule = ScheduleKind.Linear }) { Time = time };
        trainer.Observers.Add(new Watcher
        {
            Step = run =>
            {
                rates.Add(run.LearningRate);
                time.Advance(TimeSpan.FromSeconds(1));
            },
        });
        var result = trainer.Fit(TinyData.Balanced(4, 16));
        result.Weights.Dispose();
        Assert.AreEqual(StopReason.TimeBudget, result.StopReason);
        Assert.AreEqual(100, result.Elapsed.TotalSeconds, 5);
        Assert.AreEqual(0.01f, rates[0], 1e-6f);
        Assert.AreEqual(0.0, rates[^1], 0.0002);
        Assert.AreEqual(result.BestEpoch, result.History.Count, "the last, partial epoch counts");
    }

    [TestMethod]
    public void Fit_TimeBudget_LeavesTimeForTheValidation()
    {
        // A step takes a second, a validation ten: one more of either would not fit.
        var time = new FakeTime();
        var trainer = new Trainer(TinyData.Network(4), s_options with { TimeBudget = TimeSpan.FromSeconds(60) }) { Time = time };
        trainer.Observers.Add(new Watcher { Step = _ => time.Advance(TimeSpan.FromSeconds(1)) });
        var result = trainer.Fit(TinyData.Balanced(4, 16), new SlowImages(TinyData.Balanced(4, 5, seed: 2), time, TimeSpan.FromSeconds(0.5)));
        result.Weights.Dispose();
        Assert.AreEqual(StopReason.TimeBudget, result.StopReason);
        Assert.IsLessThanOrEqualTo(63, result.Elapsed.TotalSeconds);
        Assert.IsGreaterThanOrEqualTo(54, result.Elapsed.TotalSeconds);
    }

    [TestMethod]
    public void Fit_OverfitBatches_LearnsThemByHeart()
    {
        var trainer = new Trainer(
            TinyData.Network(4, new Conv2d(16, 3), new Activation(ActivationKind.Relu)), s_options with { Epochs = 60, OverfitBatches = 2, Augmentation = MlNetCifar.Augmentation.Standard(8) });
        var result = trainer.Fit(TinyData.Balanced(4, 200), TinyData.Balanced(4, 4));
        result.Weights.Dispose();
        Assert.IsGreaterThanOrEqualTo(0.99, result.History[^1].TrainAccuracy);
        Assert.IsNull(result.History[^1].ValidationAccuracy);
    }

    [TestMethod]
    public void Fit_RatesFollowTheSchedule()
    {
        var rates = new List<float>();
        var trainer = new Trainer(TinyData.Network(4), s_options with { Epochs = 2, Schedule = ScheduleKind.Linear });
        trainer.Observers.Add(new Watcher { Step = run => rates.Add(run.LearningRate) });
        trainer.Fit(TinyData.Balanced(4, 9)).Weights.Dispose();
        CollectionAssert.AreEqual(Enumerable.Range(0, 6).Select(i => 0.01f * (float)(1 - (i / 6.0))).ToArray(), rates);
    }

    [TestMethod]
    public void Fit_ShortLastBatchAndHugeBatch_Work()
    {
        foreach (var size in new[] { 1, 7, 1000 })
        {
            using var result = new Trainer(TinyData.Network(2), s_options with { BatchSize = size, Epochs = 1 }).Fit(TinyData.Balanced(2, 5), TinyData.Balanced(2, 8));
            Assert.IsTrue(result.History is [{ TrainLoss: > 0 and < 10, ValidationLoss: > 0 and < 10 }], $"batch size {size}");
        }
    }

    static string Hash(TrainingOptions options)
    {
        using var weights = new Trainer(TinyData.Network(4, new Dropout(0.2f)), options with { Augmentation = MlNetCifar.Augmentation.Standard(8) })
            .Fit(TinyData.Images([20, 10, 12, 9]), TinyData.Balanced(4, 4)).Weights;
        return weights.Sha256();
    }

    sealed class ImmediateProgress(Action<EpochRecord> report) : IProgress<EpochRecord>
    {
        public void Report(EpochRecord value) => report(value);
    }
}

/// <summary>An observer made of delegates.</summary>
internal sealed class Watcher : ITrainingObserver
{
    public Action<TrainingRun>? Step { get; init; }

    public Action<TrainingRun, EpochRecord>? EpochEnd { get; init; }

    public Action<TrainingRun>? FitEnd { get; init; }

    public void OnStep(TrainingRun run) => Step?.Invoke(run);

    public void OnEpochEnd(TrainingRun run, EpochRecord epoch) => EpochEnd?.Invoke(run, epoch);

    public void OnFitEnd(TrainingRun run) => FitEnd?.Invoke(run);
}
