namespace MlNetCifar.Imaging;

/// <summary>The zigzag order (T.81, figure A.6).</summary>
static class ZigZag
{
    /// <summary>Natural index (row · 8 + column) of each zigzag position.</summary>
    public static ReadOnlySpan<byte> Natural =>
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];

    /// <summary>
    /// Offset of each zigzag position inside a group of four blocks (row · 32 + column); 16 positions past the end, which only
    /// damaged data reaches, all point at the last coefficient.
    /// </summary>
    public static byte[] Grouped { get; } = MakeGrouped();

    static byte[] MakeGrouped()
    {
        var grouped = new byte[80];
        for (var k = 0; k < grouped.Length; k++)
        {
            var natural = Natural[Math.Min(k, 63)];
            grouped[k] = (byte)((natural >> 3) * 32 + (natural & 7));
        }
        return grouped;
    }
}
