using MlNetCifar.Data;

namespace MlNetCifar.Experiments;

/// <summary>Has the images of an evaluation scored elsewhere than in this process, for example by the executors of a cluster.</summary>
public interface IImageScoring
{
    /// <summary>Scores images.</summary>
    /// <param name="job">Which, by what.</param>
    /// <param name="arrived">Told the scores of runs of them, in any order, from one thread at a time; those that come twice are ignored.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="MlNetCifarException">They cannot be scored.</exception>
    void Score(ScoringJob job, Action<ImageScores> arrived, CancellationToken cancellation);
}

/// <summary>Images to score.</summary>
public sealed record ScoringJob
{
    /// <summary>What scores them; stays the caller's.</summary>
    public required ImageClassifier Model { get; init; }

    /// <summary>Shards, as at <see cref="ExperimentOptions.Data"/>.</summary>
    public required string Data { get; init; }

    /// <summary>Which split.</summary>
    public required DatasetSplit Split { get; init; }

    /// <summary>How many images it has, ≥ 1.</summary>
    public required int Count { get; init; }

    /// <summary>Views of each whose outputs are averaged.</summary>
    public TestTimeViews Views { get; init; }

    /// <summary>Whether features and textures are wanted, which a calibration looks at.</summary>
    public bool WithFeatures { get; init; }

    /// <summary>Whether hashes of the pictures are wanted, which tell those that a model was trained on.</summary>
    public bool WithHashes { get; init; }

    /// <summary>As at <see cref="ExperimentOptions.CacheFolder"/>.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>As at <see cref="ExperimentOptions.CacheLimit"/>.</summary>
    public long? CacheLimit { get; init; }
}
