using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Imaging;

/// <summary>Four blocks in 512 bits; needs AVX-512BW.</summary>
readonly struct ShortLanes512 : IShortLanes<Vector512<short>>
{
    public static int Blocks => 4;
    public static Vector512<short> Zero => Vector512<short>.Zero;
    public static Vector512<short> Load(ref short source) => Vector512.LoadUnsafe(ref source);
    public static Vector512<short> Pair(short even, short odd) => Vector512.Create((odd << 16) | (ushort)even).AsInt16();
    public static Vector512<short> Fill(short value) => Vector512.Create(value);
    public static Vector512<short> FillWide(int value) => Vector512.Create(value).AsInt16();
    public static Vector512<short> Add(Vector512<short> x, Vector512<short> y) => x + y;
    public static Vector512<short> Subtract(Vector512<short> x, Vector512<short> y) => x - y;
    public static Vector512<short> Multiply(Vector512<short> x, Vector512<short> y) => x * y;
    public static Vector512<short> MultiplyHigh(Vector512<short> x, Vector512<short> y) => Avx512BW.MultiplyHigh(x, y);
    public static Vector512<short> ShiftRight(Vector512<short> x, int count) => x >> count;
    public static Vector512<short> AddWide(Vector512<short> x, Vector512<short> y) => (x.AsInt32() + y.AsInt32()).AsInt16();
    public static Vector512<short> SubtractWide(Vector512<short> x, Vector512<short> y) => (x.AsInt32() - y.AsInt32()).AsInt16();
    public static Vector512<short> ShiftRightWide(Vector512<short> x, int count) => (x.AsInt32() >> count).AsInt16();
    public static Vector512<short> ShiftLeftWide(Vector512<short> x, int count) => (x.AsInt32() << count).AsInt16();
    public static Vector512<short> MultiplyPairs(Vector512<short> x, Vector512<short> y) => Avx512BW.MultiplyAddAdjacent(x, y).AsInt16();
    public static Vector512<short> Low16(Vector512<short> x, Vector512<short> y) => Avx512BW.UnpackLow(x, y);
    public static Vector512<short> High16(Vector512<short> x, Vector512<short> y) => Avx512BW.UnpackHigh(x, y);
    public static Vector512<short> Low32(Vector512<short> x, Vector512<short> y) => Avx512F.UnpackLow(x.AsInt32(), y.AsInt32()).AsInt16();
    public static Vector512<short> High32(Vector512<short> x, Vector512<short> y) => Avx512F.UnpackHigh(x.AsInt32(), y.AsInt32()).AsInt16();
    public static Vector512<short> Low64(Vector512<short> x, Vector512<short> y) => Avx512F.UnpackLow(x.AsInt64(), y.AsInt64()).AsInt16();
    public static Vector512<short> High64(Vector512<short> x, Vector512<short> y) => Avx512F.UnpackHigh(x.AsInt64(), y.AsInt64()).AsInt16();
    public static Vector512<short> Low8(Vector512<short> x, Vector512<short> y) => Avx512BW.UnpackLow(x.AsByte(), y.AsByte()).AsInt16();
    public static Vector512<short> High8(Vector512<short> x, Vector512<short> y) => Avx512BW.UnpackHigh(x.AsByte(), y.AsByte()).AsInt16();
    public static Vector512<short> PackWide(Vector512<short> x, Vector512<short> y) => Avx512BW.PackSignedSaturate(x.AsInt32(), y.AsInt32());

    public static Vector512<short> PackSamples(Vector512<short> x, Vector512<short> y) =>
        (Avx512BW.PackSignedSaturate(x, y).AsByte() + Vector512.Create((byte)128)).AsInt16();

    public static void StoreRows(Vector512<short> x, ref byte row0, ref byte row1)
    {
        var rows = Vector512.Shuffle(x.AsUInt64(), Vector512.Create(0ul, 2, 4, 6, 1, 3, 5, 7)).AsByte();
        rows.GetLower().StoreUnsafe(ref row0);
        rows.GetUpper().StoreUnsafe(ref row1);
    }

    public static Vector512<short> LoadBytes(ref byte source) => Avx512BW.ConvertToVector512UInt16(Vector256.LoadUnsafe(ref source)).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePixels(Vector512<short> red, Vector512<short> green, Vector512<short> blue, ref byte target)
    {
        var (pairs, blues) = (Avx512BW.PackUnsignedSaturate(red, green), Avx512BW.PackUnsignedSaturate(blue, blue));
        if (!Avx512Vbmi.IsSupported)
        {
            ShortLanes256.StorePixels(pairs.GetLower(), blues.GetLower(), ref target);
            ShortLanes256.StorePixels(pairs.GetUpper(), blues.GetUpper(), ref Unsafe.Add(ref target, 48));
            return;
        }
        // Lane l of the pairs has reds 8 · l to 8 · l + 7, then as many greens. 16 pixels at once; the 16 bytes behind the first are overwritten by the second.
        var order = Vector512.Create(
            (byte)0, 8, 64, 1, 9, 65, 2, 10, 66, 3, 11, 67, 4, 12, 68, 5, 13, 69, 6, 14, 70, 7, 15, 71, 16, 24, 80, 17, 25, 81, 18, 26,
            82, 19, 27, 83, 20, 28, 84, 21, 29, 85, 22, 30, 86, 23, 31, 87, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        Avx512Vbmi.PermuteVar64x8x2(pairs, order, blues).StoreUnsafe(ref target);
        var last = Avx512Vbmi.PermuteVar64x8x2(pairs, order + Vector512.Create((byte)32), blues);
        last.GetLower().StoreUnsafe(ref Unsafe.Add(ref target, 48));
        Avx512F.ExtractVector128(last, 2).StoreUnsafe(ref Unsafe.Add(ref target, 80));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> LoadPairs(ref byte source, ref int offsets)
    {
        var rows = Vector128.LoadUnsafe(ref source, (nuint)offsets).ToVector256Unsafe().ToVector512Unsafe();
        rows = Avx512F.InsertVector128(rows, Vector128.LoadUnsafe(ref source, (nuint)Unsafe.Add(ref offsets, 8)), 1);
        rows = Avx512F.InsertVector128(rows, Vector128.LoadUnsafe(ref source, (nuint)Unsafe.Add(ref offsets, 16)), 2);
        rows = Avx512F.InsertVector128(rows, Vector128.LoadUnsafe(ref source, (nuint)Unsafe.Add(ref offsets, 24)), 3);
        return Avx512BW.Shuffle(rows, Vector512.Create(0x0906_0502_0401_0300, 0x0000_0000_0B08_0A07, 0x0906_0502_0401_0300, 0x0000_0000_0B08_0A07, 0x0906_0502_0401_0300, 0x0000_0000_0B08_0A07, 0x0906_0502_0401_0300, 0x0000_0000_0B08_0A07).AsByte()).AsInt16();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector512<short> x, Vector512<short> y, Vector512<short> z, Vector512<short> w, ref byte target, int stride)
    {
        var rows = Avx512BW.Shuffle(Avx512BW.PackUnsignedSaturate(PackWide(x, y), PackWide(z, w)), Vector512.Create(0x0D0C_0908_0504_0100, 0x0F0E_0B0A_0706_0302, 0x0D0C_0908_0504_0100, 0x0F0E_0B0A_0706_0302, 0x0D0C_0908_0504_0100, 0x0F0E_0B0A_0706_0302, 0x0D0C_0908_0504_0100, 0x0F0E_0B0A_0706_0302).AsByte());
        ShortLanes256.StorePairs(rows.GetLower(), ref target, stride);
        ShortLanes256.StorePairs(rows.GetUpper(), ref Unsafe.Add(ref target, 4 * stride), stride);
    }

    public static void StoreClamped(Vector512<short> x, ref byte target) =>
        Avx512F.ConvertToVector128ByteWithSaturation(Vector512.Max(x.AsInt32(), Vector512<int>.Zero).AsUInt32()).StoreUnsafe(ref target);
}
