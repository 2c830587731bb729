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

/// <summary>
/// Resizes RGB pictures exactly as Pillow's 8-bit resampling does: rows first, then columns, each rounded to bytes. Not thread-safe.
/// Rows are taken by strips of as many as registers hold: a strip's pixels lie in memory column by column, the rows side by side, two neighbouring columns together, so that one
/// multiplication serves two columns of every row; what comes out lies the other way round, by pairs of rows, for the second pass.
/// </summary>
sealed class Resampler
{
    // Vectors read and write past the last column.
    const int Slack = 64;

    // [pair of columns, channel, row of the strip, 2]
    byte[] _strip = [];
    // [pair of rows, column and channel, 2]
    byte[] _rows = [];
    AxisKey _horizontalKey, _verticalKey;
    ResizeWeights? _horizontal, _vertical;

    /// <summary>Bytes held.</summary>
    public long Bytes => (long)_strip.Length + _rows.Length + 4L * (_horizontal?.Packed.Length ?? 0) + 4L * (_vertical?.Packed.Length ?? 0);

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
        if (filter == ResizeFilter.Nearest) Nearest(image, box, frame, width, height, destination);
        else if (image.Width == width && image.Height == height && box == new Box(0, 0, width, height) && frame == new Frame(width, height)) image.Pixels.CopyTo(destination);
        else if (Avx512BW.IsSupported) Resize<ShortLanes512, Vector512<short>>(image, box, filter, frame, width, height, destination);
        else if (Avx2.IsSupported) Resize<ShortLanes256, Vector256<short>>(image, box, filter, frame, width, height, destination);
        else Resize<ShortLanes128, Vector128<short>>(image, box, filter, frame, width, height, destination);
    }

    /// <summary>Resizes at one register width; the result does not depend on it. An axis that keeps its length has weights of 1 and 0, which change nothing.</summary>
    /// <inheritdoc cref="Resize"/>
    public void Resize<L, V>(RgbImage image, Box box, ResizeFilter filter, Frame frame, int width, int height, Span<byte> destination)
        where L : struct, IShortLanes<V> where V : struct
    {
        var horizontal = Weights(ref _horizontal, ref _horizontalKey, new(image.Width, box.Left, box.Right, frame.Width, frame.Left, width, filter));
        var vertical = Weights(ref _vertical, ref _verticalKey, new(image.Height, box.Top, box.Bottom, frame.Height, frame.Top, height, filter));
        var high = 8 * L.Blocks;
        var stride = 2 * 3 * horizontal.First.Length;
        var length = (vertical.Extent + high - 1L) / high * high / 2 * stride + Slack;
        if (length > Array.MaxLength) throw ImageErrors.TooLarge($"{vertical.Extent} rows to be made {width} pixels wide", $"{Array.MaxLength} bytes", null);
        if (_rows.Length < length) _rows = GC.AllocateUninitializedArray<byte>((int)length);
        var columns = (horizontal.Extent + 3) / 4 * 4;
        if (_strip.Length < 3 * columns * high) _strip = GC.AllocateUninitializedArray<byte>(3 * columns * high);
        for (var y = 0; y < vertical.Extent; y += high)
        {
            Gather<L, V>(image, horizontal.Origin, columns, vertical.Origin + y);
            Horizontal<L, V>(horizontal, ref _rows[y / 2 * stride], stride);
        }
        Vertical<L, V>(vertical, stride, 3 * width, destination[..(3 * width * height)]);
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

    /// <summary>Fills the strip.</summary>
    void Gather<L, V>(RgbImage image, int x, int columns, int y) where L : struct, IShortLanes<V> where V : struct
    {
        Span<int> offsets = stackalloc int[8 * L.Blocks];
        for (var row = 0; row < offsets.Length; row++) offsets[row] = 3 * image.Width * Math.Min(y + row, image.Height - 1);
        ref var offset = ref MemoryMarshal.GetReference(offsets);
        ref var source = ref Unsafe.Add(ref MemoryMarshal.GetReference(image.Pixels), 3 * x);
        ref var target = ref MemoryMarshal.GetArrayDataReference(_strip);
        var unit = 16 * L.Blocks;
        for (var column = 0; column < columns; column += 4)
        {
            var r0 = L.LoadPairs(ref source, ref offset);
            var r1 = L.LoadPairs(ref source, ref Unsafe.Add(ref offset, 1));
            var r2 = L.LoadPairs(ref source, ref Unsafe.Add(ref offset, 2));
            var r3 = L.LoadPairs(ref source, ref Unsafe.Add(ref offset, 3));
            var r4 = L.LoadPairs(ref source, ref Unsafe.Add(ref offset, 4));
            var r5 = L.LoadPairs(ref source, ref Unsafe.Add(ref offset, 5));
            var r6 = L.LoadPairs(ref source, ref Unsafe.Add(ref offset, 6));
            var r7 = L.LoadPairs(ref source, ref Unsafe.Add(ref offset, 7));
            InverseTransform.Transpose<L, V>(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
            Unsafe.WriteUnaligned(ref target, r0);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, unit), r1);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, 2 * unit), r2);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, 3 * unit), r3);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, 4 * unit), r4);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, 5 * unit), r5);
            source = ref Unsafe.Add(ref source, 12);
            target = ref Unsafe.Add(ref target, 6 * unit);
        }
    }

    /// <summary>All columns of the result, for the rows of the strip.</summary>
    void Horizontal<L, V>(ResizeWeights weights, ref byte target, int stride) where L : struct, IShortLanes<V> where V : struct
    {
        // A register has 32-bit sums for half of the strip's rows; of four pixels there are twelve.
        var half = 8 * L.Blocks;
        var size = 2 * half;
        ref var sums = ref MemoryMarshal.GetReference(stackalloc byte[12 * Slack]);
        for (var x = 0; x < weights.First.Length; x += 4)
        {
            for (var part = 0; part < 2; part++)
            {
                ref var strip = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_strip), part * half);
                for (var i = 0; i < 4; i++) Weigh<L, V>(ref strip, weights, x + i, ref Unsafe.Add(ref sums, 3 * i * size));
                ref var rows = ref Unsafe.Add(ref target, 6 * x + part * 2 * L.Blocks * stride);
                for (var i = 0; i < 3; i++)
                {
                    ref var four = ref Unsafe.As<byte, V>(ref Unsafe.Add(ref sums, 4 * i * size));
                    L.StorePairs(four, Unsafe.Add(ref four, 1), Unsafe.Add(ref four, 2), Unsafe.Add(ref four, 3), ref Unsafe.Add(ref rows, 8 * i), stride);
                }
            }
        }
    }

    /// <summary>One pixel of each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Weigh<L, V>(ref byte strip, ResizeWeights weights, int x, ref byte sums) where L : struct, IShortLanes<V> where V : struct
    {
        var unit = 16 * L.Blocks;
        ref var source = ref Unsafe.Add(ref strip, 3 * unit * weights.First[x]);
        ref var weight = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(weights.Packed), 2 * weights.Pairs * x);
        var (redLow, greenLow, blueLow) = (Half<L, V>(), Half<L, V>(), Half<L, V>());
        var (redHigh, greenHigh, blueHigh) = (L.Zero, L.Zero, L.Zero);
        for (var pair = 0; pair < weights.Pairs; pair++)
        {
            var (low, high) = (L.FillWide(weight), L.FillWide(Unsafe.Add(ref weight, 1)));
            var red = L.LoadBytes(ref source);
            var green = L.LoadBytes(ref Unsafe.Add(ref source, unit));
            var blue = L.LoadBytes(ref Unsafe.Add(ref source, 2 * unit));
            redLow = L.AddWide(redLow, L.MultiplyPairs(red, low));
            redHigh = L.AddWide(redHigh, L.MultiplyPairs(red, high));
            greenLow = L.AddWide(greenLow, L.MultiplyPairs(green, low));
            greenHigh = L.AddWide(greenHigh, L.MultiplyPairs(green, high));
            blueLow = L.AddWide(blueLow, L.MultiplyPairs(blue, low));
            blueHigh = L.AddWide(blueHigh, L.MultiplyPairs(blue, high));
            source = ref Unsafe.Add(ref source, 3 * unit);
            weight = ref Unsafe.Add(ref weight, 2);
        }
        Unsafe.WriteUnaligned(ref sums, Join<L, V>(redLow, redHigh));
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref sums, unit), Join<L, V>(greenLow, greenHigh));
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref sums, 2 * unit), Join<L, V>(blueLow, blueHigh));
    }

    /// <summary>All rows of the result.</summary>
    void Vertical<L, V>(ResizeWeights weights, int stride, int columns, Span<byte> destination) where L : struct, IShortLanes<V> where V : struct
    {
        var count = 4 * L.Blocks;
        Span<byte> last = stackalloc byte[Slack];
        for (var y = 0; destination.Length > 0; y++, destination = destination[columns..])
        {
            ref var source = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_rows), (nint)stride * weights.First[y]);
            ref var weight = ref weights.Packed[2 * weights.Pairs * y];
            ref var target = ref MemoryMarshal.GetReference(destination);
            var x = 0;
            for (; x + count <= columns; x += count) L.StoreClamped(WeighRows<L, V>(ref Unsafe.Add(ref source, 2 * x), stride, ref weight, weights.Pairs), ref Unsafe.Add(ref target, x));
            if (x == columns) continue;
            L.StoreClamped(WeighRows<L, V>(ref Unsafe.Add(ref source, 2 * x), stride, ref weight, weights.Pairs), ref last[0]);
            last[..(columns - x)].CopyTo(destination[x..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V WeighRows<L, V>(ref byte source, int stride, ref int weight, int pairs) where L : struct, IShortLanes<V> where V : struct
    {
        var (low, high) = (Half<L, V>(), L.Zero);
        for (var pair = 0; pair < pairs; pair++)
        {
            var rows = L.LoadBytes(ref source);
            low = L.AddWide(low, L.MultiplyPairs(rows, L.FillWide(weight)));
            high = L.AddWide(high, L.MultiplyPairs(rows, L.FillWide(Unsafe.Add(ref weight, 1))));
            source = ref Unsafe.Add(ref source, stride);
            weight = ref Unsafe.Add(ref weight, 2);
        }
        return Join<L, V>(low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Half<L, V>() where L : struct, IShortLanes<V> where V : struct => L.FillWide(1 << (ResizeWeights.PrecisionBits - 1));

    /// <summary>The rounded sum of its two parts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Join<L, V>(V low, V high) where L : struct, IShortLanes<V> where V : struct =>
        L.ShiftRightWide(L.AddWide(low, L.ShiftLeftWide(high, ResizeWeights.LowBits)), ResizeWeights.PrecisionBits);
}
