using System.Globalization;
using System.Text;

namespace MlNetCifar.Evaluation;

/// <summary>Comparisons in words and as console tables.</summary>
internal static class ComparisonText
{
    public static string Verdict(ComparisonResult c)
    {
        var accuracy = c.Metrics[0];
        if (!c.IsDistinguishable)
            return Invariant(
                $"not distinguishable (p = {P(c.McNemarP)}): {c.NameA} is right on {accuracy.A:0.0 %}, {c.NameB} on {accuracy.B:0.0 %} of {c.Count:#,0} images");
        var (better, worse, high, low) = accuracy.Difference > 0 ? (c.NameB, c.NameA, accuracy.B, accuracy.A) : (c.NameA, c.NameB, accuracy.A, accuracy.B);
        return Invariant($"{better} is better than {worse} (p {Relation(c.McNemarP)}): right on {high:0.0 %} against {low:0.0 %} of {c.Count:#,0} images");
    }

    public static string Verdict(IReadOnlyList<ComparisonResult> pairs, double[] adjusted, int runs, double significance)
    {
        // The best run is B of the first runs − 1 pairs.
        string[] level = [.. Enumerable.Range(0, runs - 1).Where(i => adjusted[i] >= significance).Select(i => pairs[i].NameA)];
        var best = pairs[0].NameB;
        return level.Length == 0
            ? Invariant($"{best} is better than all others (corrected p {Relation(adjusted.Take(runs - 1).Max())})")
            : Invariant($"{best} scores highest but is not distinguishable from {string.Join(", ", level)} (corrected p up to {P(adjusted.Take(runs - 1).Max())})");
    }

    public static string Table(ComparisonResult c)
    {
        var text = new StringBuilder();
        text.Append(Invariant($"{c.Verdict}\n\nA = {c.NameA}\nB = {c.NameB}\n"));
        text.Append(Invariant($"both right {c.BothRight}, only A {c.OnlyARight}, only B {c.OnlyBRight}, both wrong {c.BothWrong}\n\n"));
        text.Append(Invariant($"{"metric",-30} {"A",9} {"B",9} {"B - A",9}  {"interval",-21} {"p",7}\n"));
        foreach (var m in c.Metrics)
            text.Append(Invariant(
                $"{m.Name,-30} {Value(m.A),9} {Value(m.B),9} {Signed(m.Difference),9}  {Range(m),-21} {P(m.P),7}\n"));
        text.Append(Invariant($"\n{"class",-30} {"recall A",9} {"recall B",9} {"gained",9} {"lost",9} {"p (Holm)",9}\n"));
        foreach (var change in c.Classes)
            text.Append(Invariant(
                $"{change.Name,-30} {Value(change.RecallA),9} {Value(change.RecallB),9} {change.Gained,9} {change.Lost,9} {P(change.P),9}\n"));
        return text.ToString();
    }

    public static string Table(MultiComparison c)
    {
        var text = new StringBuilder();
        var width = Math.Max(24, c.Runs.Max(name => name.Length));
        text.Append(Invariant($"{c.Verdict}\n\n{"better".PadRight(width)} {"worse".PadRight(width)} {"accuracy",8} {"accuracy",8} {"p (Holm)",9}\n"));
        foreach (var (pair, p) in c.Pairs.Zip(c.AdjustedP))
            text.Append(Invariant($"{pair.NameB.PadRight(width)} {pair.NameA.PadRight(width)} {Value(pair.Metrics[0].B),8} {Value(pair.Metrics[0].A),8} {P(p),9}\n"));
        return text.ToString();
    }

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    static string Value(double value) => double.IsNaN(value) ? "–" : Invariant($"{value:0.0000}");

    static string Signed(double value) => double.IsNaN(value) ? "–" : Invariant($"{value:+0.0000;-0.0000;0.0000}");

    static string Range(MetricDifference m) => m.Interval.IsDefined ? Invariant($"[{m.Interval.Lower:+0.0000;-0.0000;0.0000}, {m.Interval.Upper:+0.0000;-0.0000;0.0000}]") : "–";

    static string P(double p) => double.IsNaN(p) ? "–" : p < 0.0001 ? "<0.0001" : Invariant($"{p:0.00##}");

    static string Relation(double p) => p < 0.0001 ? "< 0.0001" : "= " + P(p);
}
