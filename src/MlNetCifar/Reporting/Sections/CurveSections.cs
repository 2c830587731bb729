using System.Text;
using MlNetCifar.Inference;

namespace MlNetCifar.Reporting;

/// <summary>Training history, threshold curves and calibration.</summary>
internal static class CurveSections
{
    public static void Training(StringBuilder html, ReportInput input)
    {
        var history = input.History;
        Markup.Section(html, "training", "Training", Lead(history));
        html.Append("<div class=\"two three\">");
        Markup.Figure(html, EvaluationPlots.Accuracy(history, input.BestEpoch));
        Markup.Figure(html, EvaluationPlots.Loss(history, input.BestEpoch));
        if (history.Any(epoch => epoch.LearningRate > 0))
            Markup.Figure(html, EvaluationPlots.LearningRate(history));
        html.Append("</div>\n");
        if (input.Layers.Count > 0)
            InsightSections.Network(html, input.Layers);
        html.Append("</section>\n");
    }

    public static void Thresholds(StringBuilder html, EvaluationResult result)
    {
        Markup.Section(
            html, "roc", "Ranking", "How well the score of a class ranks its images above all others. Numbers in the legends are areas under the ROC curve and average precision.");
        html.Append("<div class=\"two\">");
        Markup.Figure(html, EvaluationPlots.Roc(result));
        Markup.Figure(html, EvaluationPlots.PrecisionRecall(result));
        html.Append("</div>\n</section>\n");
    }

    public static void Confidence(StringBuilder html, ReportInput input)
    {
        var (result, check) = (input.Result, input.Calibration);
        Markup.Section(html, "calibration", "Confidence", "Whether “90 % sure” means right nine times out of ten, and what is gained by withholding unsure answers.");
        html.Append("<div class=\"two\">");
        Markup.Figure(html, EvaluationPlots.Reliability(result));
        if (result.Rows is not null)
            Markup.Figure(html, EvaluationPlots.Rejection(check?.Rejection ?? RejectionCurve.Of(result)));
        html.Append("</div>\n");
        if (check is not null)
            Calibrated(html, check);
        Rejection(html, input.Rejection);
        html.Append("</section>\n");
    }

    static void Calibrated(StringBuilder html, CalibrationCheck check)
    {
        html.Append("<h3>With the calibration stored in the model</h3>\n<dl>");
        Row("Calibration error", $"{Markup.Number(check.ErrorAfter)}; {Markup.Number(check.ErrorBefore)} without it");
        Row("Log-loss", $"{Markup.Number(check.Calibrated.LogLoss)}; {Markup.Number(check.Uncalibrated.LogLoss)} without it");
        Row("Brier score", $"{Markup.Number(check.Calibrated.BrierScore)}; {Markup.Number(check.Uncalibrated.BrierScore)} without it");
        Row(
            "Label sets", $"hold the true label for {Markup.Percent(check.Coverage)} ({Markup.Range(check.CoverageInterval, percent: true)}) of the images; " +
            $"promised {Markup.Percent(check.PromisedCoverage, "0.#")}; {Markup.Number(check.MeanSetSize, "0.00")} labels on average");
        Row("Answered", $"{Markup.Percent(check.Answered)} of the images, {Markup.Percent(check.AnswerAccuracy)} of the answers right; the rest is “unknown”");
        html.Append("</dl>\n");

        void Row(string name, string text) => html.Append($"<dt>{name}</dt><dd>{text}</dd>\n");
    }

    static void Rejection(StringBuilder html, IReadOnlyList<AbstainRule> rules)
    {
        if (rules.Count == 0)
            return;
        html.Append("<h3>When only answers above a confidence are given</h3>\n<div class=\"scroll\"><table><thead><tr><th>Answered</th><th>Right</th><th>Interval</th><th>Least confidence</th></tr></thead>\n<tbody>\n");
        foreach (var rule in rules)
            html.Append(
                $"<tr><td>{Markup.Percent(rule.Coverage)}</td><td>{Markup.Percent(rule.Accuracy)}</td><td>{Markup.Range(rule.AccuracyInterval, percent: true)}</td><td>{Markup.Number(rule.Threshold)}</td></tr>\n");
        html.Append("</tbody></table></div>\n");
    }

    static string Lead(IReadOnlyList<EpochRecord> history)
    {
        var seconds = history.Sum(e => e.Seconds);
        var time = seconds >= 3600 ? $"{Markup.Number(seconds / 3600, "0.0")} h" : seconds >= 120 ? $"{Markup.Number(seconds / 60, "0.0")} min" : $"{Markup.Number(seconds, "0")} s";
        var speed = history.Where(e => e.ImagesPerSecond > 0).Select(e => e.ImagesPerSecond).DefaultIfEmpty(0).Average();
        var epochs = history.Count == 1 ? "1 epoch" : $"{history.Count} epochs";
        return speed > 0 ? $"{epochs} in {time}, {Markup.Count((long)speed)} images per second." : $"{epochs} in {time}.";
    }
}
