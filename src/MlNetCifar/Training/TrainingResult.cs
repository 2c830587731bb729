using MlNetCifar.Nn;

namespace MlNetCifar;

/// <summary>What a run gives back.</summary>
/// <param name="Weights">The best weights seen; the caller disposes them.</param>
/// <param name="Normalization">The scaling of pixels the weights were trained with.</param>
/// <param name="Classes">Class names in the order of the outputs.</param>
/// <param name="Options">The options of the run.</param>
/// <param name="History">Finished epochs.</param>
/// <param name="BestEpoch">The epoch (from 1) the weights are from; 0 where no epoch was finished.</param>
/// <param name="StopReason">Why it ended.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record TrainingResult(
    NetworkWeights Weights,
    Normalization Normalization,
    IReadOnlyList<string> Classes,
    TrainingOptions Options,
    IReadOnlyList<EpochRecord> History,
    int BestEpoch,
    StopReason StopReason,
    TimeSpan Elapsed)
{
    /// <summary>SHA-256 of <see cref="Weights"/>: the same for every number of threads, and for a run that was killed and resumed.</summary>
    public string WeightsSha256 { get; } = Weights.Sha256();

    /// <summary>SHA-256 of the weights after the last step, which need not be the best.</summary>
    public required string LastWeightsSha256 { get; init; }

    /// <summary>Steps done in all.</summary>
    public long Steps { get; init; }

    /// <summary>The step a resumed run went on from; null in a run from the beginning.</summary>
    public long? ResumedFrom { get; init; }

    /// <summary>Which schedule a resumed run used; null in a run from the beginning.</summary>
    public string? ResumeNote { get; init; }

    /// <summary>What went wrong without ending the run.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The model: the weights with all it takes to use them. Takes the weights over.</summary>
    /// <param name="preprocess">How the training images were made from pictures.</param>
    public ImageClassifier ToClassifier(PreprocessSpec preprocess) => new(Weights, Classes, preprocess, Normalization)
    {
        History = History,
        BestEpoch = BestEpoch,
        TrainingSettings = Options.ToJson(),
    };
}
