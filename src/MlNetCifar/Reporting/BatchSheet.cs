using System.Text;
using MlNetCifar.Imaging;

namespace MlNetCifar.Reporting;

/// <summary>The pictures of a batch, as a page with labels and as one picture without.</summary>
internal static class BatchSheet
{
    const int Side = 96;
    const int Gap = 4;

    public static string Page(string title, string subtitle, IReadOnlyList<string> classes, IReadOnlyList<PreviewImage> images, Func<int, string> name)
    {
        var html = new StringBuilder();
        PageFrame.Head(html, title, subtitle);
        Markup.Section(html, "batch", "What the network sees", "Each picture after augmentation, in the order of the batch; point at one to see it as it was.");
        Tiles(html, classes, images, name);
        html.Append("</section>\n");
        PageFrame.Foot(html);
        return html.ToString();
    }

    /// <summary>Pictures with their labels; under the pointer each shows what it was.</summary>
    public static void Tiles(StringBuilder html, IReadOnlyList<string> classes, IReadOnlyList<PreviewImage> images, Func<int, string> name)
    {
        html.Append("<div class=\"grid\">\n");
        foreach (var image in images)
        {
            html.Append($"<div class=\"tile seen\" title=\"{Markup.Text(name(image.Row))}\"><div><img src=\"{Uri(image.Seen)}\" alt=\"{Markup.Text(classes[image.Label])}\" loading=\"lazy\">");
            html.Append($"<img src=\"{Uri(image.Before)}\" alt=\"The same before augmentation\" loading=\"lazy\"></div><b>{Markup.Text(classes[image.Label])}</b></div>\n");
        }

        html.Append("</div>\n");
    }

    /// <summary>All pictures in rows from the left, each enlarged to about 96 pixels.</summary>
    public static RgbImage Picture(IReadOnlyList<PreviewImage> images)
    {
        var (width, height) = (images[0].Seen.Width, images[0].Seen.Height);
        var scale = Math.Max(1, Side / Math.Max(width, height));
        var columns = (int)Math.Ceiling(Math.Sqrt(images.Count));
        var rows = (images.Count + columns - 1) / columns;
        var sheet = new RgbImage(Gap + (columns * ((scale * width) + Gap)), Gap + (rows * ((scale * height) + Gap)));
        sheet.Pixels.Fill(255);
        for (var i = 0; i < images.Count; i++)
        {
            var (left, top) = (Gap + (i % columns * ((scale * width) + Gap)), Gap + (i / columns * ((scale * height) + Gap)));
            for (var y = 0; y < scale * height; y++)
            {
                for (var x = 0; x < scale * width; x++)
                    images[i].Seen.Row(y / scale).Slice(3 * (x / scale), 3).CopyTo(sheet.Row(top + y)[(3 * (left + x))..]);
            }
        }

        return sheet;
    }

    static string Uri(RgbImage image) => Thumbnails.DataUri(image);
}
