using System.Globalization;
using System.Net;
using System.Text;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Reporting;

/// <summary>Small helpers for writing HTML.</summary>
internal static class Markup
{
    static readonly string[] s_shares =
    [
        MetricCatalog.MicroAccuracy, MetricCatalog.TopKAccuracy, MetricCatalog.MacroAccuracy, MetricCatalog.MacroF1Score,
        "accuracy", "f1Score", "positivePrecision", "positiveRecall", "negativePrecision", "negativeRecall",
    ];

    /// <summary>Escapes text for content and attributes, without the secrets of addresses.</summary>
    public static string Text(string value) => WebUtility.HtmlEncode(Secrets.InText(value));

    /// <summary>A number with four significant places, or a dash.</summary>
    public static string Number(double value, string format = "0.000") =>
        double.IsNaN(value) ? "–" : value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>A whole number with thousands separators.</summary>
    public static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>For example <c>1 image</c> or <c>1,000 images</c>.</summary>
    public static string Images(long count) => count == 1 ? "1 image" : $"{Count(count)} images";

    /// <summary>A share as percent.</summary>
    public static string Percent(double share, string format = "0.0") =>
        double.IsNaN(share) ? "–" : (100 * share).ToString(format, CultureInfo.InvariantCulture) + " %";

    /// <summary>Whether a headline number reads best as percent.</summary>
    public static bool IsShare(MetricValue metric) => s_shares.Contains(metric.Key);

    /// <summary>A headline number in its own unit.</summary>
    public static string Value(MetricValue metric) => IsShare(metric) ? Percent(metric.Value) : Number(metric.Value);

    /// <summary>An interval as <c>77.6 – 79.2 %</c> or <c>0.631 – 0.655</c>; empty when undefined.</summary>
    public static string Range(Interval interval, bool percent) => !interval.IsDefined ? ""
        : percent ? $"{Number(100 * interval.Lower, "0.0")} – {Percent(interval.Upper)}"
        : $"{Number(interval.Lower)} – {Number(interval.Upper)}";

    /// <summary>Opens a section with heading and anchor.</summary>
    public static void Section(StringBuilder html, string id, string title, string? lead = null)
    {
        html.Append($"<section id=\"{id}\">\n<h2>{Text(title)}</h2>\n");
        if (lead is not null)
            html.Append($"<p class=\"lead\">{Text(lead)}</p>\n");
    }

    /// <summary>A figure with an inline plot.</summary>
    public static void Figure(StringBuilder html, Reporting.SvgPlot plot, string css = "")
    {
        html.Append($"<figure{(css == "" ? "" : $" class=\"{css}\"")}>{plot.ToSvg(standalone: false)}");
        if (plot.Description is { } description)
            html.Append($"<figcaption>{Text(description)}</figcaption>");
        html.Append("</figure>\n");
    }
}
