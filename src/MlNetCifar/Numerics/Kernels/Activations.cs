using System.Runtime.CompilerServices;
using MlNetCifar.Numerics.Simd;

namespace MlNetCifar.Numerics.Kernels;

/// <summary>Element-wise functions between layers.</summary>
public enum ActivationKind
{
    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x for x &gt; 0, else slope · x.</summary>
    LeakyRelu,

    /// <summary>x · Φ(x), Φ the normal distribution function (the exact form, not the tanh approximation).</summary>
    Gelu,

    /// <summary>x / (1 + e⁻ˣ), also called swish.</summary>
    Silu,

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    Sigmoid,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,
}

/// <summary>Forward and backward passes of the element-wise functions. Results may be written in place.</summary>
internal static unsafe class Activations
{
    static readonly Function[] s_functions =
        [new Function<Relu>(), new Function<LeakyRelu>(), new Function<Gelu>(), new Function<Silu>(), new Function<Sigmoid>(), new Function<Tanh>()];

    /// <summary>Whether the backward pass reads the layer's input (else its output).</summary>
    public static bool BackwardNeedsInput(ActivationKind kind) => kind is ActivationKind.Gelu or ActivationKind.Silu;

    /// <summary>y = f(x).</summary>
    /// <param name="kind">Which function.</param>
    /// <param name="slope">Of <see cref="ActivationKind.LeakyRelu"/> below zero.</param>
    /// <param name="x">Inputs.</param>
    /// <param name="y">Overwritten; same length; may be <paramref name="x"/>.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Forward(ActivationKind kind, float slope, ReadOnlySpan<float> x, Span<float> y, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(x.Length, y.Length);
        fixed (float* px = x, py = y)
            s_functions[(int)kind].Forward(slope, px, py, x.Length, width, pool);
    }

    /// <summary>∂loss/∂x = ∂loss/∂y · f′.</summary>
    /// <param name="kind">Which function.</param>
    /// <param name="slope">Of <see cref="ActivationKind.LeakyRelu"/> below zero.</param>
    /// <param name="saved">The layer's input where <see cref="BackwardNeedsInput"/>, else its output.</param>
    /// <param name="gradY">∂loss/∂y.</param>
    /// <param name="gradX">Overwritten; may be <paramref name="gradY"/>.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Backward(
        ActivationKind kind, float slope, ReadOnlySpan<float> saved, ReadOnlySpan<float> gradY, Span<float> gradX, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(saved.Length, gradY.Length);
        Throw.IfLengthsDiffer(saved.Length, gradX.Length);
        fixed (float* ps = saved, pg = gradY, pd = gradX)
            s_functions[(int)kind].Backward(slope, ps, pg, pd, saved.Length, width, pool);
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

    readonly struct Relu : IFormula
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

    readonly struct LeakyRelu : IFormula
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

    readonly struct Gelu : IFormula
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

    readonly struct Silu : IFormula
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

    readonly struct Sigmoid : IFormula
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

    readonly struct Tanh : IFormula
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

    abstract class Function
    {
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
