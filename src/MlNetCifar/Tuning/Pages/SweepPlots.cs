using MlNetCifar.Reporting;

namespace MlNetCifar.Tuning;

/// <summary>The plots of a sweep.</summary>
internal static class SweepPlots
{
    /// <summary>The accuracy of each trial, and the best so far, over the time that trials took.</summary>
    public static XyPlot Progress(IReadOnlyList<TrialResult> results)
    {
        List<PlotPoint> completed = [], pruned = [], best = [];
        var (minutes, most) = (0.0, double.NegativeInfinity);
        foreach (var result in results)
        {
            minutes += result.DurationInMilliseconds / 60_000;
            if (result.State == TrialState.Failed)
                continue;
            (result.State == TrialState.Completed ? completed : pruned).Add(new(minutes, result.Metric));
            if (result.State != TrialState.Completed || result.Metric <= most)
                continue;
            most = result.Metric;
            best.Add(new(minutes, most));
        }

        if (best.Count > 0)
            best.Add(new(minutes, most));
        return new()
        {
            Title = "Progress", Description = "Accuracy on the validation images; failed trials have none.", XLabel = "minutes of training", YLabel = "accuracy", YPercent = true,
            Series =
            [
                new() { Name = "best so far", Points = best, Steps = true, Color = 1 },
                new() { Name = "ran to its end", Points = completed, Joined = false, Markers = true, Color = 0 },
                new() { Name = "ended early", Points = pruned, Joined = false, Markers = true, Color = 9 },
            ],
        };
    }

    /// <summary>The share of each parameter in what the trials differ by.</summary>
    public static XyPlot Importance(SearchSpace space, double[] shares)
    {
        var order = Enumerable.Range(0, shares.Length).OrderBy(i => shares[i]).ToArray();
        return new()
        {
            Title = "Importance", XLabel = "share of the differences", XPercent = true, XRange = (0, 1), YRange = (-0.6, shares.Length - 0.4), PlotHeight = Math.Max(80, 30 * shares.Length),
            Description = "Total effect on a Gaussian process fitted to the trials that ran to their end, effects together with others included, so that shares may add to more than 100 %.",
            YTicks = [.. order.Select((parameter, row) => new PlotTick(row, space.Parameters[parameter].Name))],
            Bars = [.. order.Select((parameter, row) => new PlotBar(0, shares[parameter], row - 0.32, row + 0.32, 0, 0.85, FormattableString.Invariant($"{space.Parameters[parameter].Name}: {shares[parameter]:0.0 %}")))],
        };
    }

    /// <summary>Accuracy over cost, and the trials that no other beats in both.</summary>
    public static XyPlot Front(IReadOnlyList<TrialResult> results, IReadOnlyList<TrialResult> front, CostKind kind)
    {
        PlotPoint Of(TrialResult result) => new(result.Cost!.Of(kind), result.Metric);
        return new()
        {
            Title = "Accuracy and cost", Description = "The line goes along the trials that no other beats in both.", YLabel = "accuracy", YPercent = true,
            XLabel = kind switch { CostKind.Parameters => "parameters", CostKind.Memory => "bytes", _ => "milliseconds a picture" },
            Series =
            [
                new() { Name = "not beaten", Points = [.. front.Select(Of)], Steps = true, Markers = true, Color = 1 },
                new() { Name = "other trials", Points = [.. results.Where(r => r is { State: TrialState.Completed, Cost: not null } && !front.Contains(r)).Select(Of).OrderBy(point => point.X)], Joined = false, Markers = true, Color = 0 },
            ],
        };
    }

    /// <summary>All trials over one parameter.</summary>
    public static XyPlot Slice(SearchSpace space, int dimension, IReadOnlyList<TrialResult> results)
    {
        var parameter = space.Parameters[dimension];
        PlotPoint[] Of(TrialState state) =>
            [.. results.Where(r => r.State == state).Select(r => new PlotPoint(parameter.UnitOf(r.TrialSettings.Text(parameter.Name)), r.Metric)).OrderBy(point => point.X)];
        return new()
        {
            Title = parameter.Name, XTicks = Ticks(parameter), XRange = (-0.04, 1.04), YLabel = "accuracy", YPercent = true, PlotHeight = 150,
            Series =
            [
                new() { Name = "", Points = Of(TrialState.Pruned), Joined = false, Markers = true, Color = 9 },
                new() { Name = "", Points = Of(TrialState.Completed), Joined = false, Markers = true, Color = 0 },
            ],
        };
    }

    /// <summary>Parallel coordinates: the better, the darker; the best in another colour.</summary>
    public static ParallelPlot Parallel(SearchSpace space, IReadOnlyList<TrialResult> results, TrialResult best)
    {
        var shown = results.Where(r => r.State != TrialState.Failed).OrderBy(r => r.Metric).ThenBy(r => r == best).ToArray();
        var (low, high) = (shown[0].Metric, Math.Max(shown[^1].Metric, shown[0].Metric + 1e-9));
        return new()
        {
            Title = "Parallel coordinates", Description = "A line for each trial: the more accurate, the darker; the best stands out. The last axis is the accuracy on the validation images.",
            Axes =
            [
                .. space.Parameters.Select(parameter => new ParallelAxis(parameter.Name, Ticks(parameter))),
                new("accuracy", [.. new[] { 0, 0.5, 1 }.Select(at => new PlotTick(at, FormattableString.Invariant($"{low + (at * (high - low)):0.0 %}")))]),
            ],
            Lines =
            [
                .. shown.Select((result, rank) => new ParallelLine(
                    [.. space.PointOf(result.TrialSettings.Parameters), (result.Metric - low) / (high - low)], Math.Pow((double)(rank + 1) / shown.Length, 2), result == best,
                    FormattableString.Invariant($"trial {result.TrialSettings.TrialId}: {result.Metric:0.00 %}"))),
            ],
        };
    }

    static PlotTick[] Ticks(SearchParameter parameter) => parameter.IsChoice
        ? [.. parameter.Choices.Select((choice, i) => new PlotTick((i + 0.5) / parameter.Choices.Length, choice))]
        : [.. new[] { 0, 0.5, 1 }.Select(at => new PlotTick(at, parameter.At(at)))];
}
