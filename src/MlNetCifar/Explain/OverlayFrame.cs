namespace MlNetCifar.Explain;

/// <summary>What surrounds a map drawn over a photograph: the size it is shown at, and the colour bar.</summary>
internal static class OverlayFrame
{
    /// <summary>Columns of the colour bar with its marks.</summary>
    public const int BarWidth = 22;

    /// <summary>Columns for which a letter's dots are a pixel larger.</summary>
    const int PixelsADot = 500;

    const int Marks = 4;

    /// <summary>At every second mark, from the top.</summary>
    static readonly string[] s_numbers = ["1.0", "0.5", "0.0"];
    const int MarkWidth = 6;

    /// <summary>A picture enlarged or shrunk by a whole factor where it is too small or too large to look at.</summary>
    /// <param name="image">Any size.</param>
    /// <param name="least">Least shorter side.</param>
    /// <param name="most">Largest longer side, which goes before.</param>
    public static RgbImage Scaled(RgbImage image, int least, int most)
    {
        var (shorter, longer) = (Math.Min(image.Width, image.Height), Math.Max(image.Width, image.Height));
        if (longer > most)
            return Shrunk(image, (longer + most - 1) / most);
        var factor = Math.Max(1, Math.Min((least + shorter - 1) / shorter, most / longer));
        return factor == 1 ? image : Enlarged(image, factor);
    }

    /// <summary>A bar of all colours, 1 above and 0 below, with marks at quarters.</summary>
    /// <param name="target">Drawn on over its full height.</param>
    /// <param name="left">First column of the bar.</param>
    public static void DrawBar(RgbImage target, int left)
    {
        var last = Math.Max(target.Height - 1, 1);
        for (var y = 0; y < target.Height; y++)
        {
            var row = target.Row(y);
            for (var x = 0; x < BarWidth - MarkWidth; x++)
                MapDrawing.Color(1 - ((float)y / last), row.Slice(3 * (left + x), 3));
        }

        for (var mark = 0; mark <= Marks; mark++)
            target.Row(mark * last / Marks).Slice(3 * (left + BarWidth - MarkWidth), 3 * MarkWidth).Fill(90);
    }

    /// <summary>A drawing with numbers at the marks of its bar, and lines of text below.</summary>
    /// <param name="drawing">With a bar at its right border.</param>
    /// <param name="lines">From the top; what does not fit loses its middle.</param>
    public static RgbImage Captioned(RgbImage drawing, IReadOnlyList<string> lines)
    {
        var scale = Math.Max(2, drawing.Width / PixelsADot);
        var margin = 4 * scale;
        var result = new RgbImage(drawing.Width + (s_numbers[0].Length * 6 * scale) + margin, drawing.Height + margin + (lines.Count * CaptionText.LineHeight * scale));
        result.Pixels.Fill(255);
        for (var y = 0; y < drawing.Height; y++)
            drawing.Row(y).CopyTo(result.Row(y));
        for (var mark = 0; mark <= Marks; mark += 2)
        {
            // The numbers at the ends stay beside the bar.
            var middle = mark * (drawing.Height - 1) / Marks;
            var top = Math.Clamp(middle - (7 * scale / 2), 0, Math.Max(0, drawing.Height - (7 * scale)));
            CaptionText.Draw(result, s_numbers[mark / 2], drawing.Width + (margin / 2), top, scale, 60);
        }

        for (var line = 0; line < lines.Count; line++)
        {
            var text = CaptionText.Shortened(lines[line], CaptionText.Fitting(result.Width - (2 * margin), scale));
            CaptionText.Draw(result, text, margin, drawing.Height + margin + (line * CaptionText.LineHeight * scale), scale, line == 0 ? (byte)0 : (byte)80);
        }

        return result;
    }

    static RgbImage Enlarged(RgbImage image, int factor)
    {
        var result = new RgbImage(factor * image.Width, factor * image.Height);
        for (var y = 0; y < result.Height; y++)
        {
            var source = image.Row(y / factor);
            var row = result.Row(y);
            for (var x = 0; x < result.Width; x++)
                source.Slice(3 * (x / factor), 3).CopyTo(row[(3 * x)..]);
        }

        return result;
    }

    static RgbImage Shrunk(RgbImage image, int factor)
    {
        var result = new RgbImage(Math.Max(1, image.Width / factor), Math.Max(1, image.Height / factor));
        for (var y = 0; y < result.Height; y++)
        {
            var row = result.Row(y);
            for (var x = 0; x < result.Width; x++)
            {
                for (var c = 0; c < 3; c++)
                    row[(3 * x) + c] = Mean(image, factor, x, y, c);
            }
        }

        return result;
    }

    static byte Mean(RgbImage image, int factor, int x, int y, int c)
    {
        var (sum, count) = (0, 0);
        for (var down = y * factor; down < Math.Min(image.Height, (y + 1) * factor); down++)
        {
            for (var across = x * factor; across < Math.Min(image.Width, (x + 1) * factor); across++, count++)
                sum += image.Row(down)[(3 * across) + c];
        }

        return (byte)((sum + (count / 2)) / count);
    }
}
