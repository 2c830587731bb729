using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>
/// Bytes to the network's input, x · 1/(255 · std) − mean/std with one rounding: the one place where pixels are normalised, in training and in use.
/// Immutable; thread-safe.
/// </summary>
internal sealed class PixelNormalizer
{
    readonly SimdWidth _simd;

    /// <summary>Prepares rows of pictures of one width; a mean image is of that width.</summary>
    public PixelNormalizer(int width, Normalization normalization, SimdWidth simd)
    {
        _simd = simd;
        Scale = new float[width * normalization.Channels];
        Bias = new float[normalization.MeanImage?.Count ?? Scale.Length];
        for (var i = 0; i < Scale.Length; i++)
            Scale[i] = (float)(1 / (255.0 * normalization.Std[i % normalization.Channels]));
        for (var i = 0; i < Bias.Length; i++)
            Bias[i] = (float)(-(double)normalization.MeanAt(i) / normalization.Std[i % normalization.Channels]);
    }

    /// <summary>Factors of one row, [W, C].</summary>
    public float[] Scale { get; }

    /// <summary>Summands of one row, [W, C]; with a mean image, of all rows, [H, W, C].</summary>
    public float[] Bias { get; }

    /// <summary>The summands of a row.</summary>
    /// <param name="bias">Laid out as <see cref="Bias"/>.</param>
    /// <param name="y">The row, from 0.</param>
    public ReadOnlySpan<float> Row(float[] bias, int y) => bias.AsSpan(bias.Length == Scale.Length ? 0 : y * Scale.Length, Scale.Length);

    /// <summary>Normalises pictures.</summary>
    /// <param name="pixels">[N, H, W, C].</param>
    /// <param name="destination">[N, H, W, C]; overwritten.</param>
    public void Apply(ReadOnlySpan<byte> pixels, Span<float> destination)
    {
        var summand = 0;
        for (var at = 0; at < pixels.Length; at += Scale.Length)
        {
            RowConverter.Convert(pixels.Slice(at, Scale.Length), Scale, Bias.AsSpan(summand), destination.Slice(at, Scale.Length), _simd);
            summand += Scale.Length;
            if (summand == Bias.Length)
                summand = 0;
        }
    }
}
