namespace MlNetCifar;

/// <summary>What to do with an image whose scores hold NaN or an infinity.</summary>
public enum NonFiniteScores
{
    /// <summary>Leave it out of every metric, as ML.NET does; it is counted and reported as a warning.</summary>
    Exclude,

    /// <summary>Stop with error MNC5003.</summary>
    Throw,
}

/// <summary>Choices of an evaluation.</summary>
public sealed record EvaluationOptions
{
    /// <summary>K of <see cref="EvaluationResult.TopKAccuracy"/>; at most the number of classes is used. The default is 5.</summary>
    public int TopKPredictionCount { get; init; } = 5;

    /// <summary>Bins of the calibration errors and of the reliability diagram. The default is 15.</summary>
    public int CalibrationBins { get; init; } = 15;

    /// <summary>Index of the positive class when there are two. The default is 1.</summary>
    public int PositiveClass { get; init; } = 1;

    /// <summary>
    /// Whether the rows are kept. Without them memory does not grow with the number of images, but areas under curves,
    /// equal-mass calibration, bootstrap intervals and the list of mistakes are missing (NaN or empty). The default is true.
    /// </summary>
    public bool KeepRows { get; init; } = true;

    /// <summary>What to do with NaN and infinite scores. The default is to exclude and count them.</summary>
    public NonFiniteScores NonFiniteScores { get; init; } = NonFiniteScores.Exclude;

    /// <summary>Confidence level of all intervals. The default is 0.95.</summary>
    public double ConfidenceLevel { get; init; } = 0.95;

    /// <summary>Bootstrap resamples behind intervals that have no formula; 0 for none. The default is 2,000.</summary>
    public int BootstrapResamples { get; init; } = 2000;

    /// <summary>Seed of the bootstrap. The default is 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Checks all values together.</summary>
    /// <exception cref="ArgumentException">At least one value is out of its range; the message names each.</exception>
    public void Validate()
    {
        List<string> faults = [];
        if (TopKPredictionCount < 1)
            faults.Add($"TopKPredictionCount is {TopKPredictionCount}; expected at least 1.");
        if (CalibrationBins is < 1 or > 1000)
            faults.Add($"CalibrationBins is {CalibrationBins}; expected 1 … 1,000.");
        if (PositiveClass is < 0 or > 1)
            faults.Add($"PositiveClass is {PositiveClass}; expected 0 or 1.");
        if (ConfidenceLevel is not (> 0 and < 1))
            faults.Add($"ConfidenceLevel is {ConfidenceLevel}; expected a number between 0 and 1.");
        if (!Enum.IsDefined(NonFiniteScores))
            faults.Add($"NonFiniteScores is {NonFiniteScores}; expected one of {string.Join(", ", Enum.GetNames<NonFiniteScores>())}.");
        if (BootstrapResamples is < 0 or > 1_000_000)
            faults.Add($"BootstrapResamples is {BootstrapResamples}; expected 0 … 1,000,000.");
        if (faults.Count > 0)
            throw new ArgumentException(string.Join(' ', faults));
    }
}
