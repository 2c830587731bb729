namespace MlNetCifar.Explain;

/// <summary>What surrounds a map drawn over a photograph: the size it is shown at, and the colour bar.</summary>
internal static class OverlayFrame
{
    /// <summary>Columns of the colour bar with its marks.</summary>
    public const int BarWidth = 22;

    const int Marks = 4;
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
