using System.Globalization;
using System.Text;
using MlNetCifar.Data;

namespace MlNetCifar.Reporting;

/// <summary>The report as one page without scripts, fonts or addresses from elsewhere.</summary>
internal static class DoctorHtml
{
    const int ListedPerKind = 200;

    static string Style =>
        ".tag{display:inline-block;border-radius:6px;padding:0 8px;font-size:13px;color:#fff;margin-left:8px;vertical-align:2px}" +
        ".error{background:#b3261e}.warning{background:#9a6700}.note{background:#52606d}.good{background:#1a7f37}" +
        ".finding{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start;border-top:1px solid var(--line);padding:10px 0;break-inside:avoid}" +
        ".finding>div:last-child{flex:1 1 16rem;min-width:0}.pictures{display:flex;gap:6px;flex-wrap:wrap;max-width:26rem}" +
        ".finding img{width:96px;height:96px;object-fit:contain;background:var(--chip);image-rendering:pixelated;border-radius:6px}" +
        "code{font-size:13px;overflow-wrap:anywhere}";

    public static void Write(DoctorReport report, Stream stream)
    {
        var html = new StringBuilder(1 << 16);
        var subtitle = string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Path} · {report.Count:N0} pictures in {report.Classes.Count} classes; width {Range(report.Widths)}, height {Range(report.Heights)}");
        PageFrame.Head(html, "Data set examination", subtitle, style: Style);
        Counts(html, report);
        Summary(html, report);
        foreach (var note in report.Notes)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"small\">{Text(note)}</p>\n");
        foreach (var group in report.Findings.GroupBy(f => f.Kind))
            Group(html, report, group.Key, [.. group]);
        PageFrame.Foot(html);
        stream.Write(Encoding.UTF8.GetBytes(html.ToString()));
    }

    static string Verdict(DoctorReport report)
    {
        var verdict = report.HasErrors ? "error" : report.Findings.Any(f => f.Severity == FindingSeverity.Warning) ? "warning" : "good";
        var words = verdict switch { "error" => "errors found", "warning" => "warnings", _ => "nothing serious" };
        return $"<span class=\"tag {verdict}\">{words}</span>";
    }

    static string Range((int Least, int Median, int Most) range) =>
        range.Least == range.Most ? $"{range.Least}" : $"{range.Least} … {range.Most} (median {range.Median})";

    static void Counts(StringBuilder html, DoctorReport report)
    {
        html.Append("<section id=\"pictures\">\n<h2>Pictures").Append(Verdict(report)).Append("</h2>\n<div class=\"scroll stick\"><table><thead><tr><th>class</th>");
        foreach (var split in report.Splits)
            html.Append(CultureInfo.InvariantCulture, $"<th>{ShardManifest.NameOf(split.Split)}</th>");
        html.Append("</tr></thead>\n<tbody>\n");
        for (var c = 0; c < report.Classes.Count; c++)
        {
            html.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(report.Classes[c])}</td>");
            foreach (var split in report.Splits)
                html.Append(CultureInfo.InvariantCulture, $"<td>{split.Classes[c]:N0}</td>");
            html.Append("</tr>\n");
        }

        html.Append("</tbody></table></div>\n</section>\n");
    }

    static void Summary(StringBuilder html, DoctorReport report)
    {
        if (report.Findings.Count == 0)
            return;
        html.Append("<section id=\"findings\">\n<h2>Findings</h2>\n<div class=\"scroll\"><table><thead><tr><th>kind</th><th class=\"l\">severity</th><th>number</th></tr></thead>\n<tbody>\n");
        foreach (var group in report.Findings.GroupBy(f => f.Kind))
            html.Append(CultureInfo.InvariantCulture, $"<tr><td><a href=\"#{group.Key}\">{Title(group.Key)}</a></td><td class=\"l\">{Severity(group.Key)}</td><td>{group.Count():N0}</td></tr>\n");
        html.Append("</tbody></table></div>\n</section>\n");
    }

    static void Group(StringBuilder html, DoctorReport report, FindingKind kind, Finding[] findings)
    {
        html.Append(CultureInfo.InvariantCulture, $"<section id=\"{kind}\">\n<h2>{Title(kind)}<span class=\"tag {Severity(kind)}\">{findings.Length:N0}</span></h2>\n");
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
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"small\">… and {findings.Length - ListedPerKind:N0} more, all in the JSON report.</p>\n");
        html.Append("</section>\n");
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
        FindingKind.LikelyMislabelled => "Likely wrong labels",
        _ => "Pictures without colour",
    };

    static string Text(string text) => Markup.Text(text);
}
