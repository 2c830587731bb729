using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Imaging;

/// <summary>
/// The accurate integer inverse DCT of libjpeg ("islow"; Loeffler, Ligtenberg and Moschytz, 11 multiplications, 13-bit constants),
/// with the 16-bit wrap-around and saturation of its SIMD version so that even absurd coefficients give the same samples.
/// </summary>
static class InverseTransform
{
    const int ConstantBits = 13;
    const int Pass1Bits = 2;
    const short C0298 = 2446, C0390 = 3196, C0541 = 4433, C0765 = 6270, C0899 = 7373, C1175 = 9633;
    const short C1501 = 12299, C1847 = 15137, C1961 = 16069, C2053 = 16819, C2562 = 20995, C3072 = 25172;

    /// <summary>Transforms one row of blocks.</summary>
    /// <param name="coefficients">Grouped layout, whole groups of four blocks.</param>
    /// <param name="quantizer">Steps of a group.</param>
    /// <param name="samples">First sample of the block row; eight rows of four blocks for every group are overwritten.</param>
    /// <param name="stride">Bytes between rows of samples.</param>
    public static void Run(ReadOnlySpan<short> coefficients, ReadOnlySpan<short> quantizer, Span<byte> samples, int stride)
    {
        if (Avx512BW.IsSupported) Run<ShortLanes512, Vector512<short>>(coefficients, quantizer, samples, stride);
        else if (Avx2.IsSupported) Run<ShortLanes256, Vector256<short>>(coefficients, quantizer, samples, stride);
        else Run<ShortLanes128, Vector128<short>>(coefficients, quantizer, samples, stride);
    }

    /// <summary>Transforms at one register width; the result does not depend on it.</summary>
    /// <inheritdoc cref="Run"/>
    public static void Run<L, V>(ReadOnlySpan<short> coefficients, ReadOnlySpan<short> quantizer, Span<byte> samples, int stride)
        where L : struct, IShortLanes<V> where V : struct
    {
        var groups = coefficients.Length / JpegComponent.GroupLength;
        if (quantizer.Length < JpegComponent.GroupLength || samples.Length < 7 * stride + groups * 32) throw new ArgumentException("Too few samples or steps.", nameof(samples));
        ref var source = ref MemoryMarshal.GetReference(coefficients);
        ref var steps = ref MemoryMarshal.GetReference(quantizer);
        ref var target = ref MemoryMarshal.GetReference(samples);
        for (var group = 0; group < groups; group++)
        {
            for (var lane = 0; lane < 4; lane += L.Blocks)
            {
                RunBlocks<L, V>(ref Unsafe.Add(ref source, group * JpegComponent.GroupLength + lane * 8), ref steps, ref Unsafe.Add(ref target, group * 32 + lane * 8), stride);
            }
        }
    }

    static void RunBlocks<L, V>(ref short source, ref short steps, ref byte target, int stride)
        where L : struct, IShortLanes<V> where V : struct
    {
        var r0 = L.Multiply(L.Load(ref source), L.Load(ref steps));
        var r1 = L.Multiply(L.Load(ref Unsafe.Add(ref source, 32)), L.Load(ref Unsafe.Add(ref steps, 32)));
        var r2 = L.Multiply(L.Load(ref Unsafe.Add(ref source, 64)), L.Load(ref Unsafe.Add(ref steps, 64)));
        var r3 = L.Multiply(L.Load(ref Unsafe.Add(ref source, 96)), L.Load(ref Unsafe.Add(ref steps, 96)));
        var r4 = L.Multiply(L.Load(ref Unsafe.Add(ref source, 128)), L.Load(ref Unsafe.Add(ref steps, 128)));
        var r5 = L.Multiply(L.Load(ref Unsafe.Add(ref source, 160)), L.Load(ref Unsafe.Add(ref steps, 160)));
        var r6 = L.Multiply(L.Load(ref Unsafe.Add(ref source, 192)), L.Load(ref Unsafe.Add(ref steps, 192)));
        var r7 = L.Multiply(L.Load(ref Unsafe.Add(ref source, 224)), L.Load(ref Unsafe.Add(ref steps, 224)));

        Butterfly<L, V>(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, ConstantBits - Pass1Bits);
        Transpose<L, V>(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
        Butterfly<L, V>(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, ConstantBits + Pass1Bits + 3);

        // Registers now hold columns; the bytes are transposed on the way out.
        var c04 = L.PackSamples(r0, r4);
        var c15 = L.PackSamples(r1, r5);
        var c26 = L.PackSamples(r2, r6);
        var c37 = L.PackSamples(r3, r7);
        var c02 = L.Low8(c04, c26);
        var c46 = L.High8(c04, c26);
        var c13 = L.Low8(c15, c37);
        var c57 = L.High8(c15, c37);
        var left0 = L.Low8(c02, c13);
        var left4 = L.High8(c02, c13);
        var right0 = L.Low8(c46, c57);
        var right4 = L.High8(c46, c57);
        L.StoreRows(L.Low32(left0, right0), ref target, ref Unsafe.Add(ref target, stride));
        L.StoreRows(L.High32(left0, right0), ref Unsafe.Add(ref target, 2 * stride), ref Unsafe.Add(ref target, 3 * stride));
        L.StoreRows(L.Low32(left4, right4), ref Unsafe.Add(ref target, 4 * stride), ref Unsafe.Add(ref target, 5 * stride));
        L.StoreRows(L.High32(left4, right4), ref Unsafe.Add(ref target, 6 * stride), ref Unsafe.Add(ref target, 7 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Butterfly<L, V>(ref V r0, ref V r1, ref V r2, ref V r3, ref V r4, ref V r5, ref V r6, ref V r7, int shift)
        where L : struct, IShortLanes<V> where V : struct
    {
        var even26 = L.Low16(r2, r6);
        var even26H = L.High16(r2, r6);
        var to3 = L.Pair(C0541 + C0765, C0541);
        var to2 = L.Pair(C0541, C0541 - C1847);
        var sum = L.Add(r0, r4);
        var difference = L.Subtract(r0, r4);
        var odd3 = L.Add(r7, r3);
        var odd4 = L.Add(r5, r1);
        var (o0, o1, o2, o3, o4, o5, o6, o7) = Half<L, V>(
            L.ShiftRightWide(L.Low16(L.Zero, sum), 16 - ConstantBits), L.ShiftRightWide(L.Low16(L.Zero, difference), 16 - ConstantBits),
            L.MultiplyPairs(even26, to2), L.MultiplyPairs(even26, to3), L.Low16(odd3, odd4), L.Low16(r7, r1), L.Low16(r5, r3), shift);
        var (h0, h1, h2, h3, h4, h5, h6, h7) = Half<L, V>(
            L.ShiftRightWide(L.High16(L.Zero, sum), 16 - ConstantBits), L.ShiftRightWide(L.High16(L.Zero, difference), 16 - ConstantBits),
            L.MultiplyPairs(even26H, to2), L.MultiplyPairs(even26H, to3), L.High16(odd3, odd4), L.High16(r7, r1), L.High16(r5, r3), shift);
        r0 = L.PackWide(o0, h0);
        r1 = L.PackWide(o1, h1);
        r2 = L.PackWide(o2, h2);
        r3 = L.PackWide(o3, h3);
        r4 = L.PackWide(o4, h4);
        r5 = L.PackWide(o5, h5);
        r6 = L.PackWide(o6, h6);
        r7 = L.PackWide(o7, h7);
    }

    /// <summary>Half a register's columns in 32-bit arithmetic: the even part arrives as four sums, the odd part as interleaved pairs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (V, V, V, V, V, V, V, V) Half<L, V>(V even0, V even1, V even2, V even3, V odd34, V odd71, V odd53, int shift)
        where L : struct, IShortLanes<V> where V : struct
    {
        var rounding = L.FillWide(1 << (shift - 1));
        even0 = L.AddWide(even0, rounding);
        even1 = L.AddWide(even1, rounding);
        var t10 = L.AddWide(even0, even3);
        var t13 = L.SubtractWide(even0, even3);
        var t11 = L.AddWide(even1, even2);
        var t12 = L.SubtractWide(even1, even2);
        var z3 = L.MultiplyPairs(odd34, L.Pair(C1175 - C1961, C1175));
        var z4 = L.MultiplyPairs(odd34, L.Pair(C1175, C1175 - C0390));
        var t0 = L.AddWide(L.MultiplyPairs(odd71, L.Pair(C0298 - C0899, -C0899)), z3);
        var t3 = L.AddWide(L.MultiplyPairs(odd71, L.Pair(-C0899, C1501 - C0899)), z4);
        var t1 = L.AddWide(L.MultiplyPairs(odd53, L.Pair(C2053 - C2562, -C2562)), z4);
        var t2 = L.AddWide(L.MultiplyPairs(odd53, L.Pair(-C2562, C3072 - C2562)), z3);
        return (
            L.ShiftRightWide(L.AddWide(t10, t3), shift), L.ShiftRightWide(L.AddWide(t11, t2), shift),
            L.ShiftRightWide(L.AddWide(t12, t1), shift), L.ShiftRightWide(L.AddWide(t13, t0), shift),
            L.ShiftRightWide(L.SubtractWide(t13, t0), shift), L.ShiftRightWide(L.SubtractWide(t12, t1), shift),
            L.ShiftRightWide(L.SubtractWide(t11, t2), shift), L.ShiftRightWide(L.SubtractWide(t10, t3), shift));
    }

    /// <summary>Transposes the 8×8 elements that eight registers have in each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose<L, V>(ref V r0, ref V r1, ref V r2, ref V r3, ref V r4, ref V r5, ref V r6, ref V r7)
        where L : struct, IShortLanes<V> where V : struct
    {
        var a0 = L.Low16(r0, r1);
        var a1 = L.High16(r0, r1);
        var a2 = L.Low16(r2, r3);
        var a3 = L.High16(r2, r3);
        var a4 = L.Low16(r4, r5);
        var a5 = L.High16(r4, r5);
        var a6 = L.Low16(r6, r7);
        var a7 = L.High16(r6, r7);
        var b0 = L.Low32(a0, a2);
        var b1 = L.High32(a0, a2);
        var b2 = L.Low32(a1, a3);
        var b3 = L.High32(a1, a3);
        var b4 = L.Low32(a4, a6);
        var b5 = L.High32(a4, a6);
        var b6 = L.Low32(a5, a7);
        var b7 = L.High32(a5, a7);
        r0 = L.Low64(b0, b4);
        r1 = L.High64(b0, b4);
        r2 = L.Low64(b1, b5);
        r3 = L.High64(b1, b5);
        r4 = L.Low64(b2, b6);
        r5 = L.High64(b2, b6);
        r6 = L.Low64(b3, b7);
        r7 = L.High64(b3, b7);
    }
}
