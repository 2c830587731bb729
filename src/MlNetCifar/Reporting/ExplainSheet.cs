using System.Text;

namespace MlNetCifar.Reporting;

/// <summary>Explained pictures with captions and a scale on one page. The pictures stay files beside it: hundreds of photographs would be too much for a page.</summary>
internal static class ExplainSheet
{
    static string Style =>
        ".sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr));gap:18px}.sheet figure{break-inside:avoid}" +
        ".sheet img{display:block;width:100%;height:auto;border-radius:6px}.sheet figcaption b{color:var(--ink)}" +
        ".scale{display:flex;align-items:center;gap:10px;font-size:13px;color:var(--muted);max-width:520px}" +
        ".scale i{flex:1;height:12px;border-radius:6px;background:linear-gradient(90deg,#0e0c30,#541870,#ba365c,#f4802c,#fce878)}";

    public static string Build(string title, string subtitle, IReadOnlyList<SheetPicture> pictures)
    {
        var html = new StringBuilder();
        PageFrame.Head(html, title, subtitle, "img-src data: file: 'self'", Style);
        Markup.Section(
            html, "pictures", "Where it looked", "Each photograph, and beside it the same under the map. Yellow parts speak most for the class, violet ones least; what is pale the network does not see.");
        html.Append("<p class=\"scale\">0 nothing<i></i>1 most in this picture</p>\n<div class=\"sheet\">\n");
        foreach (var picture in pictures)
        {
            html.Append($"<figure><img src=\"{Uri.EscapeDataString(picture.Image)}\" alt=\"What speaks for {Markup.Text(picture.Label)} in {Markup.Text(picture.Name)}\" loading=\"lazy\">");
            html.Append($"<figcaption><b>{Markup.Text(picture.Label)} {Markup.Percent(picture.Probability)}</b> · {Markup.Text(picture.Name)}");
            html.Append($"{(picture.Note.Length > 0 ? $" · {Markup.Text(picture.Note)}" : "")}</figcaption></figure>\n");
        }

        html.Append("</div>\n</section>\n");
        PageFrame.Foot(html, "The pictures are files beside this page.");
        return html.ToString();
    }
}
