using System.Collections.Immutable;
using System.Globalization;

namespace MlNetCifar.Evaluation;

/// <summary>
/// What a model must reach before it may ship, for a user's own test project. It needs no test framework: a test asserts
/// <see cref="GateOutcome.Passed"/> and shows <see cref="GateOutcome.Message"/>, or calls <see cref="GateOutcome.ThrowIfFailed"/>.
/// Immutable: every <c>Require…</c> returns a new gate.
/// </summary>
/// <example>
/// <code>
/// var outcome = new QualityGate("seed-cnn")
///     .RequireData("3f6c…").RequireMicroAccuracy(0.90).RequirePerClassRecall(0.80).RequireCalibrationError(0.05)
///     .RequireNoWorseThan(RunData.Load("baseline"))
///     .Check(RunData.Load("runs/evaluate/seed-cnn"));
/// Assert.IsTrue(outcome.Passed, outcome.Message);
/// </code>
/// </example>
public sealed class QualityGate
{
    readonly ImmutableArray<Func<RunData, GateFinding>> _conditions;

    /// <summary>A gate without conditions; every model passes.</summary>
    /// <param name="name">What to call it, usually the model.</param>
    public QualityGate(string name)
        : this(name, [])
    {
    }

    QualityGate(string name, ImmutableArray<Func<RunData, GateFinding>> conditions)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Name = name;
        _conditions = conditions;
    }

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>The evaluation must be on exactly this data.</summary>
    /// <param name="hash">Fingerprint from <c>report.json</c>, or at least its first eight digits.</param>
    public QualityGate RequireData(string hash)
    {
        if (hash.Length < 8)
            throw new ArgumentException($"'{hash}' is too short to pin data; expected at least eight hexadecimal digits.", nameof(hash));
        return With(run => new GateFinding(
            "Test data", run.DataHash.StartsWith(hash, StringComparison.OrdinalIgnoreCase), $"expected data {hash}, found {run.DataHash}"));
    }

    /// <summary>No image may have been left out because of NaN or infinite scores.</summary>
    public QualityGate RequireAllImages() => With(run => new GateFinding(
        "All images scored", run.Result.ExcludedCount == 0, $"expected no image left out, found {run.Result.ExcludedCount} with NaN or infinite scores"));

    /// <summary>Micro accuracy must be high enough.</summary>
    /// <param name="atLeast">0 … 1.</param>
    /// <param name="atConfidence">Whether the lower end of the interval must reach it (the default), not just the number itself.</param>
    public QualityGate RequireMicroAccuracy(double atLeast, bool atConfidence = true) => RequireMetric(MetricCatalog.MicroAccuracy, atLeast, atConfidence);

    /// <summary>The expected calibration error must be low enough.</summary>
    /// <param name="atMost">0 … 1.</param>
    /// <param name="atConfidence">Whether the upper end of the interval must stay below; by default the number itself.</param>
    public QualityGate RequireCalibrationError(double atMost, bool atConfidence = false) =>
        RequireMetric(MetricCatalog.ExpectedCalibrationError, atMost, atConfidence);

    /// <summary>Any headline number must be on the right side of a limit: at least it where higher is better, at most it where lower is better.</summary>
    /// <param name="key">Key in <c>report.json</c>, for example <c>macroF1Score</c>.</param>
    /// <param name="limit">The limit.</param>
    /// <param name="atConfidence">Whether the worse end of the interval must be on the right side, not just the number itself.</param>
    /// <exception cref="ArgumentException">There is no such metric; the message lists them.</exception>
    public QualityGate RequireMetric(string key, double limit, bool atConfidence = false)
    {
        if (MetricCatalog.All.All(entry => entry.Key != key))
            throw new ArgumentException($"There is no metric '{key}'; there are {string.Join(", ", MetricCatalog.All.Select(entry => entry.Key))}.", nameof(key));
        return With(run =>
        {
            var metric = MetricCatalog.Every(run.Result).First(value => value.Key == key);
            var judged = !atConfidence ? metric.Value : metric.HigherIsBetter ? metric.Interval.Lower : metric.Interval.Upper;

            // A value or an interval that is undefined never passes.
            var passed = metric.HigherIsBetter ? judged >= limit : judged <= limit;
            var confidence = atConfidence ? Invariant($" at {run.Result.Options.ConfidenceLevel:0.## %} confidence") : "";
            return new GateFinding(
                metric.Name, passed, Invariant($"expected {(metric.HigherIsBetter ? "at least" : "at most")} {limit:0.0000}{confidence}, found {metric.Value:0.0000} {metric.Interval}"));
        });
    }

    /// <summary>Every class that occurs must be found often enough.</summary>
    /// <param name="atLeast">0 … 1.</param>
    /// <param name="atConfidence">Whether the lower ends of the intervals must reach it; by default the numbers themselves.</param>
    public QualityGate RequirePerClassRecall(double atLeast, bool atConfidence = false) => With(run =>
    {
        ClassMetrics[] below =
        [
            .. run.Result.PerClass.Where(c => c.Support > 0 && !((atConfidence ? c.RecallInterval.Lower : c.Recall) >= atLeast)).OrderBy(c => c.Recall),
        ];
        var found = below.Length == 0
            ? Invariant($"found at least {run.Result.PerClass.Where(c => c.Support > 0).Min(c => c.Recall):0.0000}")
            : Invariant($"below it: {string.Join(", ", below.Select(c => Invariant($"{c.Name} {c.Recall:0.0000} {c.RecallInterval}")))}");
        return new GateFinding("Recall of every class", below.Length == 0, Invariant($"expected at least {atLeast:0.0000}, {found}"));
    });

    /// <summary>The model must not be worse than a baseline on the same images beyond chance (McNemar's exact test).</summary>
    /// <param name="baseline">The baseline run.</param>
    /// <param name="significance">Level below which a difference counts. The default is 0.05.</param>
    public QualityGate RequireNoWorseThan(RunData baseline, double significance = 0.05) => With(run =>
    {
        var comparison = RunComparison.Compare(baseline, run, new ComparisonOptions { Significance = significance, BootstrapResamples = 0 });
        var worse = comparison.IsDistinguishable && comparison.OnlyARight > comparison.OnlyBRight;
        return new GateFinding(Invariant($"No worse than {baseline.Name}"), !worse, comparison.Verdict);
    });

    /// <summary>The model may lose at most a margin of accuracy against a baseline on the same images (non-inferiority by paired bootstrap).</summary>
    /// <param name="baseline">The baseline run.</param>
    /// <param name="margin">Accuracy that may be lost, 0 … 1: the lower end of the interval of the difference must be above −margin.</param>
    public QualityGate RequireWithin(RunData baseline, double margin) => With(run =>
    {
        var accuracy = RunComparison.Compare(baseline, run).Metrics[0];
        return new GateFinding(
            Invariant($"Within {margin:0.0000} of {baseline.Name}"), accuracy.Interval.Lower >= -margin,
            Invariant($"expected a loss of at most {margin:0.0000}, found {accuracy.Difference:+0.0000;-0.0000;0.0000} {accuracy.Interval}"));
    });

    /// <summary>The 95th percentile of latency may be at most a multiple of a reference measured on the same machine in the same run.</summary>
    /// <param name="latencies">Measured times, any unit.</param>
    /// <param name="reference">Times of the reference, same unit.</param>
    /// <param name="atMost">Largest ratio.</param>
    public QualityGate RequireLatencyRatio(IReadOnlyList<double> latencies, IReadOnlyList<double> reference, double atMost)
    {
        var ratio = Percentile95(latencies) / Percentile95(reference);
        return With(_ => new GateFinding("P95 latency", ratio <= atMost, Invariant($"expected at most {atMost:0.00} times the reference, found {ratio:0.00} times")));
    }

    /// <summary>A condition of one's own must hold.</summary>
    /// <param name="condition">Looks at the run; asked when the gate is checked.</param>
    public QualityGate Require(Func<RunData, GateFinding> condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return With(condition);
    }

    /// <summary>Checks a run.</summary>
    /// <param name="run">The evaluated run.</param>
    /// <returns>The findings; nothing is thrown for a condition that does not hold.</returns>
    public GateOutcome Check(RunData run)
    {
        GateFinding[] findings = [.. _conditions.Select(condition => condition(run))];
        return new GateOutcome(Name, findings, GateText.Of(Name, findings, run));
    }

    QualityGate With(Func<RunData, GateFinding> condition) => new(Name, _conditions.Add(condition));

    static double Percentile95(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
            throw new ArgumentException("There are no latencies.", nameof(values));
        double[] sorted = [.. values.Order()];
        return sorted[(int)Math.Ceiling(0.95 * sorted.Length) - 1];
    }

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
