using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>
/// 2×2 max-pooling of stride 2 (a last odd row or column is dropped) on data that is still in the cache, and its inverse.
/// A window that holds a NaN gives NaN. The position of the maximum, row · 2 + column, the first of equals, is kept as a float; 4 says that the ReLU let nothing through.
/// </summary>
internal static unsafe class PoolFusion
{
    /// <summary>Position where no element gets the gradient.</summary>
    public const float Nowhere = 4;

    /// <summary>Pools one pair of rows.</summary>
    /// <param name="x">Upper row, [2·pixels, channels].</param>
    /// <param name="rowStride">Floats to the lower row.</param>
    /// <param name="pixels">Pixels out.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="relu">Whether x was clamped at zero.</param>
    /// <param name="y">[pixels, channels].</param>
    /// <param name="argMax">[pixels, channels], or null.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Reduce<TLanes, V>(float* x, nint rowStride, int pixels, int channels, bool relu, float* y, float* argMax)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        for (var q = 0; q < pixels; q++)
        {
            var c = 0;
            for (; c <= channels - TLanes.Count; c += TLanes.Count)
                Reduce4<TLanes, V>(x + c, rowStride, channels, relu, y + c, argMax == null ? null : argMax + c);
            for (; c < channels; c++)
                Reduce4<Lanes1, float>(x + c, rowStride, channels, relu, y + c, argMax == null ? null : argMax + c);
            x += 2 * channels;
            y += channels;
            if (argMax != null)
                argMax += channels;
        }
    }

    /// <summary>One row of the gradient before pooling from a row of the gradient after it.</summary>
    /// <param name="gradient">[columns / 2, channels].</param>
    /// <param name="argMax">[columns / 2, channels].</param>
    /// <param name="row">0 for the upper row of the windows, 1 for the lower one.</param>
    /// <param name="columns">Pixels out.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="target">[columns, channels]; overwritten.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Expand<TLanes, V>(float* gradient, float* argMax, int row, int columns, int channels, float* target)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        for (var q = 0; q < columns / 2; q++)
        {
            var c = 0;
            for (; c <= channels - TLanes.Count; c += TLanes.Count)
                Expand2<TLanes, V>(gradient + c, argMax + c, 2 * row, target + c, channels);
            for (; c < channels; c++)
                Expand2<Lanes1, float>(gradient + c, argMax + c, 2 * row, target + c, channels);
            gradient += channels;
            argMax += channels;
            target += 2 * channels;
        }

        if (columns % 2 != 0)
            new Span<float>(target, channels).Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Reduce4<TLanes, V>(float* x, nint rowStride, int channels, bool relu, float* y, float* argMax)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V x0 = TLanes.Load(x), x1 = TLanes.Load(x + channels), x2 = TLanes.Load(x + rowStride), x3 = TLanes.Load(x + rowStride + channels);
        V upper = TLanes.Max(x0, x1), lower = TLanes.Max(x2, x3), best = TLanes.Max(upper, lower);
        if (argMax != null)
        {
            var position = TLanes.SelectGreater(
                lower, upper, TLanes.SelectGreater(x3, x2, TLanes.Broadcast(3), TLanes.Broadcast(2)), TLanes.SelectGreater(x1, x0, TLanes.Broadcast(1), TLanes.Broadcast(0)));
            if (relu)
                position = TLanes.SelectGreater(best, TLanes.Broadcast(0), position, TLanes.Broadcast(Nowhere));
            TLanes.Store(position, argMax);
        }

        // Max drops a NaN that does not come first.
        TLanes.Store(TLanes.OrNaN(TLanes.OrNaN(best, x0, x1), x2, x3), y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Expand2<TLanes, V>(float* gradient, float* argMax, int position, float* target, int channels)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        V g = TLanes.Load(gradient), a = TLanes.Load(argMax), zero = TLanes.Broadcast(0);
        V below = TLanes.Broadcast(position - 0.5f), middle = TLanes.Broadcast(position + 0.5f), above = TLanes.Broadcast(position + 1.5f);
        V first = TLanes.SelectGreater(a, below, g, zero), second = TLanes.SelectGreater(a, middle, g, zero);
        TLanes.Store(TLanes.SelectGreater(middle, a, first, zero), target);
        TLanes.Store(TLanes.SelectGreater(above, a, second, zero), target + channels);
    }
}
