using System.Globalization;
using System.Text;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Reporting;

/// <summary>Comparisons as pages.</summary>
internal static class ComparisonPage
{
    const int MostFlipped = 200;

    public static string Build(ComparisonResult result)
    {
        var html = new StringBuilder();
        PageFrame.Head(html, $"{result.NameA} and {result.NameB}", $"{Markup.Images(result.Count)}, level {Number(result.Significance)}");
        Markup.Section(html, "verdict", "Verdict");
        html.Append($"<p class=\"verdict\">{Markup.Text(result.Verdict)}</p>\n</section>\n");
        Pair(html, result, result.McNemarP);
        PageFrame.Foot(html);
        return html.ToString();
    }

    public static string Build(MultiComparison comparison)
    {
        var html = new StringBuilder();
        PageFrame.Head(html, $"{comparison.Runs.Count} runs", $"{Markup.Images(comparison.Pairs[0].Count)}, level {Number(comparison.Pairs[0].Significance)}");
        Markup.Section(html, "verdict", "Verdict");
        html.Append($"<p class=\"verdict\">{Markup.Text(comparison.Verdict)}</p>\n</section>\n");
        Markup.Section(html, "pairs", "Every pair", "p is McNemar’s exact test, corrected by Holm for the number of pairs. Below the level the better run is marked.");
        html.Append("<div class=\"scroll stick\"><table class=\"sortable\"><thead><tr><th>Better</th><th class=\"l\">Worse</th><th>Accuracy</th><th>Accuracy</th><th>p</th></tr></thead>\n<tbody>\n");
        foreach (var (pair, p) in comparison.Pairs.Zip(comparison.AdjustedP))
        {
            html.Append($"<tr><td data-v=\"{Markup.Text(pair.NameB)}\"{(p < pair.Significance ? " class=\"ok\"" : "")}>{Markup.Text(pair.NameB)}</td>");
            html.Append($"<td class=\"l\" data-v=\"{Markup.Text(pair.NameA)}\">{Markup.Text(pair.NameA)}</td>");
            html.Append($"{Cell(pair.Metrics[0].B, Markup.Percent(pair.Metrics[0].B))}{Cell(pair.Metrics[0].A, Markup.Percent(pair.Metrics[0].A))}{Cell(p, P(p))}</tr>\n");
        }

        html.Append("</tbody></table></div>\n</section>\n");
        foreach (var (pair, p) in comparison.Pairs.Zip(comparison.AdjustedP))
        {
            html.Append($"<details><summary>{Markup.Text(pair.NameA)} and {Markup.Text(pair.NameB)}</summary>\n");
            Pair(html, pair, p);
            html.Append("</details>\n");
        }

        PageFrame.Foot(html);
        return html.ToString();
    }

    static void Pair(StringBuilder html, ComparisonResult c, double p)
    {
        html.Append($"<section>\n<h2>Images</h2>\n<dl><dt>A</dt><dd>{Markup.Text(c.NameA)}</dd>\n<dt>B</dt><dd>{Markup.Text(c.NameB)}</dd>\n");
        html.Append($"<dt>Both right</dt><dd>{Markup.Count(c.BothRight)}</dd>\n<dt>Only A right</dt><dd>{Markup.Count(c.OnlyARight)}</dd>\n");
        html.Append($"<dt>Only B right</dt><dd>{Markup.Count(c.OnlyBRight)}</dd>\n<dt>Both wrong</dt><dd>{Markup.Count(c.BothWrong)}</dd>\n<dt>p</dt><dd>{P(p)}</dd></dl>\n</section>\n");
        html.Append("<section>\n<h2>Metrics</h2>\n<p class=\"lead\">The interval and p of a difference are by paired bootstrap.</p>\n");
        html.Append("<div class=\"scroll stick\"><table><thead><tr><th>Metric</th><th>A</th><th>B</th><th>B − A</th><th>Interval</th><th>p</th></tr></thead>\n<tbody>\n");
        foreach (var m in c.Metrics)
        {
            var good = m.P < c.Significance ? m.Difference > 0 == m.HigherIsBetter ? " class=\"ok\"" : " class=\"as\"" : "";
            html.Append($"<tr><td>{Markup.Text(m.Name)}</td><td>{Number(m.A)}</td><td>{Number(m.B)}</td><td{good}>{Signed(m.Difference)}</td>");
            html.Append($"<td>{(m.Interval.IsDefined ? $"{Signed(m.Interval.Lower)} … {Signed(m.Interval.Upper)}" : "")}</td><td>{P(m.P)}</td></tr>\n");
        }

        html.Append("</tbody></table></div>\n</section>\n<section>\n<h2>Classes</h2>\n<p class=\"lead\">p is corrected by Holm for the number of classes.</p>\n");
        html.Append("<div class=\"scroll stick\"><table class=\"sortable\"><thead><tr><th>Class</th><th>Images</th><th>Recall A</th><th>Recall B</th><th>Gained</th><th>Lost</th><th>p</th></tr></thead>\n<tbody>\n");
        foreach (var change in c.Classes)
        {
            html.Append($"<tr><td data-v=\"{Markup.Text(change.Name)}\">{Markup.Text(change.Name)}</td>{Cell(change.Support, Markup.Count(change.Support))}");
            html.Append($"{Cell(change.RecallA, Markup.Percent(change.RecallA))}{Cell(change.RecallB, Markup.Percent(change.RecallB))}");
            html.Append($"{Cell(change.Gained, Markup.Count(change.Gained))}{Cell(change.Lost, Markup.Count(change.Lost))}{Cell(change.P, P(change.P))}</tr>\n");
        }

        html.Append("</tbody></table></div>\n</section>\n");
        Flipped(html, c.Flipped);
    }

    static void Flipped(StringBuilder html, IReadOnlyList<FlippedImage> flipped)
    {
        var shown = Math.Min(flipped.Count, MostFlipped);
        html.Append($"<section>\n<h2>Images that flipped</h2>\n<p class=\"lead\">{Markup.Images(flipped.Count)}{(shown < flipped.Count ? $"; the {shown} surest are shown" : "")}.</p>\n");
        html.Append("<div class=\"scroll stick\"><table><thead><tr><th>Image</th><th class=\"l\">Class</th><th class=\"l\">A</th><th class=\"l\">B</th></tr></thead>\n<tbody>\n");
        foreach (var image in flipped.OrderByDescending(image => Math.Max(image.ConfidenceA, image.ConfidenceB)).Take(shown))
        {
            html.Append($"<tr><td>{Markup.Text(image.Name)}</td><td class=\"l\">{Markup.Text(image.Label)}</td>");
            html.Append($"<td class=\"l {(image.IsGain ? "as" : "ok")}\">{Markup.Text(image.PredictedA)} {Markup.Percent(image.ConfidenceA)}</td>");
            html.Append($"<td class=\"l {(image.IsGain ? "ok" : "as")}\">{Markup.Text(image.PredictedB)} {Markup.Percent(image.ConfidenceB)}</td></tr>\n");
        }

        html.Append("</tbody></table></div>\n</section>\n");
    }

    static string Cell(double value, string text) => string.Create(CultureInfo.InvariantCulture, $"<td data-v=\"{value:R}\">{text}</td>");

    static string Number(double value) => Markup.Number(value, "0.0000");

    static string Signed(double value) => Markup.Number(value, "+0.0000;−0.0000;0.0000");

    static string P(double p) => double.IsNaN(p) ? "–" : p < 0.0001 ? "&lt; 0.0001" : Markup.Number(p, "0.0000");
}
