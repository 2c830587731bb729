using System.Globalization;
using System.Text;

namespace MlNetCifar.Reporting;

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
        PageFrame.Head(html, input.Title, Subtitle(input));
        Navigation(html, input, mistakes.Count > 0);
        SummarySection.Write(html, input, verdict);
        if (input.NextSteps.Count > 0)
            InsightSections.NextSteps(html, input.NextSteps);
        if (input.History.Count > 0)
            CurveSections.Training(html, input);
        if (input.Workers is { } workers)
            WorkerSection.Write(html, workers);
        ClassSections.Confusion(html, result);
        ClassSections.Table(html, result);
        if (result.Rows is not null)
            CurveSections.Thresholds(html, result);
        CurveSections.Confidence(html, input);
        if (Answers(input))
            InsightSections.Answers(html, input);
        if (mistakes.Count > 0)
        {
            GallerySections.Mistakes(html, input, mistakes);
            GallerySections.Pairs(html, input, mistakes);
        }

        if (Explains(input))
            GallerySections.Explained(html, input);

        if (input.Map is not null && result.Rows is not null)
            InsightSections.Map(html, input);
        if (input.Augmented.Count > 0)
            InsightSections.Batch(html, input);
        if (input.TrainingCounts.Count > 0)
            InsightSections.Balance(html, input);
        DetailSections.Write(html, input, dataHash);
        PageFrame.Foot(html);
        return html.ToString();
    }

    static bool Answers(ReportInput input) => input.Images is not null && input.Result.Rows is not null;

    static bool Explains(ReportInput input) => input.Explained.Count > 0 && input.Images is not null;

    static string Subtitle(ReportInput input)
    {
        var text = $"{Markup.Count(input.Result.Count)} test images, {input.Result.Classes.Count} classes";
        return input.Created is { } created ? text + created.ToString(" · yyyy-MM-dd HH:mm 'UTC'zzz", CultureInfo.InvariantCulture) : text;
    }

    static void Navigation(StringBuilder html, ReportInput input, bool hasMistakes)
    {
        html.Append("<nav aria-label=\"Sections\"><a href=\"#summary\">Summary</a>");
        if (input.NextSteps.Count > 0)
            html.Append("<a href=\"#next\">Try next</a>");
        if (input.History.Count > 0)
            html.Append("<a href=\"#training\">Training</a>");
        if (input.Workers is not null)
            html.Append("<a href=\"#workers\">Workers</a>");
        html.Append("<a href=\"#confusion\">Confusion</a><a href=\"#classes\">Classes</a>");
        if (input.Result.Rows is not null)
            html.Append("<a href=\"#roc\">Ranking</a>");
        html.Append("<a href=\"#calibration\">Confidence</a>");
        if (hasMistakes)
            html.Append("<a href=\"#mistakes\">Mistakes</a><a href=\"#pairs\">Pairs</a>");
        if (Explains(input))
            html.Append("<a href=\"#explained\">Where it looked</a>");
        if (Answers(input))
            html.Append("<a href=\"#answers\">Answers</a>");
        if (input.Map is not null && input.Result.Rows is not null)
            html.Append("<a href=\"#map\">Map</a>");
        if (input.Augmented.Count > 0)
            html.Append("<a href=\"#batch\">Batch</a>");
        if (input.TrainingCounts.Count > 0)
            html.Append("<a href=\"#balance\">Balance</a>");
        html.Append("<a href=\"#data\">Data</a><a href=\"#repeat\">Repeat</a></nav>\n");
    }
}
