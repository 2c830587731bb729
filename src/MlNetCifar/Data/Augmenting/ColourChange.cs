using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>
/// Brightness, contrast, saturation and hue at once. Each is affine in (R, G, B) and leaves greys grey, so together they are one matrix and one summand: saturation scales
/// the distance from the grey of equal luma, hue turns colours about the axis of greys.
/// </summary>
internal readonly struct ColourChange
{
    // ITU-R 601, as where pictures turn grey.
    static readonly double[] s_luma = [0.299, 0.587, 0.114];

    readonly float[]? _matrix;
    readonly float _shift;

    /// <summary>Combines the changes.</summary>
    /// <param name="brightness">Added, on the scale 0 … 1.</param>
    /// <param name="contrast">Factor about middle grey.</param>
    /// <param name="saturation">Factor of the distance from grey.</param>
    /// <param name="hue">Radians.</param>
    public ColourChange(float brightness, float contrast, float saturation, float hue)
    {
        var (sin, cos) = Math.SinCos(hue);
        _shift = (127.5f * (1 - contrast)) + (255 * brightness);
        _matrix = new float[9];
        for (var to = 0; to < 3; to++)
            for (var from = 0; from < 3; from++)
            {
                double sum = 0;
                for (var middle = 0; middle < 3; middle++)
                    sum += Turn(to, middle, sin, cos) * ((middle == from ? saturation : 0) + ((1 - saturation) * s_luma[from]));
                _matrix[(3 * to) + from] = (float)(contrast * sum);
            }
    }

    /// <summary>Whether there is anything to do.</summary>
    public bool Changes => _matrix is not null;

    /// <summary>Changes and normalises a row.</summary>
    /// <param name="row">[W, 3].</param>
    /// <param name="scale">Of the normalisation, as long.</param>
    /// <param name="bias">Of the normalisation, as long.</param>
    /// <param name="destination">Overwritten, as long.</param>
    public void Convert(ReadOnlySpan<byte> row, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias, Span<float> destination)
    {
        for (var i = 0; i + 3 <= row.Length; i += 3)
        {
            var pixel = destination.Slice(i, 3);
            (pixel[0], pixel[1], pixel[2]) = (row[i], row[i + 1], row[i + 2]);
            Apply(pixel);
            for (var c = 0; c < 3; c++)
                pixel[c] = Lanes1.MultiplyAdd(pixel[c], scale[i + c], bias[i + c]);
        }
    }

    /// <summary>Changes one pixel, on the scale 0 … 255.</summary>
    public void Apply(Span<float> pixel)
    {
        var m = _matrix!;
        var (r, g, b) = (pixel[0], pixel[1], pixel[2]);
        for (var c = 0; c < 3; c++)
            pixel[c] = (m[3 * c] * r) + (m[(3 * c) + 1] * g) + (m[(3 * c) + 2] * b) + _shift;
    }

    /// <summary>The rotation about (1, 1, 1), by Rodrigues' formula.</summary>
    static double Turn(int row, int column, double sin, double cos) =>
        ((1 - cos) / 3) + (row == column ? cos : ((column - row + 3) % 3 == 1 ? -sin : sin) / Math.Sqrt(3));
}
