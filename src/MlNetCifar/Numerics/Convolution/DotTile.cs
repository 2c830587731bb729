using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>What <see cref="DotTile"/> reads and writes. Strides count floats.</summary>
internal unsafe struct DotTileArgs
{
    /// <summary>Row i of the left factor starts at <c>A + i·RowStride</c> and consists of segments.</summary>
    public float* A;
    public nint RowStride;
    public nint Segments;
    public nint SegmentLength;
    public nint SegmentStride;

    /// <summary>The packed panel: one group of TVectors vectors per element of a row of A.</summary>
    public float* B;

    /// <summary>Row i of the result starts at <c>C + i·ResultStride</c>.</summary>
    public float* C;
    public nint ResultStride;

    /// <summary>Row i of the result starts from the values at <c>Start + i·StartStride</c>: with stride 0 a bias, with the result itself more terms of it. Null for zeros.</summary>
    public float* Start;
    public nint StartStride;
    public bool Relu;

    /// <summary>Whether the result is added to what C holds.</summary>
    public bool Accumulate;
}

/// <summary>
/// The micro-kernel of every matrix product with a row-major left factor: a tile of TRows × TVectors vectors stays in registers while the
/// reduction runs along the rows of A. Convolutions pass pixels as rows and filter rows as segments, so nothing is unrolled in memory.
/// Each result is one chain of fused multiply-adds in the order of the reduction, whatever the tile shape.
/// </summary>
internal static unsafe class DotTile
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Run<TLanes, V, TRows, TVectors>(DotTileArgs* args)
        where TLanes : struct, ILanes<V>
        where V : struct
        where TRows : struct, ICount
        where TVectors : struct, ICount
    {
        V c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        V c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        V c60 = default, c61 = default, c70 = default, c71 = default, c80 = default, c81 = default;
        V c90 = default, c91 = default, ca0 = default, ca1 = default, cb0 = default, cb1 = default;
        V zero = TLanes.Broadcast(0);
        var start = args->Start;
        if (start != null)
        {
            var next = args->StartStride;
            Start<TLanes, V, TVectors>(start, ref c00, ref c01);
            if (TRows.Value > 1)
                Start<TLanes, V, TVectors>(start += next, ref c10, ref c11);
            if (TRows.Value > 2)
                Start<TLanes, V, TVectors>(start += next, ref c20, ref c21);
            if (TRows.Value > 3)
                Start<TLanes, V, TVectors>(start += next, ref c30, ref c31);
            if (TRows.Value > 4)
                Start<TLanes, V, TVectors>(start += next, ref c40, ref c41);
            if (TRows.Value > 5)
                Start<TLanes, V, TVectors>(start += next, ref c50, ref c51);
            if (TRows.Value > 6)
                Start<TLanes, V, TVectors>(start += next, ref c60, ref c61);
            if (TRows.Value > 7)
                Start<TLanes, V, TVectors>(start += next, ref c70, ref c71);
            if (TRows.Value > 8)
                Start<TLanes, V, TVectors>(start += next, ref c80, ref c81);
            if (TRows.Value > 9)
                Start<TLanes, V, TVectors>(start += next, ref c90, ref c91);
            if (TRows.Value > 10)
                Start<TLanes, V, TVectors>(start += next, ref ca0, ref ca1);
            if (TRows.Value > 11)
                Start<TLanes, V, TVectors>(start + next, ref cb0, ref cb1);
        }

        var b = args->B;
        var segment = (byte*)args->A;
        var stride = args->RowStride * sizeof(float);
        var segmentStride = args->SegmentStride * sizeof(float);
        var length = args->SegmentLength;
        for (var segments = args->Segments; segments > 0; segments--)
        {
            byte* p0 = segment, p3 = p0 + (3 * stride), p6 = p3 + (3 * stride), p9 = p6 + (3 * stride);
            var stride2 = 2 * stride;
            for (var k = length; k > 0; k--)
            {
                V b0 = TLanes.Load(b), b1 = TVectors.Value > 1 ? TLanes.Load(b + TLanes.Count) : zero;
                b += TLanes.Count * TVectors.Value;
                Step<TLanes, V, TVectors>(p0, b0, b1, ref c00, ref c01);
                if (TRows.Value > 1)
                    Step<TLanes, V, TVectors>(p0 + stride, b0, b1, ref c10, ref c11);
                if (TRows.Value > 2)
                    Step<TLanes, V, TVectors>(p0 + stride2, b0, b1, ref c20, ref c21);
                p0 += sizeof(float);
                if (TRows.Value > 3)
                {
                    Step<TLanes, V, TVectors>(p3, b0, b1, ref c30, ref c31);
                    if (TRows.Value > 4)
                        Step<TLanes, V, TVectors>(p3 + stride, b0, b1, ref c40, ref c41);
                    if (TRows.Value > 5)
                        Step<TLanes, V, TVectors>(p3 + stride2, b0, b1, ref c50, ref c51);
                    p3 += sizeof(float);
                }

                if (TRows.Value > 6)
                {
                    Step<TLanes, V, TVectors>(p6, b0, b1, ref c60, ref c61);
                    if (TRows.Value > 7)
                        Step<TLanes, V, TVectors>(p6 + stride, b0, b1, ref c70, ref c71);
                    if (TRows.Value > 8)
                        Step<TLanes, V, TVectors>(p6 + stride2, b0, b1, ref c80, ref c81);
                    p6 += sizeof(float);
                }

                if (TRows.Value > 9)
                {
                    Step<TLanes, V, TVectors>(p9, b0, b1, ref c90, ref c91);
                    if (TRows.Value > 10)
                        Step<TLanes, V, TVectors>(p9 + stride, b0, b1, ref ca0, ref ca1);
                    if (TRows.Value > 11)
                        Step<TLanes, V, TVectors>(p9 + stride2, b0, b1, ref cb0, ref cb1);
                    p9 += sizeof(float);
                }
            }

            segment += segmentStride;
        }

        var c = args->C;
        var step = args->ResultStride;
        var low = args->Relu ? zero : TLanes.Broadcast(float.NegativeInfinity);
        var add = args->Accumulate;
        Finish<TLanes, V, TVectors>(c, c00, c01, low, add);
        if (TRows.Value > 1)
            Finish<TLanes, V, TVectors>(c += step, c10, c11, low, add);
        if (TRows.Value > 2)
            Finish<TLanes, V, TVectors>(c += step, c20, c21, low, add);
        if (TRows.Value > 3)
            Finish<TLanes, V, TVectors>(c += step, c30, c31, low, add);
        if (TRows.Value > 4)
            Finish<TLanes, V, TVectors>(c += step, c40, c41, low, add);
        if (TRows.Value > 5)
            Finish<TLanes, V, TVectors>(c += step, c50, c51, low, add);
        if (TRows.Value > 6)
            Finish<TLanes, V, TVectors>(c += step, c60, c61, low, add);
        if (TRows.Value > 7)
            Finish<TLanes, V, TVectors>(c += step, c70, c71, low, add);
        if (TRows.Value > 8)
            Finish<TLanes, V, TVectors>(c += step, c80, c81, low, add);
        if (TRows.Value > 9)
            Finish<TLanes, V, TVectors>(c += step, c90, c91, low, add);
        if (TRows.Value > 10)
            Finish<TLanes, V, TVectors>(c += step, ca0, ca1, low, add);
        if (TRows.Value > 11)
            Finish<TLanes, V, TVectors>(c + step, cb0, cb1, low, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Start<TLanes, V, TVectors>(float* from, ref V c0, ref V c1)
        where TLanes : struct, ILanes<V>
        where V : struct
        where TVectors : struct, ICount
    {
        c0 = TLanes.Load(from);
        if (TVectors.Value > 1)
            c1 = TLanes.Load(from + TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Step<TLanes, V, TVectors>(byte* a, V b0, V b1, ref V c0, ref V c1)
        where TLanes : struct, ILanes<V>
        where V : struct
        where TVectors : struct, ICount
    {
        var x = TLanes.Broadcast(*(float*)a);
        c0 = TLanes.MultiplyAdd(x, b0, c0);
        if (TVectors.Value > 1)
            c1 = TLanes.MultiplyAdd(x, b1, c1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Finish<TLanes, V, TVectors>(float* c, V c0, V c1, V low, bool add)
        where TLanes : struct, ILanes<V>
        where V : struct
        where TVectors : struct, ICount
    {
        if (add)
        {
            c0 = TLanes.Add(TLanes.Load(c), c0);
            if (TVectors.Value > 1)
                c1 = TLanes.Add(TLanes.Load(c + TLanes.Count), c1);
        }

        TLanes.Store(TLanes.Max(c0, low), c);
        if (TVectors.Value > 1)
            TLanes.Store(TLanes.Max(c1, low), c + TLanes.Count);
    }
}
