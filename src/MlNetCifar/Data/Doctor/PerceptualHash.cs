namespace MlNetCifar.Data;

/// <summary>
/// A 64-bit hash that small changes of a picture hardly touch: the signs, about their median, of the 64 lowest frequencies but the mean,
/// taken by cosine transform from a 32×32 grey version.
/// </summary>
internal static class PerceptualHash
{
    const int Grid = 32;
    const int Frequencies = 9;

    static readonly float[] s_cosines = Cosines();

    /// <summary>Hashes a picture.</summary>
    /// <param name="pixels">[height, width, channels].</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">1 or 3.</param>
    public static ulong Compute(ReadOnlySpan<byte> pixels, int width, int height, int channels)
    {
        Span<float> means = stackalloc float[Grid * Grid * 3];
        means = means[..(Grid * Grid * channels)];
        AreaShrink.Means(pixels, width, height, channels, Grid, Grid, means);
        Span<float> grey = stackalloc float[Grid * Grid];
        for (var i = 0; i < grey.Length; i++)
            grey[i] = channels == 1 ? means[i] : (0.299f * means[3 * i]) + (0.587f * means[(3 * i) + 1]) + (0.114f * means[(3 * i) + 2]);
        return Signs(grey);
    }

    static ulong Signs(ReadOnlySpan<float> grey)
    {
        // Rows, then columns; of the 9×9 lowest frequencies the first 65 in zigzag order less the mean.
        Span<float> rows = stackalloc float[Grid * Frequencies];
        for (var y = 0; y < Grid; y++)
        {
            for (var u = 0; u < Frequencies; u++)
            {
                var sum = 0f;
                for (var x = 0; x < Grid; x++)
                    sum += grey[(y * Grid) + x] * s_cosines[(u * Grid) + x];
                rows[(y * Frequencies) + u] = sum;
            }
        }

        Span<float> lowest = stackalloc float[64];
        var count = 0;
        for (var diagonal = 1; count < 64; diagonal++)
        {
            for (var v = 0; v <= diagonal && count < 64; v++)
            {
                if (v < Frequencies && diagonal - v < Frequencies)
                    lowest[count++] = Column(rows, diagonal - v, v);
            }
        }

        Span<float> sorted = stackalloc float[64];
        lowest.CopyTo(sorted);
        sorted.Sort();
        var median = (sorted[31] + sorted[32]) / 2;
        var hash = 0UL;
        for (var i = 0; i < 64; i++)
            hash |= lowest[i] > median ? 1UL << i : 0;
        return hash;
    }

    static float Column(ReadOnlySpan<float> rows, int u, int v)
    {
        var sum = 0f;
        for (var y = 0; y < Grid; y++)
            sum += rows[(y * Frequencies) + u] * s_cosines[(v * Grid) + y];
        return sum;
    }

    static float[] Cosines()
    {
        var table = new float[Frequencies * Grid];
        for (var u = 0; u < Frequencies; u++)
        {
            for (var x = 0; x < Grid; x++)
                table[(u * Grid) + x] = (float)Math.Cos(Math.PI * u * (x + 0.5) / Grid);
        }

        return table;
    }
}
