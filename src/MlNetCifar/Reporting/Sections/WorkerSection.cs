using System.Globalization;
using System.Text;

namespace MlNetCifar.Reporting;

/// <summary>Which process did what, what was lost and waited for, and how stale gradients were.</summary>
internal static class WorkerSection
{
    /// <summary>More bars than fit on a page hold nothing by then.</summary>
    const int MostBars = 64;

    public static void Write(StringBuilder html, ReportWorkers workers)
    {
        Markup.Section(html, "workers", "Workers", workers.Summary);
        html.Append($"<div class=\"scroll stick\"><table><thead><tr><th>Worker</th><th>{Markup.Text(workers.Unit)}</th><th>MiB sent to it</th><th>MiB received</th><th>MiB from it to others</th><th>MiB sent while it computed</th><th>Seconds waited</th><th class=\"l\">Lost</th></tr></thead>\n<tbody>\n");
        foreach (var worker in workers.All)
            html.Append(
                $"<tr><td>{worker.Name}</td><td>{Markup.Count(worker.Done)}</td><td>{Mebibytes(worker.BytesSent)}</td><td>{Mebibytes(worker.BytesReceived)}</td><td>{Mebibytes(worker.BytesPassed)}</td>" +
                $"<td>{Mebibytes(worker.BytesAhead)}</td><td>{Markup.Number(worker.SecondsWaited, "0.0")}</td><td class=\"l\">{Markup.Text(worker.Lost ?? "")}</td></tr>\n");
        html.Append("</tbody></table></div>\n");
        if (workers.All.Any(worker => worker.Lost is not null))
            html.Append($"<p class=\"small\">{Markup.Count(workers.HandedOver)} {Markup.Text(workers.Unit)} of lost workers were done by others; nothing was left out or done twice.</p>\n");
        if (workers.Rehearsal is { } rehearsal)
            html.Append($"<p><b>Rehearsal of faults</b> {Markup.Text(rehearsal)}</p>\n");
        if (workers.Staleness.Count > 0)
            Staleness(html, workers.Staleness);
        html.Append("</section>\n");
    }

    static void Staleness(StringBuilder html, IReadOnlyList<long> counts)
    {
        html.Append("<h3>Staleness</h3>\n<p class=\"small\">By how many updates of others what workers computed came too late.</p>\n");
        html.Append("<div class=\"scroll\"><table><thead><tr><th>Updates</th><th class=\"l\">How often</th></tr></thead>\n<tbody>\n");
        var most = Math.Max(1, counts.Max());
        for (var i = 0; i < Math.Min(counts.Count, MostBars); i++)
        {
            var share = (100.0 * counts[i] / most).ToString("0.#", CultureInfo.InvariantCulture);
            html.Append($"<tr><td>{i}</td><td class=\"l\"><span class=\"meter\"><i style=\"width:{share}%\"></i></span>{Markup.Count(counts[i])}</td></tr>\n");
        }

        html.Append("</tbody></table></div>\n");
        if (counts.Count > MostBars)
            html.Append($"<p class=\"small\">{Markup.Count(counts.Skip(MostBars).Sum())} more were staler, at most by {counts.Count - 1} updates.</p>\n");
    }

    static string Mebibytes(long bytes) => Markup.Number(bytes / (double)(1 << 20), "0.0");
}
