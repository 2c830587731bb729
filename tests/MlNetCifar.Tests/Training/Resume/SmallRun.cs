using System.Collections.Immutable;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Resume;

/// <summary>A run of a second that uses everything a checkpoint must carry: batch normalisation, dropout, augmentation, a short last batch, validation.</summary>
static class SmallRun
{
    public static readonly ImageSet Train = TestImages.Random(75, seed: 1);
    public static readonly ImageSet Validation = TestImages.Random(30, seed: 2);

    public static readonly TrainingOptions Adam = new()
    {
        Epochs = 3, BatchSize = 16, LearningRate = 0.01f, EmaDecay = 0.9f, Augmentation = Augmentation.Standard(8), LabelSmoothing = 0.1f, Threads = 2, Seed = 5,
    };

    public static readonly TrainingOptions Sgd = Adam with
    {
        Optimizer = OptimizerKind.Sgd,
        EmaDecay = null,
        GradientClipNorm = 0.5f,
        WeightDecay = 1e-3f,
        Schedule = ScheduleKind.OneCycle,
        ClassWeights = ClassWeighting.Balanced,
    };

    public static readonly TrainingOptions Muon = Adam with
    {
        Optimizer = OptimizerKind.Muon,
        EmaDecay = null,
        LearningRate = 0.1f,
        BiasLearningRate = 0.01f,
        HeadLearningRate = 0.05f,
        Schedule = ScheduleKind.Linear,
    };

    /// <summary>Averaged over the last three of four epochs.</summary>
    public static readonly TrainingOptions Swa = Adam with { Epochs = 4, EmaDecay = null, SwaStart = 0.5f, SwaLearningRate = 0.005f };

    /// <summary>Goes on from an average every few steps.</summary>
    public static readonly TrainingOptions Lookahead = Sgd with { EmaDecay = 0.9f, LookaheadSteps = 4, Schedule = ScheduleKind.Linear };

    public static NetworkSpec Network { get; } = new()
    {
        Name = "small", Height = 8, Width = 8, Channels = 3, Classes = 4, Loss = LossKind.SoftmaxCrossEntropy,
        Layers = ImmutableArray.Create<LayerSpec>(
            new Conv2d(8, 3) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2),
            new Flatten(), new Linear(16), new Activation(ActivationKind.Relu), new Dropout(0.3f), new Linear(4)),
    };

    public static Trainer Trainer(TrainingOptions options, string? folder = null, bool resume = false, int everySteps = 2, params ITrainingObserver[] observers)
    {
        var trainer = new Trainer(Network, options)
        {
            Checkpoints = folder is null ? null : new CheckpointOptions { Folder = folder, EverySteps = everySteps, Every = null, Resume = resume },
        };
        foreach (var observer in observers)
            trainer.Observers.Add(observer);
        return trainer;
    }

    public static TrainingResult Fit(Trainer trainer, CancellationToken cancellation = default) => trainer.Fit(Train, Validation, cancellation: cancellation);

    /// <summary>Everything but times must agree to the bit.</summary>
    public static void AssertSame(TrainingResult expected, TrainingResult actual)
    {
        Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256, "last weights");
        Assert.AreEqual(expected.WeightsSha256, actual.WeightsSha256, "best weights");
        Assert.AreEqual(expected.BestEpoch, actual.BestEpoch);
        Assert.AreEqual(expected.StopReason, actual.StopReason);
        Assert.AreEqual(expected.Steps, actual.Steps);
        CollectionAssert.AreEqual(Timeless(expected), Timeless(actual));
    }

    static EpochRecord[] Timeless(TrainingResult result) => [.. result.History.Select(r => r with { ImagesPerSecond = 0, Seconds = 0 })];
}

/// <summary>An observer made of one function.</summary>
sealed class AfterStep(Action<TrainingRun> action) : ITrainingObserver
{
    public void OnStep(TrainingRun run) => action(run);
}
