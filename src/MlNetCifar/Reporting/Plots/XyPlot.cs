using System.Globalization;

namespace MlNetCifar.Reporting;

/// <summary>A point of a series.</summary>
/// <param name="X">Value along the horizontal axis.</param>
/// <param name="Y">Value along the vertical axis; NaN leaves a gap.</param>
internal readonly record struct PlotPoint(double X, double Y);

/// <summary>A line, a step line or a cloud of points.</summary>
internal sealed class PlotSeries
{
    /// <summary>Shown in the legend; empty for none.</summary>
    public required string Name { get; init; }

    /// <summary>The points, from left to right.</summary>
    public required IReadOnlyList<PlotPoint> Points { get; init; }

    /// <summary>Index of the colour, −1 for that of the text; null to count through the colours.</summary>
    public int? Color { get; init; }

    /// <summary>Whether points are joined by a line. The default is true.</summary>
    public bool Joined { get; init; } = true;

    /// <summary>Whether the line goes in steps, level first.</summary>
    public bool Steps { get; init; }

    /// <summary>Whether each point has a marker that tells its values.</summary>
    public bool Markers { get; init; }

    /// <summary>Whether the line is dashed.</summary>
    public bool Dashed { get; init; }

    /// <summary>Whether the line is drawn strongly (true), finely (false) or as usual (null).</summary>
    public bool? Emphasis { get; init; }
}

/// <summary>A rectangle in data coordinates: bars, histograms, intervals.</summary>
/// <param name="X0">Left edge.</param>
/// <param name="X1">Right edge.</param>
/// <param name="Y0">Lower edge.</param>
/// <param name="Y1">Upper edge.</param>
/// <param name="Color">Index of the colour.</param>
/// <param name="Opacity">0 … 1.</param>
/// <param name="Tooltip">Shown on hover; empty for none.</param>
internal readonly record struct PlotBar(double X0, double X1, double Y0, double Y1, int Color = 0, double Opacity = 1, string Tooltip = "");

/// <summary>A tick with its own text, for categories.</summary>
/// <param name="At">Where.</param>
/// <param name="Text">What.</param>
internal readonly record struct PlotTick(double At, string Text);

/// <summary>Lines, steps, points and bars over two numeric axes.</summary>
internal sealed class XyPlot : SvgPlot
{
    const double LegendRow = 18;
    const double LineHeight = 14;

    /// <summary>Label under the horizontal axis.</summary>
    public string XLabel { get; init; } = "";

    /// <summary>Label above the vertical axis.</summary>
    public string YLabel { get; init; } = "";

    /// <summary>Ends of the horizontal axis; null to cover the data.</summary>
    public (double Low, double High)? XRange { get; init; }

    /// <summary>Ends of the vertical axis; null to cover the data.</summary>
    public (double Low, double High)? YRange { get; init; }

    /// <summary>Whether the horizontal axis shows shares as percent.</summary>
    public bool XPercent { get; init; }

    /// <summary>Whether the vertical axis shows shares as percent.</summary>
    public bool YPercent { get; init; }

    /// <summary>Ticks of the horizontal axis; null for round numbers.</summary>
    public IReadOnlyList<PlotTick>? XTicks { get; init; }

    /// <summary>Ticks of the vertical axis; null for round numbers.</summary>
    public IReadOnlyList<PlotTick>? YTicks { get; init; }

    /// <summary>The series, drawn in order above the bars.</summary>
    public IReadOnlyList<PlotSeries> Series { get; init; } = [];

    /// <summary>The bars, drawn in order.</summary>
    public IReadOnlyList<PlotBar> Bars { get; init; } = [];

    /// <summary>Whether the line y = x is drawn as reference.</summary>
    public bool Diagonal { get; init; }

    /// <summary>A vertical mark with a text; null for none.</summary>
    public PlotTick? Mark { get; init; }

    /// <summary>Whether the mark's text stands at the top; at the bottom by default.</summary>
    public bool MarkAtTop { get; init; }

    /// <summary>Height of the area between the axes.</summary>
    public int PlotHeight { get; init; } = 210;

    /// <inheritdoc/>
    public override int Width => 400;

    /// <inheritdoc/>
    public override int Height => (int)(Top + PlotHeight + Bottom);

    double Top => 34 + (LegendRow * LegendRows().Count) + (YLabel == "" ? 0 : LineHeight);

    double Bottom => XLabel == "" ? 24 : 40;

    double Left => YTicks is null ? 44 : Math.Min(130, 14 + YTicks.Max(tick => SvgWriter.WidthOf(tick.Text)));

    private protected override void Draw(SvgWriter svg)
    {
        var xs = Series.SelectMany(s => s.Points).Select(p => p.X).Concat(Bars.SelectMany(b => new[] { b.X0, b.X1 }));
        var ys = Series.SelectMany(s => s.Points).Select(p => p.Y).Concat(Bars.SelectMany(b => new[] { b.Y0, b.Y1 }));
        var (xLow, xHigh) = XRange ?? Axis.Cover(xs);
        var (yLow, yHigh) = YRange ?? Axis.Cover(ys);
        var x = new Axis(xLow, xHigh, Left, Width - 14);
        var y = new Axis(yLow, yHigh, Top + PlotHeight, Top);
        svg.Text(0, 14, Title, css: "t");
        DrawLegend(svg);
        DrawAxes(svg, x, y);
        foreach (var bar in Bars)
            DrawBar(svg, bar, x, y);
        if (Diagonal)
            svg.Line(x.At(Math.Max(x.Low, y.Low)), y.At(Math.Max(x.Low, y.Low)), x.At(Math.Min(x.High, y.High)), y.At(Math.Min(x.High, y.High)), "a d");
        if (Mark is { } mark)
            DrawMark(svg, mark, x, y);
        for (var i = 0; i < Series.Count; i++)
            DrawSeries(svg, Series[i], ColorOf(i), x, y);
    }

    static string Var(int color) => color < 0 ? "var(--ink)" : $"var(--c{color % SvgTheme.Colors})";

    int ColorOf(int series) => Series[series].Color ?? series;

    /// <summary>Named series, broken into rows that fit the width.</summary>
    List<List<(int Series, double X)>> LegendRows()
    {
        List<List<(int, double)>> rows = [];
        var x = double.PositiveInfinity;
        for (var i = 0; i < Series.Count; i++)
        {
            if (Series[i].Name == "")
                continue;
            var width = 24 + SvgWriter.WidthOf(Series[i].Name);
            if (x + width > Width)
            {
                rows.Add([]);
                x = 0;
            }

            rows[^1].Add((i, x));
            x += width + 8;
        }

        return rows;
    }

    void DrawLegend(SvgWriter svg)
    {
        var y = 34.0;
        foreach (var row in LegendRows())
        {
            foreach (var (series, x) in row)
            {
                var dash = Series[series].Dashed ? " d" : "";
                svg.Raw($"<line x1=\"{SvgWriter.N(x)}\" x2=\"{SvgWriter.N(x + 16)}\" y1=\"{SvgWriter.N(y - 4)}\" y2=\"{SvgWriter.N(y - 4)}\" ");
                svg.Raw($"class=\"s e{dash}\" style=\"stroke:{Var(ColorOf(series))}\"/>").Text(x + 21, y, Series[series].Name);
            }

            y += LegendRow;
        }

        if (YLabel != "")
            svg.Text(0, y, YLabel);
    }

    void DrawAxes(SvgWriter svg, Axis x, Axis y)
    {
        foreach (var tick in YTicks ?? [.. y.Ticks(5).Select(value => new PlotTick(value, y.Format(value, YPercent)))])
        {
            if (YTicks is null)
                svg.Line(x.Start, y.At(tick.At), x.End, y.At(tick.At), "g");
            svg.Text(x.Start - 6, y.At(tick.At) + 4, tick.Text, "end");
        }

        foreach (var tick in XTicks ?? [.. x.Ticks(6).Select(value => new PlotTick(value, x.Format(value, XPercent)))])
            svg.Line(x.At(tick.At), y.Start, x.At(tick.At), YTicks is null ? y.Start + 4 : y.End, YTicks is null ? "a" : "g")
                .Text(TickX(x.At(tick.At), tick.Text), y.Start + 16, tick.Text, "middle");
        svg.Line(x.Start, y.Start, x.End, y.Start, "a");
        if (XLabel != "")
            svg.Text((x.Start + x.End) / 2, y.Start + 33, XLabel, "middle");
    }

    /// <summary>Keeps the last tick's text inside the drawing.</summary>
    double TickX(double at, string text) => Math.Min(at, Width - 1 - (SvgWriter.WidthOf(text) / 2));

    static void DrawBar(SvgWriter svg, PlotBar bar, Axis x, Axis y)
    {
        var (left, right) = (x.At(bar.X0), x.At(bar.X1));
        var (low, high) = (y.At(bar.Y0), y.At(bar.Y1));
        svg.Raw($"<rect x=\"{SvgWriter.N(Math.Min(left, right))}\" y=\"{SvgWriter.N(Math.Min(low, high))}\" width=\"{SvgWriter.N(Math.Abs(right - left))}\" ");
        svg.Raw($"height=\"{SvgWriter.N(Math.Abs(low - high))}\" style=\"fill:{Var(bar.Color)};fill-opacity:{bar.Opacity.ToString("0.##", CultureInfo.InvariantCulture)}\"");
        svg.Raw(bar.Tooltip == "" ? "/>" : $"><title>{SvgWriter.Escape(bar.Tooltip)}</title></rect>");
    }

    void DrawMark(SvgWriter svg, PlotTick mark, Axis x, Axis y)
    {
        var at = x.At(mark.At);
        var isRight = at > (x.Start + x.End) / 2;
        svg.Line(at, y.Start, at, y.End, "a d").Text(at + (isRight ? -5 : 5), MarkAtTop ? y.End + 10 : y.Start - 6, mark.Text, isRight ? "end" : "start", "n");
    }

    void DrawSeries(SvgWriter svg, PlotSeries series, int color, Axis x, Axis y)
    {
        if (series.Joined)
        {
            var weight = series.Emphasis switch { true => " e", false => " thin", null => "" };
            svg.Raw($"<path class=\"s{weight}{(series.Dashed ? " d" : "")}\" style=\"stroke:{Var(color)}\" d=\"{PathOf(series, x, y)}\">");
            svg.Raw($"<title>{SvgWriter.Escape(series.Name)}</title></path>");
        }

        if (!series.Markers)
            return;
        foreach (var point in series.Points)
            if (double.IsFinite(point.Y))
                svg.Raw($"<circle class=\"pt\" cx=\"{SvgWriter.N(x.At(point.X))}\" cy=\"{SvgWriter.N(y.At(point.Y))}\" r=\"2.6\" style=\"fill:{Var(color)}\"><title>")
                    .Raw(SvgWriter.Escape(Tooltip(series, point))).Raw("</title></circle>");
    }

    string Tooltip(PlotSeries series, PlotPoint point)
    {
        var value = YPercent ? (100 * point.Y).ToString("0.0", CultureInfo.InvariantCulture) + " %" : point.Y.ToString("0.####", CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{series.Name} · {XLabel} {point.X:0.###}: {value}");
    }

    static string PathOf(PlotSeries series, Axis x, Axis y)
    {
        var path = new SvgWriter();
        var (pen, last) = ("M", 0.0);
        foreach (var point in series.Points)
        {
            if (!double.IsFinite(point.Y))
            {
                pen = "M";
                continue;
            }

            if (series.Steps && pen == "L")
                path.Raw($"L{SvgWriter.N(x.At(point.X))} {SvgWriter.N(last)}");
            last = y.At(point.Y);
            path.Raw($"{pen}{SvgWriter.N(x.At(point.X))} {SvgWriter.N(last)}");
            pen = "L";
        }

        return path.ToString();
    }
}
