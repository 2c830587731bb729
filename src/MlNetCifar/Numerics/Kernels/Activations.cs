using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>Forward and backward passes of the element-wise functions. Results may be written in place.</summary>
internal static unsafe class Activations
{
    /// <summary>max(x, 0).</summary>
    public static readonly Function Relu = new Function<ReluFormula>();

    /// <summary>x for x &gt; 0, else slope · x.</summary>
    public static readonly Function LeakyRelu = new Function<LeakyReluFormula>();

    /// <summary>x · Φ(x).</summary>
    public static readonly Function Gelu = new Function<GeluFormula> { BackwardNeedsInput = true };

    /// <summary>x · σ(x).</summary>
    public static readonly Function Silu = new Function<SiluFormula> { BackwardNeedsInput = true };

    /// <summary>σ(x) = 1 / (1 + e⁻ˣ).</summary>
    public static readonly Function Sigmoid = new Function<SigmoidFormula>();

    /// <summary>tanh x.</summary>
    public static readonly Function Tanh = new Function<TanhFormula>();

    /// <summary>y = f(x).</summary>
    /// <param name="function">Which function.</param>
    /// <param name="slope">Of <see cref="LeakyRelu"/> below zero.</param>
    /// <param name="x">Inputs.</param>
    /// <param name="y">Overwritten; same length; may be <paramref name="x"/>.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Forward(Function function, float slope, ReadOnlySpan<float> x, Span<float> y, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(x.Length, y.Length);
        fixed (float* px = x, py = y)
            function.Forward(slope, px, py, x.Length, width, pool);
    }

    /// <summary>∂loss/∂x = ∂loss/∂y · f′.</summary>
    /// <param name="function">Which function.</param>
    /// <param name="slope">Of <see cref="LeakyRelu"/> below zero.</param>
    /// <param name="saved">The layer's input where <see cref="Function.BackwardNeedsInput"/>, else its output.</param>
    /// <param name="gradY">∂loss/∂y.</param>
    /// <param name="gradX">Overwritten; may be <paramref name="gradY"/>.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Backward(
        Function function, float slope, ReadOnlySpan<float> saved, ReadOnlySpan<float> gradY, Span<float> gradX, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(saved.Length, gradY.Length);
        Throw.IfLengthsDiffer(saved.Length, gradX.Length);
        fixed (float* ps = saved, pg = gradY, pd = gradX)
            function.Backward(slope, ps, pg, pd, saved.Length, width, pool);
    }

    /// <summary>One function and its derivative; a type of its own, so that each becomes one loop without a call or a branch.</summary>
    interface IFormula
    {
        static abstract V Value<TLanes, V>(V x, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct;

        static abstract V Derivative<TLanes, V>(V saved, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct;
    }

    readonly struct ReluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<TLanes, V>(V x, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Max(x, TLanes.Broadcast(0f));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Derivative<TLanes, V>(V saved, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.SelectGreater(saved, TLanes.Broadcast(0f), TLanes.Broadcast(1f), TLanes.Broadcast(0f));
    }

    readonly struct LeakyReluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<TLanes, V>(V x, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.SelectGreater(x, TLanes.Broadcast(0f), x, TLanes.Multiply(x, slope));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Derivative<TLanes, V>(V saved, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.SelectGreater(saved, TLanes.Broadcast(0f), TLanes.Broadcast(1f), slope);
    }

    readonly struct GeluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<TLanes, V>(V x, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Multiply(x, LaneMath.NormalCdf<TLanes, V>(x, out _));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Derivative<TLanes, V>(V saved, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var cdf = LaneMath.NormalCdf<TLanes, V>(saved, out var density);
            return TLanes.MultiplyAdd(saved, density, cdf);
        }
    }

    readonly struct SiluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<TLanes, V>(V x, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Multiply(x, LaneMath.Sigmoid<TLanes, V>(x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Derivative<TLanes, V>(V saved, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var one = TLanes.Broadcast(1f);
            var s = LaneMath.Sigmoid<TLanes, V>(saved);
            return TLanes.Multiply(s, TLanes.MultiplyAdd(saved, TLanes.Subtract(one, s), one));
        }
    }

    readonly struct SigmoidFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<TLanes, V>(V x, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            LaneMath.Sigmoid<TLanes, V>(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Derivative<TLanes, V>(V saved, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Multiply(saved, TLanes.Subtract(TLanes.Broadcast(1f), saved));
    }

    readonly struct TanhFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Value<TLanes, V>(V x, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            // 2 σ(2x) − 1
            return TLanes.MultiplyAdd(TLanes.Broadcast(2f), LaneMath.Sigmoid<TLanes, V>(TLanes.Add(x, x)), TLanes.Broadcast(-1f));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Derivative<TLanes, V>(V saved, V slope)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.MultiplyAdd(TLanes.Subtract(TLanes.Broadcast(0f), saved), saved, TLanes.Broadcast(1f));
    }

    /// <summary>A function and its derivative at every lane width.</summary>
    internal abstract class Function
    {
        /// <summary>Whether the backward pass reads the layer's input (else its output).</summary>
        public bool BackwardNeedsInput { get; init; }

        public abstract void Forward(float slope, float* x, float* y, int length, SimdWidth width, WorkerPool pool);

        public abstract void Backward(float slope, float* saved, float* gradY, float* gradX, int length, SimdWidth width, WorkerPool pool);
    }

    sealed class Function<TFormula> : Function
        where TFormula : struct, IFormula
    {
        public override void Forward(float slope, float* x, float* y, int length, SimdWidth width, WorkerPool pool) =>
            LaneKernel.RunElementwise(new ForwardStep<TFormula> { Slope = slope, X = x, Y = y }, length, width, pool);

        public override void Backward(float slope, float* saved, float* gradY, float* gradX, int length, SimdWidth width, WorkerPool pool) =>
            LaneKernel.RunElementwise(new BackwardStep<TFormula> { Slope = slope, Saved = saved, GradY = gradY, GradX = gradX }, length, width, pool);
    }

    struct ForwardStep<TFormula> : ILaneStep
        where TFormula : struct, IFormula
    {
        public float Slope;
        public float* X;
        public float* Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step<TLanes, V>(int i)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Store(TFormula.Value<TLanes, V>(TLanes.Load(X + i), TLanes.Broadcast(Slope)), Y + i);
    }

    struct BackwardStep<TFormula> : ILaneStep
        where TFormula : struct, IFormula
    {
        public float Slope;
        public float* Saved;
        public float* GradY;
        public float* GradX;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step<TLanes, V>(int i)
            where TLanes : struct, ILanes<V>
            where V : struct =>
            TLanes.Store(
                TLanes.Multiply(TLanes.Load(GradY + i), TFormula.Derivative<TLanes, V>(TLanes.Load(Saved + i), TLanes.Broadcast(Slope))), GradX + i);
    }
}
