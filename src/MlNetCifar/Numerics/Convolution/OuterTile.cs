using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>What <see cref="OuterTile"/> reads and writes. Strides count floats.</summary>
internal unsafe struct OuterTileArgs
{
    /// <summary>Left factor: TRows neighbouring floats per pixel.</summary>
    public float* A;
    public nint ImageStrideA;
    public nint RowStrideA;
    public nint PixelStrideA;

    /// <summary>Right factor: TVectors neighbouring vectors per pixel.</summary>
    public float* B;
    public nint ImageStrideB;
    public nint RowStrideB;
    public nint PixelStrideB;

    public nint Images;
    public nint Rows;
    public nint Pixels;

    /// <summary>Row i of the result starts at <c>C + i·ResultStride</c>.</summary>
    public float* C;
    public nint ResultStride;

    /// <summary>Whether the result is added to what C holds.</summary>
    public bool Accumulate;
}

/// <summary>
/// The micro-kernel of every product with a transposed left factor, c[i, j] = Σ over pixels of a[pixel, i] · b[pixel, j]:
/// a tile of TRows × TVectors vectors stays in registers while images, rows and pixels go by. Each result is one chain of fused multiply-adds.
/// </summary>
internal static unsafe class OuterTile
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Run<TLanes, V, TRows, TVectors>(OuterTileArgs* args)
        where TLanes : struct, ILanes<V>
        where V : struct
        where TRows : struct, ICount
        where TVectors : struct, ICount
    {
        V zero = TLanes.Broadcast(0);
        V c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero, c30 = zero, c31 = zero, c40 = zero, c41 = zero, c50 = zero, c51 = zero;
        V c60 = zero, c61 = zero, c70 = zero, c71 = zero, c80 = zero, c81 = zero, c90 = zero, c91 = zero, ca0 = zero, ca1 = zero, cb0 = zero, cb1 = zero;
        nint stepA = args->PixelStrideA, stepB = args->PixelStrideB;
        for (nint image = 0; image < args->Images; image++)
        {
            for (nint row = 0; row < args->Rows; row++)
            {
                var a = args->A + (image * args->ImageStrideA) + (row * args->RowStrideA);
                var b = args->B + (image * args->ImageStrideB) + (row * args->RowStrideB);
                for (var pixels = args->Pixels; pixels > 0; pixels--)
                {
                    V b0 = TLanes.Load(b), b1 = TVectors.Value > 1 ? TLanes.Load(b + TLanes.Count) : zero;
                    Step<TLanes, V, TVectors>(a[0], b0, b1, ref c00, ref c01);
                    if (TRows.Value > 1)
                        Step<TLanes, V, TVectors>(a[1], b0, b1, ref c10, ref c11);
                    if (TRows.Value > 2)
                        Step<TLanes, V, TVectors>(a[2], b0, b1, ref c20, ref c21);
                    if (TRows.Value > 3)
                        Step<TLanes, V, TVectors>(a[3], b0, b1, ref c30, ref c31);
                    if (TRows.Value > 4)
                        Step<TLanes, V, TVectors>(a[4], b0, b1, ref c40, ref c41);
                    if (TRows.Value > 5)
                        Step<TLanes, V, TVectors>(a[5], b0, b1, ref c50, ref c51);
                    if (TRows.Value > 6)
                        Step<TLanes, V, TVectors>(a[6], b0, b1, ref c60, ref c61);
                    if (TRows.Value > 7)
                        Step<TLanes, V, TVectors>(a[7], b0, b1, ref c70, ref c71);
                    if (TRows.Value > 8)
                        Step<TLanes, V, TVectors>(a[8], b0, b1, ref c80, ref c81);
                    if (TRows.Value > 9)
                        Step<TLanes, V, TVectors>(a[9], b0, b1, ref c90, ref c91);
                    if (TRows.Value > 10)
                        Step<TLanes, V, TVectors>(a[10], b0, b1, ref ca0, ref ca1);
                    if (TRows.Value > 11)
                        Step<TLanes, V, TVectors>(a[11], b0, b1, ref cb0, ref cb1);
                    a += stepA;
                    b += stepB;
                }
            }
        }

        var c = args->C;
        var step = args->ResultStride;
        var add = args->Accumulate;
        Finish<TLanes, V, TVectors>(c, c00, c01, add);
        if (TRows.Value > 1)
            Finish<TLanes, V, TVectors>(c += step, c10, c11, add);
        if (TRows.Value > 2)
            Finish<TLanes, V, TVectors>(c += step, c20, c21, add);
        if (TRows.Value > 3)
            Finish<TLanes, V, TVectors>(c += step, c30, c31, add);
        if (TRows.Value > 4)
            Finish<TLanes, V, TVectors>(c += step, c40, c41, add);
        if (TRows.Value > 5)
            Finish<TLanes, V, TVectors>(c += step, c50, c51, add);
        if (TRows.Value > 6)
            Finish<TLanes, V, TVectors>(c += step, c60, c61, add);
        if (TRows.Value > 7)
            Finish<TLanes, V, TVectors>(c += step, c70, c71, add);
        if (TRows.Value > 8)
            Finish<TLanes, V, TVectors>(c += step, c80, c81, add);
        if (TRows.Value > 9)
            Finish<TLanes, V, TVectors>(c += step, c90, c91, add);
        if (TRows.Value > 10)
            Finish<TLanes, V, TVectors>(c += step, ca0, ca1, add);
        if (TRows.Value > 11)
            Finish<TLanes, V, TVectors>(c + step, cb0, cb1, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Step<TLanes, V, TVectors>(float a, V b0, V b1, ref V c0, ref V c1)
        where TLanes : struct, ILanes<V>
        where V : struct
        where TVectors : struct, ICount
    {
        var x = TLanes.Broadcast(a);
        c0 = TLanes.MultiplyAdd(x, b0, c0);
        if (TVectors.Value > 1)
            c1 = TLanes.MultiplyAdd(x, b1, c1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Finish<TLanes, V, TVectors>(float* c, V c0, V c1, bool add)
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

        TLanes.Store(c0, c);
        if (TVectors.Value > 1)
            TLanes.Store(c1, c + TLanes.Count);
    }
}
