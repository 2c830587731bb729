namespace MlNetCifar.Data;

/// <summary>
/// Makes the changes of TrivialAugment to pictures in bytes, [H, W, C], by Pillow's definitions; those of shape take the nearest pixel and leave black where there is none. Owns
/// what it gives back, so one per thread.
/// </summary>
internal sealed class PictureChanger(int width, int height, int channels)
{
    const int MostPixels = 32;
    const double MostShear = 0.99;
    const double MostDegrees = 135;
    const double MostBlend = 0.99;

    readonly byte[] _changed = new byte[width * height * channels];
    readonly byte[] _table = new byte[256];
    readonly int[] _counts = new int[256];
    readonly int _stride = width * channels;

    /// <summary>Changes a picture.</summary>
    /// <param name="pixels">[H, W, C]; left as they are.</param>
    /// <param name="draw">How.</param>
    /// <returns>Valid until the next call.</returns>
    public ReadOnlySpan<byte> Apply(ReadOnlySpan<byte> pixels, ChangeDraw draw)
    {
        var signed = draw.Backwards ? -draw.Strength : draw.Strength;
        var factor = 1 + (MostBlend * signed);
        switch (draw.Change)
        {
            case PictureChange.ShearX:
                Move(pixels, 1, MostShear * signed, 0, 1, 0, 0);
                break;
            case PictureChange.ShearY:
                Move(pixels, 1, 0, MostShear * signed, 1, 0, 0);
                break;
            case PictureChange.TranslateX:
                Move(pixels, 1, 0, 0, 1, Distance(signed, width), 0);
                break;
            case PictureChange.TranslateY:
                Move(pixels, 1, 0, 0, 1, 0, Distance(signed, height));
                break;
            case PictureChange.Rotate:
                var (sin, cos) = Math.SinCos(MostDegrees * signed * (Math.PI / 180));
                Move(pixels, cos, sin, -sin, cos, 0, 0);
                break;
            case PictureChange.Brightness:
                Tabulate(pixels, value => Blend(0, value, factor));
                break;
            case PictureChange.Colour:
                Saturate(pixels, factor);
                break;
            case PictureChange.Contrast:
                var mean = MeanLuma(pixels);
                Tabulate(pixels, value => Blend(mean, value, factor));
                break;
            case PictureChange.Sharpness:
                Sharpen(pixels, factor);
                break;
            case PictureChange.Posterize:
                var mask = 0xFF << (int)Math.Round(6 * draw.Strength, MidpointRounding.AwayFromZero);
                Tabulate(pixels, value => (byte)(value & mask));
                break;
            case PictureChange.Solarize:
                var threshold = 255 * (1 - draw.Strength);
                Tabulate(pixels, value => (byte)(value < threshold ? value : 255 - value));
                break;
            case PictureChange.AutoContrast:
                ByChannel(pixels, Stretched);
                break;
            case PictureChange.Equalize:
                ByChannel(pixels, Equalized);
                break;
            default:
                return pixels;
        }

        return _changed;
    }

    /// <summary>Half the picture at most, so that something is left of a small one.</summary>
    static double Distance(double strength, int side) => Math.Round(strength * Math.Min(MostPixels, side / 2));

    /// <summary>Takes the pixel at (x, y) about the centre from (a·x + b·y + u, c·x + d·y + v).</summary>
    void Move(ReadOnlySpan<byte> pixels, double a, double b, double c, double d, double u, double v)
    {
        var (centreX, centreY) = ((width - 1) / 2.0, (height - 1) / 2.0);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
            {
                var (dx, dy) = (x - centreX, y - centreY);
                var fromX = (int)Math.Floor((a * dx) + (b * dy) + u + centreX + 0.5);
                var fromY = (int)Math.Floor((c * dx) + (d * dy) + v + centreY + 0.5);
                var target = _changed.AsSpan((y * _stride) + (x * channels), channels);
                if ((uint)fromX < (uint)width && (uint)fromY < (uint)height)
                    pixels.Slice((fromY * _stride) + (fromX * channels), channels).CopyTo(target);
                else
                    target.Clear();
            }
    }

    void Tabulate(ReadOnlySpan<byte> pixels, Func<int, byte> change)
    {
        for (var value = 0; value < 256; value++)
            _table[value] = change(value);
        for (var i = 0; i < pixels.Length; i++)
            _changed[i] = _table[pixels[i]];
    }

    void ByChannel(ReadOnlySpan<byte> pixels, Action fillTable)
    {
        for (var c = 0; c < channels; c++)
        {
            Array.Clear(_counts);
            for (var i = c; i < pixels.Length; i += channels)
                _counts[pixels[i]]++;
            fillTable();
            for (var i = c; i < pixels.Length; i += channels)
                _changed[i] = _table[pixels[i]];
        }
    }

    /// <summary>The channel's darkest value becomes 0, its lightest 255.</summary>
    void Stretched()
    {
        var (low, high) = (Array.FindIndex(_counts, n => n > 0), Array.FindLastIndex(_counts, n => n > 0));
        for (var value = 0; value < 256; value++)
            _table[value] = high <= low ? (byte)value : Clip((value - low) * (255.0 / (high - low)));
    }

    /// <summary>Values by their rank, as evenly spread as they can be.</summary>
    void Equalized()
    {
        var step = (_counts.Sum() - _counts[Array.FindLastIndex(_counts, n => n > 0)]) / 255;
        var before = step / 2;
        for (var value = 0; value < 256; value++)
        {
            _table[value] = step == 0 ? (byte)value : (byte)Math.Min(255, before / step);
            before += _counts[value];
        }
    }

    void Saturate(ReadOnlySpan<byte> pixels, double factor)
    {
        if (channels == 1)
        {
            pixels.CopyTo(_changed);
            return;
        }

        for (var i = 0; i < pixels.Length; i += 3)
        {
            var grey = Luma(pixels.Slice(i, 3));
            for (var c = i; c < i + 3; c++)
                _changed[c] = Blend(grey, pixels[c], factor);
        }
    }

    /// <summary>Blends with a mean of nine pixels, of which the middle one counts five; the border stays.</summary>
    void Sharpen(ReadOnlySpan<byte> pixels, double factor)
    {
        pixels.CopyTo(_changed);
        for (var y = 1; y < height - 1; y++)
            for (var x = channels; x < _stride - channels; x++)
            {
                var at = (y * _stride) + x;
                var sum = 4 * pixels[at];
                for (var row = at - _stride; row <= at + _stride; row += _stride)
                    sum += pixels[row - channels] + pixels[row] + pixels[row + channels];
                _changed[at] = Blend((sum + 6) / 13, pixels[at], factor);
            }
    }

    int MeanLuma(ReadOnlySpan<byte> pixels)
    {
        long sum = 0;
        for (var i = 0; i < pixels.Length; i += channels)
            sum += channels == 1 ? pixels[i] : Luma(pixels.Slice(i, 3));
        return (int)(((double)sum / (width * height)) + 0.5);
    }

    static int Luma(ReadOnlySpan<byte> pixel) => ((19595 * pixel[0]) + (38470 * pixel[1]) + (7471 * pixel[2]) + 0x8000) >> 16;

    static byte Blend(int from, int to, double factor) => Clip(from + (factor * (to - from)));

    static byte Clip(double value) => (byte)Math.Clamp(value, 0, 255);
}
