using MlNetCifar.Files;

namespace MlNetCifar.Reporting;

/// <summary>
/// A plot that renders itself as SVG: as a string for a page or notebook, or as a file. It scales to the width it is given, follows the
/// reader's light or dark preference, and needs neither network nor script.
/// </summary>
internal abstract class SvgPlot
{
    /// <summary>A small plot in a wide page must not turn into a poster.</summary>
    const double MostEnlarged = 1.25;

    /// <summary>Heading, also read out by screen readers; empty for none.</summary>
    public required string Title { get; init; }

    /// <summary>One sentence for screen readers; null for none.</summary>
    public string? Description { get; init; }

    /// <summary>Width of the drawing in its own units.</summary>
    public abstract int Width { get; }

    /// <summary>Height of the drawing in its own units.</summary>
    public abstract int Height { get; }

    /// <summary>The SVG element.</summary>
    /// <param name="standalone">Whether colours come along (files, notebooks); false inside a page that defines them. The default is true.</param>
    public string ToSvg(bool standalone = true)
    {
        var svg = new SvgWriter();
        svg.Raw($"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mc-plot\" viewBox=\"0 0 {Width} {Height}\" role=\"img\" ");
        svg.Raw($"aria-label=\"{SvgWriter.Escape(Description is null ? Title : Title == "" ? Description : $"{Title}. {Description}")}\"");
        svg.Raw(standalone ? $" width=\"{Width}\" height=\"{Height}\" style=\"max-width:100%;height:auto;background:var(--surface)\">"
            : $" style=\"max-width:{(int)(MostEnlarged * Width)}px\">");
        if (standalone)
            svg.Raw(SvgTheme.Standalone);
        Draw(svg);
        return svg.Raw("</svg>").ToString();
    }

    /// <summary>Writes the SVG to a file, which appears only when complete.</summary>
    /// <param name="path">Replaced when it exists.</param>
    public void Save(string path) => AtomicFile.WriteText(path, writer => writer.Write(ToSvg()));

    private protected abstract void Draw(SvgWriter svg);
}
