using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>
/// Bytes to normalised floats in one pass over the picture: shift, mirror, colour, normalise, then cutout and erasing; pictures that also rotate take a slower way.
/// One per thread, since it owns scratch rows.
/// </summary>
internal sealed class PixelPass
{
    readonly int _height;
    readonly int _width;
    readonly int _channels;
    readonly Augmentation _augmentation;
    readonly SimdWidth _simd;
    readonly PixelNormalizer _normalizer;
    readonly float[] _scale;
    readonly float[] _bias;
    readonly byte[] _row;
    readonly byte[] _mirrored;

    public PixelPass(int height, int width, int channels, Normalization normalization, Augmentation augmentation, SimdWidth simd)
    {
        (_height, _width, _channels, _augmentation, _simd) = (height, width, channels, augmentation, simd);
        _normalizer = new PixelNormalizer(width, normalization, simd);
        _scale = [.. _normalizer.Scale];
        _bias = [.. _normalizer.Bias];
        _row = new byte[width * channels];
        _mirrored = new byte[width * channels];
    }

    /// <summary>Normalises and nothing else.</summary>
    /// <param name="pixels">[H, W, C].</param>
    /// <param name="destination">[H, W, C]; overwritten.</param>
    public void Plain(ReadOnlySpan<byte> pixels, Span<float> destination) => _normalizer.Apply(pixels, destination);

    /// <summary>Applies one picture's draws.</summary>
    /// <param name="pixels">[H, W, C].</param>
    /// <param name="draw">What to do.</param>
    /// <param name="destination">[H, W, C]; overwritten.</param>
    public void Augmented(ReadOnlySpan<byte> pixels, in SampleDraw draw, Span<float> destination)
    {
        var colours = _channels == 3 && (draw.Saturation != 1 || draw.Hue != 0) ? new ColourChange(draw.Brightness, draw.Contrast, draw.Saturation, draw.Hue) : default;
        var (scale, bias) = colours.Changes ? (_normalizer.Scale, _normalizer.Bias) : Photometric(draw);
        if (draw.Angle != 0)
        {
            Rotate(pixels, draw, scale, bias, colours, destination);
        }
        else
        {
            var stride = _width * _channels;
            for (var y = 0; y < _height; y++)
            {
                var row = ShiftedRow(pixels, y + draw.ShiftY, draw.ShiftX);
                if (draw.Flip)
                {
                    RowConverter.Mirror(row, _mirrored, _channels);
                    row = _mirrored;
                }

                var target = destination.Slice(y * stride, stride);
                var summands = _normalizer.Row(bias, y);
                if (colours.Changes)
                    colours.Convert(row, scale, summands, target);
                else
                    RowConverter.Convert(row, scale, summands, target, _simd);
            }
        }

        if (_augmentation.Cutout > 0)
            Cutout(draw, destination);
        Clear(draw.Erased, destination);
    }

    /// <summary>Mirrors a coordinate into 0 … length − 1, the edges not repeated.</summary>
    internal static int Reflect(int i, int length)
    {
        if (length == 1)
            return 0;
        var period = 2 * (length - 1);
        i = ((i % period) + period) % period;
        return i < length ? i : period - i;
    }

    // Contrast about middle grey and brightness are affine, so they fold into the normalisation and cost nothing per pixel.
    (float[] Scale, float[] Bias) Photometric(in SampleDraw draw)
    {
        if (draw.Contrast == 1 && draw.Brightness == 0)
            return (_normalizer.Scale, _normalizer.Bias);
        var shift = (127.5f * (1 - draw.Contrast)) + (255 * draw.Brightness);
        for (var i = 0; i < _scale.Length; i++)
            _scale[i] = _normalizer.Scale[i] * draw.Contrast;
        for (var i = 0; i < _bias.Length; i++)
            _bias[i] = Lanes1.MultiplyAdd(shift, _normalizer.Scale[i % _scale.Length], _normalizer.Bias[i]);
        return (_scale, _bias);
    }

    ReadOnlySpan<byte> ShiftedRow(ReadOnlySpan<byte> pixels, int y, int shift)
    {
        var stride = _width * _channels;
        if ((uint)y >= (uint)_height)
        {
            if (_augmentation.Padding == EdgePadding.Zero)
            {
                _row.AsSpan().Clear();
                return _row;
            }

            y = Reflect(y, _height);
        }

        var source = pixels.Slice(y * stride, stride);
        if (shift == 0)
            return source;
        var first = Math.Clamp(-shift, 0, _width);
        var end = Math.Clamp(_width - shift, first, _width);
        if (end > first)
            source.Slice((first + shift) * _channels, (end - first) * _channels).CopyTo(_row.AsSpan(first * _channels));
        Fill(source, 0, first, shift);
        Fill(source, end, _width, shift);
        return _row;
    }

    void Fill(ReadOnlySpan<byte> source, int first, int end, int shift)
    {
        if (_augmentation.Padding == EdgePadding.Zero)
        {
            _row.AsSpan(first * _channels, (end - first) * _channels).Clear();
            return;
        }

        for (var x = first; x < end; x++)
            source.Slice(Reflect(x + shift, _width) * _channels, _channels).CopyTo(_row.AsSpan(x * _channels));
    }

    void Cutout(in SampleDraw draw, Span<float> destination)
    {
        var left = draw.CutoutX - (_augmentation.Cutout / 2);
        var top = draw.CutoutY - (_augmentation.Cutout / 2);
        var (x0, x1) = (Math.Max(left, 0), Math.Min(left + _augmentation.Cutout, _width));
        var (y0, y1) = (Math.Max(top, 0), Math.Min(top + _augmentation.Cutout, _height));
        Clear(new(x0, y0, x1 - x0, y1 - y0), destination);
    }

    void Clear(PixelBox box, Span<float> destination)
    {
        for (var y = box.Top; y < box.Top + box.Height; y++)
            destination.Slice(((y * _width) + box.Left) * _channels, box.Width * _channels).Clear();
    }

    // Target to source: undo the mirror, then the rotation about the centre, then the shift; bilinear between pixels.
    void Rotate(ReadOnlySpan<byte> pixels, in SampleDraw draw, float[] scale, float[] bias, in ColourChange colours, Span<float> destination)
    {
        var (sin, cos) = Math.SinCos(draw.Angle);
        var (centreX, centreY) = ((_width - 1) / 2.0, (_height - 1) / 2.0);
        for (var y = 0; y < _height; y++)
        {
            var originX = centreX + draw.ShiftX - (sin * (y - centreY));
            var originY = centreY + draw.ShiftY + (cos * (y - centreY));
            var summands = _normalizer.Row(bias, y);
            for (var x = 0; x < _width; x++)
            {
                var dx = (draw.Flip ? _width - 1 - x : x) - centreX;
                var target = destination.Slice(((y * _width) + x) * _channels, _channels);
                Sample(pixels, (float)(originX + (cos * dx)), (float)(originY + (sin * dx)), target);
                if (colours.Changes)
                    colours.Apply(target);
                for (var c = 0; c < _channels; c++)
                    target[c] = Lanes1.MultiplyAdd(target[c], scale[c], summands[(x * _channels) + c]);
            }
        }
    }

    void Sample(ReadOnlySpan<byte> pixels, float x, float y, Span<float> destination)
    {
        var (left, top) = (MathF.Floor(x), MathF.Floor(y));
        var (fx, fy) = (x - left, y - top);
        var (x0, y0) = ((int)left, (int)top);
        var inside = x0 >= 0 && y0 >= 0 && x0 + 1 < _width && y0 + 1 < _height;
        var stride = _width * _channels;
        var square = inside ? pixels.Slice((y0 * stride) + (x0 * _channels), stride + (2 * _channels)) : default;
        for (var c = 0; c < destination.Length; c++)
        {
            var (a, b, d, e) = inside
                ? (square[c], square[c + _channels], square[c + stride], square[c + stride + _channels])
                : (Pixel(pixels, x0, y0, c), Pixel(pixels, x0 + 1, y0, c), Pixel(pixels, x0, y0 + 1, c), Pixel(pixels, x0 + 1, y0 + 1, c));
            var upper = a + ((b - a) * fx);
            var lower = d + ((e - d) * fx);
            destination[c] = upper + ((lower - upper) * fy);
        }
    }

    byte Pixel(ReadOnlySpan<byte> pixels, int x, int y, int c)
    {
        if ((uint)x >= (uint)_width || (uint)y >= (uint)_height)
        {
            if (_augmentation.Padding == EdgePadding.Zero)
                return 0;
            (x, y) = (Reflect(x, _width), Reflect(y, _height));
        }

        return pixels[(((y * _width) + x) * _channels) + c];
    }
}
