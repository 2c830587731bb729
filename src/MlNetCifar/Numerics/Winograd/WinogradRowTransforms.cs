using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MlNetCifar.Numerics;

/// <summary>
/// The transforms of minimal filtering along rows: four results of a filter of seven taps and stride 2, whose even taps are F(4, 4) with the points 0, ±1, ±2, ∞, ½ and whose odd ones F(4, 3) without the last
/// (the construction of Toom and Cook; Blahut, Fast Algorithms for Signal Processing, 2010, chapter 5).
/// </summary>
internal static unsafe class WinogradRowTransforms
{
    /// <summary>Points of the even taps.</summary>
    public const int Points = 7;

    // Finite points, and the product of the differences from the others among all six, and among the first five.
    static ReadOnlySpan<double> At => [0, 1, -1, 2, -2, 0, 0.5];

    static ReadOnlySpan<double> EvenScale => [-2, -3, 9, 36, -60, 1, 1.40625];

    static ReadOnlySpan<double> OddScale => [4, -6, -6, 24, 24, 1];

    /// <summary>The filter at a point: Σ tapᵢ · pointⁱ over the taps of one kind, scaled; at ∞ the last tap.</summary>
    /// <param name="taps">First tap of its kind.</param>
    /// <param name="stride">Floats to the next one.</param>
    /// <param name="point">0 … 6.</param>
    /// <param name="odd">0 for the four even taps, 1 for the three odd ones.</param>
    public static float Filter(float* taps, nint stride, int point, int odd)
    {
        var last = 3 - odd;
        if (point == 5)
            return taps[last * stride];
        double sum = 0;
        for (var i = last; i >= 0; i--)
            sum = (sum * At[point]) + taps[i * stride];
        return (float)(sum / (odd == 0 ? EvenScale : OddScale)[point]);
    }

    /// <summary>Transforms the 13 columns under a tile.</summary>
    /// <param name="x">[13][length].</param>
    /// <param name="length">Floats of a column, in whole vectors.</param>
    /// <param name="target">Of each shared point, what even columns give and then what odd ones do: [2][length]; overwritten.</param>
    /// <param name="pointStride">Floats between points.</param>
    /// <param name="half">[length], at the point ½ of even columns alone; overwritten.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input<TLanes, V>(float* x, int length, float* target, nint pointStride, float* half)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        nint two = 2 * (nint)length;
        for (var i = 0; i < length; i += TLanes.Count, x += TLanes.Count)
        {
            V x0 = TLanes.Load(x), x1 = TLanes.Load(x + two), x2 = TLanes.Load(x + (2 * two)), x3 = TLanes.Load(x + (3 * two));
            V x4 = TLanes.Load(x + (4 * two)), x5 = TLanes.Load(x + (5 * two)), x6 = TLanes.Load(x + (6 * two)), minusHalf = TLanes.Broadcast(-0.5f);
            TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(4), x1, TLanes.MultiplyAdd(TLanes.Broadcast(-5), x3, x5)), half + i);

            // With the factor of the point ½ taken out, what is left are the points that the odd taps have too.
            WinogradTransforms.InputLine<TLanes, V>(
                TLanes.MultiplyAdd(minusHalf, x0, x1), TLanes.MultiplyAdd(minusHalf, x1, x2), TLanes.MultiplyAdd(minusHalf, x2, x3), TLanes.MultiplyAdd(minusHalf, x3, x4),
                TLanes.MultiplyAdd(minusHalf, x4, x5), TLanes.MultiplyAdd(minusHalf, x5, x6), target + i, pointStride);
            var odd = x + length;
            WinogradTransforms.InputLine<TLanes, V>(
                TLanes.Load(odd), TLanes.Load(odd + two), TLanes.Load(odd + (2 * two)), TLanes.Load(odd + (3 * two)), TLanes.Load(odd + (4 * two)), TLanes.Load(odd + (5 * two)),
                target + length + i, pointStride);
        }
    }

    /// <summary>Four results of each channel, with the bias, clamped at <paramref name="low"/>.</summary>
    /// <param name="m">[7][channels].</param>
    /// <param name="pointStride">Floats between points.</param>
    /// <param name="bias">[channels], or null.</param>
    /// <param name="low">Lower bound, −∞ for none.</param>
    /// <param name="columns">Results that exist, 1 … 4.</param>
    /// <param name="channels">In whole vectors.</param>
    /// <param name="y">First result; overwritten.</param>
    /// <param name="pixelStride">Floats between results.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Output<TLanes, V>(float* m, nint pointStride, float* bias, float low, int columns, int channels, float* y, nint pixelStride)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var floor = TLanes.Broadcast(low);
        for (var k = 0; k < channels; k += TLanes.Count, m += TLanes.Count)
        {
            V start = bias == null ? TLanes.Broadcast(0) : TLanes.Load(bias + k), half = TLanes.Load(m + (6 * pointStride));
            V m1 = TLanes.Load(m + pointStride), m2 = TLanes.Load(m + (2 * pointStride)), m3 = TLanes.Load(m + (3 * pointStride)), m4 = TLanes.Load(m + (4 * pointStride));
            V s = TLanes.Add(m1, m2), d = TLanes.Subtract(m1, m2), s2 = TLanes.Add(m3, m4), d2 = TLanes.Subtract(m3, m4);
            var target = y + k;
            WinogradTransforms.Put<TLanes, V>(TLanes.Add(TLanes.Add(TLanes.Load(m), half), TLanes.Add(s, s2)), start, 0, floor, target);
            if (columns > 1)
                WinogradTransforms.Put<TLanes, V>(TLanes.MultiplyAdd(TLanes.Broadcast(2), d2, TLanes.MultiplyAdd(TLanes.Broadcast(0.5f), half, d)), start, 0, floor, target + pixelStride);
            if (columns > 2)
                WinogradTransforms.Put<TLanes, V>(TLanes.MultiplyAdd(TLanes.Broadcast(4), s2, TLanes.MultiplyAdd(TLanes.Broadcast(0.25f), half, s)), start, 0, floor, target + (2 * pixelStride));
            if (columns > 3)
                WinogradTransforms.Put<TLanes, V>(
                    TLanes.Add(TLanes.MultiplyAdd(TLanes.Broadcast(8), d2, TLanes.MultiplyAdd(TLanes.Broadcast(0.125f), half, d)), TLanes.Load(m + (5 * pointStride))), start, 0, floor, target + (3 * pixelStride));
        }
    }

    /// <summary>
    /// Maxima of 3×3 windows, two elements apart: two of each three rows, from five columns, of which the last then takes the place of the first. A window that holds a NaN gives NaN.
    /// </summary>
    /// <param name="x">[2·rows + 1][5][channels].</param>
    /// <param name="line">Floats of a row.</param>
    /// <param name="channels">In whole vectors.</param>
    /// <param name="rows">Rows out.</param>
    /// <param name="y">[rows][2][channels]; overwritten.</param>
    /// <param name="resultRow">Floats between rows of the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pool<TLanes, V>(float* x, nint line, int channels, int rows, float* y, nint resultRow)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        for (var row = 0; row < rows; row++, x += 2 * line, y += resultRow)
            for (nint c = 0; c < channels; c += TLanes.Count)
            {
                var middle = Column<TLanes, V>(x + c + (2 * channels), line);
                V left = Larger<TLanes, V>(Column<TLanes, V>(x + c, line), Column<TLanes, V>(x + c + channels, line));
                TLanes.Store(Larger<TLanes, V>(left, middle), y + c);
                V right = Larger<TLanes, V>(Column<TLanes, V>(x + c + (3 * channels), line), Column<TLanes, V>(x + c + (4 * channels), line));
                TLanes.Store(Larger<TLanes, V>(middle, right), y + c + channels);
                TLanes.Store(TLanes.Load(x + c + (4 * channels)), x + c);
                TLanes.Store(TLanes.Load(x + line + c + (4 * channels)), x + line + c);
            }

        for (nint c = 0; c < channels; c += TLanes.Count)
            TLanes.Store(TLanes.Load(x + c + (4 * channels)), x + c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Column<TLanes, V>(float* x, nint line)
        where TLanes : struct, ILanes<V>
        where V : struct
        => Larger<TLanes, V>(Larger<TLanes, V>(TLanes.Load(x), TLanes.Load(x + line)), TLanes.Load(x + (2 * line)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Larger<TLanes, V>(V a, V b)
        where TLanes : struct, ILanes<V>
        where V : struct
        => TLanes.OrNaN(TLanes.Max(a, b), a, b);
}

/// <summary>The transforms along rows at one lane width.</summary>
internal sealed unsafe class WinogradRowSet
{
    public delegate*<float*, int, float*, nint, float*, void> Input { get; private init; }

    public delegate*<float*, nint, float*, float, int, int, float*, nint, void> Output { get; private init; }

    public delegate*<float*, nint, int, int, float*, nint, void> Pool { get; private init; }

    /// <summary>The transforms of a width.</summary>
    public static WinogradRowSet For(int lanes) => lanes switch
    {
        16 => Build<Lanes512, Vector512<float>>(),
        8 => Build<Lanes256, Vector256<float>>(),
        4 => Build<Lanes128, Vector128<float>>(),
        _ => Build<Lanes1, float>(),
    };

    static WinogradRowSet Build<TLanes, V>()
        where TLanes : struct, ILanes<V>
        where V : struct
        => new() { Input = &WinogradRowTransforms.Input<TLanes, V>, Output = &WinogradRowTransforms.Output<TLanes, V>, Pool = &WinogradRowTransforms.Pool<TLanes, V> };
}
