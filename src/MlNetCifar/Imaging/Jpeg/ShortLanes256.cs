using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Imaging;

/// <summary>Two blocks in 256 bits; needs AVX2.</summary>
readonly struct ShortLanes256 : IShortLanes<Vector256<short>>
{
    public static int Blocks => 2;
    public static Vector256<short> Zero => Vector256<short>.Zero;
    public static Vector256<short> Load(ref short source) => Vector256.LoadUnsafe(ref source);
    public static Vector256<short> Pair(short even, short odd) => Vector256.Create((odd << 16) | (ushort)even).AsInt16();
    public static Vector256<short> Fill(short value) => Vector256.Create(value);
    public static Vector256<short> FillWide(int value) => Vector256.Create(value).AsInt16();
    public static Vector256<short> Add(Vector256<short> x, Vector256<short> y) => x + y;
    public static Vector256<short> Subtract(Vector256<short> x, Vector256<short> y) => x - y;
    public static Vector256<short> Multiply(Vector256<short> x, Vector256<short> y) => x * y;
    public static Vector256<short> MultiplyHigh(Vector256<short> x, Vector256<short> y) => Avx2.MultiplyHigh(x, y);
    public static Vector256<short> ShiftRight(Vector256<short> x, int count) => x >> count;
    public static Vector256<short> AddWide(Vector256<short> x, Vector256<short> y) => (x.AsInt32() + y.AsInt32()).AsInt16();
    public static Vector256<short> SubtractWide(Vector256<short> x, Vector256<short> y) => (x.AsInt32() - y.AsInt32()).AsInt16();
    public static Vector256<short> ShiftRightWide(Vector256<short> x, int count) => (x.AsInt32() >> count).AsInt16();
    public static Vector256<short> ShiftLeftWide(Vector256<short> x, int count) => (x.AsInt32() << count).AsInt16();
    public static Vector256<short> MultiplyPairs(Vector256<short> x, Vector256<short> y) => Avx2.MultiplyAddAdjacent(x, y).AsInt16();
    public static Vector256<short> Low16(Vector256<short> x, Vector256<short> y) => Avx2.UnpackLow(x, y);
    public static Vector256<short> High16(Vector256<short> x, Vector256<short> y) => Avx2.UnpackHigh(x, y);
    public static Vector256<short> Low32(Vector256<short> x, Vector256<short> y) => Avx2.UnpackLow(x.AsInt32(), y.AsInt32()).AsInt16();
    public static Vector256<short> High32(Vector256<short> x, Vector256<short> y) => Avx2.UnpackHigh(x.AsInt32(), y.AsInt32()).AsInt16();
    public static Vector256<short> Low64(Vector256<short> x, Vector256<short> y) => Avx2.UnpackLow(x.AsInt64(), y.AsInt64()).AsInt16();
    public static Vector256<short> High64(Vector256<short> x, Vector256<short> y) => Avx2.UnpackHigh(x.AsInt64(), y.AsInt64()).AsInt16();
    public static Vector256<short> Low8(Vector256<short> x, Vector256<short> y) => Avx2.UnpackLow(x.AsByte(), y.AsByte()).AsInt16();
    public static Vector256<short> High8(Vector256<short> x, Vector256<short> y) => Avx2.UnpackHigh(x.AsByte(), y.AsByte()).AsInt16();
    public static Vector256<short> PackWide(Vector256<short> x, Vector256<short> y) => Avx2.PackSignedSaturate(x.AsInt32(), y.AsInt32());

    public static Vector256<short> PackSamples(Vector256<short> x, Vector256<short> y) =>
        (Avx2.PackSignedSaturate(x, y).AsByte() + Vector256.Create((byte)128)).AsInt16();

    public static void StoreRows(Vector256<short> x, ref byte row0, ref byte row1)
    {
        var rows = Avx2.Permute4x64(x.AsUInt64(), 0b11_01_10_00).AsByte();
        rows.GetLower().StoreUnsafe(ref row0);
        rows.GetUpper().StoreUnsafe(ref row1);
    }

    public static Vector256<short> LoadBytes(ref byte source) => Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref source));

    public static void StorePixels(Vector256<short> red, Vector256<short> green, Vector256<short> blue, ref byte target) =>
        StorePixels(Avx2.PackUnsignedSaturate(red, green), Avx2.PackUnsignedSaturate(blue, blue), ref target);

    /// <summary>Stores, lane by lane, eight reds and eight greens with eight blues.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StorePixels(Vector256<byte> pairs, Vector256<byte> blue, ref byte target)
    {
        ShortLanes128.StorePixels(pairs.GetLower(), blue.GetLower(), ref target);
        ShortLanes128.StorePixels(pairs.GetUpper(), blue.GetUpper(), ref Unsafe.Add(ref target, 24));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> LoadPairs(ref byte source, ref int offsets)
    {
        var rows = Vector256.Create(Vector128.LoadUnsafe(ref source, (nuint)offsets), Vector128.LoadUnsafe(ref source, (nuint)Unsafe.Add(ref offsets, 8)));
        return Avx2.Shuffle(rows, Vector256.Create(0x0906_0502_0401_0300, 0x0000_0000_0B08_0A07, 0x0906_0502_0401_0300, 0x0000_0000_0B08_0A07).AsByte()).AsInt16();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector256<short> x, Vector256<short> y, Vector256<short> z, Vector256<short> w, ref byte target, int stride)
    {
        var rows = Avx2.Shuffle(Avx2.PackUnsignedSaturate(PackWide(x, y), PackWide(z, w)), Vector256.Create(0x0D0C_0908_0504_0100, 0x0F0E_0B0A_0706_0302, 0x0D0C_0908_0504_0100, 0x0F0E_0B0A_0706_0302).AsByte());
        StorePairs(rows, ref target, stride);
    }

    /// <summary>Stores four pairs of rows.</summary>
    internal static void StorePairs(Vector256<byte> rows, ref byte target, int stride)
    {
        ShortLanes128.StorePairs(rows.GetLower(), ref target, stride);
        ShortLanes128.StorePairs(rows.GetUpper(), ref Unsafe.Add(ref target, 2 * stride), stride);
    }

    public static void StoreClamped(Vector256<short> x, ref byte target)
    {
        ShortLanes128.StoreClamped(x.GetLower(), ref target);
        ShortLanes128.StoreClamped(x.GetUpper(), ref Unsafe.Add(ref target, 4));
    }
}
