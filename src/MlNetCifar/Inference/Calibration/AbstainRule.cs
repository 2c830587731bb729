using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>Below this confidence the answer is <c>unknown</c>.</summary>
/// <param name="Threshold">Answers with at least this confidence are given; +∞ when no threshold reaches the target.</param>
/// <param name="Coverage">Share of images answered, on the images it was fitted on.</param>
/// <param name="Accuracy">Share of the answers that are right, there; NaN when there are none.</param>
/// <param name="AccuracyInterval">Wilson interval of that accuracy.</param>
public sealed record AbstainRule(double Threshold, double Coverage, double Accuracy, Interval AccuracyInterval)
{
    static readonly double[] s_shares = [1, 0.95, 0.9, 0.8, 0.7, 0.5];

    /// <summary>Answers everything.</summary>
    public static AbstainRule Never { get; } = new(0, 1, double.NaN, Interval.None);

    /// <summary>Whether an answer is withheld.</summary>
    /// <param name="confidence">Highest calibrated probability.</param>
    public bool IsUnknown(double confidence) => !(confidence >= Threshold);

    /// <summary>The lowest threshold whose answers are right often enough: the lower end of their Wilson interval reaches the target.</summary>
    /// <param name="curve">The rejection curve of validation images.</param>
    /// <param name="accuracy">Target in (0, 1).</param>
    /// <param name="level">Confidence level of the interval.</param>
    public static AbstainRule ForAccuracy(RejectionCurve curve, double accuracy, double level = 0.95)
    {
        var best = new AbstainRule(double.PositiveInfinity, 0, double.NaN, Interval.None);
        foreach (var point in curve.Points)
        {
            var rule = Of(point, curve.Count, level);
            if (rule.AccuracyInterval.Lower >= accuracy && rule.Coverage > best.Coverage)
                best = rule;
        }

        return best;
    }

    /// <summary>The highest threshold that still answers a given share of images.</summary>
    /// <param name="curve">The rejection curve of validation images.</param>
    /// <param name="coverage">Share to be answered, in (0, 1].</param>
    /// <param name="level">Confidence level of the interval.</param>
    public static AbstainRule ForCoverage(RejectionCurve curve, double coverage, double level = 0.95)
    {
        foreach (var point in curve.Points)
            if (point.Coverage >= coverage)
                return Of(point, curve.Count, level);
        return Never;
    }

    /// <summary>What is given up and gained when 100, 95, 90, 80, 70 and 50 % of the images are answered, the surest first; shares that few images do not tell apart come once.</summary>
    /// <param name="curve">The rejection curve.</param>
    public static IReadOnlyList<AbstainRule> Table(RejectionCurve curve) => [.. s_shares.Select(share => ForCoverage(curve, share)).Distinct()];

    static AbstainRule Of(RejectionPoint point, long count, double level) =>
        new(point.Threshold, point.Coverage, point.Accuracy, Interval.Wilson(point.Correct, (long)Math.Round(point.Coverage * count), level));
}
