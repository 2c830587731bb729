using System.Globalization;
using MlNetCifar.Evaluation;
using MlNetCifar.MLNet;

namespace MlNetCifar.MSTest;

/// <summary>Holds figures of ML.NET's evaluators against limits.</summary>
internal static class GateJudge
{
    /// <summary>The end of every message about a gate that a model did not pass.</summary>
    public const string Advice =
        "What to do: open the report, which shows the surest mistakes and what to try next; train further, or with more pictures of the worst classes; or set the limit to what was measured.";

    /// <summary>Judges one figure.</summary>
    /// <param name="run">What was evaluated.</param>
    /// <param name="metric">The figure.</param>
    /// <param name="limit">The least or the most.</param>
    /// <param name="isLeast">Which of both.</param>
    /// <param name="atConfidence">Whether the worse end of the interval counts, not the number itself.</param>
    public static GateFinding Judge(RunData run, GateMetric metric, double limit, bool isLeast, bool atConfidence)
    {
        var (result, name) = (run.Result, metric.ToString());
        var key = char.ToLowerInvariant(name[0]) + name[1..];
        var known = result.Headline.Concat(result.BinaryHeadline).FirstOrDefault(m => m.Key == key);
        var figures = MLNetEvaluation.Compare(result).Where(f => f.Name == name).ToArray();
        if (known is null || figures.Length == 0)
            return new(name, false, Invariant($"{name} says nothing of {result.Classes.Count} classes, {result.PerClass.Count(c => c.Support > 0)} of which occur; ask for another figure"));
        var (value, interval) = (figures[0].MLNet, known.Interval);

        // A figure or an interval that is undefined never passes.
        bool Holds(double judged) => isLeast ? judged >= limit : judged <= limit;
        var holds = Holds(value) && (!atConfidence || Holds(isLeast ? interval.Lower : interval.Upper));
        var confidence = atConfidence ? Invariant($" at {result.Options.ConfidenceLevel:0.## %} confidence") : "";
        var text = Invariant($"expected {(isLeast ? "at least" : "at most")} {limit:0.0000}{confidence}, found {value:0.0000} {interval}");
        return new(name, holds, !holds && Holds(value)
            ? text + Invariant($"; the number holds, its interval does not: test on more than {result.Count:N0} images, or ask for the number alone (atConfidence: false)")
            : text);
    }

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
