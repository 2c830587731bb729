using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MlNetCifar.Imaging;

/// <summary>
/// Brings a row of a subsampled component to the picture's width: libjpeg's "fancy" triangle filter for the factors 2×1, 1×2 and 2×2,
/// replication for the others. Vectors may run past the end of a row, so that every buffer has <see cref="Slack"/> bytes to spare.
/// </summary>
sealed class Upsampler
{
    /// <summary>Bytes that every row buffer has beyond its last sample.</summary>
    public const int Slack = 64;

    ushort[] _column = [];
    byte[] _row = [];

    /// <summary>One row of the picture's size.</summary>
    /// <param name="component">Where from.</param>
    /// <param name="y">Row of the picture.</param>
    /// <returns>At least as many samples as the picture is wide; valid until the next call.</returns>
    public ReadOnlySpan<byte> Row(JpegComponent component, int y)
    {
        if (component.Upsampling == UpsampleKind.None) return component.SampleRow(y);
        var width = component.Width;
        if (_row.Length < (width + 1) * component.HorizontalFactor + 2 * Slack) _row = new byte[(width + 1) * component.HorizontalFactor + 2 * Slack];
        if (_column.Length < width + Slack) _column = new ushort[width + Slack];
        switch (component.Upsampling)
        {
            case UpsampleKind.FancyH2V2:
                Blend(component.SampleRow(y >> 1), component.SampleRow((y >> 1) + ((y & 1) == 0 ? -1 : 1)), width);
                Widen(width, 8, 7, 4);
                break;
            case UpsampleKind.FancyH2V1:
                Copy(component.SampleRow(y), width);
                Widen(width, 1, 2, 2);
                break;
            case UpsampleKind.FancyH1V2:
                Blend(component.SampleRow(y >> 1), component.SampleRow((y >> 1) + ((y & 1) == 0 ? -1 : 1)), width);
                Narrow(width, (y & 1) == 0 ? 1 : 2);
                break;
            default:
                Replicate(component.SampleRow(y / component.VerticalFactor), width, component.HorizontalFactor);
                break;
        }
        return _row;
    }

    /// <summary>Column sums, 3 · near + far, from element 1 on.</summary>
    void Blend(ReadOnlySpan<byte> near, ReadOnlySpan<byte> far, int width)
    {
        ref var nears = ref MemoryMarshal.GetReference(near);
        ref var fars = ref MemoryMarshal.GetReference(far);
        ref var column = ref _column[1];
        for (var x = 0; x < width; x += 16)
        {
            var (nearLow, nearHigh) = Vector128.Widen(Vector128.LoadUnsafe(ref nears, (nuint)x));
            var (farLow, farHigh) = Vector128.Widen(Vector128.LoadUnsafe(ref fars, (nuint)x));
            (nearLow + nearLow + nearLow + farLow).StoreUnsafe(ref column, (nuint)x);
            (nearHigh + nearHigh + nearHigh + farHigh).StoreUnsafe(ref column, (nuint)x + 8);
        }
    }

    void Copy(ReadOnlySpan<byte> row, int width)
    {
        for (var x = 0; x < width; x++) _column[x + 1] = row[x];
    }

    /// <summary>Doubles the columns: three parts of the nearer, one of the farther; a neighbour beyond the edge is the edge itself.</summary>
    void Widen(int width, ushort leftRounding, ushort rightRounding, int shift)
    {
        _column[0] = _column[1];
        _column[width + 1] = _column[width];
        ref var column = ref MemoryMarshal.GetArrayDataReference(_column);
        ref var row = ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetArrayDataReference(_row));
        var left = Vector256.Create(leftRounding);
        var right = Vector256.Create(rightRounding);
        for (var x = 0; x < width; x += 16)
        {
            var before = Vector256.LoadUnsafe(ref column, (nuint)x);
            var here = Vector256.LoadUnsafe(ref column, (nuint)x + 1);
            var after = Vector256.LoadUnsafe(ref column, (nuint)x + 2);
            here += here + here;
            var even = (here + before + left) >>> shift;
            var odd = (here + after + right) >>> shift;
            (even | (odd << 8)).StoreUnsafe(ref row, (nuint)x);
        }
    }

    void Narrow(int width, int rounding)
    {
        for (var x = 0; x < width; x++) _row[x] = (byte)((_column[x + 1] + rounding) >> 2);
    }

    void Replicate(ReadOnlySpan<byte> samples, int width, int factor)
    {
        for (var x = 0; x < width; x++) _row.AsSpan(x * factor, factor).Fill(samples[x]);
    }
}
