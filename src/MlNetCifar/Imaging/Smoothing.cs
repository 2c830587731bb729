namespace MlNetCifar.Imaging;

/// <summary>Grey conversion, Gaussian blur and median filter, each as Pillow computes it.</summary>
static class Smoothing
{
    const int BlurPasses = 3;
    const int MaxMedian = 7;

    /// <summary>ITU-R 601 luma in 16-bit fixed point.</summary>
    /// <param name="rgb">Pixels.</param>
    /// <param name="grey">One byte a pixel; overwritten. May be the start of <paramref name="rgb"/>.</param>
    public static void ToGrey(ReadOnlySpan<byte> rgb, Span<byte> grey)
    {
        for (var i = 0; i < grey.Length; i++) grey[i] = (byte)((rgb[3 * i] * 19595 + rgb[3 * i + 1] * 38470 + rgb[3 * i + 2] * 7471 + 0x8000) >> 16);
    }

    /// <summary>Gaussian blur as three box blurs of fractional radius (Gwosdek and others, 2011).</summary>
    /// <param name="pixels">[height, width, channels]; changed in place.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">Bytes a pixel.</param>
    /// <param name="sigma">Standard deviation, in pixels.</param>
    /// <param name="scratch">At least the longer side + 2 · radius bytes; see <see cref="BlurScratch"/>.</param>
    public static void Blur(Span<byte> pixels, int width, int height, int channels, double sigma, Span<byte> scratch)
    {
        var radius = BoxRadius((float)sigma);
        for (var channel = 0; channel < channels; channel++)
        {
            for (var y = 0; y < height; y++) BlurLine(pixels[(y * width * channels + channel)..], width, channels, radius, scratch);
            for (var x = 0; x < width; x++) BlurLine(pixels[(x * channels + channel)..], height, width * channels, radius, scratch);
        }
    }

    /// <summary>Bytes of scratch that <see cref="Blur"/> needs.</summary>
    public static int BlurScratch(int width, int height, double sigma) => Math.Max(width, height) + 2 * ((int)BoxRadius((float)sigma) + 1);

    /// <summary>Median over a square; a neighbour beyond the edge is the edge itself.</summary>
    /// <param name="source">[height, width, channels].</param>
    /// <param name="target">As the source; overwritten.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">Bytes a pixel.</param>
    /// <param name="size">Side of the square: 3, 5 or 7.</param>
    public static void Median(ReadOnlySpan<byte> source, Span<byte> target, int width, int height, int channels, int size)
    {
        Span<byte> window = stackalloc byte[MaxMedian * MaxMedian];
        window = window[..(size * size)];
        for (var i = 0; i < target.Length; i++)
        {
            var (y, rest) = Math.DivRem(i, width * channels);
            var (x, channel) = Math.DivRem(rest, channels);
            var count = 0;
            for (var dy = -(size / 2); dy <= size / 2; dy++)
            {
                var row = Math.Clamp(y + dy, 0, height - 1) * width;
                for (var dx = -(size / 2); dx <= size / 2; dx++) window[count++] = source[(row + Math.Clamp(x + dx, 0, width - 1)) * channels + channel];
            }
            window.Sort();
            target[i] = window[window.Length / 2];
        }
    }

    static void BlurLine(Span<byte> line, int length, int step, float radius, Span<byte> scratch)
    {
        var whole = (int)radius;
        var weight = (uint)((1 << 24) / (radius * 2 + 1));
        var farWeight = ((1u << 24) - ((uint)whole * 2 + 1) * weight) / 2;
        var margin = whole + 1;
        for (var pass = 0; pass < BlurPasses; pass++)
        {
            for (var i = -margin; i < length + margin; i++) scratch[i + margin] = line[Math.Clamp(i, 0, length - 1) * step];
            var sum = 0u;
            for (var i = 1; i < 2 * margin; i++) sum += scratch[i];
            for (var i = 0; i < length; i++)
            {
                var blurred = sum * weight + (uint)(scratch[i] + scratch[i + 2 * margin]) * farWeight;
                line[i * step] = (byte)((blurred + (1 << 23)) >> 24);
                sum += (uint)(scratch[i + 2 * margin] - scratch[i + 1]);
            }
        }
    }

    /// <summary>The box radius whose three passes have the wanted variance.</summary>
    static float BoxRadius(float sigma)
    {
        var variance = sigma * sigma / BlurPasses;
        var length = (float)Math.Sqrt(12.0 * variance + 1.0);
        var whole = (float)Math.Floor((length - 1.0) / 2.0);
        var fraction = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
        fraction /= 6 * (variance - (whole + 1) * (whole + 1));
        return whole + fraction;
    }
}
