using System.Globalization;
using System.Text;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Reporting;

/// <summary>The top of the report: the verdict, how sure it is, and all headline numbers.</summary>
internal static class SummarySection
{
    public static void Write(StringBuilder html, ReportInput input, string verdict)
    {
        var result = input.Result;
        if (input.Warnings.Count > 0)
            Warnings(html, input.Warnings);
        html.Append("<section id=\"summary\">\n<div class=\"hero\">");
        html.Append($"<div class=\"big\">{Markup.Percent(result.MicroAccuracy)}</div><p class=\"verdict\">{Markup.Text(verdict)}</p>");
        Scale(html, result);
        html.Append("</div>\n");
        if (input.Gate is { } gate)
            Gate(html, gate);
        var all = result.Headline;
        Cards(html, Leading(all));
        html.Append($"<details class=\"fold\"><summary>All {all.Count + Binary(result).Count()} figures</summary>\n");
        Cards(html, all);
        if (result.Binary is { } binary)
        {
            html.Append($"<h3>Two classes, “{Markup.Text(binary.PositiveClass)}” as the positive one</h3>\n");
            Cards(html, Binary(result));
        }

        html.Append("</details>\n");
        html.Append("<details><summary>What these numbers mean</summary><dl>\n");
        foreach (var metric in all.Concat(Binary(result)))
            html.Append($"<dt>{Markup.Text(metric.Name)}</dt><dd>{Markup.Text(metric.Meaning)} {(metric.HigherIsBetter ? "Higher" : "Lower")} is better.</dd>\n");
        html.Append("</dl></details>\n");
        html.Append($"<p class=\"small\" style=\"margin:10px 0 0\">{Markup.Text(Footnote(result))}</p>\n</section>\n");
    }

    /// <summary>The four that say most; the accuracy above them is not said again.</summary>
    static IEnumerable<MetricValue> Leading(IReadOnlyList<MetricValue> all)
    {
        string[] keys = [MetricCatalog.MacroF1Score, MetricCatalog.AreaUnderRocCurveMacro, MetricCatalog.LogLoss, MetricCatalog.ExpectedCalibrationError];
        return keys.Select(key => all.First(metric => metric.Key == key));
    }

    /// <summary>Figures of the positive class, without those that say the same of both.</summary>
    static IEnumerable<MetricValue> Binary(EvaluationResult result) => result.BinaryHeadline.Where(metric => metric.Key is not ("accuracy" or MetricCatalog.BrierScore));

    static string Footnote(EvaluationResult result) => string.Create(
        CultureInfo.InvariantCulture,
        $"Small print under each number: {100 * result.Options.ConfidenceLevel:0.#} % interval. Shares of images by Wilson{Bootstrap(result)}.");

    static string Bootstrap(EvaluationResult result)
    {
        var (all, curves) = result.Resamples;
        if (all == 0)
            return "";
        var fewer = curves == all ? "" : curves == 0
            ? "; areas under curves have none, there being too many images"
            : string.Create(CultureInfo.InvariantCulture, $"; areas under curves by {curves:#,0} of them, there being many images");
        return string.Create(CultureInfo.InvariantCulture, $", the rest by {all:#,0} bootstrap resamples (seed {result.Options.Seed}){fewer}");
    }

    static void Warnings(StringBuilder html, IReadOnlyList<string> warnings)
    {
        html.Append("<div class=\"warn\" role=\"note\"><b>Before trusting these numbers</b><ul>");
        foreach (var warning in warnings)
            html.Append($"<li>{Markup.Text(warning)}</li>");
        html.Append("</ul></div>\n");
    }

    static void Scale(StringBuilder html, EvaluationResult result)
    {
        var interval = result.MicroAccuracyInterval;
        var chance = (double)result.ConfusionMatrix.ActualCounts.Max() / result.Count;
        html.Append($"<div class=\"scale\"><div class=\"track\"><i class=\"fill\" style=\"width:{At(interval.Lower)}\"></i>");
        html.Append($"<i class=\"ci\" style=\"left:{At(interval.Lower)};width:{At(interval.Upper - interval.Lower)}\"></i>");
        html.Append($"<b class=\"chance\" style=\"left:{At(chance)}\"></b></div><div class=\"key\">");
        html.Append($"<span>accuracy, 0 to 100 %, with its interval {Markup.Range(interval, percent: true)}</span>");
        html.Append($"<span style=\"--k:var(--bad)\">largest class {Markup.Percent(chance)}</span></div></div>");
    }

    static void Gate(StringBuilder html, GateOutcome gate)
    {
        html.Append($"<h3>Quality gate “{Markup.Text(gate.Name)}”: {(gate.Passed ? "<span class=\"ok\">passed</span>" : "<span class=\"as\">failed</span>")}</h3>\n<table class=\"gate\"><tbody>");
        foreach (var finding in gate.Findings)
            html.Append(
                $"<tr><td class=\"{(finding.Passed ? "ok" : "as")}\">{(finding.Passed ? "✓" : "✗")} {Markup.Text(finding.Name)}</td><td class=\"l\">{Markup.Text(finding.Text)}</td></tr>\n");
        html.Append("</tbody></table>\n");
    }

    static void Cards(StringBuilder html, IEnumerable<MetricValue> metrics)
    {
        html.Append("<div class=\"cards\">\n");
        foreach (var metric in metrics)
            html.Append(
                $"<div class=\"card\" title=\"{Markup.Text(metric.Meaning)}\"><div class=\"n\">{Markup.Text(metric.Name)}</div>" +
                $"<div class=\"v\">{Markup.Value(metric)}</div><div class=\"i\">{Markup.Range(metric.Interval, Markup.IsShare(metric))}&nbsp;</div></div>\n");
        html.Append("</div>\n");
    }

    static string At(double share) => (100 * share).ToString("0.##", CultureInfo.InvariantCulture) + "%";
}
