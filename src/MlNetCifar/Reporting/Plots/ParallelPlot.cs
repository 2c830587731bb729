namespace MlNetCifar.Reporting;

/// <summary>An axis of <see cref="ParallelPlot"/>.</summary>
/// <param name="Name">Above it.</param>
/// <param name="Ticks">Places, 0 … 1 from below, and their texts.</param>
internal sealed record ParallelAxis(string Name, IReadOnlyList<PlotTick> Ticks);

/// <summary>A line of <see cref="ParallelPlot"/>.</summary>
/// <param name="Places">One for each axis, 0 … 1 from below.</param>
/// <param name="Strength">0 … 1: how dark it is.</param>
/// <param name="IsChosen">Whether it is drawn in the colour that stands out.</param>
/// <param name="Tooltip">Shown on hover.</param>
internal sealed record ParallelLine(IReadOnlyList<double> Places, double Strength, bool IsChosen, string Tooltip);

/// <summary>Parallel coordinates: an axis for each quantity, a line for each thing.</summary>
internal sealed class ParallelPlot : SvgPlot
{
    const int Side = 70;
    const int Top = 58;
    const int Depth = 240;

    /// <summary>At least two, from left to right.</summary>
    public required IReadOnlyList<ParallelAxis> Axes { get; init; }

    /// <summary>Drawn in order, so that the last is on top.</summary>
    public required IReadOnlyList<ParallelLine> Lines { get; init; }

    /// <inheritdoc/>
    public override int Width => Math.Max(820, 130 * Axes.Count);

    /// <inheritdoc/>
    public override int Height => Top + Depth + 16;

    private protected override void Draw(SvgWriter svg)
    {
        svg.Text(0, 14, Title, css: "t");
        foreach (var line in Lines)
        {
            var points = string.Join(' ', line.Places.Select((place, i) => $"{SvgWriter.N(X(i))},{SvgWriter.N(Y(place))}"));
            var style = FormattableString.Invariant($"stroke:var(--{(line.IsChosen ? "c1" : "c0")});stroke-opacity:{0.08 + (0.92 * line.Strength):0.00}");
            svg.Raw($"<polyline class=\"s{(line.IsChosen ? " e" : " thin")}\" points=\"{points}\" style=\"{style}\"><title>{SvgWriter.Escape(line.Tooltip)}</title></polyline>");
        }

        for (var i = 0; i < Axes.Count; i++)
        {
            svg.Line(X(i), Y(0), X(i), Y(1), "a").Text(X(i), Top - 16, Axes[i].Name, "middle", "n");
            foreach (var tick in Axes[i].Ticks)
                svg.Line(X(i) - 3, Y(tick.At), X(i) + 3, Y(tick.At), "a").Text(X(i) - 6, Y(tick.At) + 4, tick.Text, "end");
        }
    }

    double X(int axis) => Side + (axis * (Width - Side - 50.0) / (Axes.Count - 1));

    static double Y(double place) => Top + (Depth * (1 - place));
}
