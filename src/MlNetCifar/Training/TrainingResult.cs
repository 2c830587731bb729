using MlNetCifar.Nn;

namespace MlNetCifar;

/// <summary>What a run gives back. Owns its <see cref="Weights"/>, and frees them when it is disposed; models made of it have copies of their own.</summary>
public sealed class TrainingResult : IDisposable
{
    readonly NetworkWeights _weights;
    bool _disposed;

    /// <param name="run">At its end.</param>
    /// <param name="best">Taken over; filled where no epoch has done so.</param>
    /// <param name="classes">Their names.</param>
    /// <param name="elapsed">How long it took.</param>
    internal TrainingResult(TrainingRun run, NetworkWeights best, IReadOnlyList<string> classes, TimeSpan elapsed)
    {
        _weights = best;
        if (run.BestWeights != best)
            best.CopyFrom(run.BestWeights);
        (Normalization, Classes, Options, Start) = (run.Normalization, classes, run.Options, run.Start);
        (History, BestEpoch, StopReason, Elapsed, Steps) = ([.. run.History], run.BestEpoch, run.StopReason!.Value, elapsed, run.Step);
        (ResumedFrom, ResumeNote, Warnings) = (run.ResumedFrom, run.ResumeNote, [.. run.Warnings]);
        (WeightsSha256, LastWeightsSha256) = (_weights.Sha256(), run.Weights.Sha256());
    }

    /// <summary>The best weights seen; not to be used after this result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The result was disposed.</exception>
    public NetworkWeights Weights
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _weights;
        }
    }

    /// <summary>The scaling of pixels the weights were trained with.</summary>
    public Normalization Normalization { get; }

    /// <summary>Class names in the order of the outputs.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The options of the run.</summary>
    public TrainingOptions Options { get; }

    /// <summary>What was taken from <see cref="Trainer.Start"/>; null in a run without.</summary>
    public StartMap? Start { get; }

    /// <summary>Finished epochs.</summary>
    public IReadOnlyList<EpochRecord> History { get; }

    /// <summary>The epoch (from 1) the weights are from; 0 where no epoch was finished.</summary>
    public int BestEpoch { get; }

    /// <summary>Why it ended.</summary>
    public StopReason StopReason { get; }

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>SHA-256 of <see cref="Weights"/>: the same for every number of threads, and for a run that was killed and resumed.</summary>
    public string WeightsSha256 { get; }

    /// <summary>SHA-256 of the weights after the last step, which need not be the best.</summary>
    public string LastWeightsSha256 { get; }

    /// <summary>Steps done in all.</summary>
    public long Steps { get; }

    /// <summary>The step a resumed run went on from; null in a run from the beginning.</summary>
    public long? ResumedFrom { get; }

    /// <summary>Which schedule a resumed run used; null in a run from the beginning.</summary>
    public string? ResumeNote { get; }

    /// <summary>What went wrong without ending the run.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>The model: a copy of the weights with all it takes to use them. The caller disposes it; it outlives this result.</summary>
    /// <param name="preprocess">How the training images were made from pictures.</param>
    /// <exception cref="ObjectDisposedException">The result was disposed.</exception>
    public ImageClassifier ToClassifier(PreprocessSpec preprocess)
    {
        ArgumentNullException.ThrowIfNull(preprocess);
        return new(Weights.Clone(), Classes, preprocess, Normalization) { History = History, BestEpoch = BestEpoch, TrainingSettings = Options.ToJson() };
    }

    /// <summary>Frees the weights. May be called again.</summary>
    public void Dispose()
    {
        _disposed = true;
        _weights.Dispose();
    }
}
