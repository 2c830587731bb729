using System.Text;
using MlNetCifar.Evaluation.Calibration;
using MlNetCifar.Evaluation.Plots;

namespace MlNetCifar.Evaluation.Html;

/// <summary>Training history, threshold curves and calibration.</summary>
internal static class CurveSections
{
    public static void Training(StringBuilder html, IReadOnlyList<EpochRecord> history)
    {
        Markup.Section(html, "training", "Training", Lead(history));
        html.Append("<div class=\"two\">");
        Markup.Figure(html, EvaluationPlots.Accuracy(history));
        Markup.Figure(html, EvaluationPlots.Loss(history));
        html.Append("</div>\n</section>\n");
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

    public static void Calibration(StringBuilder html, EvaluationResult result)
    {
        Markup.Section(html, "calibration", "Confidence", "Whether “90 % sure” means right nine times out of ten, and what is gained by withholding unsure answers.");
        html.Append("<div class=\"two\">");
        Markup.Figure(html, EvaluationPlots.Reliability(result));
        if (result.Rows is not null)
            Markup.Figure(html, EvaluationPlots.Rejection(RejectionCurve.Of(result)));
        html.Append("</div>\n</section>\n");
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
