using MlNetCifar.Experiments;
using MlNetCifar.Inference;

namespace MlNetCifar;

/// <summary>What an experiment leaves behind, besides its folder. Owns the model: disposing the result disposes it.</summary>
public sealed class ExperimentResult : IDisposable
{
    internal ExperimentResult()
    {
    }

    /// <summary>The run's folder: weights, report, tables.</summary>
    public required RunFolder Folder { get; init; }

    /// <summary>The model, calibrated where that was possible; disposed with the result.</summary>
    public required ImageClassifier Model { get; init; }

    /// <summary>The figures on the images of <see cref="Split"/>.</summary>
    public required EvaluationResult Evaluation { get; init; }

    /// <summary>Which images the model was evaluated on: <c>test</c>, <c>validation</c> or <c>train</c>, and whether that was a sample.</summary>
    public required string Split { get; init; }

    /// <summary>What the model's calibration is worth on these images; null where it has none, or was fitted on them.</summary>
    public CalibrationCheck? Calibration { get; init; }

    /// <summary>What withholding unsure answers gives.</summary>
    public IReadOnlyList<AbstainRule> Rejection { get; init; } = [];

    /// <summary>The epochs of the training; empty where they are not known.</summary>
    public IReadOnlyList<EpochRecord> History => Model.History;

    /// <summary>The epoch (from 1) the weights are from; 0 where no epoch was finished.</summary>
    public int BestEpoch => Model.BestEpoch;

    /// <summary>Why training ended; null where nothing was trained.</summary>
    public StopReason? StopReason { get; init; }

    /// <summary>How long training took; null where nothing was trained.</summary>
    public TimeSpan? TrainingTime { get; init; }

    /// <summary>SHA-256 of the weights after the last step, which need not be the best; null where nothing was trained.</summary>
    public string? LastWeightsSha256 { get; init; }

    /// <summary>What to try next, by the figures, weightiest first; may be empty.</summary>
    public IReadOnlyList<NextStep> NextSteps { get; init; } = [];

    /// <summary>What went wrong without ending the experiment, in order.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Where a copy of the run lies; null for none.</summary>
    public string? Copy { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
