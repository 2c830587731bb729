using System.Runtime.Intrinsics;

namespace MlNetCifar.Numerics;

/// <summary>The images a pass reads, [n, H, W, C]: in memory, or as the gradient behind a fused pooling, expanded row by row.</summary>
internal unsafe struct ConvSource
{
    /// <summary>[n, H, W, C]; [n, H/2, W/2, C] where pooled.</summary>
    public float* Values;

    /// <summary>Positions of the maxima, or null for images as they are.</summary>
    public float* ArgMax;

    /// <summary>Expands a row at the plan's lane width.</summary>
    public delegate*<float*, float*, int, int, int, float*, void> Expand;

    /// <summary>Where row 0 of an image is, or would be: rows <paramref name="first"/> … <paramref name="end"/> − 1 may be read.</summary>
    /// <param name="image">Which image.</param>
    /// <param name="h">Rows.</param>
    /// <param name="w">Columns.</param>
    /// <param name="c">Channels.</param>
    /// <param name="first">First row wanted; may be negative.</param>
    /// <param name="end">End of the rows wanted; may be beyond the image.</param>
    /// <param name="scratch">For the rows, where they have to be expanded.</param>
    public readonly float* Rows(int image, int h, int w, int c, int first, int end, float* scratch)
    {
        if (ArgMax == null)
            return Values + ((nint)image * h * w * c);
        first = Math.Max(first, 0);
        end = Math.Min(end, h);
        var row = (nint)w * c;
        for (var i = first; i < end; i++)
        {
            var target = scratch + ((i - first) * row);
            if (i / 2 >= h / 2)
            {
                new Span<float>(target, (int)row).Clear();
                continue;
            }

            var offset = (((nint)image * (h / 2)) + (i / 2)) * (w / 2) * c;
            Expand(Values + offset, ArgMax + offset, i % 2, w, c, target);
        }

        return scratch - (first * row);
    }
}

/// <summary>Where a pass puts its result, and what it does to it on the way.</summary>
internal unsafe struct ConvTarget
{
    /// <summary>Result; after the pooling where <see cref="Reduce"/> is set.</summary>
    public float* Values;

    /// <summary>[K], or null.</summary>
    public float* Bias;

    /// <summary>Laid out as the result and added to it before it is clamped; null for nothing.</summary>
    public float* Addend;

    /// <summary>Whether to clamp at zero.</summary>
    public bool Relu;

    /// <summary>Positions of the maxima; null where not wanted.</summary>
    public float* ArgMax;

    /// <summary>Pools a pair of rows at the plan's lane width; null for no pooling.</summary>
    public delegate*<float*, nint, int, int, bool, float*, float*, void> Reduce;

    /// <summary>Pools rows that lie in scratch into the result.</summary>
    /// <param name="x">First row.</param>
    /// <param name="rowStride">Floats between rows.</param>
    /// <param name="rows">Rows; an odd last one is dropped.</param>
    /// <param name="columns">Columns; an odd last one is dropped.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="offset">Of the first pooled element in the result.</param>
    /// <param name="resultRow">Floats between rows of the result.</param>
    public readonly void Pool(float* x, nint rowStride, int rows, int columns, int channels, nint offset, nint resultRow)
    {
        for (var i = 0; i + 1 < rows; i += 2, x += 2 * rowStride, offset += resultRow)
            Reduce(x, rowStride, columns / 2, channels, Relu, Values + offset, ArgMax == null ? null : ArgMax + offset);
    }
}

/// <summary>The fused pooling at one lane width.</summary>
internal sealed unsafe class PoolSet
{
    public delegate*<float*, float*, int, int, int, float*, void> Expand { get; private init; }

    public delegate*<float*, nint, int, int, bool, float*, float*, void> Reduce { get; private init; }

    /// <summary>The kernels of a width.</summary>
    public static PoolSet For(int lanes) => lanes switch
    {
        16 => Build<Lanes512, Vector512<float>>(),
        8 => Build<Lanes256, Vector256<float>>(),
        4 => Build<Lanes128, Vector128<float>>(),
        _ => Build<Lanes1, float>(),
    };

    static PoolSet Build<TLanes, V>()
        where TLanes : struct, ILanes<V>
        where V : struct
        => new() { Expand = &PoolFusion.Expand<TLanes, V>, Reduce = &PoolFusion.Reduce<TLanes, V> };
}
