using System.Net;
using System.Text;
using MlNetCifar.App.Runs;
using MlNetCifar.Files;

namespace MlNetCifar.App.Commands;

/// <summary>The page of a run that is under way; it reloads itself until the run ends.</summary>
internal static class WatchPage
{
    const string Style =
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1a2028;background:#fff}h1{font-size:1.4rem;margin:0}" +
        "p{color:#5d6875}table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:3px 12px;border-bottom:1px solid #e1e5ea;text-align:right}" +
        "svg{width:100%;height:auto}.t{stroke:#1f6feb}.v{stroke:#d9580b}svg path{fill:none;stroke-width:2}a{color:#1769c2}" +
        "@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e8ecf1}td,th{border-color:#2c343e}p{color:#9aa6b3}}";

    public static void Write(string path, RunSummary run, IReadOnlyList<Dictionary<string, double?>> rows)
    {
        var html = new StringBuilder("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
        if (!run.IsDone)
            html.Append("<meta http-equiv=\"refresh\" content=\"2\">");
        html.Append($"<title>{Text(run.Folder)}</title><style>{Style}</style></head>\n<body><h1>{Text(run.Folder)}</h1>\n<p>{Text(State(run))}</p>\n");
        html.Append(Curve(rows)).Append("<p><span style=\"color:#1f6feb\">training</span> and <span style=\"color:#d9580b\">validation</span> accuracy, 0 to 1, over epochs</p>\n<table>");
        foreach (var row in rows.Reverse())
            html.Append($"<tr><td>{Text(WatchCommand.Line(run, row))}</td></tr>\n");
        html.Append("</table></body></html>\n");
        LocalFileStore.Instance.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(html.ToString())));
    }

    static string State(RunSummary run) => run.IsDone
        ? Invariant($"done: {(run.Accuracy is { } accuracy ? Invariant($"accuracy {accuracy:0.0000}; ") : "")}the rest is in {run.Page}")
        : Invariant($"{run.Network} on {run.Data}, {run.Epochs} epochs done{(WatchCommand.Left(run) is { } left ? ", " + left : "")}");

    static string Curve(IReadOnlyList<Dictionary<string, double?>> rows) =>
        $"<svg viewBox=\"0 0 600 200\" role=\"img\" aria-label=\"Accuracy over epochs\"><path stroke=\"#9aa6b3\" d=\"M0 0V200H600\"/>{Line(rows, "train_accuracy", "t")}{Line(rows, "val_accuracy", "v")}</svg>\n";

    static string Line(IReadOnlyList<Dictionary<string, double?>> rows, string column, string css)
    {
        var points = rows.Select((row, i) => (X: 600.0 * i / Math.Max(1, rows.Count - 1), Y: row.GetValueOrDefault(column))).Where(point => point.Y is not null);
        return $"<path class=\"{css}\" d=\"{string.Concat(points.Select((point, i) => Invariant($"{(i == 0 ? 'M' : 'L')}{point.X:0.#} {200 - (200 * point.Y):0.#}")))}\"/>";
    }

    static string Text(string text) => WebUtility.HtmlEncode(Secrets.InText(text));
}
