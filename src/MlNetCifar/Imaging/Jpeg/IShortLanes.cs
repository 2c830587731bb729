namespace MlNetCifar.Imaging;

/// <summary>
/// 16-bit arithmetic on one, two or four 128-bit lanes that never mix, so that one body transforms as many blocks at once.
/// "Wide" operations read the same register as 32-bit integers. Implemented by empty structs; calls vanish in the JIT.
/// </summary>
/// <typeparam name="V">The register.</typeparam>
interface IShortLanes<V> where V : struct
{
    /// <summary>Lanes, which is blocks transformed at once.</summary>
    static abstract int Blocks { get; }

    static abstract V Load(ref short source);
    static abstract V Pair(short even, short odd);
    static abstract V Fill(short value);
    static abstract V FillWide(int value);
    static abstract V Zero { get; }
    static abstract V Add(V x, V y);
    static abstract V Subtract(V x, V y);
    static abstract V Multiply(V x, V y);

    /// <summary>The upper half of each product.</summary>
    static abstract V MultiplyHigh(V x, V y);

    /// <summary>Shifts right, the sign remaining.</summary>
    static abstract V ShiftRight(V x, int count);

    static abstract V AddWide(V x, V y);
    static abstract V SubtractWide(V x, V y);
    static abstract V ShiftRightWide(V x, int count);
    static abstract V ShiftLeftWide(V x, int count);

    /// <summary>Σ of neighbouring products, as 32-bit integers.</summary>
    static abstract V MultiplyPairs(V x, V y);

    static abstract V Low16(V x, V y);
    static abstract V High16(V x, V y);
    static abstract V Low32(V x, V y);
    static abstract V High32(V x, V y);
    static abstract V Low64(V x, V y);
    static abstract V High64(V x, V y);
    static abstract V Low8(V x, V y);
    static abstract V High8(V x, V y);

    /// <summary>32-bit to 16-bit with saturation, x's then y's, inside each lane.</summary>
    static abstract V PackWide(V x, V y);

    /// <summary>16-bit to signed 8-bit with saturation, plus 128.</summary>
    static abstract V PackSamples(V x, V y);

    /// <summary>Stores two rows of each lane's block: the lane's low half is row 0, its high half row 1; lanes lie side by side.</summary>
    static abstract void StoreRows(V x, ref byte row0, ref byte row1);

    /// <summary>Reads as many bytes as the register has 16-bit elements.</summary>
    static abstract V LoadBytes(ref byte source);

    /// <summary>Stores red, green and blue, clamped to bytes, as pixels: 24 bytes a lane.</summary>
    static abstract void StorePixels(V red, V green, V blue, ref byte target);

    /// <summary>Reads four pixels a lane as pairs of neighbours, RR GG BB RR GG BB; lane l's are at the offset 8 · l. The last quarter of a lane is undefined.</summary>
    static abstract V LoadPairs(ref byte source, ref int offsets);

    /// <summary>
    /// Stores the 32-bit integers of four columns, clamped to bytes: as pairs of rows, the columns side by side. Lane l has rows 4 · l to 4 · l + 3.
    /// </summary>
    static abstract void StorePairs(V x, V y, V z, V w, ref byte target, int stride);

    /// <summary>Stores 32-bit integers, clamped to bytes, in their order.</summary>
    static abstract void StoreClamped(V x, ref byte target);
}
