using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>y[i] = x[i] · scale[i] + bias[i], bytes to floats: the same bits at every width.</summary>
internal static class RowConverter
{
    /// <summary>Converts one row.</summary>
    /// <param name="source">Bytes.</param>
    /// <param name="scale">One factor a byte, as long as the row.</param>
    /// <param name="bias">One summand a byte.</param>
    /// <param name="destination">Overwritten.</param>
    /// <param name="width">The widest vectors to use.</param>
    public static void Convert(ReadOnlySpan<byte> source, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias, Span<float> destination, SimdWidth width)
    {
        Debug.Assert(scale.Length >= source.Length && bias.Length >= source.Length && destination.Length >= source.Length);
        ref var x = ref MemoryMarshal.GetReference(source);
        ref var a = ref MemoryMarshal.GetReference(scale);
        ref var b = ref MemoryMarshal.GetReference(bias);
        ref var y = ref MemoryMarshal.GetReference(destination);
        nuint i = 0;
        var length = (nuint)source.Length;
        if (Avx512F.IsSupported && width >= SimdWidth.Bits512)
        {
            for (; i + 16 <= length; i += 16)
            {
                var bytes = Vector128.LoadUnsafe(ref x, i);
                var value = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(bytes));
                Lanes512.MultiplyAdd(value, Vector512.LoadUnsafe(ref a, i), Vector512.LoadUnsafe(ref b, i)).StoreUnsafe(ref y, i);
            }
        }

        if (Avx2.IsSupported && width >= SimdWidth.Bits256)
        {
            for (; i + 8 <= length; i += 8)
            {
                var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref x, i))).AsByte();
                var value = Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(bytes));
                Lanes256.MultiplyAdd(value, Vector256.LoadUnsafe(ref a, i), Vector256.LoadUnsafe(ref b, i)).StoreUnsafe(ref y, i);
            }
        }
        else if (Vector128.IsHardwareAccelerated && width >= SimdWidth.Bits128)
        {
            for (; i + 4 <= length; i += 4)
            {
                var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref x, i))).AsByte();
                var value = Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32());
                Lanes128.MultiplyAdd(value, Vector128.LoadUnsafe(ref a, i), Vector128.LoadUnsafe(ref b, i)).StoreUnsafe(ref y, i);
            }
        }

        for (; i < length; i++)
            Unsafe.Add(ref y, i) = Lanes1.MultiplyAdd(Unsafe.Add(ref x, i), Unsafe.Add(ref a, i), Unsafe.Add(ref b, i));
    }

    /// <summary>Reverses the order of a row's pixels into another row.</summary>
    /// <param name="source">[W, C]; must not overlap <paramref name="destination"/>.</param>
    /// <param name="destination">[W, C]; overwritten.</param>
    /// <param name="channels">1 or 3.</param>
    public static void Mirror(ReadOnlySpan<byte> source, Span<byte> destination, int channels)
    {
        if (channels == 1)
        {
            source.CopyTo(destination);
            destination[..source.Length].Reverse();
            return;
        }

        var i = 0;
        var end = source.Length;
        if (Vector128.IsHardwareAccelerated)
        {
            // Five pixels a step, read one byte early so as to end with the pixel; the sixteenth byte is overwritten by the next step.
            var order = Vector128.Create((byte)13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0);
            for (; i + 16 <= end; i += 15)
            {
                Vector128.Shuffle(Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(source), (nuint)(end - i - 16)), order)
                    .StoreUnsafe(ref MemoryMarshal.GetReference(destination), (nuint)i);
            }
        }

        for (; i < end; i += 3)
        {
            var from = end - i - 3;
            destination[i] = source[from];
            destination[i + 1] = source[from + 1];
            destination[i + 2] = source[from + 2];
        }
    }
}
