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
            LaneKernel.Run(new ForwardKernel { Kind = kind, Slope = slope, X = px, Y = py, Length = x.Length }, LaneKernel.Blocks(x.Length), width, pool);
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
        {
            var kernel = new BackwardKernel { Kind = kind, Slope = slope, Saved = ps, GradY = pg, GradX = pd, Length = saved.Length };
            LaneKernel.Run(kernel, LaneKernel.Blocks(saved.Length), width, pool);
        }
    }

    static V Apply<TLanes, V>(ActivationKind kind, V x, V slope)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var zero = TLanes.Broadcast(0f);
        switch (kind)
        {
            case ActivationKind.Relu:
                return TLanes.Max(x, zero);
            case ActivationKind.LeakyRelu:
                return TLanes.SelectGreater(x, zero, x, TLanes.Multiply(x, slope));
            case ActivationKind.Gelu:
                return TLanes.Multiply(x, LaneMath.NormalCdf<TLanes, V>(x, out _));
            case ActivationKind.Silu:
                return TLanes.Multiply(x, LaneMath.Sigmoid<TLanes, V>(x));
            case ActivationKind.Sigmoid:
                return LaneMath.Sigmoid<TLanes, V>(x);
            default:
                // tanh x = 2 σ(2x) − 1
                return TLanes.MultiplyAdd(TLanes.Broadcast(2f), LaneMath.Sigmoid<TLanes, V>(TLanes.Add(x, x)), TLanes.Broadcast(-1f));
        }
    }

    static V Derivative<TLanes, V>(ActivationKind kind, V saved, V slope)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var zero = TLanes.Broadcast(0f);
        var one = TLanes.Broadcast(1f);
        switch (kind)
        {
            case ActivationKind.Relu:
                return TLanes.SelectGreater(saved, zero, one, zero);
            case ActivationKind.LeakyRelu:
                return TLanes.SelectGreater(saved, zero, one, slope);
            case ActivationKind.Gelu:
                var cdf = LaneMath.NormalCdf<TLanes, V>(saved, out var density);
                return TLanes.MultiplyAdd(saved, density, cdf);
            case ActivationKind.Silu:
                var s = LaneMath.Sigmoid<TLanes, V>(saved);
                return TLanes.Multiply(s, TLanes.MultiplyAdd(saved, TLanes.Subtract(one, s), one));
            case ActivationKind.Sigmoid:
                return TLanes.Multiply(saved, TLanes.Subtract(one, saved));
            default:
                return TLanes.MultiplyAdd(TLanes.Subtract(zero, saved), saved, one);
        }
    }

    struct ForwardKernel : ILaneKernel
    {
        public ActivationKind Kind;
        public float Slope;
        public float* X;
        public float* Y;
        public int Length;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var i = block * LaneKernel.BlockLength;
            var end = Math.Min(i + LaneKernel.BlockLength, Length);
            var slope = TLanes.Broadcast(Slope);
            for (; i <= end - TLanes.Count; i += TLanes.Count)
                TLanes.Store(Apply<TLanes, V>(Kind, TLanes.Load(X + i), slope), Y + i);
            for (; i < end; i++)
                Y[i] = Apply<Lanes1, float>(Kind, X[i], Slope);
        }
    }

    struct BackwardKernel : ILaneKernel
    {
        public ActivationKind Kind;
        public float Slope;
        public float* Saved;
        public float* GradY;
        public float* GradX;
        public int Length;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var i = block * LaneKernel.BlockLength;
            var end = Math.Min(i + LaneKernel.BlockLength, Length);
            var slope = TLanes.Broadcast(Slope);
            for (; i <= end - TLanes.Count; i += TLanes.Count)
                TLanes.Store(TLanes.Multiply(TLanes.Load(GradY + i), Derivative<TLanes, V>(Kind, TLanes.Load(Saved + i), slope)), GradX + i);
            for (; i < end; i++)
                GradX[i] = GradY[i] * Derivative<Lanes1, float>(Kind, Saved[i], Slope);
        }
    }
}
