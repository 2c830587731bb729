using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>The transforms of 3×3 filters that go with <see cref="WinogradTransforms"/>, and back for their gradient.</summary>
internal static unsafe class WinogradFilters
{
    /// <summary>target[36] = G f Gᵀ for one vector of columns.</summary>
    /// <param name="f">The vector at tap (0, 0).</param>
    /// <param name="tapStride">Floats from one tap to the next; negative to flip the filter.</param>
    /// <param name="target">Result.</param>
    /// <param name="pointStride">Floats between points.</param>
    /// <param name="temp">18 vectors.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Filter<TLanes, V>(float* f, nint tapStride, float* target, nint pointStride, float* temp)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        for (var s = 0; s < 3; s++)
        {
            FilterLine<TLanes, V>(
                TLanes.Load(f + (s * tapStride)), TLanes.Load(f + ((3 + s) * tapStride)), TLanes.Load(f + ((6 + s) * tapStride)),
                temp + (s * TLanes.Count), 3 * TLanes.Count);
        }

        for (var i = 0; i < 6; i++)
        {
            var t = temp + (i * 3 * TLanes.Count);
            FilterLine<TLanes, V>(
                TLanes.Load(t), TLanes.Load(t + TLanes.Count), TLanes.Load(t + (2 * TLanes.Count)), target + (i * 6 * pointStride), pointStride);
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
        V sixth = TLanes.Broadcast(-1f / 6), twelfth = TLanes.Broadcast(1f / 12);
        var outer = TLanes.Multiply(sixth, TLanes.Add(g0, g2));
        var outer2 = TLanes.MultiplyAdd(TLanes.Broadcast(1f / 24), g0, TLanes.Multiply(TLanes.Broadcast(1f / 6), g2));
        TLanes.Store(TLanes.Multiply(TLanes.Broadcast(0.25f), g0), target);
        TLanes.Store(TLanes.MultiplyAdd(sixth, g1, outer), target + stride);
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(1f / 6), g1, outer), target + (2 * stride));
        TLanes.Store(TLanes.MultiplyAdd(twelfth, g1, outer2), target + (3 * stride));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(-1f / 12), g1, outer2), target + (4 * stride));
        TLanes.Store(g2, target + (5 * stride));
    }

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
