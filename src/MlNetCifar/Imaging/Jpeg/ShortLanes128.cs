using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Imaging;

/// <summary>One block in 128 bits.</summary>
readonly struct ShortLanes128 : IShortLanes<Vector128<short>>
{
    public static int Blocks => 1;
    public static Vector128<short> Zero => Vector128<short>.Zero;
    public static Vector128<short> Load(ref short source) => Vector128.LoadUnsafe(ref source);
    public static Vector128<short> Pair(short even, short odd) => Vector128.Create((odd << 16) | (ushort)even).AsInt16();
    public static Vector128<short> Fill(short value) => Vector128.Create(value);
    public static Vector128<short> FillWide(int value) => Vector128.Create(value).AsInt16();
    public static Vector128<short> Add(Vector128<short> x, Vector128<short> y) => x + y;
    public static Vector128<short> Subtract(Vector128<short> x, Vector128<short> y) => x - y;
    public static Vector128<short> Multiply(Vector128<short> x, Vector128<short> y) => x * y;
    public static Vector128<short> ShiftRight(Vector128<short> x, int count) => x >> count;
    public static Vector128<short> AddWide(Vector128<short> x, Vector128<short> y) => (x.AsInt32() + y.AsInt32()).AsInt16();
    public static Vector128<short> SubtractWide(Vector128<short> x, Vector128<short> y) => (x.AsInt32() - y.AsInt32()).AsInt16();
    public static Vector128<short> ShiftRightWide(Vector128<short> x, int count) => (x.AsInt32() >> count).AsInt16();
    public static Vector128<short> ShiftLeftWide(Vector128<short> x, int count) => (x.AsInt32() << count).AsInt16();

    public static Vector128<short> MultiplyHigh(Vector128<short> x, Vector128<short> y)
    {
        if (Sse2.IsSupported) return Sse2.MultiplyHigh(x, y);
        var ((xLow, xHigh), (yLow, yHigh)) = (Vector128.Widen(x), Vector128.Widen(y));
        return Vector128.Narrow((xLow * yLow) >> 16, (xHigh * yHigh) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> MultiplyPairs(Vector128<short> x, Vector128<short> y)
    {
        if (Sse2.IsSupported) return Sse2.MultiplyAddAdjacent(x, y).AsInt16();
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.AddPairwise(AdvSimd.MultiplyWideningLower(x.GetLower(), y.GetLower()), AdvSimd.MultiplyWideningUpper(x, y)).AsInt16();
        var even = ((x.AsInt32() << 16) >> 16) * ((y.AsInt32() << 16) >> 16);
        return (even + (x.AsInt32() >> 16) * (y.AsInt32() >> 16)).AsInt16();
    }

    public static Vector128<short> Low16(Vector128<short> x, Vector128<short> y)
    {
        if (Sse2.IsSupported) return Sse2.UnpackLow(x, y);
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.ZipLow(x, y);
        var mask = Vector128.Create(0, 0, 1, 1, 2, 2, 3, 3);
        return Merge16(Vector128.Shuffle(x, mask), Vector128.Shuffle(y, mask));
    }

    public static Vector128<short> High16(Vector128<short> x, Vector128<short> y)
    {
        if (Sse2.IsSupported) return Sse2.UnpackHigh(x, y);
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.ZipHigh(x, y);
        var mask = Vector128.Create(4, 4, 5, 5, 6, 6, 7, 7);
        return Merge16(Vector128.Shuffle(x, mask), Vector128.Shuffle(y, mask));
    }

    public static Vector128<short> Low32(Vector128<short> x, Vector128<short> y)
    {
        var mask = Vector128.Create(0, 0, 1, 1);
        return Vector128.ConditionalSelect(Vector128.Create(-1, 0, -1, 0), Vector128.Shuffle(x.AsInt32(), mask), Vector128.Shuffle(y.AsInt32(), mask)).AsInt16();
    }

    public static Vector128<short> High32(Vector128<short> x, Vector128<short> y)
    {
        var mask = Vector128.Create(2, 2, 3, 3);
        return Vector128.ConditionalSelect(Vector128.Create(-1, 0, -1, 0), Vector128.Shuffle(x.AsInt32(), mask), Vector128.Shuffle(y.AsInt32(), mask)).AsInt16();
    }

    public static Vector128<short> Low64(Vector128<short> x, Vector128<short> y) => Vector128.Create(x.GetLower(), y.GetLower());
    public static Vector128<short> High64(Vector128<short> x, Vector128<short> y) => Vector128.Create(x.GetUpper(), y.GetUpper());

    public static Vector128<short> Low8(Vector128<short> x, Vector128<short> y)
    {
        var mask = Vector128.Create((byte)0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
        return Merge8(Vector128.Shuffle(x.AsByte(), mask), Vector128.Shuffle(y.AsByte(), mask));
    }

    public static Vector128<short> High8(Vector128<short> x, Vector128<short> y)
    {
        var mask = Vector128.Create((byte)8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
        return Merge8(Vector128.Shuffle(x.AsByte(), mask), Vector128.Shuffle(y.AsByte(), mask));
    }

    public static Vector128<short> PackWide(Vector128<short> x, Vector128<short> y) => Vector128.NarrowWithSaturation(x.AsInt32(), y.AsInt32());

    public static Vector128<short> PackSamples(Vector128<short> x, Vector128<short> y) =>
        (Vector128.NarrowWithSaturation(x, y).AsByte() + Vector128.Create((byte)128)).AsInt16();

    public static void StoreRows(Vector128<short> x, ref byte row0, ref byte row1)
    {
        Unsafe.WriteUnaligned(ref row0, x.AsUInt64().ToScalar());
        Unsafe.WriteUnaligned(ref row1, x.AsUInt64().GetElement(1));
    }

    static Vector128<short> Merge16(Vector128<short> even, Vector128<short> odd) =>
        Vector128.ConditionalSelect(Vector128.Create(0xFFFF).AsInt16(), even, odd);

    static Vector128<short> Merge8(Vector128<byte> even, Vector128<byte> odd) =>
        Vector128.ConditionalSelect(Vector128.Create((ushort)0xFF).AsByte(), even, odd).AsInt16();

    public static Vector128<short> LoadBytes(ref byte source) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref source)).AsByte()).AsInt16();

    public static void StorePixels(Vector128<short> red, Vector128<short> green, Vector128<short> blue, ref byte target) => StorePixels(Bytes(red, green), Bytes(blue, blue), ref target);

    /// <summary>Stores eight reds and eight greens with eight blues.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StorePixels(Vector128<byte> pairs, Vector128<byte> blue, ref byte target)
    {
        var first = Vector128.Shuffle(pairs, Vector128.Create(0, 8, 255, 1, 9, 255, 2, 10, 255, 3, 11, 255, 4, 12, 255, 5));
        first |= Vector128.Shuffle(blue, Vector128.Create(255, 255, 0, 255, 255, 1, 255, 255, 2, 255, 255, 3, 255, 255, 4, 255));
        var last = Vector128.Shuffle(pairs, Vector128.Create(13, 255, 6, 14, 255, 7, 15, 255, 255, 255, 255, 255, 255, 255, 255, 255));
        last |= Vector128.Shuffle(blue, Vector128.Create(255, 5, 255, 255, 6, 255, 255, 7, 255, 255, 255, 255, 255, 255, 255, 255));
        first.StoreUnsafe(ref target);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, 16), last.AsUInt64().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> LoadPairs(ref byte source, ref int offsets) =>
        Vector128.Shuffle(Vector128.LoadUnsafe(ref source, (nuint)offsets), Vector128.Create((byte)0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, 0, 0, 0, 0)).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector128<short> x, Vector128<short> y, Vector128<short> z, Vector128<short> w, ref byte target, int stride) =>
        StorePairs(Vector128.Shuffle(Bytes(PackWide(x, y), PackWide(z, w)), Vector128.Create((byte)0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15)), ref target, stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreClamped(Vector128<short> x, ref byte target)
    {
        var shorts = PackWide(x, x);
        Unsafe.WriteUnaligned(ref target, Bytes(shorts, shorts).AsUInt32().ToScalar());
    }

    /// <summary>Stores two pairs of rows.</summary>
    internal static void StorePairs(Vector128<byte> rows, ref byte target, int stride)
    {
        Unsafe.WriteUnaligned(ref target, rows.AsUInt64().ToScalar());
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, stride), rows.AsUInt64().GetElement(1));
    }

    static Vector128<byte> Bytes(Vector128<short> x, Vector128<short> y) => Sse2.IsSupported ? Sse2.PackUnsignedSaturate(x, y)
        : Vector128.NarrowWithSaturation(Vector128.Max(x, Zero).AsUInt16(), Vector128.Max(y, Zero).AsUInt16());
}
