using System.Runtime.Intrinsics;
using MlNetCifar.Imaging.Jpeg;

namespace MlNetCifar.Imaging.JpegKernels;

/// <summary>Inverse DCT to 4×4, 2×2 or 1×1 samples a block, the reduced transforms of libjpeg: a picture of 1/2, 1/4 or 1/8 of the size.</summary>
static class ScaledTransform
{
    const int ConstantBits = 13;
    const int Pass1Bits = 2;

    /// <summary>The smallest block size, 8 to 1, that still gives the size needed.</summary>
    public static int ChooseSize(JpegHeader header, DecodeOptions options)
    {
        if (options.MinWidth <= 0 || options.MinHeight <= 0) return 8;
        var isTurned = options.ApplyOrientation && header.Orientation >= 5;
        var (width, height) = isTurned ? (options.MinHeight, options.MinWidth) : (options.MinWidth, options.MinHeight);
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
    /// <param name="quantizer">64 steps, natural order.</param>
    /// <param name="samples">First sample of the block row; overwritten.</param>
    /// <param name="stride">Bytes between rows of samples.</param>
    /// <param name="size">Samples of a block's side: 4, 2 or 1.</param>
    public static void Run(ReadOnlySpan<short> coefficients, ReadOnlySpan<short> quantizer, Span<byte> samples, int stride, int size)
    {
        var blocks = coefficients.Length / 64;
        for (var block = 0; block < blocks; block++)
        {
            var source = coefficients[JpegComponent.BlockOffset(block)..];
            var target = samples[(block * size)..];
            if (size == 4) To4(source, quantizer, target, stride);
            else if (size == 2) To2(source, quantizer, target, stride);
            else target[0] = Sample((source[0] * quantizer[0] + 4) >> 3);
        }
    }

    static void To4(ReadOnlySpan<short> source, ReadOnlySpan<short> steps, Span<byte> target, int stride)
    {
        // First pass: all eight columns at once (the fifth is not used).
        var even = Row(source, steps, 0) << (ConstantBits + 1);
        var side = Row(source, steps, 2) * 15137 - Row(source, steps, 6) * 6270;
        var (r1, r3, r5, r7) = (Row(source, steps, 1), Row(source, steps, 3), Row(source, steps, 5), Row(source, steps, 7));
        var inner = r7 * -1730 + r5 * 11893 - r3 * 17799 + r1 * 8697;
        var outer = r7 * -4176 - r5 * 4926 + r3 * 7373 + r1 * 20995;
        const int Shift = ConstantBits - Pass1Bits + 1;
        var rounding = Vector256.Create(1 << (Shift - 1));
        FinishRow((even + side + outer + rounding) >> Shift, target);
        FinishRow((even - side + inner + rounding) >> Shift, target[stride..]);
        FinishRow((even - side - inner + rounding) >> Shift, target[(2 * stride)..]);
        FinishRow((even + side - outer + rounding) >> Shift, target[(3 * stride)..]);
    }

    static void FinishRow(Vector256<int> row, Span<byte> target)
    {
        const int Shift = ConstantBits + Pass1Bits + 3 + 1;
        var even = (row[0] << (ConstantBits + 1)) + (1 << (Shift - 1));
        var side = row[2] * 15137 - row[6] * 6270;
        var inner = row[7] * -1730 + row[5] * 11893 - row[3] * 17799 + row[1] * 8697;
        var outer = row[7] * -4176 - row[5] * 4926 + row[3] * 7373 + row[1] * 20995;
        target[0] = Sample((even + side + outer) >> Shift);
        target[1] = Sample((even - side + inner) >> Shift);
        target[2] = Sample((even - side - inner) >> Shift);
        target[3] = Sample((even + side - outer) >> Shift);
    }

    static void To2(ReadOnlySpan<short> source, ReadOnlySpan<short> steps, Span<byte> target, int stride)
    {
        const int Shift1 = ConstantBits - Pass1Bits + 2;
        const int Shift2 = ConstantBits + Pass1Bits + 3 + 2;
        var even = (Row(source, steps, 0) << (ConstantBits + 2)) + Vector256.Create(1 << (Shift1 - 1));
        var odd = Row(source, steps, 7) * -5906 + Row(source, steps, 5) * 6967 - Row(source, steps, 3) * 10426 + Row(source, steps, 1) * 29692;
        for (var y = 0; y < 2; y++)
        {
            var row = (y == 0 ? even + odd : even - odd) >> Shift1;
            var evens = (row[0] << (ConstantBits + 2)) + (1 << (Shift2 - 1));
            var odds = row[7] * -5906 + row[5] * 6967 - row[3] * 10426 + row[1] * 29692;
            target[y * stride] = Sample((evens + odds) >> Shift2);
            target[y * stride + 1] = Sample((evens - odds) >> Shift2);
        }
    }

    static Vector256<int> Row(ReadOnlySpan<short> source, ReadOnlySpan<short> steps, int row)
    {
        var (low, high) = Vector128.Widen(Vector128.Create(source.Slice(32 * row, 8)) * Vector128.Create(steps.Slice(8 * row, 8)));
        return Vector256.Create(low, high);
    }

    static byte Sample(int value) => (byte)Math.Clamp(value + 128, 0, 255);
}
