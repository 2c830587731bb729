using System.Globalization;

namespace MlNetCifar.Reporting;

/// <summary>A cell of a heat map.</summary>
/// <param name="Intensity">0 … 1: how strongly it is filled.</param>
/// <param name="Text">Written into it; empty for none.</param>
/// <param name="Alternative">The other text that a page can switch to; empty for none.</param>
/// <param name="Tooltip">Shown on hover; empty for none.</param>
internal readonly record struct HeatMapCell(double Intensity, string Text, string Alternative, string Tooltip);

/// <summary>A square table of filled cells with names on both sides; the diagonal has its own colour. Empty cells are not drawn.</summary>
internal sealed class HeatMapPlot : SvgPlot
{
    const double FontSize = 12;

    /// <summary>Names of rows and columns.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>A cell by row and column; null for an empty one.</summary>
    public required Func<int, int, HeatMapCell?> Cell { get; init; }

    /// <summary>Label of the rows.</summary>
    public string RowLabel { get; init; } = "";

    /// <summary>Label of the columns.</summary>
    public string ColumnLabel { get; init; } = "";

    /// <inheritdoc/>
    public override int Width => (int)(Left + (Side * Names.Count) + 8);

    /// <inheritdoc/>
    public override int Height => (int)(Top + (Side * Names.Count) + 6);

    double Side => Names.Count <= 12 ? 44 : Math.Max(7, 528.0 / Names.Count);

    bool HasNames => Side >= 11;

    double NameWidth => HasNames ? Math.Min(150, Names.Max(name => SvgWriter.WidthOf(Short(name), NameSize))) : 0;

    double NameSize => Math.Min(FontSize, Side);

    double Left => 22 + NameWidth + 6;

    double Heading => Title == "" ? 0 : 20;

    double Top => 22 + Heading + (NameWidth * 0.75) + 12;

    private protected override void Draw(SvgWriter svg)
    {
        svg.Text(0, 14, Title, css: "t");
        svg.Text(Left, 14 + Heading, ColumnLabel);
        var middle = Top + (Side * Names.Count / 2);
        svg.Text(0, 0, RowLabel, "middle", extra: $" transform=\"translate(12 {SvgWriter.N(middle)}) rotate(-90)\"");
        if (HasNames)
            DrawNames(svg);
        svg.Raw($"<rect x=\"{SvgWriter.N(Left)}\" y=\"{SvgWriter.N(Top)}\" width=\"{SvgWriter.N(Side * Names.Count)}\" height=\"{SvgWriter.N(Side * Names.Count)}\" ");
        svg.Raw("style=\"fill:none;stroke:var(--line)\"/>");
        for (var row = 0; row < Names.Count; row++)
            for (var column = 0; column < Names.Count; column++)
                if (Cell(row, column) is { } cell)
                    DrawCell(svg, row, column, cell);
    }

    static string Short(string name) => name.Length <= 22 ? name : name[..21] + "…";

    void DrawNames(SvgWriter svg)
    {
        var size = NameSize < FontSize ? $" style=\"font-size:{SvgWriter.N(NameSize)}px\"" : "";
        for (var i = 0; i < Names.Count; i++)
        {
            var at = (Side * i) + (Side / 2);
            svg.Text(Left - 6, Top + at + (NameSize * 0.36), Short(Names[i]), "end", "n", size);
            svg.Text(0, 0, Short(Names[i]), css: "n", extra: $"{size} transform=\"translate({SvgWriter.N(Left + at + 3)} {SvgWriter.N(Top - 6)}) rotate(-45)\"");
        }
    }

    void DrawCell(SvgWriter svg, int row, int column, HeatMapCell cell)
    {
        var (x, y) = (Left + (Side * column), Top + (Side * row));
        var opacity = (0.06 + (0.94 * Math.Clamp(cell.Intensity, 0, 1))).ToString("0.##", CultureInfo.InvariantCulture);
        svg.Raw($"<g class=\"cell\"><rect x=\"{SvgWriter.N(x + 0.5)}\" y=\"{SvgWriter.N(y + 0.5)}\" width=\"{SvgWriter.N(Side - 1)}\" height=\"{SvgWriter.N(Side - 1)}\" ");
        svg.Raw($"style=\"fill:var(--{(row == column ? "good" : "bad")});fill-opacity:{opacity}\"/>");
        if (Side >= 24)
        {
            // On a strong fill the text takes the surface's colour, which contrasts with both fills in both themes.
            var fill = cell.Intensity > 0.55 ? " style=\"fill:var(--surface)\"" : "";
            svg.Text(x + (Side / 2), y + (Side / 2) + 4, cell.Text, "middle", "n std", fill);
            if (cell.Alternative != "")
                svg.Text(x + (Side / 2), y + (Side / 2) + 4, cell.Alternative, "middle", "n alt", fill);
        }

        svg.Raw(cell.Tooltip == "" ? "</g>" : $"<title>{SvgWriter.Escape(cell.Tooltip)}</title></g>");
    }
}
