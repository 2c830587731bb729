using System.Runtime.CompilerServices;
using MlNetCifar.Numerics.Simd;

namespace MlNetCifar.Numerics.Winograd;

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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input<TLanes, V>(TileWindow* window, float* target, nint pointStride, float* temp)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var zero = TLanes.Broadcast(0);
        V four = TLanes.Broadcast(4), minusFour = TLanes.Broadcast(-4), minusFive = TLanes.Broadcast(-5), two = TLanes.Broadcast(2), minusTwo = TLanes.Broadcast(-2);
        nint row = window->RowStride, pixel = window->PixelStride;
        int firstRow = window->FirstRow, endRow = window->EndRow, firstColumn = window->FirstColumn, endColumn = window->EndColumn;
        var inside = firstRow == 0 && endRow == 6;
        for (var c = 0; c < window->Channels; c += TLanes.Count)
        {
            c = Math.Min(c, window->Channels - TLanes.Count);
            var x = window->Origin + c;
            for (var j = 0; j < 6; j++, x += pixel)
            {
                V x0 = zero, x1 = zero, x2 = zero, x3 = zero, x4 = zero, x5 = zero;
                if (j >= firstColumn && j < endColumn)
                {
                    if (inside)
                    {
                        x0 = TLanes.Load(x);
                        x1 = TLanes.Load(x + row);
                        x2 = TLanes.Load(x + (2 * row));
                        x3 = TLanes.Load(x + (3 * row));
                        x4 = TLanes.Load(x + (4 * row));
                        x5 = TLanes.Load(x + (5 * row));
                    }
                    else
                    {
                        if (firstRow <= 0 && endRow > 0)
                            x0 = TLanes.Load(x);
                        if (firstRow <= 1 && endRow > 1)
                            x1 = TLanes.Load(x + row);
                        if (firstRow <= 2 && endRow > 2)
                            x2 = TLanes.Load(x + (2 * row));
                        if (firstRow <= 3 && endRow > 3)
                            x3 = TLanes.Load(x + (3 * row));
                        if (firstRow <= 4 && endRow > 4)
                            x4 = TLanes.Load(x + (4 * row));
                        if (firstRow <= 5 && endRow > 5)
                            x5 = TLanes.Load(x + (5 * row));
                    }
                }

                InputLine<TLanes, V>(x0, x1, x2, x3, x4, x5, four, minusFour, minusFive, two, minusTwo, temp + (j * TLanes.Count), 6 * TLanes.Count);
            }

            for (var i = 0; i < 6; i++)
            {
                var t = temp + (i * 6 * TLanes.Count);
                InputLine<TLanes, V>(
                    TLanes.Load(t), TLanes.Load(t + TLanes.Count), TLanes.Load(t + (2 * TLanes.Count)), TLanes.Load(t + (3 * TLanes.Count)),
                    TLanes.Load(t + (4 * TLanes.Count)), TLanes.Load(t + (5 * TLanes.Count)), four, minusFour, minusFive, two, minusTwo,
                    target + (i * 6 * pointStride) + c, pointStride);
            }
        }
    }

    /// <summary>y = Aᵀ m A + bias, clamped at <paramref name="low"/>, into a 4×4 window; missing elements are not written.</summary>
    /// <param name="m">[36][channels of the window], channels in whole vectors.</param>
    /// <param name="pointStride">Floats between points.</param>
    /// <param name="bias">Of the window's channels, in whole vectors; or null.</param>
    /// <param name="low">Lower bound, −∞ for none.</param>
    /// <param name="window">The result.</param>
    /// <param name="temp">36 vectors.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Output<TLanes, V>(float* m, nint pointStride, float* bias, float low, TileWindow* window, float* temp)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V two = TLanes.Broadcast(2), four = TLanes.Broadcast(4), eight = TLanes.Broadcast(8), floor = TLanes.Broadcast(low);
        var tail = temp + (24 * TLanes.Count);
        for (var k = 0; k < window->Channels; k += TLanes.Count)
        {
            for (var j = 0; j < 6; j++)
            {
                var s = m + k + (j * pointStride);
                OutputLine<TLanes, V>(
                    TLanes.Load(s), TLanes.Load(s + (6 * pointStride)), TLanes.Load(s + (12 * pointStride)), TLanes.Load(s + (18 * pointStride)),
                    TLanes.Load(s + (24 * pointStride)), TLanes.Load(s + (30 * pointStride)), two, four, eight,
                    out var t0, out var t1, out var t2, out var t3);
                TLanes.Store(t0, temp + (j * TLanes.Count));
                TLanes.Store(t1, temp + ((6 + j) * TLanes.Count));
                TLanes.Store(t2, temp + ((12 + j) * TLanes.Count));
                TLanes.Store(t3, temp + ((18 + j) * TLanes.Count));
            }

            var start = bias == null ? TLanes.Broadcast(0) : TLanes.Load(bias + k);
            var valid = Math.Min(TLanes.Count, window->Channels - k);
            for (var i = 0; i < window->EndRow; i++)
            {
                var t = temp + (i * 6 * TLanes.Count);
                OutputLine<TLanes, V>(
                    TLanes.Load(t), TLanes.Load(t + TLanes.Count), TLanes.Load(t + (2 * TLanes.Count)), TLanes.Load(t + (3 * TLanes.Count)),
                    TLanes.Load(t + (4 * TLanes.Count)), TLanes.Load(t + (5 * TLanes.Count)), two, four, eight,
                    out var y0, out var y1, out var y2, out var y3);
                var y = window->Origin + (i * window->RowStride) + k;
                if (valid == TLanes.Count)
                {
                    TLanes.Store(TLanes.Max(TLanes.Add(y0, start), floor), y);
                    if (window->EndColumn > 1)
                        TLanes.Store(TLanes.Max(TLanes.Add(y1, start), floor), y + window->PixelStride);
                    if (window->EndColumn > 2)
                        TLanes.Store(TLanes.Max(TLanes.Add(y2, start), floor), y + (2 * window->PixelStride));
                    if (window->EndColumn > 3)
                        TLanes.Store(TLanes.Max(TLanes.Add(y3, start), floor), y + (3 * window->PixelStride));
                    continue;
                }

                TLanes.Store(TLanes.Max(TLanes.Add(y0, start), floor), tail);
                TLanes.Store(TLanes.Max(TLanes.Add(y1, start), floor), tail + TLanes.Count);
                TLanes.Store(TLanes.Max(TLanes.Add(y2, start), floor), tail + (2 * TLanes.Count));
                TLanes.Store(TLanes.Max(TLanes.Add(y3, start), floor), tail + (3 * TLanes.Count));
                for (var j = 0; j < window->EndColumn; j++)
                    for (var lane = 0; lane < valid; lane++)
                        y[(j * window->PixelStride) + lane] = tail[(j * TLanes.Count) + lane];
            }
        }
    }

    /// <summary>target[36][channels] = A ∂y Aᵀ of a 4×4 window; missing elements are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gradient<TLanes, V>(TileWindow* window, float* target, nint pointStride, float* temp)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V zero = TLanes.Broadcast(0), two = TLanes.Broadcast(2), minusTwo = TLanes.Broadcast(-2), four = TLanes.Broadcast(4);
        nint row = window->RowStride, pixel = window->PixelStride;
        for (var c = 0; c < window->Channels; c += TLanes.Count)
        {
            c = Math.Min(c, window->Channels - TLanes.Count);
            var g = window->Origin + c;
            for (var j = 0; j < 4; j++, g += pixel)
            {
                V g0 = zero, g1 = zero, g2 = zero, g3 = zero;
                if (j < window->EndColumn)
                {
                    g0 = TLanes.Load(g);
                    if (window->EndRow > 1)
                        g1 = TLanes.Load(g + row);
                    if (window->EndRow > 2)
                        g2 = TLanes.Load(g + (2 * row));
                    if (window->EndRow > 3)
                        g3 = TLanes.Load(g + (3 * row));
                }

                GradientLine<TLanes, V>(g0, g1, g2, g3, two, minusTwo, four, temp + (j * TLanes.Count), 4 * TLanes.Count);
            }

            for (var i = 0; i < 6; i++)
            {
                var t = temp + (i * 4 * TLanes.Count);
                GradientLine<TLanes, V>(
                    TLanes.Load(t), TLanes.Load(t + TLanes.Count), TLanes.Load(t + (2 * TLanes.Count)), TLanes.Load(t + (3 * TLanes.Count)), two, minusTwo, four,
                    target + (i * 6 * pointStride) + c, pointStride);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void InputLine<TLanes, V>(V x0, V x1, V x2, V x3, V x4, V x5, V four, V minusFour, V minusFive, V two, V minusTwo, float* target, nint stride)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var a = TLanes.MultiplyAdd(minusFour, x2, x4);
        var b = TLanes.MultiplyAdd(minusFour, x1, x3);
        var c = TLanes.Subtract(x4, x2);
        var d = TLanes.Subtract(x3, x1);
        TLanes.Store(TLanes.MultiplyAdd(four, x0, TLanes.MultiplyAdd(minusFive, x2, x4)), target);
        TLanes.Store(TLanes.Add(a, b), target + stride);
        TLanes.Store(TLanes.Subtract(a, b), target + (2 * stride));
        TLanes.Store(TLanes.MultiplyAdd(two, d, c), target + (3 * stride));
        TLanes.Store(TLanes.MultiplyAdd(minusTwo, d, c), target + (4 * stride));
        TLanes.Store(TLanes.MultiplyAdd(four, x1, TLanes.MultiplyAdd(minusFive, x3, x5)), target + (5 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void OutputLine<TLanes, V>(V m0, V m1, V m2, V m3, V m4, V m5, V two, V four, V eight, out V y0, out V y1, out V y2, out V y3)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V s = TLanes.Add(m1, m2), d = TLanes.Subtract(m1, m2), s2 = TLanes.Add(m3, m4), d2 = TLanes.Subtract(m3, m4);
        y0 = TLanes.Add(TLanes.Add(m0, s), s2);
        y1 = TLanes.MultiplyAdd(two, d2, d);
        y2 = TLanes.MultiplyAdd(four, s2, s);
        y3 = TLanes.Add(TLanes.MultiplyAdd(eight, d2, d), m5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void GradientLine<TLanes, V>(V g0, V g1, V g2, V g3, V two, V minusTwo, V four, float* target, nint stride)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V even = TLanes.Add(g0, g2), odd = TLanes.Add(g1, g3), even2 = TLanes.MultiplyAdd(four, g2, g0), odd2 = TLanes.MultiplyAdd(four, g3, g1);
        TLanes.Store(g0, target);
        TLanes.Store(TLanes.Add(even, odd), target + stride);
        TLanes.Store(TLanes.Subtract(even, odd), target + (2 * stride));
        TLanes.Store(TLanes.MultiplyAdd(two, odd2, even2), target + (3 * stride));
        TLanes.Store(TLanes.MultiplyAdd(minusTwo, odd2, even2), target + (4 * stride));
        TLanes.Store(g3, target + (5 * stride));
    }
}
