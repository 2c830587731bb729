using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>The update rules, as flat passes over a range of parameters with gradients and moments of the same shape.</summary>
internal static unsafe class OptimizerSteps
{
    /// <summary>
    /// Stochastic gradient descent with momentum, as PyTorch defines it: g ← s·g + d·w; v ← m·v + g; w ← w − r·(nesterov ? g + m·v : v).
    /// The first step sets v = g.
    /// </summary>
    /// <param name="weights">w; updated.</param>
    /// <param name="gradients">∂loss/∂w, per mini-batch mean.</param>
    /// <param name="velocity">v; updated.</param>
    /// <param name="rate">r &gt; 0.</param>
    /// <param name="momentum">m.</param>
    /// <param name="decay">d, the L2 penalty added to the gradient.</param>
    /// <param name="scale">s, the factor of gradient clipping.</param>
    /// <param name="nesterov">Whether to look ahead.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Sgd(
        Span<float> weights, ReadOnlySpan<float> gradients, Span<float> velocity,
        float rate, float momentum, float decay, float scale, bool nesterov, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(weights.Length, gradients.Length);
        Throw.IfLengthsDiffer(weights.Length, velocity.Length);
        fixed (float* pw = weights, pg = gradients, pv = velocity)
        {
            var step = new SgdStep
            {
                W = pw, G = pg, V1 = pv,
                Rate = rate, Momentum = momentum, Decay = decay, Scale = scale, Nesterov = nesterov,
            };
            LaneKernel.RunElementwise(step, weights.Length, width, pool);
        }
    }

    /// <summary>
    /// Adam (Kingma and Ba 2015) with bias correction; the decay is an L2 penalty on the gradient, or decoupled from it as in AdamW
    /// (Loshchilov and Hutter 2019): w ← w − r·d·w, then w ← w − r·m̂/(√v̂ + ε).
    /// </summary>
    /// <param name="weights">w; updated.</param>
    /// <param name="gradients">∂loss/∂w, per mini-batch mean.</param>
    /// <param name="first">m; updated.</param>
    /// <param name="second">v; updated.</param>
    /// <param name="step">1, 2, ….</param>
    /// <param name="rate">r &gt; 0.</param>
    /// <param name="beta1">β₁.</param>
    /// <param name="beta2">β₂.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="decay">d.</param>
    /// <param name="decoupled">AdamW rather than Adam.</param>
    /// <param name="scale">The factor of gradient clipping.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Adam(
        Span<float> weights, ReadOnlySpan<float> gradients, Span<float> first, Span<float> second, long step,
        float rate, float beta1, float beta2, float epsilon, float decay, bool decoupled, float scale, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(weights.Length, gradients.Length);
        Throw.IfLengthsDiffer(weights.Length, first.Length);
        Throw.IfLengthsDiffer(weights.Length, second.Length);
        fixed (float* pw = weights, pg = gradients, pm = first, pv = second)
        {
            var update = new AdamStep
            {
                W = pw, G = pg, M = pm, S = pv, Scale = scale,
                Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon,
                Penalty = decoupled ? 0 : decay,
                Keep = decoupled ? 1 - (rate * decay) : 1,
                StepSize = (float)(rate / (1 - Math.Pow(beta1, step))),
                Correction = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, step))),
            };
            LaneKernel.RunElementwise(update, weights.Length, width, pool);
        }
    }

    /// <summary>average ← average + (1 − decay) · (weights − average).</summary>
    /// <param name="average">Exponential moving average; updated.</param>
    /// <param name="weights">Current weights.</param>
    /// <param name="decay">0 … 1.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void MovingAverage(Span<float> average, ReadOnlySpan<float> weights, float decay, SimdWidth width, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(average.Length, weights.Length);
        fixed (float* pa = average, pw = weights)
            LaneKernel.RunElementwise(new AverageStep { A = pa, W = pw, Share = 1 - decay }, average.Length, width, pool);
    }

    struct SgdStep : ILaneStep
    {
        public float* W;
        public float* G;
        public float* V1;
        public float Rate;
        public float Momentum;
        public float Decay;
        public float Scale;
        public bool Nesterov;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step<TLanes, V>(int i)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var w = TLanes.Load(W + i);
            var g = TLanes.MultiplyAdd(TLanes.Broadcast(Decay), w, TLanes.Multiply(TLanes.Broadcast(Scale), TLanes.Load(G + i)));
            var v = TLanes.MultiplyAdd(TLanes.Broadcast(Momentum), TLanes.Load(V1 + i), g);
            TLanes.Store(v, V1 + i);
            var direction = Nesterov ? TLanes.MultiplyAdd(TLanes.Broadcast(Momentum), v, g) : v;
            TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(-Rate), direction, w), W + i);
        }
    }

    struct AdamStep : ILaneStep
    {
        public float* W;
        public float* G;
        public float* M;
        public float* S;
        public float Scale;
        public float Beta1;
        public float Beta2;
        public float Epsilon;
        public float Penalty;
        public float Keep;
        public float StepSize;
        public float Correction;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step<TLanes, V>(int i)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var w = TLanes.Load(W + i);
            var g = TLanes.MultiplyAdd(TLanes.Broadcast(Penalty), w, TLanes.Multiply(TLanes.Broadcast(Scale), TLanes.Load(G + i)));
            var m = TLanes.Load(M + i);
            m = TLanes.MultiplyAdd(TLanes.Broadcast(1 - Beta1), TLanes.Subtract(g, m), m);
            var s = TLanes.Load(S + i);
            s = TLanes.MultiplyAdd(TLanes.Broadcast(1 - Beta2), TLanes.Subtract(TLanes.Multiply(g, g), s), s);
            TLanes.Store(m, M + i);
            TLanes.Store(s, S + i);
            var denominator = TLanes.MultiplyAdd(TLanes.Sqrt(s), TLanes.Broadcast(Correction), TLanes.Broadcast(Epsilon));
            var next = TLanes.Multiply(w, TLanes.Broadcast(Keep));
            TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(-StepSize), TLanes.Divide(m, denominator), next), W + i);
        }
    }

    struct AverageStep : ILaneStep
    {
        public float* A;
        public float* W;
        public float Share;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step<TLanes, V>(int i)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var a = TLanes.Load(A + i);
            TLanes.Store(TLanes.MultiplyAdd(TLanes.Broadcast(Share), TLanes.Subtract(TLanes.Load(W + i), a), a), A + i);
        }
    }
}
