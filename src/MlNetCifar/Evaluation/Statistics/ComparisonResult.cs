namespace MlNetCifar.Evaluation;

/// <summary>How one headline number differs between two runs.</summary>
/// <param name="Key">The metric's key in <c>report.json</c>.</param>
/// <param name="Name">For people.</param>
/// <param name="A">Value of the first run.</param>
/// <param name="B">Value of the second run.</param>
/// <param name="Difference">B − A.</param>
/// <param name="Interval">Its interval by paired bootstrap.</param>
/// <param name="P">Two-sided p-value by paired bootstrap; NaN when not computed.</param>
/// <param name="HigherIsBetter">Which direction is good.</param>
public sealed record MetricDifference(string Key, string Name, double A, double B, double Difference, Interval Interval, double P, bool HigherIsBetter);

/// <summary>How the images of one class fared.</summary>
/// <param name="Name">The class.</param>
/// <param name="Support">Its images.</param>
/// <param name="RecallA">Share that the first run gets right.</param>
/// <param name="RecallB">Share that the second run gets right.</param>
/// <param name="Gained">Images that only the second run gets right.</param>
/// <param name="Lost">Images that only the first run gets right.</param>
/// <param name="P">McNemar's exact p-value, corrected by Holm for the number of classes.</param>
public sealed record ClassChange(string Name, long Support, double RecallA, double RecallB, long Gained, long Lost, double P);

/// <summary>An image that exactly one of the two runs gets right.</summary>
/// <param name="Row">Its place in the test data.</param>
/// <param name="Name">Its name.</param>
/// <param name="Label">True class.</param>
/// <param name="PredictedA">Answer of the first run.</param>
/// <param name="PredictedB">Answer of the second run.</param>
/// <param name="ConfidenceA">How sure the first run was.</param>
/// <param name="ConfidenceB">How sure the second run was.</param>
/// <param name="IsGain">Whether the second run is the one that is right.</param>
public sealed record FlippedImage(
    int Row, string Name, string Label, string PredictedA, string PredictedB, double ConfidenceA, double ConfidenceB, bool IsGain);

/// <summary>Two runs side by side on the same images. Immutable.</summary>
public sealed record ComparisonResult
{
    /// <summary>Name of the first run.</summary>
    public required string NameA { get; init; }

    /// <summary>Name of the second run.</summary>
    public required string NameB { get; init; }

    /// <summary>Images both runs have usable scores for.</summary>
    public required long Count { get; init; }

    /// <summary>Images both get right.</summary>
    public required long BothRight { get; init; }

    /// <summary>Images only the first gets right.</summary>
    public required long OnlyARight { get; init; }

    /// <summary>Images only the second gets right.</summary>
    public required long OnlyBRight { get; init; }

    /// <summary>Images both get wrong.</summary>
    public long BothWrong => Count - BothRight - OnlyARight - OnlyBRight;

    /// <summary>Two-sided p-value of McNemar's exact test on accuracy.</summary>
    public required double McNemarP { get; init; }

    /// <summary>Level below which a p-value counts as a difference.</summary>
    public required double Significance { get; init; }

    /// <summary>Whether the accuracies differ beyond chance at <see cref="Significance"/>.</summary>
    public bool IsDistinguishable => McNemarP < Significance;

    /// <summary>The headline numbers; micro accuracy first.</summary>
    public required IReadOnlyList<MetricDifference> Metrics { get; init; }

    /// <summary>The classes, in their order.</summary>
    public required IReadOnlyList<ClassChange> Classes { get; init; }

    /// <summary>Images that flipped, in the order of the rows.</summary>
    public required IReadOnlyList<FlippedImage> Flipped { get; init; }

    /// <summary>The outcome in one sentence.</summary>
    public string Verdict => ComparisonText.Verdict(this);

    /// <summary>The comparison as a text table for a console.</summary>
    public string ToText() => ComparisonText.Table(this);
}

/// <summary>Several runs on the same images.</summary>
/// <param name="Runs">Their names, best micro accuracy first.</param>
/// <param name="Pairs">Every pair, the better run as B.</param>
/// <param name="AdjustedP">McNemar's p-values of the pairs, corrected by Holm for the number of pairs.</param>
/// <param name="Verdict">The outcome in one sentence.</param>
public sealed record MultiComparison(
    IReadOnlyList<string> Runs, IReadOnlyList<ComparisonResult> Pairs, IReadOnlyList<double> AdjustedP, string Verdict)
{
    /// <summary>The ranking and the pairs as a text table for a console.</summary>
    public string ToText() => ComparisonText.Table(this);
}
