using System.Text;

namespace MlNetCifar.Reporting;

/// <summary>What all pages begin and end with: a content policy that forbids to load anything, style, heading and script.</summary>
internal static class PageFrame
{
    /// <summary>Begins a page.</summary>
    /// <param name="html">Where to.</param>
    /// <param name="title">Heading.</param>
    /// <param name="subtitle">Line below it.</param>
    /// <param name="pictures">Where pictures may come from, as content policies say it.</param>
    /// <param name="style">Rules of this page alone.</param>
    public static void Head(StringBuilder html, string title, string subtitle, string pictures = "img-src data:", string style = "")
    {
        html.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        html.Append($"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline';script-src 'unsafe-inline';{pictures}\">\n");
        html.Append($"<title>{Markup.Text(title)}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{ReportStyle.Css}{style}</style></head>\n<body><main>\n");
        html.Append($"<header class=\"top\"><div><h1>{Markup.Text(title)}</h1><p class=\"sub\">{Markup.Text(subtitle)}</p></div>");
        html.Append("<button id=\"theme\" hidden title=\"Light or dark\" aria-label=\"Switch between light and dark\">◐</button></header>\n");
    }

    public static void Foot(StringBuilder html, string note = "This file is complete: it loads nothing from the network.")
    {
        html.Append($"<footer>Made by MlNetCifar. {note}</footer>\n</main>\n");
        html.Append($"<script>{ReportScript.JavaScript}</script>\n</body></html>\n");
    }
}
