using System.Numerics;
using System.Runtime.InteropServices;

namespace MlNetCifar.Training;

/// <summary>
/// Gradients in 16 bits. They are rounded to the nearest (of two as near, to the even one) at fixed places, the slices and the nodes of their tree, and added in 32 bits between: so a sum that is sent is what it
/// was, and who has computed which slices makes no difference.
/// </summary>
internal static class GradientCodec
{
    /// <summary>
    /// Multiplies gradients before they become <see cref="Half"/>: those of networks are far below 1, and without it most would be among the numbers below 6·10⁻⁵ that have fewer digits. What is above 63.97 is
    /// taken for that then.
    /// </summary>
    const float HalfScale = 1024;

    /// <summary>Bytes of a gradient.</summary>
    public static int BytesOf(GradientFormat format) => format == GradientFormat.F32 ? sizeof(float) : sizeof(ushort);

    /// <summary>Rounds gradients to what the format holds; what it holds stays as it is.</summary>
    public static void Round(Span<float> values, GradientFormat format)
    {
        if (format == GradientFormat.Bf16)
            RoundToBf16(MemoryMarshal.Cast<float, uint>(values));
        else if (format == GradientFormat.F16)
            foreach (ref var value in values)
                value = Value(BitConverter.HalfToUInt16Bits(HalfOf(value)), format);
    }

    /// <summary>Writes gradients that have been rounded.</summary>
    /// <param name="values">As <see cref="Round"/> leaves them.</param>
    /// <param name="bits">As many.</param>
    /// <param name="format">One of 16 bits.</param>
    public static void Encode(ReadOnlySpan<float> values, Span<ushort> bits, GradientFormat format)
    {
        for (var i = 0; i < bits.Length; i++)
            bits[i] = format == GradientFormat.Bf16 ? (ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16) : BitConverter.HalfToUInt16Bits(HalfOf(values[i]));
    }

    /// <summary>Reads what <see cref="Encode"/> wrote.</summary>
    public static void Decode(ReadOnlySpan<ushort> bits, Span<float> values, GradientFormat format)
    {
        for (var i = 0; i < bits.Length; i++)
            values[i] = Value(bits[i], format);
    }

    static float Value(ushort bits, GradientFormat format) =>
        format == GradientFormat.Bf16 ? BitConverter.UInt32BitsToSingle((uint)bits << 16) : (float)BitConverter.UInt16BitsToHalf(bits) / HalfScale;

    static Half HalfOf(float value) => float.IsNaN(value) ? Half.NaN : (Half)Math.Clamp(value * HalfScale, (float)Half.MinValue, (float)Half.MaxValue);

    /// <summary>Half of the last place is added, less one where the digit that stays is even; what is no number stays none.</summary>
    static void RoundToBf16(Span<uint> bits)
    {
        var i = 0;
        for (; i <= bits.Length - Vector<uint>.Count; i += Vector<uint>.Count)
        {
            var value = new Vector<uint>(bits[i..]);
            var rounded = (value + new Vector<uint>(0x7FFF) + ((value >> 16) & Vector<uint>.One)) & new Vector<uint>(0xFFFF0000);
            var isNumber = Vector.LessThanOrEqual(value & new Vector<uint>(0x7FFFFFFF), new Vector<uint>(0x7F800000));
            Vector.ConditionalSelect(isNumber, rounded, new Vector<uint>(0x7FC00000)).CopyTo(bits[i..]);
        }

        for (; i < bits.Length; i++)
            bits[i] = (bits[i] & 0x7FFFFFFF) <= 0x7F800000 ? (bits[i] + 0x7FFF + ((bits[i] >> 16) & 1)) & 0xFFFF0000 : 0x7FC00000;
    }
}
