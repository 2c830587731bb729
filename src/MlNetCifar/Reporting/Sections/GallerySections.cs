using System.Text;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Reporting;

/// <summary>Mistakes as pictures, where pictures are at hand; as names otherwise.</summary>
internal static class GallerySections
{
    const int MostTiles = 24;
    const int MostPairs = 6;
    const int MostInStrip = 12;

    public static void Mistakes(StringBuilder html, ReportInput input, IReadOnlyList<Mistake> mistakes)
    {
        Markup.Section(html, "mistakes", "Most confident mistakes", "Wrong answers the model was surest of: often odd pictures, wrong labels, or what to collect more of.");
        html.Append("<div class=\"grid\">\n");
        foreach (var mistake in mistakes.Take(MostTiles))
        {
            var classes = input.Result.Classes;
            var name = Markup.Text(input.NameOf(mistake.Row));
            html.Append($"<div class=\"tile\" title=\"{name}\">");
            Image(html, input, mistake.Row, $"{classes[mistake.Label]} taken for {classes[mistake.Predicted]}");
            if (input.Images is null)
                html.Append($"<span class=\"small\">{name}</span>");
            html.Append($"<b>{Markup.Text(classes[mistake.Label])}</b>as <span class=\"as\">{Markup.Text(classes[mistake.Predicted])}</span> <span class=\"small\">{Markup.Percent(mistake.Confidence)}</span></div>\n");
        }

        html.Append("</div>\n</section>\n");
    }

    public static void Pairs(StringBuilder html, ReportInput input, IReadOnlyList<Mistake> mistakes)
    {
        var result = input.Result;
        Markup.Section(html, "pairs", "Most confused pairs", "Per pair the pictures with the surest wrong answers.");
        foreach (var pair in result.ConfusionMatrix.MostConfused(MostPairs))
        {
            html.Append(
                $"<div class=\"pair\"><p><b>{Markup.Text(result.Classes[pair.Actual])}</b> taken for <b class=\"as\">{Markup.Text(result.Classes[pair.Predicted])}</b>: " +
                $"{Markup.Images(pair.Count)}, {Markup.Percent(pair.Rate)} of the class</p>");
            if (input.Images is not null)
            {
                html.Append("<div class=\"strip\">");
                foreach (var mistake in mistakes.Where(m => m.Label == pair.Actual && m.Predicted == pair.Predicted).Take(MostInStrip))
                    Image(html, input, mistake.Row, $"{input.NameOf(mistake.Row)}, {Markup.Percent(mistake.Confidence)} sure");
                html.Append("</div>");
            }

            html.Append("</div>\n");
        }

        html.Append("</section>\n");
    }

    public static void Explained(StringBuilder html, ReportInput input)
    {
        Markup.Section(
            html, "explained", "Where it looked",
            $"The picture, and over it what spoke for the class that the network named: yellow most, violet least ({string.Join("; ", input.Explained.Select(e => e.Method).Distinct())}).");
        html.Append("<div class=\"grid wide\">\n");
        foreach (var explained in input.Explained)
        {
            var classes = input.Result.Classes;
            var (named, label) = (Markup.Text(classes[explained.Class]), Markup.Text(classes[input.Images!.Label(explained.Row)]));
            html.Append($"<div class=\"tile\" title=\"{Markup.Text(input.NameOf(explained.Row))}\">");
            html.Append($"<img src=\"{Thumbnails.DataUri(explained)}\" alt=\"What spoke for {named} in a picture of {label}\" loading=\"lazy\">");
            html.Append($"<b>{label}</b>as <span class=\"as\">{named}</span> <span class=\"small\">{(explained.Probability is { } p ? Markup.Percent(p) : "nothing in this layer speaks for it")}</span></div>\n");
        }

        html.Append("</div>\n</section>\n");
    }

    static void Image(StringBuilder html, ReportInput input, int row, string text)
    {
        if (input.Images is { } images)
            html.Append($"<img src=\"{Thumbnails.DataUri(images, row)}\" alt=\"{Markup.Text(text)}\" title=\"{Markup.Text(text)}\" loading=\"lazy\">");
    }
}
