using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MlNetCifar.Imaging;

/// <summary>Inverse DCT to 4×4, 2×2 or 1×1 samples a block, the reduced transforms of libjpeg: a picture of 1/2, 1/4 or 1/8 of the size.</summary>
static class ScaledTransform
{
    const int ConstantBits = 13;
    const int Pass1Bits = 2;

    /// <summary>The smallest block size, 8 to 1, that still gives the size needed.</summary>
    public static int ChooseSize(JpegHeader header, DecodeOptions options)
    {
        var (width, height) = (options.MinWidth, options.MinHeight);
        if ((width <= 0 || height <= 0) && (long)header.Width * header.Height > Limits.Huge) (width, height) = (options.HugeMinWidth, options.HugeMinHeight);
        if (width <= 0 || height <= 0) return 8;
        if (options.ApplyOrientation && header.Orientation >= 5) (width, height) = (height, width);
        var size = 8;
        while (size > 1 && (header.Width * (size / 2) + 7) / 8 >= width && (header.Height * (size / 2) + 7) / 8 >= height) size /= 2;
        return size;
    }

    /// <summary>Subsampled components are reduced less, as far as that spares upsampling.</summary>
    public static int ComponentSize(JpegComponent component, JpegHeader header, int size)
    {
        var blockSize = size;
        while (blockSize < 8
            && header.MaxHorizontal * size % (component.Horizontal * blockSize * 2) == 0
            && header.MaxVertical * size % (component.Vertical * blockSize * 2) == 0)
        {
            blockSize *= 2;
        }
        return blockSize;
    }

    /// <summary>Transforms one row of blocks.</summary>
    /// <param name="coefficients">Grouped layout, whole groups of four blocks.</param>
    /// <param name="quantizer">Steps of a group.</param>
    /// <param name="samples">First sample of the block row; overwritten.</param>
    /// <param name="stride">Bytes between rows of samples.</param>
    /// <param name="size">Samples of a block's side: 4, 2 or 1.</param>
    public static void Run(ReadOnlySpan<short> coefficients, ReadOnlySpan<short> quantizer, Span<byte> samples, int stride, int size)
    {
        var blocks = coefficients.Length / JpegComponent.GroupLength * 4;
        if (quantizer.Length < JpegComponent.GroupLength || samples.Length < (size - 1) * stride + blocks * size) throw new ArgumentException("Too few samples or steps.", nameof(samples));
        ref var source = ref MemoryMarshal.GetReference(coefficients);
        ref var steps = ref MemoryMarshal.GetReference(quantizer);
        ref var target = ref MemoryMarshal.GetReference(samples);
        if (size == 4)
        {
            for (var block = 0; block < blocks; block++) To4(ref Unsafe.Add(ref source, JpegComponent.BlockOffset(block)), ref steps, ref Unsafe.Add(ref target, block * 4), stride);
        }
        else if (size == 2)
        {
            for (var block = 0; block < blocks; block += 2) TwoTo2(ref Unsafe.Add(ref source, JpegComponent.BlockOffset(block)), ref steps, ref Unsafe.Add(ref target, block * 2), stride);
        }
        else
        {
            for (var block = 0; block < blocks; block++) samples[block] = Sample((coefficients[JpegComponent.BlockOffset(block)] * quantizer[0] + 4) >> 3);
        }
    }

    static void To4(ref short source, ref short steps, ref byte target, int stride)
    {
        // First pass: all eight columns at once (the fifth is not used).
        const int Shift = ConstantBits - Pass1Bits + 1;
        var even = (Row(ref source, ref steps, 0) << (ConstantBits + 1)) + Vector256.Create(1 << (Shift - 1));
        var side = Row(ref source, ref steps, 2) * 15137 - Row(ref source, ref steps, 6) * 6270;
        var (r1, r3, r5, r7) = (Row(ref source, ref steps, 1), Row(ref source, ref steps, 3), Row(ref source, ref steps, 5), Row(ref source, ref steps, 7));
        var inner = r7 * -1730 + r5 * 11893 - r3 * 17799 + r1 * 8697;
        var outer = r7 * -4176 - r5 * 4926 + r3 * 7373 + r1 * 20995;
        var (c04, c15, c26, c37) = Transpose((even + side + outer) >> Shift, (even - side + inner) >> Shift, (even - side - inner) >> Shift, (even + side - outer) >> Shift);

        // Second pass: all four rows at once.
        const int Shift2 = ConstantBits + Pass1Bits + 3 + 1;
        var evens = (c04.GetLower() << (ConstantBits + 1)) + Vector128.Create(1 << (Shift2 - 1));
        var sides = Fold(c26 * Pair(15137, -6270));
        var inners = Fold(c15 * Pair(8697, 11893) + c37 * Pair(-17799, -1730));
        var outers = Fold(c15 * Pair(20995, -4926) + c37 * Pair(7373, -4176));
        var rows = Samples((evens + sides + outers) >> Shift2) | (Samples((evens - sides + inners) >> Shift2) << 8)
            | (Samples((evens - sides - inners) >> Shift2) << 16) | (Samples((evens + sides - outers) >> Shift2) << 24);
        for (var y = 0; y < 4; y++) Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, y * stride), rows[y]);
    }

    /// <summary>Two neighbouring blocks, so that the second pass has four rows too.</summary>
    static void TwoTo2(ref short source, ref short steps, ref byte target, int stride)
    {
        const int Shift2 = ConstantBits + Pass1Bits + 3 + 2;
        var (top, bottom) = Columns2(ref source, ref steps);
        var (topRight, bottomRight) = Columns2(ref Unsafe.Add(ref source, 8), ref steps);
        var (c04, c15, _, c37) = Transpose(top, topRight, bottom, bottomRight);
        var evens = (c04.GetLower() << (ConstantBits + 2)) + Vector128.Create(1 << (Shift2 - 1));
        var odds = Fold(c15 * Pair(29692, 6967) + c37 * Pair(-10426, -5906));
        var pairs = Samples((evens + odds) >> Shift2) | (Samples((evens - odds) >> Shift2) << 8);
        Unsafe.WriteUnaligned(ref target, pairs[0] | (pairs[1] << 16));
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, stride), pairs[2] | (pairs[3] << 16));
    }

    /// <summary>The first pass to two rows.</summary>
    static (Vector256<int> Top, Vector256<int> Bottom) Columns2(ref short source, ref short steps)
    {
        const int Shift = ConstantBits - Pass1Bits + 2;
        var even = (Row(ref source, ref steps, 0) << (ConstantBits + 2)) + Vector256.Create(1 << (Shift - 1));
        var odd = Row(ref source, ref steps, 7) * -5906 + Row(ref source, ref steps, 5) * 6967 - Row(ref source, ref steps, 3) * 10426 + Row(ref source, ref steps, 1) * 29692;
        return ((even + odd) >> Shift, (even - odd) >> Shift);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Row(ref short source, ref short steps, int row) =>
        Vector256.WidenLower((Vector128.LoadUnsafe(ref source, (nuint)(32 * row)) * Vector128.LoadUnsafe(ref steps, (nuint)(32 * row))).ToVector256Unsafe());

    /// <summary>Four rows of eight become columns 0 and 4, 1 and 5, 2 and 6, 3 and 7 of four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector256<int> C04, Vector256<int> C15, Vector256<int> C26, Vector256<int> C37) Transpose(Vector256<int> r0, Vector256<int> r1, Vector256<int> r2, Vector256<int> r3)
    {
        var (low01, high01) = (Low(r0, r1), High(r0, r1));
        var (low23, high23) = (Low(r2, r3), High(r2, r3));
        return (LowPairs(low01, low23), HighPairs(low01, low23), LowPairs(high01, high23), HighPairs(high01, high23));
    }

    // Shuffles inside each half of the register and blends, for which every processor has instructions.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Low(Vector256<int> a, Vector256<int> b) =>
        Odd(Vector256.Shuffle(a, Vector256.Create(0, 0, 1, 1, 4, 4, 5, 5)), Vector256.Shuffle(b, Vector256.Create(0, 0, 1, 1, 4, 4, 5, 5)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> High(Vector256<int> a, Vector256<int> b) =>
        Odd(Vector256.Shuffle(a, Vector256.Create(2, 2, 3, 3, 6, 6, 7, 7)), Vector256.Shuffle(b, Vector256.Create(2, 2, 3, 3, 6, 6, 7, 7)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Odd(Vector256<int> even, Vector256<int> odd) => Vector256.ConditionalSelect(Vector256.Create(0, -1, 0, -1, 0, -1, 0, -1), odd, even);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> LowPairs(Vector256<int> a, Vector256<int> b) =>
        Vector256.ConditionalSelect(Vector256.Create(0, 0, -1, -1, 0, 0, -1, -1), Vector256.Shuffle(b, Vector256.Create(0, 1, 0, 1, 4, 5, 4, 5)), a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> HighPairs(Vector256<int> a, Vector256<int> b) =>
        Vector256.ConditionalSelect(Vector256.Create(0, 0, -1, -1, 0, 0, -1, -1), b, Vector256.Shuffle(a, Vector256.Create(2, 3, 2, 3, 6, 7, 6, 7)));

    static Vector256<int> Pair(int low, int high) => Vector256.Create(Vector128.Create(low), Vector128.Create(high));

    static Vector128<int> Fold(Vector256<int> columns) => columns.GetLower() + columns.GetUpper();

    static Vector128<int> Samples(Vector128<int> values) => Vector128.Min(Vector128.Max(values + Vector128.Create(128), Vector128<int>.Zero), Vector128.Create(255));

    static byte Sample(int value) => (byte)Math.Clamp(value + 128, 0, 255);
}
