using System.Globalization;
using System.Net;
using System.Text;
using MlNetCifar.Data;

namespace MlNetCifar.Reporting;

/// <summary>The report as one page without scripts, fonts or addresses from elsewhere.</summary>
internal static class DoctorHtml
{
    const int ListedPerKind = 200;

    const string Style = """
        body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2330;background:#fff}
        h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
        table{border-collapse:collapse;margin:.6rem 0}th,td{padding:.25rem .8rem;border-bottom:1px solid #dde2ea;text-align:right}
        th:first-child,td:first-child{text-align:left}.muted{color:#5b6573}
        .tag{display:inline-block;border-radius:.3rem;padding:0 .45rem;font-size:.8rem;color:#fff;margin-left:.5rem;vertical-align:.1rem}
        .error{background:#b3261e}.warning{background:#9a6700}.note{background:#52606d}.good{background:#1a7f37}
        .finding{display:flex;gap:.8rem;align-items:flex-start;border-bottom:1px solid #eef1f5;padding:.5rem 0}
        .finding img{width:96px;height:96px;object-fit:contain;background:#f3f5f8;image-rendering:pixelated}
        .pictures{display:flex;gap:.4rem;flex-wrap:wrap;max-width:26rem}code{font-size:.85rem;overflow-wrap:anywhere}
        """;

    public static void Write(DoctorReport report, Stream stream)
    {
        var html = new StringBuilder(1 << 16);
        html.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Data set examination</title><style>\n").Append(Style).Append("\n</style></head><body>\n");
        Head(html, report);
        Counts(html, report);
        Summary(html, report);
        foreach (var group in report.Findings.GroupBy(f => f.Kind))
            Group(html, report, group.Key, [.. group]);
        html.Append("</body></html>\n");
        stream.Write(Encoding.UTF8.GetBytes(html.ToString()));
    }

    static void Head(StringBuilder html, DoctorReport report)
    {
        var verdict = report.HasErrors ? "error" : report.Findings.Any(f => f.Severity == FindingSeverity.Warning) ? "warning" : "good";
        var words = verdict switch { "error" => "errors found", "warning" => "warnings", _ => "nothing serious" };
        html.Append(CultureInfo.InvariantCulture, $"<h1>Data set examination<span class=\"tag {verdict}\">{words}</span></h1>\n<p class=\"muted\"><code>{Text(report.Path)}</code><br>");
        html.Append(CultureInfo.InvariantCulture, $"{report.Count:N0} pictures in {report.Classes.Count} classes; width {Range(report.Widths)}, height {Range(report.Heights)}</p>\n");
    }

    static string Range((int Least, int Median, int Most) range) =>
        range.Least == range.Most ? $"{range.Least}" : $"{range.Least} … {range.Most} (median {range.Median})";

    static void Counts(StringBuilder html, DoctorReport report)
    {
        html.Append("<h2>Pictures</h2>\n<table><tr><th>class</th>");
        foreach (var split in report.Splits)
            html.Append(CultureInfo.InvariantCulture, $"<th>{ShardManifest.NameOf(split.Split)}</th>");
        html.Append("</tr>\n");
        for (var c = 0; c < report.Classes.Count; c++)
        {
            html.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(report.Classes[c])}</td>");
            foreach (var split in report.Splits)
                html.Append(CultureInfo.InvariantCulture, $"<td>{split.Classes[c]:N0}</td>");
            html.Append("</tr>\n");
        }

        html.Append("</table>\n");
    }

    static void Summary(StringBuilder html, DoctorReport report)
    {
        if (report.Findings.Count == 0)
            return;
        html.Append("<h2>Findings</h2>\n<table><tr><th>kind</th><th>severity</th><th>number</th></tr>\n");
        foreach (var group in report.Findings.GroupBy(f => f.Kind))
            html.Append(CultureInfo.InvariantCulture, $"<tr><td><a href=\"#{group.Key}\">{Title(group.Key)}</a></td><td>{Severity(group.Key)}</td><td>{group.Count():N0}</td></tr>\n");
        html.Append("</table>\n");
    }

    static void Group(StringBuilder html, DoctorReport report, FindingKind kind, Finding[] findings)
    {
        html.Append(CultureInfo.InvariantCulture, $"<h2 id=\"{kind}\">{Title(kind)}<span class=\"tag {Severity(kind)}\">{findings.Length:N0}</span></h2>\n");
        foreach (var finding in findings.Take(ListedPerKind))
        {
            html.Append("<div class=\"finding\">");
            if (finding.Paths.Any(report.Pictures.ContainsKey))
            {
                html.Append("<div class=\"pictures\">");
                foreach (var path in finding.Paths.Where(report.Pictures.ContainsKey))
                    html.Append(CultureInfo.InvariantCulture, $"<img alt=\"\" title=\"{Text(path)}\" src=\"{report.Pictures[path]}\">");
                html.Append("</div>");
            }

            html.Append(CultureInfo.InvariantCulture, $"<div>{Text(finding.Message)}{(finding.Code is null ? "" : $" ({finding.Code})")}");
            foreach (var path in finding.Paths)
                html.Append(CultureInfo.InvariantCulture, $"<br><code>{Text(path)}</code>");
            html.Append("</div></div>\n");
        }

        if (findings.Length > ListedPerKind)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"muted\">… and {findings.Length - ListedPerKind:N0} more, all in the JSON report.</p>\n");
    }

    static string Severity(FindingKind kind) => Finding.SeverityOf(kind).ToString().ToLowerInvariant();

    static string Title(FindingKind kind) => kind switch
    {
        FindingKind.Unreadable => "Unreadable files",
        FindingKind.Truncated => "Truncated pictures",
        FindingKind.Damaged => "Damaged pictures",
        FindingKind.ClassMismatch => "Class folders that do not fit",
        FindingKind.Leak => "Same picture in two splits",
        FindingKind.NearLeak => "Nearly the same picture in two splits",
        FindingKind.Contradiction => "Same picture in two classes",
        FindingKind.Duplicate => "Duplicates",
        FindingKind.NearDuplicate => "Near duplicates",
        FindingKind.Imbalance => "Imbalance",
        FindingKind.MissingClass => "Missing classes and what is left out",
        FindingKind.WrongExtension => "Extensions that lie",
        FindingKind.OddSize => "Odd sizes",
        FindingKind.Cmyk => "Print colours",
        FindingKind.Alpha => "Transparency",
        FindingKind.Animated => "Animations",
        _ => "Pictures without colour",
    };

    static string Text(string text) => WebUtility.HtmlEncode(text);
}
