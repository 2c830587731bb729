using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>The transforms of 3×3 filters that go with <see cref="WinogradTransforms"/>, and back for their gradient.</summary>
internal static unsafe class WinogradFilters
{
    /// <summary>target[36] = G f Gᵀ for vectors of columns that lie side by side.</summary>
    /// <param name="f">The first vector at tap (0, 0).</param>
    /// <param name="tapStride">Floats from one tap to the next; negative to flip the filter.</param>
    /// <param name="vectors">Number of vectors.</param>
    /// <param name="target">Result.</param>
    /// <param name="pointStride">Floats between points.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Filter<TLanes, V>(float* f, nint tapStride, int vectors, float* target, nint pointStride)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V quarter = TLanes.Broadcast(0.25f), sixth = TLanes.Broadcast(1f / 6), twelfth = TLanes.Broadcast(1f / 12), minus = TLanes.Broadcast(-1f / 6), minusTwelfth = TLanes.Broadcast(-1f / 12);
        for (; vectors > 0; vectors--, f += TLanes.Count, target += TLanes.Count)
        {
            V a0 = TLanes.Load(f), a1 = TLanes.Load(f + tapStride), a2 = TLanes.Load(f + (2 * tapStride));
            V b0 = TLanes.Load(f + (3 * tapStride)), b1 = TLanes.Load(f + (4 * tapStride)), b2 = TLanes.Load(f + (5 * tapStride));
            V c0 = TLanes.Load(f + (6 * tapStride)), c1 = TLanes.Load(f + (7 * tapStride)), c2 = TLanes.Load(f + (8 * tapStride));
            FilterLine<TLanes, V>(TLanes.Multiply(quarter, a0), TLanes.Multiply(quarter, a1), TLanes.Multiply(quarter, a2), target, pointStride);
            FilterLine<TLanes, V>(c0, c1, c2, target + (30 * pointStride), pointStride);

            V d0 = FilterOuter<TLanes, V>(a0, c0), d1 = FilterOuter<TLanes, V>(a1, c1), d2 = FilterOuter<TLanes, V>(a2, c2);
            FilterLine<TLanes, V>(
                TLanes.MultiplyAdd(minus, b0, d0), TLanes.MultiplyAdd(minus, b1, d1), TLanes.MultiplyAdd(minus, b2, d2), target + (6 * pointStride), pointStride);
            FilterLine<TLanes, V>(
                TLanes.MultiplyAdd(sixth, b0, d0), TLanes.MultiplyAdd(sixth, b1, d1), TLanes.MultiplyAdd(sixth, b2, d2), target + (12 * pointStride), pointStride);

            d0 = FilterOuter2<TLanes, V>(a0, c0);
            d1 = FilterOuter2<TLanes, V>(a1, c1);
            d2 = FilterOuter2<TLanes, V>(a2, c2);
            FilterLine<TLanes, V>(
                TLanes.MultiplyAdd(twelfth, b0, d0), TLanes.MultiplyAdd(twelfth, b1, d1), TLanes.MultiplyAdd(twelfth, b2, d2), target + (18 * pointStride), pointStride);
            FilterLine<TLanes, V>(
                TLanes.MultiplyAdd(minusTwelfth, b0, d0), TLanes.MultiplyAdd(minusTwelfth, b1, d1), TLanes.MultiplyAdd(minusTwelfth, b2, d2), target + (24 * pointStride), pointStride);
        }
    }

    /// <summary>f[9] = Gᵀ u G for one vector of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gradient<TLanes, V>(float* u, nint pointStride, float* f, nint tapStride, float* temp)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        for (var j = 0; j < 6; j++)
        {
            var s = u + (j * pointStride);
            GradientLine<TLanes, V>(
                TLanes.Load(s), TLanes.Load(s + (6 * pointStride)), TLanes.Load(s + (12 * pointStride)), TLanes.Load(s + (18 * pointStride)),
                TLanes.Load(s + (24 * pointStride)), TLanes.Load(s + (30 * pointStride)), temp + (j * TLanes.Count), 6 * TLanes.Count);
        }

        for (var i = 0; i < 3; i++)
        {
            var t = temp + (i * 6 * TLanes.Count);
            GradientLine<TLanes, V>(
                TLanes.Load(t), TLanes.Load(t + TLanes.Count), TLanes.Load(t + (2 * TLanes.Count)), TLanes.Load(t + (3 * TLanes.Count)),
                TLanes.Load(t + (4 * TLanes.Count)), TLanes.Load(t + (5 * TLanes.Count)), f + (i * 3 * tapStride), tapStride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void FilterLine<TLanes, V>(V g0, V g1, V g2, float* target, nint stride)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V minus = TLanes.Broadcast(-1f / 6), twelfth = TLanes.Broadcast(1f / 12);
        V outer = FilterOuter<TLanes, V>(g0, g2), outer2 = FilterOuter2<TLanes, V>(g0, g2);
        TLanes.Store(TLanes.Multiply(TLanes.Broadcast(0.25f), g0), target);
        TLanes.Store(TLanes.MultiplyAdd(minus, g1, outer), target + stride);
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(1f / 6), g1, outer), target + (2 * stride));
        TLanes.Store(TLanes.MultiplyAdd(twelfth, g1, outer2), target + (3 * stride));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(-1f / 12), g1, outer2), target + (4 * stride));
        TLanes.Store(g2, target + (5 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V FilterOuter<TLanes, V>(V g0, V g2)
        where TLanes : struct, ILanes<V>
        where V : struct =>
        TLanes.Multiply(TLanes.Broadcast(-1f / 6), TLanes.Add(g0, g2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V FilterOuter2<TLanes, V>(V g0, V g2)
        where TLanes : struct, ILanes<V>
        where V : struct =>
        TLanes.MultiplyAdd(TLanes.Broadcast(1f / 24), g0, TLanes.Multiply(TLanes.Broadcast(1f / 6), g2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void GradientLine<TLanes, V>(V u0, V u1, V u2, V u3, V u4, V u5, float* target, nint stride)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V s = TLanes.Add(u1, u2), d = TLanes.Subtract(u2, u1), s2 = TLanes.Add(u3, u4), d2 = TLanes.Subtract(u3, u4);
        V sixth = TLanes.Broadcast(1f / 6);
        TLanes.Store(
            TLanes.MultiplyAdd(TLanes.Broadcast(0.25f), u0, TLanes.MultiplyAdd(TLanes.Broadcast(1f / 24), s2, TLanes.Multiply(TLanes.Broadcast(-1f / 6), s))), target);
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(1f / 12), d2, TLanes.Multiply(sixth, d)), target + stride);
        TLanes.Store(TLanes.MultiplyAdd(sixth, TLanes.Subtract(s2, s), u5), target + (2 * stride));
    }
}
