using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>Where a 6×6 or 4×4 tile lies in an image, and which of its rows and columns exist. Strides count floats.</summary>
internal unsafe struct TileWindow
{
    /// <summary>The (possibly missing) first element of the tile.</summary>
    public float* Origin;
    public nint RowStride;
    public nint PixelStride;
    public int FirstRow;
    public int EndRow;
    public int FirstColumn;
    public int EndColumn;
    public int Channels;

    /// <summary>Floats from an element to what is added to it; 0 for nothing.</summary>
    public nint Addend;
}

/// <summary>
/// The transforms of Winograd's minimal filtering F(4×4, 3×3) with the points 0, ±1, ±2, ∞ (Lavin and Gray, 2015), a vector of channels at a time.
/// y = Aᵀ[(G f Gᵀ) ⊙ (Bᵀ x B)]A; the gradient of f is Gᵀ[(Bᵀ x B) ⊙ (A ∂y Aᵀ)]G, the same transforms transposed.
/// A last partial vector of channels overlaps the one before, so channels ≥ lanes is required where channels are read.
/// </summary>
internal static unsafe class WinogradTransforms
{
    /// <summary>Elements of a transformed tile.</summary>
    public const int Points = 36;

    /// <summary>target[36][channels] = Bᵀ x B of a 6×6 window; missing elements are zero.</summary>
    /// <param name="window">The window.</param>
    /// <param name="target">Result.</param>
    /// <param name="pointStride">Floats between points.</param>
    /// <param name="zeros">As many zeros as six pixels have floats: missing rows are read from here.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input<TLanes, V>(TileWindow* window, float* target, nint pointStride, float* zeros)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var rows = new InputRows(window, zeros);
        nint pixel = window->PixelStride;
        int first = window->FirstColumn, end = window->EndColumn;
        for (var c = 0; c < window->Channels; c += TLanes.Count)
        {
            c = Math.Min(c, window->Channels - TLanes.Count);
            InputUpper<TLanes, V>(rows, c, first <= 0 && end > 0, out var a0, out var b0, out var c0);
            InputUpper<TLanes, V>(rows, c + pixel, first <= 1 && end > 1, out var a1, out var b1, out var c1);
            InputUpper<TLanes, V>(rows, c + (2 * pixel), first <= 2 && end > 2, out var a2, out var b2, out var c2);
            InputUpper<TLanes, V>(rows, c + (3 * pixel), first <= 3 && end > 3, out var a3, out var b3, out var c3);
            InputUpper<TLanes, V>(rows, c + (4 * pixel), first <= 4 && end > 4, out var a4, out var b4, out var c4);
            InputUpper<TLanes, V>(rows, c + (5 * pixel), first <= 5 && end > 5, out var a5, out var b5, out var c5);
            InputLine<TLanes, V>(a0, a1, a2, a3, a4, a5, target + c, pointStride);
            InputLine<TLanes, V>(b0, b1, b2, b3, b4, b5, target + c + (6 * pointStride), pointStride);
            InputLine<TLanes, V>(c0, c1, c2, c3, c4, c5, target + c + (12 * pointStride), pointStride);
            InputLower<TLanes, V>(rows, c, first <= 0 && end > 0, out a0, out b0, out c0);
            InputLower<TLanes, V>(rows, c + pixel, first <= 1 && end > 1, out a1, out b1, out c1);
            InputLower<TLanes, V>(rows, c + (2 * pixel), first <= 2 && end > 2, out a2, out b2, out c2);
            InputLower<TLanes, V>(rows, c + (3 * pixel), first <= 3 && end > 3, out a3, out b3, out c3);
            InputLower<TLanes, V>(rows, c + (4 * pixel), first <= 4 && end > 4, out a4, out b4, out c4);
            InputLower<TLanes, V>(rows, c + (5 * pixel), first <= 5 && end > 5, out a5, out b5, out c5);
            InputLine<TLanes, V>(a0, a1, a2, a3, a4, a5, target + c + (18 * pointStride), pointStride);
            InputLine<TLanes, V>(b0, b1, b2, b3, b4, b5, target + c + (24 * pointStride), pointStride);
            InputLine<TLanes, V>(c0, c1, c2, c3, c4, c5, target + c + (30 * pointStride), pointStride);
        }
    }

    /// <summary>y = Aᵀ m A + bias + addend, clamped at <paramref name="low"/>, into a 4×4 window; missing elements are not written. Channels in whole vectors.</summary>
    /// <param name="m">[36][channels].</param>
    /// <param name="pointStride">Floats between points.</param>
    /// <param name="bias">Of the window's channels, in whole vectors; or null.</param>
    /// <param name="low">Lower bound, −∞ for none.</param>
    /// <param name="window">The result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Output<TLanes, V>(float* m, nint pointStride, float* bias, float low, TileWindow* window)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var floor = TLanes.Broadcast(low);
        for (var k = 0; k < window->Channels; k += TLanes.Count, m += TLanes.Count)
        {
            var start = bias == null ? TLanes.Broadcast(0) : TLanes.Load(bias + k);
            OutputEven<TLanes, V>(m, pointStride, out var a0, out var b0);
            OutputEven<TLanes, V>(m + pointStride, pointStride, out var a1, out var b1);
            OutputEven<TLanes, V>(m + (2 * pointStride), pointStride, out var a2, out var b2);
            OutputEven<TLanes, V>(m + (3 * pointStride), pointStride, out var a3, out var b3);
            OutputEven<TLanes, V>(m + (4 * pointStride), pointStride, out var a4, out var b4);
            OutputEven<TLanes, V>(m + (5 * pointStride), pointStride, out var a5, out var b5);
            OutputLine<TLanes, V>(a0, a1, a2, a3, a4, a5, start, floor, window, 0, k);
            OutputLine<TLanes, V>(b0, b1, b2, b3, b4, b5, start, floor, window, 2, k);
            OutputOdd<TLanes, V>(m, pointStride, out a0, out b0);
            OutputOdd<TLanes, V>(m + pointStride, pointStride, out a1, out b1);
            OutputOdd<TLanes, V>(m + (2 * pointStride), pointStride, out a2, out b2);
            OutputOdd<TLanes, V>(m + (3 * pointStride), pointStride, out a3, out b3);
            OutputOdd<TLanes, V>(m + (4 * pointStride), pointStride, out a4, out b4);
            OutputOdd<TLanes, V>(m + (5 * pointStride), pointStride, out a5, out b5);
            OutputLine<TLanes, V>(a0, a1, a2, a3, a4, a5, start, floor, window, 1, k);
            OutputLine<TLanes, V>(b0, b1, b2, b3, b4, b5, start, floor, window, 3, k);
        }
    }

    /// <summary>target[36][channels] = A ∂y Aᵀ of a 4×4 window; missing elements are zero.</summary>
    /// <param name="window">The window.</param>
    /// <param name="target">Result.</param>
    /// <param name="pointStride">Floats between points.</param>
    /// <param name="zeros">As many zeros as four pixels have floats: missing rows are read from here.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gradient<TLanes, V>(TileWindow* window, float* target, nint pointStride, float* zeros)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        nint row = window->RowStride, pixel = window->PixelStride;
        float* p0 = window->Origin, p1 = window->EndRow > 1 ? p0 + row : zeros, p2 = window->EndRow > 2 ? p0 + (2 * row) : zeros;
        var p3 = window->EndRow > 3 ? p0 + (3 * row) : zeros;
        var columns = window->EndColumn;
        for (var c = 0; c < window->Channels; c += TLanes.Count)
        {
            c = Math.Min(c, window->Channels - TLanes.Count);
            GradientUpper<TLanes, V>(p0 + c, p1 + c, p2 + c, p3 + c, 0, true, out var a0, out var b0, out var c0);
            GradientUpper<TLanes, V>(p0 + c, p1 + c, p2 + c, p3 + c, pixel, columns > 1, out var a1, out var b1, out var c1);
            GradientUpper<TLanes, V>(p0 + c, p1 + c, p2 + c, p3 + c, 2 * pixel, columns > 2, out var a2, out var b2, out var c2);
            GradientUpper<TLanes, V>(p0 + c, p1 + c, p2 + c, p3 + c, 3 * pixel, columns > 3, out var a3, out var b3, out var c3);
            GradientLine<TLanes, V>(a0, a1, a2, a3, target + c, pointStride);
            GradientLine<TLanes, V>(b0, b1, b2, b3, target + c + (6 * pointStride), pointStride);
            GradientLine<TLanes, V>(c0, c1, c2, c3, target + c + (12 * pointStride), pointStride);
            GradientLower<TLanes, V>(p0 + c, p1 + c, p2 + c, p3 + c, 0, true, out a0, out b0, out c0);
            GradientLower<TLanes, V>(p0 + c, p1 + c, p2 + c, p3 + c, pixel, columns > 1, out a1, out b1, out c1);
            GradientLower<TLanes, V>(p0 + c, p1 + c, p2 + c, p3 + c, 2 * pixel, columns > 2, out a2, out b2, out c2);
            GradientLower<TLanes, V>(p0 + c, p1 + c, p2 + c, p3 + c, 3 * pixel, columns > 3, out a3, out b3, out c3);
            GradientLine<TLanes, V>(a0, a1, a2, a3, target + c + (18 * pointStride), pointStride);
            GradientLine<TLanes, V>(b0, b1, b2, b3, target + c + (24 * pointStride), pointStride);
            GradientLine<TLanes, V>(c0, c1, c2, c3, target + c + (30 * pointStride), pointStride);
        }
    }

    // One column, points 0, 1, 2 of six. The transforms go in two halves, so that what is between their two directions stays in registers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void InputUpper<TLanes, V>(in InputRows rows, nint offset, bool inside, out V t0, out V t1, out V t2)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        t0 = t1 = t2 = TLanes.Broadcast(0);
        if (!inside)
            return;
        V x1 = TLanes.Load(rows.P1 + offset), x2 = TLanes.Load(rows.P2 + offset), x3 = TLanes.Load(rows.P3 + offset), x4 = TLanes.Load(rows.P4 + offset);
        var minusFour = TLanes.Broadcast(-4);
        V a = TLanes.MultiplyAdd(minusFour, x2, x4), b = TLanes.MultiplyAdd(minusFour, x1, x3);
        t0 = TLanes.MultiplyAdd(TLanes.Broadcast(4), TLanes.Load(rows.P0 + offset), TLanes.MultiplyAdd(TLanes.Broadcast(-5), x2, x4));
        t1 = TLanes.Add(a, b);
        t2 = TLanes.Subtract(a, b);
    }

    // Points 3, 4, 5.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void InputLower<TLanes, V>(in InputRows rows, nint offset, bool inside, out V t3, out V t4, out V t5)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        t3 = t4 = t5 = TLanes.Broadcast(0);
        if (!inside)
            return;
        V x1 = TLanes.Load(rows.P1 + offset), x2 = TLanes.Load(rows.P2 + offset), x3 = TLanes.Load(rows.P3 + offset), x4 = TLanes.Load(rows.P4 + offset);
        V c = TLanes.Subtract(x4, x2), d = TLanes.Subtract(x3, x1);
        t3 = TLanes.MultiplyAdd(TLanes.Broadcast(2), d, c);
        t4 = TLanes.MultiplyAdd(TLanes.Broadcast(-2), d, c);
        t5 = TLanes.MultiplyAdd(TLanes.Broadcast(4), x1, TLanes.MultiplyAdd(TLanes.Broadcast(-5), x3, TLanes.Load(rows.P5 + offset)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InputLine<TLanes, V>(V x0, V x1, V x2, V x3, V x4, V x5, float* target, nint stride)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V four = TLanes.Broadcast(4), minusFour = TLanes.Broadcast(-4), minusFive = TLanes.Broadcast(-5);
        V a = TLanes.MultiplyAdd(minusFour, x2, x4), b = TLanes.MultiplyAdd(minusFour, x1, x3), c = TLanes.Subtract(x4, x2), d = TLanes.Subtract(x3, x1);
        TLanes.Store(TLanes.MultiplyAdd(four, x0, TLanes.MultiplyAdd(minusFive, x2, x4)), target);
        TLanes.Store(TLanes.Add(a, b), target + stride);
        TLanes.Store(TLanes.Subtract(a, b), target + (2 * stride));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(2), d, c), target + (3 * stride));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(-2), d, c), target + (4 * stride));
        TLanes.Store(TLanes.MultiplyAdd(four, x1, TLanes.MultiplyAdd(minusFive, x3, x5)), target + (5 * stride));
    }

    // One column, results 0 and 2 of four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void OutputEven<TLanes, V>(float* m, nint pointStride, out V y0, out V y2)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var s = TLanes.Add(TLanes.Load(m + (6 * pointStride)), TLanes.Load(m + (12 * pointStride)));
        var s2 = TLanes.Add(TLanes.Load(m + (18 * pointStride)), TLanes.Load(m + (24 * pointStride)));
        y0 = TLanes.Add(TLanes.Add(TLanes.Load(m), s), s2);
        y2 = TLanes.MultiplyAdd(TLanes.Broadcast(4), s2, s);
    }

    // Results 1 and 3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void OutputOdd<TLanes, V>(float* m, nint pointStride, out V y1, out V y3)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var d = TLanes.Subtract(TLanes.Load(m + (6 * pointStride)), TLanes.Load(m + (12 * pointStride)));
        var d2 = TLanes.Subtract(TLanes.Load(m + (18 * pointStride)), TLanes.Load(m + (24 * pointStride)));
        y1 = TLanes.MultiplyAdd(TLanes.Broadcast(2), d2, d);
        y3 = TLanes.Add(TLanes.MultiplyAdd(TLanes.Broadcast(8), d2, d), TLanes.Load(m + (30 * pointStride)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void OutputLine<TLanes, V>(V m0, V m1, V m2, V m3, V m4, V m5, V start, V floor, TileWindow* window, int row, int k)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        if (row >= window->EndRow)
            return;
        V s = TLanes.Add(m1, m2), d = TLanes.Subtract(m1, m2), s2 = TLanes.Add(m3, m4), d2 = TLanes.Subtract(m3, m4);
        var y = window->Origin + (row * window->RowStride) + k;
        int columns = window->EndColumn;
        Put<TLanes, V>(TLanes.Add(TLanes.Add(m0, s), s2), start, window->Addend, floor, y);
        if (columns > 1)
            Put<TLanes, V>(TLanes.MultiplyAdd(TLanes.Broadcast(2), d2, d), start, window->Addend, floor, y + window->PixelStride);
        if (columns > 2)
            Put<TLanes, V>(TLanes.MultiplyAdd(TLanes.Broadcast(4), s2, s), start, window->Addend, floor, y + (2 * window->PixelStride));
        if (columns > 3)
            Put<TLanes, V>(TLanes.Add(TLanes.MultiplyAdd(TLanes.Broadcast(8), d2, d), m5), start, window->Addend, floor, y + (3 * window->PixelStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put<TLanes, V>(V value, V start, nint addend, V floor, float* y)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        value = TLanes.Add(value, start);
        if (addend != 0)
            value = TLanes.Add(value, TLanes.Load(y + addend));
        TLanes.Store(TLanes.Max(value, floor), y);
    }

    // One column, points 0, 1, 2 of six.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void GradientUpper<TLanes, V>(float* p0, float* p1, float* p2, float* p3, nint offset, bool inside, out V t0, out V t1, out V t2)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        t0 = t1 = t2 = TLanes.Broadcast(0);
        if (!inside)
            return;
        t0 = TLanes.Load(p0 + offset);
        V even = TLanes.Add(t0, TLanes.Load(p2 + offset)), odd = TLanes.Add(TLanes.Load(p1 + offset), TLanes.Load(p3 + offset));
        t1 = TLanes.Add(even, odd);
        t2 = TLanes.Subtract(even, odd);
    }

    // Points 3, 4, 5.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void GradientLower<TLanes, V>(float* p0, float* p1, float* p2, float* p3, nint offset, bool inside, out V t3, out V t4, out V t5)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        t3 = t4 = t5 = TLanes.Broadcast(0);
        if (!inside)
            return;
        t5 = TLanes.Load(p3 + offset);
        var four = TLanes.Broadcast(4);
        V even = TLanes.MultiplyAdd(four, TLanes.Load(p2 + offset), TLanes.Load(p0 + offset)), odd = TLanes.MultiplyAdd(four, t5, TLanes.Load(p1 + offset));
        t3 = TLanes.MultiplyAdd(TLanes.Broadcast(2), odd, even);
        t4 = TLanes.MultiplyAdd(TLanes.Broadcast(-2), odd, even);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void GradientLine<TLanes, V>(V g0, V g1, V g2, V g3, float* target, nint stride)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var four = TLanes.Broadcast(4);
        V even = TLanes.Add(g0, g2), odd = TLanes.Add(g1, g3), even2 = TLanes.MultiplyAdd(four, g2, g0), odd2 = TLanes.MultiplyAdd(four, g3, g1);
        TLanes.Store(g0, target);
        TLanes.Store(TLanes.Add(even, odd), target + stride);
        TLanes.Store(TLanes.Subtract(even, odd), target + (2 * stride));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(2), odd2, even2), target + (3 * stride));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(-2), odd2, even2), target + (4 * stride));
        TLanes.Store(g3, target + (5 * stride));
    }

    // Where the six rows of a window are; missing ones are zeros.
    readonly struct InputRows
    {
        public readonly float* P0;
        public readonly float* P1;
        public readonly float* P2;
        public readonly float* P3;
        public readonly float* P4;
        public readonly float* P5;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public InputRows(TileWindow* window, float* zeros)
        {
            int first = window->FirstRow, end = window->EndRow;
            var row = window->RowStride;
            P0 = first <= 0 && end > 0 ? window->Origin : zeros;
            P1 = first <= 1 && end > 1 ? window->Origin + row : zeros;
            P2 = first <= 2 && end > 2 ? window->Origin + (2 * row) : zeros;
            P3 = first <= 3 && end > 3 ? window->Origin + (3 * row) : zeros;
            P4 = first <= 4 && end > 4 ? window->Origin + (4 * row) : zeros;
            P5 = first <= 5 && end > 5 ? window->Origin + (5 * row) : zeros;
        }
    }
}
