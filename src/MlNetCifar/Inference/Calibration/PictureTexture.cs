namespace MlNetCifar.Inference;

/// <summary>
/// Two numbers of a picture that photographs keep to and noise, blank and drawn areas do not, whatever a network makes of them:
/// ln(1 + contrast) and ln(1 + roughness), contrast being the standard deviation of the bytes and roughness the root mean square difference of
/// neighbouring pixels, both over all channels.
/// </summary>
internal static class PictureTexture
{
    /// <summary>Numbers a picture.</summary>
    public const int Length = 2;

    /// <summary>Measures one picture.</summary>
    /// <param name="pixels">[H, W, C] bytes.</param>
    /// <param name="width">W ≥ 1.</param>
    /// <param name="channels">C ≥ 1.</param>
    /// <param name="texture">The two numbers, ≥ 0; overwritten.</param>
    public static void Measure(ReadOnlySpan<byte> pixels, int width, int channels, Span<float> texture)
    {
        Span<long> sums = stackalloc long[channels];
        var stride = width * channels;
        long squares = 0, across = 0, down = 0;
        for (var start = 0; start < pixels.Length; start += stride)
        {
            var row = pixels.Slice(start, stride);
            for (var i = 0; i < stride; i++)
            {
                sums[i % channels] += row[i];
                squares += row[i] * row[i];
            }

            across += Differences(row[channels..], row);
            if (start > 0)
                down += Differences(row, pixels.Slice(start - stride, stride));
        }

        double perChannel = pixels.Length / channels;
        var variance = squares / perChannel;
        foreach (var sum in sums)
            variance -= sum / perChannel * (sum / perChannel);
        var height = pixels.Length / stride;
        var roughness = (across / (double)Math.Max(1, height * (stride - channels))) + (down / (double)Math.Max(1, (height - 1) * stride));
        texture[0] = (float)Math.Log(1 + Math.Sqrt(Math.Max(0, variance / channels)));
        texture[1] = (float)Math.Log(1 + Math.Sqrt(roughness / 2));
    }

    static long Differences(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        long sum = 0;
        for (var i = 0; i < a.Length; i++)
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum;
    }
}
