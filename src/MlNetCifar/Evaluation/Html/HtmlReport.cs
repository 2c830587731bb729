using System.Globalization;
using System.Text;
using MlNetCifar.Evaluation.Report;

namespace MlNetCifar.Evaluation.Html;

/// <summary>
/// Builds <c>report.html</c>: one file that a content policy forbids to load anything, readable on a phone, in the dark, on paper and without
/// script.
/// </summary>
internal static class HtmlReport
{
    public static string Build(ReportInput input, string dataHash, string verdict)
    {
        var result = input.Result;
        var mistakes = Mistakes.Of(result);
        var html = new StringBuilder();
        Head(html, input);
        Navigation(html, input, mistakes.Count > 0);
        SummarySection.Write(html, input, verdict);
        if (input.History.Count > 0)
            CurveSections.Training(html, input.History);
        ClassSections.Confusion(html, result);
        ClassSections.Table(html, result);
        if (result.Rows is not null)
            CurveSections.Thresholds(html, result);
        CurveSections.Confidence(html, result, input.Calibration);
        if (mistakes.Count > 0)
        {
            GallerySections.Mistakes(html, input, mistakes);
            GallerySections.Pairs(html, input, mistakes);
        }

        DetailSections.Write(html, input, dataHash);
        html.Append("<footer>Made by MlNetCifar. This file is complete: it loads nothing from the network.</footer>\n</main>\n");
        html.Append($"<script>{ReportScript.JavaScript}</script>\n</body></html>\n");
        return html.ToString();
    }

    static void Head(StringBuilder html, ReportInput input)
    {
        html.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        html.Append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline';script-src 'unsafe-inline';img-src data:\">\n");
        html.Append($"<title>{Markup.Text(input.Title)}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{ReportStyle.Css}</style></head>\n<body><main>\n");
        html.Append($"<header class=\"top\"><div><h1>{Markup.Text(input.Title)}</h1><p class=\"sub\">{Markup.Text(Subtitle(input))}</p></div>");
        html.Append("<button id=\"theme\" hidden title=\"Light or dark\" aria-label=\"Switch between light and dark\">◐</button></header>\n");
    }

    static string Subtitle(ReportInput input)
    {
        var text = $"{Markup.Count(input.Result.Count)} test images, {input.Result.Classes.Count} classes";
        return input.Created is { } created ? text + created.ToString(" · yyyy-MM-dd HH:mm 'UTC'zzz", CultureInfo.InvariantCulture) : text;
    }

    static void Navigation(StringBuilder html, ReportInput input, bool hasMistakes)
    {
        html.Append("<nav aria-label=\"Sections\"><a href=\"#summary\">Summary</a>");
        if (input.History.Count > 0)
            html.Append("<a href=\"#training\">Training</a>");
        html.Append("<a href=\"#confusion\">Confusion</a><a href=\"#classes\">Classes</a>");
        if (input.Result.Rows is not null)
            html.Append("<a href=\"#roc\">Ranking</a>");
        html.Append("<a href=\"#calibration\">Confidence</a>");
        if (hasMistakes)
            html.Append("<a href=\"#mistakes\">Mistakes</a><a href=\"#pairs\">Pairs</a>");
        html.Append("<a href=\"#data\">Data</a><a href=\"#repeat\">Repeat</a></nav>\n");
    }
}
