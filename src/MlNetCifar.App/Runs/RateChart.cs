namespace MlNetCifar.App.Runs;

/// <summary>The curve of a search for a learning rate in characters.</summary>
internal static class RateChart
{
    const int Rows = 10;
    const int MostColumns = 66;

    /// <summary>Draws: the loss upwards, the rate to the right, a column of dots at the rate suggested.</summary>
    /// <param name="curve">At least two points.</param>
    public static IEnumerable<string> Draw(RateCurve curve)
    {
        var columns = Math.Min(MostColumns, curve.Curve.Count);
        double[] losses = [.. Enumerable.Range(0, columns).Select(c => Part(curve, c, columns).Average(p => p.Loss))];
        var (low, high) = (losses.Min(), losses.Max());
        var suggested = Enumerable.Range(0, columns).First(c => c == columns - 1 || Part(curve, c, columns).Any(p => p.LearningRate >= curve.Suggestion));
        for (var row = 0; row < Rows; row++)
        {
            var label = row is 0 ? Invariant($"{high,8:0.000}") : row == Rows - 1 ? Invariant($"{low,8:0.000}") : new string(' ', 8);
            yield return $"{label} │{string.Concat(losses.Select((loss, c) => RowOf(loss) == row ? '●' : c == suggested ? '┊' : ' ')).TrimEnd()}";
        }

        var (first, last) = (Invariant($"{curve.Curve[0].LearningRate:0.0e+0}"), Invariant($"{curve.Curve[^1].LearningRate:0.0e+0}"));
        yield return $"{new string(' ', 8)} └{new string('─', columns)}";
        yield return $"{new string(' ', 10)}{first}{last.PadLeft(Math.Max(last.Length + 1, columns - first.Length))}";

        int RowOf(double loss) => high > low ? (int)Math.Round((Rows - 1) * (high - loss) / (high - low)) : Rows - 1;
    }

    static IEnumerable<(double LearningRate, double Loss)> Part(RateCurve curve, int column, int columns)
    {
        var (from, to) = (curve.Curve.Count * column / columns, curve.Curve.Count * (column + 1) / columns);
        return curve.Curve.Skip(from).Take(Math.Max(1, to - from));
    }
}
