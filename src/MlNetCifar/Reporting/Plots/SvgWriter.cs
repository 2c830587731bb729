using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace MlNetCifar.Reporting;

/// <summary>Text of an SVG under construction; numbers are invariant and short, text is escaped.</summary>
internal sealed class SvgWriter
{
    /// <summary>Mean width of a character in ems; a little wide, so that estimates leave room.</summary>
    const double CharacterWidth = 0.58;

    readonly StringBuilder _text = new();

    /// <summary>Escapes text for element content and attributes.</summary>
    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>Estimated width of a text in pixels.</summary>
    public static double WidthOf(string text, double fontSize = 12) => text.Length * fontSize * CharacterWidth;

    /// <summary>A coordinate, to a tenth of a pixel.</summary>
    public static string N(double value) => (Math.Round(value, 1) + 0.0).ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>Appends markup as it is.</summary>
    public SvgWriter Raw(string markup)
    {
        _text.Append(markup);
        return this;
    }

    /// <summary>Appends markup with numbers in it.</summary>
    public SvgWriter Raw(ref DefaultInterpolatedStringHandler markup) => Raw(markup.ToStringAndClear());

    /// <summary>A text; anchor is <c>start</c>, <c>middle</c> or <c>end</c>.</summary>
    public SvgWriter Text(double x, double y, string text, string anchor = "start", string css = "", string extra = "") => Raw(
        $"<text x=\"{N(x)}\" y=\"{N(y)}\"{(anchor == "start" ? "" : $" text-anchor=\"{anchor}\"")}{(css == "" ? "" : $" class=\"{css}\"")}{extra}>{Escape(text)}</text>");

    /// <summary>A straight line.</summary>
    public SvgWriter Line(double x1, double y1, double x2, double y2, string css) =>
        Raw($"<line x1=\"{N(x1)}\" y1=\"{N(y1)}\" x2=\"{N(x2)}\" y2=\"{N(y2)}\" class=\"{css}\"/>");

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();
}
