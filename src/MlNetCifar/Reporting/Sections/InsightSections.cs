using System.Globalization;
using System.Text;

namespace MlNetCifar.Reporting;

/// <summary>What helps to go on: what to try next, the balance of the classes, a batch as the network sees it, answers drawn at random, the images in the plane.</summary>
internal static class InsightSections
{
    const int MostTiles = 16;
    const int MostClasses = 40;

    public static void NextSteps(StringBuilder html, IReadOnlyList<NextStep> steps)
    {
        Markup.Section(html, "next", "What to try next");
        html.Append("<ol class=\"next\">\n");
        foreach (var step in steps)
            html.Append($"<li>{Markup.Text(step.Found)}: <b>{Markup.Text(step.Try)}</b></li>\n");
        html.Append("</ol>\n</section>\n");
    }

    public static void Balance(StringBuilder html, ReportInput input)
    {
        var (classes, test) = (input.Result.Classes, input.Result.ConfusionMatrix.ActualCounts);
        Markup.Section(html, "balance", "Class balance", "How many images of each class were trained on and evaluated on.");
        html.Append("<div class=\"scroll stick\"><table class=\"sortable\"><thead><tr><th>Class</th><th class=\"l\">Training images</th><th>Evaluated</th></tr></thead>\n<tbody>\n");
        var most = Math.Max(1, input.TrainingCounts.Max());
        foreach (var i in Enumerable.Range(0, classes.Count).OrderByDescending(i => input.TrainingCounts[i]).Take(MostClasses))
        {
            var share = (100.0 * input.TrainingCounts[i] / most).ToString("0.#", CultureInfo.InvariantCulture);
            html.Append($"<tr><td data-v=\"{Markup.Text(classes[i])}\">{Markup.Text(classes[i])}</td><td class=\"l\" data-v=\"{input.TrainingCounts[i]}\"><span class=\"meter\"><i style=\"width:{share}%\"></i></span>");
            html.Append($"{Markup.Count(input.TrainingCounts[i])}</td><td data-v=\"{test[i]}\">{Markup.Count(test[i])}</td></tr>\n");
        }

        html.Append("</tbody></table></div>\n");
        if (classes.Count > MostClasses)
            html.Append($"<p class=\"small\">The {MostClasses} largest of {classes.Count} classes.</p>\n");
        html.Append("</section>\n");
    }

    public static void Batch(StringBuilder html, ReportInput input)
    {
        Markup.Section(html, "batch", "What the network saw", "The first pictures of the first batch, after augmentation; point at one to see it as it was.");
        BatchSheet.Tiles(html, input.Result.Classes, input.Augmented, _ => "");
        html.Append("</section>\n");
    }

    /// <summary>Answers as they come, and right ones: mistakes alone give a wrong picture.</summary>
    public static void Answers(StringBuilder html, ReportInput input)
    {
        var rows = input.Result.Rows!;
        var answers = rows.Answers().ToList();
        Markup.Section(html, "answers", "Answers", "Not chosen by how good they are: evenly spaced over the images. Wrong ones are orange.");
        Tiles(html, input, Spaced(answers));
        html.Append("<h3>Right, but least sure</h3>\n");
        Tiles(html, input, [.. answers.Where(answer => answer.Predicted == rows.Labels[answer.Row]).OrderBy(answer => answer.Confidence).ThenBy(answer => answer.Row).Take(MostTiles / 2)]);
        html.Append("</section>\n");
    }

    public static void Map(StringBuilder html, ReportInput input)
    {
        var map = input.Map!;
        int[] labels = [.. input.Result.Rows!.Labels];
        Markup.Section(
            html, "map", "Images in the plane",
            $"What the last layer is given, by its two principal components, which hold {Markup.Percent(map.Explained)} of its variance. Images near each other look alike to the network.");
        html.Append("<div class=\"beside\">");
        Markup.Figure(html, EvaluationPlots.Map(map, labels, input.Result.Classes));
        html.Append("<p class=\"small\">Classes that lie apart are easily told from each other; those that lie in one another are confused. A point amid another class is often mislabelled or unusual. ");
        html.Append("More than two dimensions are folded into two here, so nearness may deceive.</p></div>\n</section>\n");
    }

    public static void Network(StringBuilder html, IReadOnlyList<ReportLayer> layers)
    {
        html.Append($"<details><summary>The network: {Markup.Count(layers.Sum(layer => layer.Parameters))} parameters, {Markup.Number(layers.Sum(layer => layer.Flops) / 1e6, "0.0")} MFLOP an image</summary>\n");
        html.Append("<div class=\"scroll stick\"><table><thead><tr><th>Layer</th><th class=\"l\">Details</th><th>Output</th><th>Parameters</th><th>MFLOP</th></tr></thead>\n<tbody>\n");
        foreach (var layer in layers)
            html.Append(
                $"<tr><td>{Markup.Text(layer.Name)}</td><td class=\"l\">{Markup.Text(layer.Details)}</td><td>{Markup.Text(layer.Output)}</td>" +
                $"<td>{(layer.Parameters == 0 ? "" : Markup.Count(layer.Parameters))}</td><td>{(layer.Flops < 5e3 ? "" : Markup.Number(layer.Flops / 1e6, "0.00"))}</td></tr>\n");
        html.Append("</tbody></table></div></details>\n");
    }

    static IReadOnlyList<(int Row, int Predicted, double Confidence)> Spaced(List<(int Row, int Predicted, double Confidence)> answers) =>
        answers.Count <= MostTiles ? answers : [.. Enumerable.Range(0, MostTiles).Select(i => answers[(int)(((i + 0.5) * answers.Count) / MostTiles)])];

    static void Tiles(StringBuilder html, ReportInput input, IReadOnlyList<(int Row, int Predicted, double Confidence)> answers)
    {
        html.Append("<div class=\"grid\">\n");
        foreach (var (row, predicted, confidence) in answers)
        {
            var (label, named) = (Markup.Text(input.Result.Classes[input.Result.Rows!.Labels[row]]), Markup.Text(input.Result.Classes[predicted]));
            var right = input.Result.Rows.Labels[row] == predicted;
            html.Append($"<div class=\"tile\" title=\"{Markup.Text(input.NameOf(row))}\"><img src=\"{Thumbnails.DataUri(input.Images!, row)}\" alt=\"{label}\" loading=\"lazy\">");
            html.Append($"<b>{label}</b>{(right ? "<span class=\"ok\">✓</span>" : $"as <span class=\"as\">{named}</span>")} <span class=\"small\">{Markup.Percent(confidence)}</span></div>\n");
        }

        html.Append("</div>\n");
    }
}
