using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>Why a run ended.</summary>
public enum StopReason
{
    /// <summary>All epochs were done.</summary>
    Completed,

    /// <summary>The validation accuracy had stopped improving.</summary>
    EarlyStopping,

    /// <summary>The time budget was used up.</summary>
    TimeBudget,

    /// <summary>The caller cancelled.</summary>
    Cancelled,

    /// <summary>An observer asked for it.</summary>
    Observer,
}

/// <summary>A run in progress, as its observers see it.</summary>
public sealed class TrainingRun
{
    readonly List<string> _warnings = [];

    internal TrainingRun(NetworkSpec network, TrainingOptions options, int stepsPerEpoch)
    {
        Network = network;
        Options = options;
        StepsPerEpoch = stepsPerEpoch;
    }

    /// <summary>What is trained.</summary>
    public NetworkSpec Network { get; }

    /// <summary>How.</summary>
    public TrainingOptions Options { get; }

    /// <summary>Steps of one epoch.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>The scaling of pixels.</summary>
    public Normalization Normalization { get; internal init; } = null!;

    /// <summary>What was taken from <see cref="Trainer.Start"/>; null in a run without.</summary>
    public StartMap? Start { get; internal init; }

    /// <summary>The teacher; null in a run without.</summary>
    public Distillation? Distillation { get; internal init; }

    /// <summary>The epoch under way, from 0.</summary>
    public int Epoch => State.Epoch;

    /// <summary>Steps done in this epoch.</summary>
    public int StepInEpoch => State.StepInEpoch;

    /// <summary>Steps done in all.</summary>
    public long Step => State.Step;

    /// <summary>The step a resumed run went on from; null in a run from the beginning.</summary>
    public long? ResumedFrom { get; internal set; }

    /// <summary>Which schedule a resumed run uses, in one sentence; null in a run from the beginning.</summary>
    public string? ResumeNote { get; internal set; }

    /// <summary>What went wrong without ending the run, in order.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Share of the run that is done, 0 … 1.</summary>
    public double Progress { get; internal set; }

    /// <summary>Learning rate of the last step.</summary>
    public float LearningRate => State.LearningRate;

    /// <summary>Images of the last step.</summary>
    public int BatchImages { get; internal set; }

    /// <summary>Loss of the last step, in nats.</summary>
    public double Loss { get; internal set; }

    /// <summary>Mean loss over this epoch so far, in nats.</summary>
    public double EpochLoss { get; internal set; }

    /// <summary>Accuracy over this epoch so far, 0 … 1.</summary>
    public double EpochAccuracy { get; internal set; }

    /// <summary>Training speed over this epoch so far.</summary>
    public double ImagesPerSecond { get; internal set; }

    /// <summary>Finished epochs.</summary>
    public IReadOnlyList<EpochRecord> History => State.History;

    /// <summary>
    /// The epoch (from 1) whose weights are kept so far: the one of the best validation accuracy (of the least loss among equals), or the last where nothing is validated; 0 before
    /// the first.
    /// </summary>
    public int BestEpoch => State.BestEpoch;

    /// <summary>The weights being trained; not to be changed.</summary>
    public NetworkWeights Weights { get; internal init; } = null!;

    /// <summary>The weights of <see cref="BestEpoch"/>; not to be changed.</summary>
    public NetworkWeights BestWeights { get; internal set; } = null!;

    /// <summary>Why the run ends, once it is known.</summary>
    public StopReason? StopReason { get; internal set; }

    /// <summary>Ends the run after this step.</summary>
    public void RequestStop() => StopReason ??= MlNetCifar.StopReason.Observer;

    /// <summary>Adds to <see cref="Warnings"/> and tells the observers; for faults that should not end the run. To be called on the training thread.</summary>
    /// <param name="text">What went wrong, and what to do.</param>
    public void Warn(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        text = Secrets.InText(text);
        _warnings.Add(text);
        Warned?.Invoke(text);
    }

    /// <summary>Passes warnings on once the run has begun.</summary>
    internal Action<string>? Warned { get; set; }

    /// <summary>Where the run stands.</summary>
    internal LoopState State { get; set; } = new();
}
