namespace MlNetCifar.Explain;

/// <summary>Drawing of maps.</summary>
internal static class MapDrawing
{
    /// <summary>Colours of 0, ¼, ½, ¾ and 1: of steadily rising lightness, so that they keep their order in grey and for the colour-blind.</summary>
    static ReadOnlySpan<byte> Stops => [14, 12, 48, 84, 24, 112, 186, 54, 92, 244, 128, 44, 252, 232, 120];

    /// <summary>Colour of a value.</summary>
    /// <param name="value">0 … 1.</param>
    /// <param name="rgb">Three bytes; overwritten.</param>
    public static void Color(float value, Span<byte> rgb)
    {
        var place = Math.Clamp(value, 0, 1) * 4;
        var stop = Math.Min((int)place, 3);
        for (var c = 0; c < 3; c++)
            rgb[c] = (byte)MathF.Round(Stops[(3 * stop) + c] + ((place - stop) * (Stops[(3 * stop) + 3 + c] - Stops[(3 * stop) + c])));
    }

    /// <summary>Bilinear interpolation about pixel centres, the border repeated.</summary>
    /// <param name="map">[height, width].</param>
    /// <param name="height">Rows of the map.</param>
    /// <param name="width">Columns of the map.</param>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="columns">Columns of the result.</param>
    public static float[] Enlarge(ReadOnlySpan<float> map, int height, int width, int rows, int columns)
    {
        var result = new float[rows * columns];
        for (var y = 0; y < rows; y++)
        {
            var (top, bottom, down) = Between(y, height, rows);
            for (var x = 0; x < columns; x++)
            {
                var (left, right, across) = Between(x, width, columns);
                var upper = map[(top * width) + left] + (across * (map[(top * width) + right] - map[(top * width) + left]));
                var lower = map[(bottom * width) + left] + (across * (map[(bottom * width) + right] - map[(bottom * width) + left]));
                result[(y * columns) + x] = upper + (down * (lower - upper));
            }
        }

        return result;
    }

    /// <summary>The same at one place.</summary>
    /// <param name="map">[height, width].</param>
    /// <param name="height">Rows of the map.</param>
    /// <param name="width">Columns of the map.</param>
    /// <param name="down">0 is the upper edge, 1 the lower.</param>
    /// <param name="across">0 is the left edge, 1 the right.</param>
    public static float At(ReadOnlySpan<float> map, int height, int width, float down, float across)
    {
        var (y, x) = (Math.Clamp((down * height) - 0.5f, 0, height - 1), Math.Clamp((across * width) - 0.5f, 0, width - 1));
        var (top, left) = ((int)y, (int)x);
        var (bottom, right) = (Math.Min(top + 1, height - 1), Math.Min(left + 1, width - 1));
        var upper = map[(top * width) + left] + ((x - left) * (map[(top * width) + right] - map[(top * width) + left]));
        var lower = map[(bottom * width) + left] + ((x - left) * (map[(bottom * width) + right] - map[(bottom * width) + left]));
        return upper + ((y - top) * (lower - upper));
    }

    static (int First, int Second, float Share) Between(int at, int from, int to)
    {
        var place = Math.Max(((at + 0.5f) * from / to) - 0.5f, 0);
        var first = Math.Min((int)place, from - 1);
        return (first, Math.Min(first + 1, from - 1), place - first);
    }
}
