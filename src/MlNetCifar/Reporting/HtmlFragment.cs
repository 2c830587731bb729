using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Imaging;
using MlNetCifar.Reporting;

namespace MlNetCifar;

/// <summary>Parts of reports as HTML that brings its own style and loads nothing: for notebooks, mails and pages of one's own. Thread-safe.</summary>
public static class HtmlFragment
{
    /// <summary>More classes cannot be told apart in a matrix of a notebook's width.</summary>
    const int MostInMatrix = 30;

    /// <summary>Pictures with their labels, taken at even distances, so that a source in the order of its classes shows them all.</summary>
    /// <param name="images">The pictures.</param>
    /// <param name="most">Pictures at most, at least 1. The default is 24.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="most"/> is below 1.</exception>
    public static string Of(ImageSource images, int most = 24)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        var shown = Math.Min(most, images.Count);
        var html = new StringBuilder($"<p>{Markup.Images(images.Count)} of {images.Width}×{images.Height} pixels, {Markup.Count(images.Classes.Count)} classes</p>");
        Row(html, Enumerable.Range(0, shown).Select(i => Tile(images, (int)((long)i * images.Count / shown))));
        return html.ToString();
    }

    /// <summary>Accuracy and loss over the epochs.</summary>
    /// <param name="history">One record an epoch; none before the first has ended.</param>
    /// <param name="best">The epoch whose weights were kept, from 1. The default is 0: the one of the best validation accuracy.</param>
    public static string Of(IReadOnlyList<EpochRecord> history, int best = 0)
    {
        ArgumentNullException.ThrowIfNull(history);
        if (history.Count == 0)
            return "<p>No epoch has ended yet.</p>";
        var html = new StringBuilder();
        Row(html, [EvaluationPlots.Accuracy(history, best).ToSvg(), EvaluationPlots.Loss(history, best).ToSvg()]);
        return html.ToString();
    }

    /// <summary>The verdict, the headline figures with their intervals, and the plots: confusion (of at most 30 classes), recall of each class, calibration.</summary>
    /// <param name="result">The evaluation.</param>
    public static string Of(EvaluationResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var html = new StringBuilder($"<p>{Markup.Text(Verdict.Of(result))}</p>\n");
        foreach (var warning in result.Warnings)
            html.Append($"<p>⚠ {Markup.Text(warning)}</p>\n");
        html.Append($"<table><thead><tr><th>figure</th><th>value</th><th>{Markup.Percent(result.Options.ConfidenceLevel, "0.#")} interval</th></tr></thead><tbody>\n");
        foreach (var metric in result.Headline)
            html.Append($"<tr title=\"{Markup.Text(metric.Meaning)}\"><td>{Markup.Text(metric.Name)}</td><td>{Markup.Value(metric)}</td><td>{Markup.Range(metric.Interval, Markup.IsShare(metric))}</td></tr>\n");
        html.Append("</tbody></table>\n");
        SvgPlot[] plots = [EvaluationPlots.Confusion(result.ConfusionMatrix), EvaluationPlots.Recall(result, MostInMatrix), EvaluationPlots.Reliability(result)];
        Row(html, plots.Skip(result.Classes.Count <= MostInMatrix ? 0 : 1).Select(plot => plot.ToSvg()));
        return html.ToString();
    }

    /// <summary>A picture at its own size, as wide as there is room.</summary>
    /// <param name="picture">The picture, such as a heat map over a photograph.</param>
    public static string Of(RgbImage picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return $"<img src=\"data:image/png;base64,{Convert.ToBase64String(picture.ToPng())}\" width=\"{picture.Width}\" height=\"{picture.Height}\" style=\"max-width:100%;height:auto\" alt=\"\">";
    }

    static string Tile(ImageSource images, int row)
    {
        var label = Markup.Text(images.Classes[images.Label(row)]);
        return $"<figure style=\"margin:0;width:96px\" title=\"{Markup.Text(images.Name(row))}\"><img src=\"{Thumbnails.DataUri(images, row)}\" style=\"width:96px;image-rendering:pixelated\" alt=\"{label}\">" +
            $"<figcaption style=\"font-size:12px;text-align:center\">{label}</figcaption></figure>";
    }

    static void Row(StringBuilder html, IEnumerable<string> parts) =>
        html.Append("<div style=\"display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start\">\n").AppendJoin('\n', parts).Append("\n</div>");
}
