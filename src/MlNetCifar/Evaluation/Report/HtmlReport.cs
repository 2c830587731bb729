using System.Globalization;
using System.Net;
using System.Text;

namespace MlNetCifar.Evaluation.Report;

/// <summary>Writes <c>report.html</c>: one file, no network.</summary>
internal static class HtmlReport
{
    public static string Build(ReportInput input, string dataHash, string verdict)
    {
        var html = new StringBuilder();
        html.Append("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
        html.Append($"<title>{Text(input.Title)}</title>\n<h1>{Text(input.Title)}</h1>\n<p>{Text(verdict)}</p>\n<table>");
        foreach (var metric in input.Result.Headline)
            html.Append($"<tr><td>{Text(metric.Name)}<td>{Number(metric.Value)}<td>{metric.Interval}\n");
        html.Append($"</table>\n<pre>{Text(input.Result.ConfusionMatrix.GetFormattedConfusionTable())}</pre>\n<p>{dataHash}</p></html>\n");
        return html.ToString();
    }

    static string Text(string value) => WebUtility.HtmlEncode(value);

    static string Number(double value) => double.IsNaN(value) ? "–" : value.ToString("0.0000", CultureInfo.InvariantCulture);
}
