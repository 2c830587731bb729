using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>Sums and scalings of whole tensors.</summary>
internal static unsafe class Elementwise
{
    /// <summary>y = a + b.</summary>
    /// <param name="a">First summand.</param>
    /// <param name="b">Second summand, same length.</param>
    /// <param name="y">Overwritten; may be either summand.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Add(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(a.Length, b.Length);
        Throw.IfLengthsDiffer(a.Length, y.Length);
        fixed (float* pa = a, pb = b, py = y)
            LaneKernel.RunElementwise(new AddStep { A = pa, B = pb, Y = py }, a.Length, width, pool);
    }

    /// <summary>y = factor · x.</summary>
    /// <param name="factor">Multiplier.</param>
    /// <param name="x">Input.</param>
    /// <param name="y">Overwritten; same length; may be <paramref name="x"/>.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Scale(float factor, ReadOnlySpan<float> x, Span<float> y, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(x.Length, y.Length);
        fixed (float* px = x, py = y)
            LaneKernel.RunElementwise(new ScaleStep { Factor = factor, X = px, Y = py }, x.Length, width, pool);
    }

    /// <summary>y = α · a + β · b.</summary>
    /// <param name="alpha">α.</param>
    /// <param name="a">First vector.</param>
    /// <param name="beta">β.</param>
    /// <param name="b">Second vector, same length.</param>
    /// <param name="y">Overwritten; may be either vector.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Combine(
        float alpha, ReadOnlySpan<float> a, float beta, ReadOnlySpan<float> b, Span<float> y, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(a.Length, b.Length);
        Throw.IfLengthsDiffer(a.Length, y.Length);
        fixed (float* pa = a, pb = b, py = y)
            LaneKernel.RunElementwise(new CombineStep { Alpha = alpha, A = pa, Beta = beta, B = pb, Y = py }, a.Length, width, pool);
    }

    /// <summary>Σ xᵢ², summed in blocks of fixed size and fixed order, the blocks in double precision.</summary>
    /// <param name="x">Input.</param>
    /// <param name="partial">Scratch of <see cref="LaneKernel.Blocks"/> doubles.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static double SumOfSquares(ReadOnlySpan<float> x, Span<double> partial, SimdWidth width, WorkerPool pool)
    {
        var blocks = LaneKernel.Blocks(x.Length);
        Throw.IfShorter(partial.Length, blocks);
        fixed (float* px = x)
        fixed (double* pp = partial)
            LaneKernel.Run(new SquareKernel { X = px, Partial = pp, Length = x.Length }, blocks, width, pool);
        var sum = 0.0;
        foreach (var p in partial[..blocks])
            sum += p;
        return sum;
    }

    struct AddStep : ILaneStep
    {
        public float* A;
        public float* B;
        public float* Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step<TLanes, V>(int i)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Store(TLanes.Add(TLanes.Load(A + i), TLanes.Load(B + i)), Y + i);
    }

    struct CombineStep : ILaneStep
    {
        public float Alpha;
        public float* A;
        public float Beta;
        public float* B;
        public float* Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step<TLanes, V>(int i)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Store(
                TLanes.MultiplyAdd(TLanes.Broadcast(Alpha), TLanes.Load(A + i), TLanes.Multiply(TLanes.Broadcast(Beta), TLanes.Load(B + i))), Y + i);
    }

    struct ScaleStep : ILaneStep
    {
        public float Factor;
        public float* X;
        public float* Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step<TLanes, V>(int i)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Store(TLanes.Multiply(TLanes.Load(X + i), TLanes.Broadcast(Factor)), Y + i);
    }

    struct SquareKernel : ILaneKernel
    {
        public float* X;
        public double* Partial;
        public int Length;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var i = block * LaneKernel.BlockLength;
            var end = Math.Min(i + LaneKernel.BlockLength, Length);
            var sum = TLanes.Broadcast(0f);
            for (; i <= end - TLanes.Count; i += TLanes.Count)
            {
                var x = TLanes.Load(X + i);
                sum = TLanes.MultiplyAdd(x, x, sum);
            }

            double total = TLanes.Sum(sum);
            for (; i < end; i++)
                total += X[i] * X[i];
            Partial[block] = total;
        }
    }
}
