using MlNetCifar.Evaluation;
using MlNetCifar.Inference;
using MlNetCifar.Reporting;

namespace MlNetCifar;

/// <summary>What a report is made of; only the title and the result are needed.</summary>
public sealed record ReportInput
{
    /// <summary>Heading, for example <c>seed-cnn on CIFAR-10</c>.</summary>
    public required string Title { get; init; }

    /// <summary>The evaluation.</summary>
    public required EvaluationResult Result { get; init; }

    /// <summary>Training history, one record an epoch; may be empty.</summary>
    public IReadOnlyList<EpochRecord> History { get; init; } = [];

    /// <summary>The epoch whose weights were kept, from 1, marked in the plots of the history; 0 (the default) for the one of the best validation accuracy.</summary>
    public int BestEpoch { get; init; }

    /// <summary>Names of the images in the order their scores were added; null for none.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>The images in the same order, for the galleries; null for none.</summary>
    public ImageSource? Images { get; init; }

    /// <summary>The exact command that repeats the run.</summary>
    public string? Command { get; init; }

    /// <summary>Fingerprint of the test data; when null it is computed from names and labels. Runs are compared only when it agrees.</summary>
    public string? DataHash { get; init; }

    /// <summary>The data set, as names and values in reading order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Dataset { get; init; } = [];

    /// <summary>Machine and software, as names and values in reading order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>Settings of the run, as names and values in reading order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>What a stored calibration is worth on these images; null for none.</summary>
    public CalibrationCheck? Calibration { get; init; }

    /// <summary>Where the network looked in some of the images, usually its surest mistakes; may be empty. They are shown where <see cref="Images"/> are at hand.</summary>
    internal IReadOnlyList<ExplainedImage> Explained { get; init; } = [];

    /// <summary>Training images of each class; empty where nothing was trained.</summary>
    public IReadOnlyList<int> TrainingCounts { get; init; } = [];

    /// <summary>Pictures of a batch as the network saw them; may be empty.</summary>
    internal IReadOnlyList<PreviewImage> Augmented { get; init; } = [];

    /// <summary>The network's layers; may be empty.</summary>
    internal IReadOnlyList<ReportLayer> Layers { get; init; } = [];

    /// <summary>The images in the plane; null for no map.</summary>
    internal EmbeddingMap? Map { get; init; }

    /// <summary>How the training was shared by several processes; null where it was not.</summary>
    internal ReportWorkers? Workers { get; init; }

    /// <summary>Why the figures may promise too much; null for nothing.</summary>
    internal string? Doubt { get; init; }

    /// <summary>What to know before trusting the figures; may be empty.</summary>
    internal IReadOnlyList<string> Warnings => Doubt is null ? Result.Warnings : [Doubt, .. Result.Warnings];

    /// <summary>What to try next, weightiest first; may be empty.</summary>
    public IReadOnlyList<NextStep> NextSteps { get; init; } = [];

    /// <summary>Outcome of a quality gate, shown in the summary and written as <c>junit.xml</c>; null for none.</summary>
    public GateOutcome? Gate { get; init; }

    /// <summary>When the evaluation was made; null leaves it out, so that equal inputs give equal files.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>What withholding unsure answers gives, by the calibrated probabilities where there are any; empty without rows.</summary>
    internal IReadOnlyList<AbstainRule> Rejection =>
        Calibration is not null ? AbstainRule.Table(Calibration.Rejection) : Result.Rows is not null ? AbstainRule.Table(RejectionCurve.Of(Result)) : [];

    /// <summary>With the logins and tokens of addresses masked, wherever a person wrote one.</summary>
    internal ReportInput WithoutSecrets() => this with
    {
        Title = Secrets.InText(Title),
        Command = Command is null ? null : Secrets.InText(Command),
        Dataset = [.. Dataset.Select(Masked)],
        Environment = [.. Environment.Select(Masked)],
        Settings = [.. Settings.Select(Masked)],
    };

    static KeyValuePair<string, string> Masked(KeyValuePair<string, string> pair) => new(pair.Key, Secrets.InAddress(pair.Value));

    /// <summary>Name of an image.</summary>
    internal string NameOf(int row) => Names is not null ? Names[row] : Images is not null ? Images.Name(row) : $"#{row}";
}
