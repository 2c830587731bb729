namespace MlNetCifar.Evaluation;

/// <summary>A headline number with its interval, as console, JSON and HTML show it.</summary>
/// <param name="Key">Name in <c>report.json</c>, for example <c>microAccuracy</c>.</param>
/// <param name="Name">For people, for example <c>Micro accuracy</c>.</param>
/// <param name="Value">The number; NaN when undefined.</param>
/// <param name="Interval">Its confidence interval; <see cref="Interval.None"/> when there is none.</param>
/// <param name="HigherIsBetter">Which direction is good.</param>
/// <param name="Meaning">One sentence: what it says and its range.</param>
public sealed record MetricValue(string Key, string Name, double Value, Interval Interval, bool HigherIsBetter, string Meaning);
