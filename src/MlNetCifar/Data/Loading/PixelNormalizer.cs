using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>
/// Bytes to the network's input, x · 1/(255 · std) − mean/std with one rounding: the one place where pixels are normalised, in training and in use.
/// Immutable; thread-safe.
/// </summary>
internal sealed class PixelNormalizer
{
    readonly SimdWidth _simd;

    /// <summary>Prepares rows of pictures of one width.</summary>
    public PixelNormalizer(int width, Normalization normalization, SimdWidth simd)
    {
        _simd = simd;
        Scale = new float[width * normalization.Channels];
        Bias = new float[Scale.Length];
        for (var i = 0; i < Scale.Length; i++)
        {
            var c = i % normalization.Channels;
            Scale[i] = (float)(1 / (255.0 * normalization.Std[c]));
            Bias[i] = (float)(-(double)normalization.Mean[c] / normalization.Std[c]);
        }
    }

    /// <summary>Factors of one row, [W, C].</summary>
    public float[] Scale { get; }

    /// <summary>Summands of one row, [W, C].</summary>
    public float[] Bias { get; }

    /// <summary>Normalises pictures.</summary>
    /// <param name="pixels">[N, H, W, C].</param>
    /// <param name="destination">[N, H, W, C]; overwritten.</param>
    public void Apply(ReadOnlySpan<byte> pixels, Span<float> destination)
    {
        for (var at = 0; at < pixels.Length; at += Scale.Length)
            RowConverter.Convert(pixels.Slice(at, Scale.Length), Scale, Bias, destination.Slice(at, Scale.Length), _simd);
    }
}
