using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>What happens when only answers above a confidence are given.</summary>
/// <param name="Threshold">Answers with at least this confidence are given.</param>
/// <param name="Coverage">Share of images answered, 0 … 1.</param>
/// <param name="Accuracy">Share of the answers that are right, 0 … 1.</param>
/// <param name="Correct">Right answers.</param>
public readonly record struct RejectionPoint(double Threshold, double Coverage, double Accuracy, long Correct);

/// <summary>Accuracy of the answers over the share of images answered, the surest first. Images of equal confidence enter together. Immutable.</summary>
public sealed class RejectionCurve
{
    RejectionCurve(RejectionPoint[] points, long count)
    {
        Points = points;
        Count = count;
        var (before, area) = (0.0, 0.0);
        foreach (var point in points)
        {
            area += (point.Coverage - before) * (1 - point.Accuracy);
            before = point.Coverage;
        }

        AreaUnderRiskCoverage = area;
    }

    /// <summary>Images.</summary>
    public long Count { get; }

    /// <summary>One point for each confidence that occurs, highest first; the last answers everything.</summary>
    public IReadOnlyList<RejectionPoint> Points { get; }

    /// <summary>Mean error rate of the answers over all coverages, 0 … 1, lower is better.</summary>
    public double AreaUnderRiskCoverage { get; }

    /// <summary>The curve of an evaluation.</summary>
    /// <param name="result">An evaluation that kept its rows.</param>
    /// <exception cref="ArgumentException">The rows were not kept.</exception>
    public static RejectionCurve Of(EvaluationResult result)
    {
        var rows = result.Rows ?? throw new ArgumentException("The evaluation was made without keeping rows.", nameof(result));
        var answers = rows.Answers().ToArray();
        return Of([.. answers.Select(answer => answer.Confidence)], [.. answers.Select(answer => answer.Predicted == rows.Labels[answer.Row])]);
    }

    /// <summary>The curve of any answers.</summary>
    /// <param name="confidences">How sure each answer is, [N ≥ 1].</param>
    /// <param name="correct">Whether it is right, [N].</param>
    /// <exception cref="ArgumentException">The lengths differ or are zero.</exception>
    public static RejectionCurve Of(ReadOnlySpan<double> confidences, ReadOnlySpan<bool> correct)
    {
        if (confidences.Length != correct.Length || confidences.Length == 0)
            throw new ArgumentException($"There are {confidences.Length} confidences and {correct.Length} answers; expected as many of both, at least one.");
        var (sorted, right) = (confidences.ToArray(), correct.ToArray());
        Array.Sort(sorted, right);
        List<RejectionPoint> points = [];
        long hits = 0;
        for (var i = sorted.Length - 1; i >= 0; i--)
        {
            hits += right[i] ? 1 : 0;
            var answered = sorted.Length - i;
            if (i == 0 || sorted[i - 1] != sorted[i])
                points.Add(new(sorted[i], (double)answered / sorted.Length, (double)hits / answered, hits));
        }

        return new RejectionCurve([.. points], sorted.Length);
    }
}
