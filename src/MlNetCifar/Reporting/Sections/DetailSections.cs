using System.Text;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Reporting;

/// <summary>Where the numbers come from: data, settings, machine, and how to repeat the run.</summary>
internal static class DetailSections
{
    public static void Write(StringBuilder html, ReportInput input, string dataHash)
    {
        var result = input.Result;
        Markup.Section(html, "data", "Data");
        KeyValuePair<string, string>[] data =
        [
            .. input.Dataset,
            new("Test images", Markup.Count(result.Count)),
            new("Classes", $"{result.Classes.Count}: {Names(result.Classes)}"),
            new("Images a class", Balance(result)),
            new("Fingerprint", dataHash == "" ? "–" : dataHash),
        ];
        List(html, data);
        html.Append("</section>\n");
        Markup.Section(html, "repeat", "Repeat");
        if (input.Command is { } command)
        {
            html.Append($"<div class=\"bar\"><b>Command</b><button hidden data-copy=\"command\">Copy</button></div>\n<pre id=\"command\">{Markup.Text(command)}</pre>\n");
        }

        Block(html, "Settings", input.Settings);
        Block(html, "Environment", input.Environment);
        html.Append("<h3>Files beside this report</h3>\n<p class=\"small\" style=\"margin:0\">report.json, per_class.csv, confusion.csv, roc.csv, predictions.csv");
        html.Append($"{(input.History.Count > 0 ? ", results.csv" : "")}, summary.md and the plots as SVG in plots/.</p>\n</section>\n");
    }

    static string Names(IReadOnlyList<string> classes) =>
        classes.Count <= 20 ? string.Join(", ", classes) : string.Join(", ", classes.Take(19)) + $" and {classes.Count - 19} more";

    static string Balance(EvaluationResult result)
    {
        var (least, most) = (result.ConfusionMatrix.ActualCounts.Min(), result.ConfusionMatrix.ActualCounts.Max());
        return least == most ? $"{Markup.Count(least)} each" : $"{Markup.Count(least)} to {Markup.Count(most)}";
    }

    static void Block(StringBuilder html, string title, IReadOnlyList<KeyValuePair<string, string>> pairs)
    {
        if (pairs.Count == 0)
            return;
        html.Append($"<h3>{title}</h3>\n");
        List(html, pairs);
    }

    static void List(StringBuilder html, IReadOnlyList<KeyValuePair<string, string>> pairs)
    {
        html.Append("<dl>");
        foreach (var (name, value) in pairs)
            html.Append($"<dt>{Markup.Text(name)}</dt><dd>{Markup.Text(value)}</dd>\n");
        html.Append("</dl>\n");
    }
}
