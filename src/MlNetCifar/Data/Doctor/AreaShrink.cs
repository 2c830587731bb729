namespace MlNetCifar.Data;

/// <summary>Area averages: what a picture looks like from afar.</summary>
internal static class AreaShrink
{
    /// <summary>Means of the cells of a grid laid over the picture; a grid finer than the picture repeats pixels.</summary>
    /// <param name="pixels">[height, width, channels].</param>
    /// <param name="width">Columns of the picture.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="columns">Columns of the grid.</param>
    /// <param name="rows">Rows of the grid.</param>
    /// <param name="means">[rows, columns, channels]; overwritten.</param>
    public static void Means(ReadOnlySpan<byte> pixels, int width, int height, int channels, int columns, int rows, Span<float> means)
    {
        for (var r = 0; r < rows; r++)
        {
            var (y0, y1) = Cell(r, rows, height);
            for (var c = 0; c < columns; c++)
            {
                var (x0, x1) = Cell(c, columns, width);
                for (var k = 0; k < channels; k++)
                {
                    long sum = 0;
                    for (var y = y0; y < y1; y++)
                    {
                        var row = pixels.Slice(((y * width) + x0) * channels, (x1 - x0) * channels);
                        for (var i = k; i < row.Length; i += channels)
                            sum += row[i];
                    }

                    means[(((r * columns) + c) * channels) + k] = (float)sum / ((y1 - y0) * (x1 - x0));
                }
            }
        }
    }

    /// <summary>A picture of at most <paramref name="side"/> pixels a side; the picture itself where it is small enough.</summary>
    public static RgbImage Thumbnail(RgbImage image, int side)
    {
        var scale = Math.Min(1.0, (double)side / Math.Max(image.Width, image.Height));
        if (scale == 1)
            return image;
        var small = new RgbImage(Math.Max(1, (int)(image.Width * scale)), Math.Max(1, (int)(image.Height * scale)));
        var means = new float[small.Pixels.Length];
        Means(image.Pixels, image.Width, image.Height, 3, small.Width, small.Height, means);
        for (var i = 0; i < means.Length; i++)
            small.Pixels[i] = (byte)MathF.Round(means[i]);
        return small;
    }

    static (int First, int End) Cell(int i, int cells, int length)
    {
        var first = (int)((long)i * length / cells);
        var end = (int)((long)(i + 1) * length / cells);
        return (first, Math.Max(end, first + 1));
    }
}
