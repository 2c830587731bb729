using System.Globalization;
using System.Text;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Reporting;

/// <summary>Confusion matrix and per-class table.</summary>
internal static class ClassSections
{
    /// <summary>More classes cannot be told apart in a matrix on a screen.</summary>
    const int MostInMatrix = 100;

    const int MostInRecall = 20;

    /// <summary>Narrower screens scroll the matrix instead of shrinking its numbers further.</summary>
    const int LeastLegibleWidth = 330;

    public static void Confusion(StringBuilder html, EvaluationResult result)
    {
        var matrix = result.ConfusionMatrix;
        Markup.Section(html, "confusion", "Confusion matrix", "Rows are true classes, columns are predictions. Blue is right, orange is wrong; orange is drawn stronger so that rare mix-ups show.");
        if (matrix.NumberOfClasses > MostInMatrix)
        {
            html.Append($"<p>{matrix.NumberOfClasses} classes are too many to draw; the counts are in <code>confusion.csv</code>.</p>\n</section>\n");
            return;
        }

        if (matrix.NumberOfClasses <= 12)
            html.Append(
                "<div class=\"bar\"><button hidden data-cells=\"count\" aria-pressed=\"true\">Counts</button>" +
                "<button hidden data-cells=\"rate\" aria-pressed=\"false\">Share of true class</button></div>\n");
        html.Append("<div class=\"beside\"><div><div id=\"matrix\" class=\"matrix\">");
        var plot = EvaluationPlots.Confusion(matrix, title: "");
        html.Append($"<div style=\"min-width:{Math.Min(LeastLegibleWidth, plot.Width)}px\">{plot.ToSvg(standalone: false)}</div>");
        html.Append("</div>\n<p id=\"readout\" class=\"readout\">Point at a cell to read it.</p></div>\n");
        Markup.Figure(html, EvaluationPlots.Recall(result, MostInRecall));
        html.Append("</div>\n</section>\n");
    }

    public static void Table(StringBuilder html, EvaluationResult result)
    {
        Markup.Section(html, "classes", "Classes", "Click a heading to sort. The bar shows recall: of the images of the class, how many were found.");
        html.Append("<div class=\"scroll stick\"><table class=\"sortable\"><thead><tr><th>Class</th><th>Images</th><th class=\"l\">Recall</th><th>Interval</th>");
        html.Append("<th>Precision</th><th>F1</th><th>ROC AUC</th><th>Avg. prec.</th><th class=\"l\">Most often taken for</th></tr></thead>\n<tbody>\n");
        var worst = result.ConfusionMatrix.MostConfused(int.MaxValue).GroupBy(pair => pair.Actual).ToDictionary(group => group.Key, group => group.First());
        for (var i = 0; i < result.PerClass.Count; i++)
        {
            var c = result.PerClass[i];
            var absent = c.Support == 0;
            html.Append(Cell(c.Name, Markup.Text(c.Name))).Append(Cell(c.Support, Markup.Count(c.Support)));
            html.Append(
                $"<td class=\"l\" data-v=\"{Key(c.Recall)}\"><span class=\"meter\"><i style=\"width:{Key(Math.Round(100 * c.Recall, 1))}%\"></i></span>" +
                $"{(absent ? "–" : Markup.Percent(c.Recall))}</td>");
            html.Append(Cell(c.RecallInterval.Lower, Markup.Range(c.RecallInterval, percent: true), "small"));
            html.Append(Cell(c.Precision, c.Predicted == 0 ? "–" : Markup.Percent(c.Precision))).Append(Cell(c.F1Score, Markup.Number(c.F1Score)));
            html.Append(Cell(c.AreaUnderRocCurve, Markup.Number(c.AreaUnderRocCurve))).Append(Cell(c.AveragePrecision, Markup.Number(c.AveragePrecision)));
            html.Append(worst.TryGetValue(i, out var pair)
                ? $"<td class=\"l\" data-v=\"{pair.Count}\">{Markup.Text(result.Classes[pair.Predicted])} <span class=\"small\">{Markup.Count(pair.Count)} ({Markup.Percent(pair.Rate)})</span></td>"
                : "<td class=\"l\" data-v=\"0\">–</td>");
            html.Append("</tr>\n");
        }

        html.Append("</tbody></table></div>\n</section>\n");
    }

    static string Cell(string key, string content) => $"<tr><td data-v=\"{Markup.Text(key)}\">{content}</td>";

    static string Cell(double key, string content, string css = "") => $"<td data-v=\"{Key(key)}\"{(css == "" ? "" : $" class=\"{css}\"")}>{content}</td>";

    /// <summary>Undefined values sort below all others.</summary>
    static string Key(double value) => double.IsNaN(value) ? "-1" : value.ToString("0.######", CultureInfo.InvariantCulture);
}
