using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Imaging;

/// <summary>Part of a picture, in pixels, not necessarily whole ones; in single precision, as Pillow keeps it.</summary>
readonly record struct Box(float Left, float Top, float Right, float Bottom);

/// <summary>The size that the box would become, and where in that the wanted part starts.</summary>
readonly record struct Frame(int Width, int Height, int Left = 0, int Top = 0);

/// <summary>What the weights of one axis depend on.</summary>
readonly record struct AxisKey(int Source, float Start, float End, int FullLength, int Offset, int Length, ResizeFilter Filter);

/// <summary>Resizes RGB pictures exactly as Pillow's 8-bit resampling does: rows first, then columns, each rounded to bytes. Not thread-safe.</summary>
sealed class Resampler
{
    const int Half = 1 << (ResizeWeights.PrecisionBits - 1);

    // One row of the source as 16-bit RGB0, with room for the taps that weigh nothing.
    short[] _expanded = [];
    byte[] _rows = [];
    AxisKey _horizontalKey, _verticalKey;
    ResizeWeights? _horizontal, _vertical;

    /// <summary>Bytes held.</summary>
    public long Bytes => 2L * _expanded.Length + _rows.Length + 4L * (_horizontal?.Repeated.Length ?? 0) + 4L * (_vertical?.Repeated.Length ?? 0);

    /// <summary>Resizes a part of a picture.</summary>
    /// <param name="image">Source.</param>
    /// <param name="box">The part.</param>
    /// <param name="filter">The kernel.</param>
    /// <param name="frame">What the part becomes; only the wanted piece of it is computed.</param>
    /// <param name="width">Pixels in a row of the piece.</param>
    /// <param name="height">Rows of the piece.</param>
    /// <param name="destination">[height, width, 3]; overwritten.</param>
    public void Resize(RgbImage image, Box box, ResizeFilter filter, Frame frame, int width, int height, Span<byte> destination)
    {
        if (filter == ResizeFilter.Nearest)
        {
            Nearest(image, box, frame, width, height, destination);
            return;
        }
        var keepsWidth = width == image.Width && frame.Width == width && box.Left == 0 && box.Right == width;
        var keepsHeight = height == image.Height && frame.Height == height && box.Top == 0 && box.Bottom == height;
        if (keepsWidth && keepsHeight)
        {
            image.Pixels.CopyTo(destination);
            return;
        }
        var horizontal = keepsWidth ? null
            : Weights(ref _horizontal, ref _horizontalKey, new(image.Width, box.Left, box.Right, frame.Width, frame.Left, width, filter));
        if (keepsHeight)
        {
            Horizontal(image, 0, height, horizontal!, width, destination);
            return;
        }
        var vertical = Weights(ref _vertical, ref _verticalKey, new(image.Height, box.Top, box.Bottom, frame.Height, frame.Top, height, filter));
        var firstRow = vertical.First[0];
        var lastRow = vertical.First[^1] + vertical.Count[^1];
        if (horizontal is null)
        {
            Vertical(image.Pixels[(3 * width * firstRow)..], firstRow, vertical, 3 * width, destination);
            return;
        }
        var length = 3L * width * (lastRow - firstRow);
        if (length > Array.MaxLength) throw ImageErrors.TooLarge($"{lastRow - firstRow} rows to be made {width} pixels wide", $"{Array.MaxLength} bytes", null);
        if (_rows.Length < length) _rows = GC.AllocateUninitializedArray<byte>((int)length);
        Horizontal(image, firstRow, lastRow, horizontal, width, _rows);
        Vertical(_rows.AsSpan(0, (int)length), firstRow, vertical, 3 * width, destination);
    }

    static ResizeWeights Weights(ref ResizeWeights? weights, ref AxisKey key, AxisKey wanted)
    {
        if (weights is not null && key == wanted) return weights;
        key = wanted;
        return weights = ResizeWeights.Compute(wanted.Source, wanted.Start, wanted.End, wanted.FullLength, wanted.Offset, wanted.Length, wanted.Filter);
    }

    /// <summary>Pillow's nearest neighbour: positions are summed up, pixel by pixel, in double precision.</summary>
    static void Nearest(RgbImage image, Box box, Frame frame, int width, int height, Span<byte> destination)
    {
        var (stepX, stepY) = ((double)(box.Right - box.Left) / frame.Width, (double)(box.Bottom - box.Top) / frame.Height);
        var (startX, sourceY) = (Advance(box.Left + stepX * 0.5, stepX, frame.Left), Advance(box.Top + stepY * 0.5, stepY, frame.Top));
        for (var y = 0; y < height; y++, sourceY += stepY)
        {
            var row = image.Row(Math.Clamp((int)sourceY, 0, image.Height - 1));
            var target = destination.Slice(3 * width * y, 3 * width);
            var sourceX = startX;
            for (var x = 0; x < width; x++, sourceX += stepX) row.Slice(3 * Math.Clamp((int)sourceX, 0, image.Width - 1), 3).CopyTo(target[(3 * x)..]);
        }
    }

    static double Advance(double position, double step, int count)
    {
        for (var i = 0; i < count; i++) position += step;
        return position;
    }

    void Horizontal(RgbImage image, int firstRow, int lastRow, ResizeWeights weights, int width, Span<byte> destination)
    {
        var needed = 4 * (image.Width + weights.Taps + 4);
        if (_expanded.Length < needed) _expanded = new short[needed];
        if (destination.Length < 3 * width * (lastRow - firstRow)) throw new ArgumentException("Too few bytes.", nameof(destination));
        ref var expanded = ref MemoryMarshal.GetArrayDataReference(_expanded);
        ref var first = ref MemoryMarshal.GetArrayDataReference(weights.First);
        var length = 4 * weights.Taps;
        for (var y = firstRow; y < lastRow; y++)
        {
            Expand(image.Row(y), ref expanded);
            ref var target = ref destination[3 * width * (y - firstRow)];
            ref var weight = ref MemoryMarshal.GetArrayDataReference(weights.Repeated);
            // Four bytes are written for three, the fourth being overwritten by the next pixel; the last pixel of the row is written exactly.
            for (var x = 0; x < width - 1; x++)
            {
                var pixel = Weigh(ref Unsafe.Add(ref expanded, 4 * Unsafe.Add(ref first, x)), ref weight, length);
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, 3 * x), pixel);
                weight = ref Unsafe.Add(ref weight, length);
            }
            var last = Weigh(ref Unsafe.Add(ref expanded, 4 * Unsafe.Add(ref first, width - 1)), ref weight, length);
            Unsafe.Add(ref target, 3 * width - 3) = (byte)last;
            Unsafe.Add(ref target, 3 * width - 2) = (byte)(last >> 8);
            Unsafe.Add(ref target, 3 * width - 1) = (byte)(last >> 16);
        }
    }

    /// <summary>Bytes RGB to 16-bit RGB0.</summary>
    static void Expand(ReadOnlySpan<byte> row, ref short expanded)
    {
        ref var source = ref MemoryMarshal.GetReference(row);
        var i = 0;
        var order = Vector128.Create((byte)0, 255, 1, 255, 2, 255, 255, 255, 3, 255, 4, 255, 5, 255, 255, 255);
        for (; 3 * i + 16 <= row.Length; i += 2)
        {
            Vector128.Shuffle(Vector128.LoadUnsafe(ref source, (nuint)(3 * i)), order).AsInt16().StoreUnsafe(ref expanded, (nuint)(4 * i));
        }
        for (; 3 * i < row.Length; i++)
        {
            for (var channel = 0; channel < 3; channel++) Unsafe.Add(ref expanded, 4 * i + channel) = row[3 * i + channel];
            Unsafe.Add(ref expanded, 4 * i + 3) = 0;
        }
    }

    /// <summary>Σ weight · pixel, channel by channel, rounded and clamped to one byte each.</summary>
    /// <param name="pixels">RGB0, 16 bits each.</param>
    /// <param name="weights">As many, four equal ones for each pixel.</param>
    /// <param name="length">Elements, a multiple of 16.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint Weigh(ref short pixels, ref int weights, int length)
    {
        var sum = Vector128.Create(Half);
        if (Avx512F.IsSupported)
        {
            var sums = Vector512<int>.Zero;
            for (var i = 0; i < length; i += 16)
            {
                sums += Avx512F.ConvertToVector512Int32(Vector256.LoadUnsafe(ref pixels, (nuint)i)) * Vector512.LoadUnsafe(ref weights, (nuint)i);
            }
            var halves = sums.GetLower() + sums.GetUpper();
            sum += halves.GetLower() + halves.GetUpper();
        }
        else
        {
            for (var i = 0; i < length; i += 8)
            {
                var (low, high) = Vector128.Widen(Vector128.LoadUnsafe(ref pixels, (nuint)i));
                sum += low * Vector128.LoadUnsafe(ref weights, (nuint)i) + high * Vector128.LoadUnsafe(ref weights, (nuint)i + 4);
            }
        }
        sum >>= ResizeWeights.PrecisionBits;
        var shorts = Vector128.Max(Vector128.NarrowWithSaturation(sum, sum), Vector128<short>.Zero).AsUInt16();
        return Vector128.NarrowWithSaturation(shorts, shorts).AsUInt32().ToScalar();
    }

    static void Vertical(ReadOnlySpan<byte> rows, int firstRow, ResizeWeights weights, int stride, Span<byte> destination)
    {
        for (var y = 0; y < weights.First.Length; y++)
        {
            var source = rows.Slice((weights.First[y] - firstRow) * stride, weights.Count[y] * stride);
            var target = destination.Slice(y * stride, stride);
            ref var weight = ref weights.Repeated[4 * weights.Taps * y];
            var x = 0;
            for (; x + 16 <= stride; x += 16) WeighColumns(source, stride, x, ref weight, weights.Count[y]).StoreUnsafe(ref target[x]);
            for (; x < stride; x++)
            {
                var sum = Half;
                for (var tap = 0; tap < weights.Count[y]; tap++) sum += source[tap * stride + x] * Unsafe.Add(ref weight, 4 * tap);
                target[x] = Clip(sum);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> WeighColumns(ReadOnlySpan<byte> source, int stride, int x, ref int weights, int count)
    {
        ref var first = ref MemoryMarshal.GetReference(source);
        var low = Vector256.Create(Half);
        var high = low;
        for (var tap = 0; tap < count; tap++)
        {
            var bytes = Vector128.LoadUnsafe(ref first, (nuint)(tap * stride + x));
            var (lower, upper) = Vector256.Widen(Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes)).AsInt16());
            var weight = Vector256.Create(Unsafe.Add(ref weights, 4 * tap));
            low += lower * weight;
            high += upper * weight;
        }
        var shorts = Vector256.NarrowWithSaturation(low >> ResizeWeights.PrecisionBits, high >> ResizeWeights.PrecisionBits);
        var clamped = Vector256.Max(shorts, Vector256<short>.Zero).AsUInt16();
        return Vector128.NarrowWithSaturation(clamped.GetLower(), clamped.GetUpper());
    }

    static byte Clip(int sum) => (byte)Math.Clamp(sum >> ResizeWeights.PrecisionBits, 0, 255);
}
