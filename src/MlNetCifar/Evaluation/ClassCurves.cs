namespace MlNetCifar.Evaluation;

/// <summary>The one-against-rest curves of all classes and their averages. Immutable.</summary>
public sealed class ClassCurves
{
    internal ClassCurves(ScoredRows rows, IReadOnlyList<string> classes)
    {
        var used = UsableRows(rows);
        var scores = new double[used.Length];
        var positive = new byte[used.Length];
        PerClass = [.. classes.Select((name, label) =>
        {
            Fill(rows, used, label, scores, positive);
            return ThresholdCurve.Build(name, scores, positive);
        })];
        Micro = BuildMicro(rows, used);
    }

    /// <summary>Each class against the rest, in the order of the classes.</summary>
    public IReadOnlyList<ThresholdCurve> PerClass { get; }

    /// <summary>All image–class pairs as one binary problem (scikit-learn's <c>micro</c>).</summary>
    public ThresholdCurve Micro { get; }

    /// <summary>Mean area under the ROC curves of the classes that have both positive and negative images; NaN if none has.</summary>
    public double MacroAreaUnderRocCurve => Mean(PerClass.Select(curve => curve.AreaUnderRocCurve));

    /// <summary>Mean average precision of the classes that occur among the labels; NaN if none does.</summary>
    public double MacroAveragePrecision => Mean(PerClass.Select(curve => curve.AveragePrecision));

    /// <summary>Mean area under the precision/recall curves of the classes that occur among the labels; NaN if none does.</summary>
    public double MacroAreaUnderPrecisionRecallCurve => Mean(PerClass.Select(curve => curve.AreaUnderPrecisionRecallCurve));

    /// <summary>Rows with finite scores.</summary>
    internal static int[] UsableRows(ScoredRows rows) => [.. Enumerable.Range(0, rows.Count).Where(rows.IsUsable)];

    static void Fill(ScoredRows rows, int[] used, int label, Span<double> scores, Span<byte> positive)
    {
        for (var i = 0; i < used.Length; i++)
        {
            scores[i] = rows.Probability(used[i], label);
            positive[i] = rows.Labels[used[i]] == label ? (byte)1 : (byte)0;
        }
    }

    static ThresholdCurve BuildMicro(ScoredRows rows, int[] used)
    {
        var scores = new double[checked(used.Length * rows.Classes)];
        var positive = new byte[scores.Length];
        for (var label = 0; label < rows.Classes; label++)
        {
            var part = label * used.Length;
            Fill(rows, used, label, scores.AsSpan(part, used.Length), positive.AsSpan(part, used.Length));
        }

        return ThresholdCurve.Build("micro average", scores, positive);
    }

    static double Mean(IEnumerable<double> values) => values.Where(value => !double.IsNaN(value)).DefaultIfEmpty(double.NaN).Average();
}
