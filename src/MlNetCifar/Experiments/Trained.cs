namespace MlNetCifar.Experiments;

/// <summary>What a training left behind, of whatever kind it was, as the rest of an experiment needs it.</summary>
internal sealed record Trained
{
    /// <summary>The model; whoever has this owns it.</summary>
    public required ImageClassifier Model { get; init; }

    /// <summary>Why and when it ended, one line.</summary>
    public required string Summary { get; init; }

    /// <summary>What the validation images chose.</summary>
    public required string ChosenByValidation { get; init; }

    /// <summary>Its settings, for the report.</summary>
    public required IEnumerable<KeyValuePair<string, string>> Settings { get; init; }

    /// <summary>The settings themselves; null where no network was trained.</summary>
    public TrainingOptions? Training { get; init; }

    /// <summary>Images scored a second, roughly.</summary>
    public required double ScoringSpeed { get; init; }

    /// <summary>How long it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Why it ended.</summary>
    public required StopReason StopReason { get; init; }

    /// <summary>SHA-256 of the last weights.</summary>
    public required string LastWeightsSha256 { get; init; }

    /// <summary>Threads; null for all cores.</summary>
    public int? Threads { get; init; }

    /// <summary>Of the run.</summary>
    public ulong Seed { get; init; }

    /// <summary>A network that was trained from scratch or from other weights.</summary>
    /// <param name="result">Only read.</param>
    /// <param name="preprocess">How the pictures were made.</param>
    /// <param name="before">What had been spent on the weights that it began with.</param>
    public static Trained Of(TrainingResult result, PreprocessSpec preprocess, TimeSpan before = default) => new()
    {
        Model = result.ToClassifier(preprocess),
        Summary = FormattableString.Invariant(
            $"{Reason(result)} after {(before + result.Elapsed).TotalSeconds:0.0} s; {(result.BestEpoch == 0 ? "no epoch was finished" : $"weights of epoch {result.BestEpoch}")}"),
        ChosenByValidation = "the best epoch",
        Settings = TrainingTable.Pairs(result.Options),
        Training = result.Options,

        // Scoring is about three times as fast as training.
        ScoringSpeed = 3 * result.Steps * result.Options.BatchSize / Math.Max(result.Elapsed.TotalSeconds, 1),
        Elapsed = before + result.Elapsed,
        StopReason = result.StopReason,
        LastWeightsSha256 = result.LastWeightsSha256,
        Threads = result.Options.Threads,
        Seed = result.Options.Seed,
    };

    static string Reason(TrainingResult result) => result.StopReason switch
    {
        StopReason.EarlyStopping => "stopped early",
        StopReason.TimeBudget => "time is up",
        StopReason.Cancelled => "interrupted",
        StopReason.Observer => "stopped",
        _ => "finished",
    };
}

/// <summary>Calibrates what was trained, where there is enough to fit to, and says what came of it.</summary>
internal static class Calibrating
{
    /// <summary>Fewer say too little: the energy threshold lets 99 of 100 ordinary images pass.</summary>
    public const int Fewest = 100;

    /// <summary>The model with a calibration; as it is where none can be fitted.</summary>
    /// <param name="model">Disposed where another takes its place, and only then.</param>
    /// <param name="images">The model has not been trained on them.</param>
    /// <param name="name">What they are called, for example <c>validation images</c>.</param>
    /// <param name="views">Views of each image that are averaged.</param>
    /// <param name="threads">Null for all cores.</param>
    /// <param name="log">Told the outcome.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ImageClassifier Of(
        ImageClassifier model, ImageSource images, string name, TestTimeViews views, int? threads, ExperimentLog log, CancellationToken cancellation)
    {
        if (images.Count < Fewest)
        {
            log.Say(null, FormattableString.Invariant($"calibration left out: {images.Count:N0} {name}; it takes {Fewest}"));
            return model;
        }

        var calibrated = log.During(ExperimentStage.Calibrating, "calibrating", _ => model.TryCalibrate(images, threads: threads, cancellation: cancellation, views: views));
        if (calibrated is null)
        {
            log.Warn($"the model is not calibrated: none of its outputs for the {name} is a finite number");
            return model;
        }

        log.Say(null, FormattableString.Invariant($"calibrated on {images.Count:N0} {name}: temperature {calibrated.Calibration!.Temperature:0.000}"));
        model.Dispose();
        return calibrated;
    }
}
