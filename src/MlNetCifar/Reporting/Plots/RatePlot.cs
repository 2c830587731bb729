using System.Globalization;

namespace MlNetCifar.Reporting;

/// <summary>The loss over the learning rate, with the rate that is suggested.</summary>
internal static class RatePlot
{
    public static XyPlot Of(RateCurve curve)
    {
        var (first, last) = (Math.Log10(curve.Curve[0].LearningRate), Math.Log10(curve.Curve[^1].LearningRate));
        return new XyPlot
        {
            Title = "Loss while the learning rate rises",
            XLabel = "learning rate",
            XTicks = [.. Powers(first, last).Select(power => new PlotTick(power, string.Create(CultureInfo.InvariantCulture, $"1e{power}")))],
            Series = [new PlotSeries { Name = "", Points = [.. curve.Curve.Select(p => new PlotPoint(Math.Log10(p.LearningRate), p.Loss))] }],
            Mark = new PlotTick(Math.Log10(curve.Suggestion), string.Create(CultureInfo.InvariantCulture, $"suggested {curve.Suggestion:0.0e+0}")),
            MarkAtTop = true,
        };
    }

    static IEnumerable<int> Powers(double first, double last) => Enumerable.Range((int)Math.Ceiling(first), Math.Max(0, (int)Math.Floor(last) - (int)Math.Ceiling(first) + 1));
}
