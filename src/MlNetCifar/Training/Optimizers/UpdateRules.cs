using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>The numbers of one update of one run of tensors.</summary>
/// <param name="Rate">Learning rate.</param>
/// <param name="Decay">Decay in the rule's own terms.</param>
/// <param name="Scale">Factor of gradient clipping.</param>
/// <param name="Step">Updates of these tensors with this one, from 1.</param>
internal readonly record struct UpdateStep(float Rate, float Decay, float Scale, long Step);

/// <summary>How gradients change weights.</summary>
/// <param name="width">Lane width.</param>
/// <param name="pool">Threads.</param>
internal abstract class UpdateRule(SimdWidth width, WorkerPool pool) : IDisposable
{
    /// <summary>Moments it keeps of each parameter: 1 or 2.</summary>
    public virtual int Moments => 1;

    /// <summary>Whether it sees a tensor as a whole, so that neighbours cannot be updated in one pass.</summary>
    public virtual bool IsPerTensor => false;

    protected SimdWidth Width { get; } = width;

    protected WorkerPool Pool { get; } = pool;

    /// <summary>Moments that a rule keeps of each parameter.</summary>
    public static int MomentsOf(OptimizerKind kind) => kind is OptimizerKind.Adam or OptimizerKind.AdamW ? 2 : 1;

    /// <summary>The rule of a tensor.</summary>
    public static UpdateRule Create(OptimizerKind kind, TrainingOptions options, WeightTensor tensor, SimdWidth width, WorkerPool pool) => kind switch
    {
        OptimizerKind.Sgd => new SgdRule(options.Momentum, options.Nesterov, width, pool),
        OptimizerKind.Adam or OptimizerKind.AdamW => new AdamRule(options, kind == OptimizerKind.AdamW, width, pool),
        OptimizerKind.Muon => new MuonRule(tensor.Dimensions, options.MuonMomentum, width, pool),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such rule."),
    };

    /// <summary>One update.</summary>
    /// <param name="weights">Updated.</param>
    /// <param name="gradients">∂loss/∂weights, per mini-batch mean.</param>
    /// <param name="first">First moment; updated.</param>
    /// <param name="second">Second moment; updated. Empty for rules with one.</param>
    /// <param name="step">Rate and the like.</param>
    public abstract void Update(Span<float> weights, ReadOnlySpan<float> gradients, Span<float> first, Span<float> second, UpdateStep step);

    public virtual void Dispose()
    {
    }
}

/// <summary>Stochastic gradient descent with momentum.</summary>
internal sealed class SgdRule(float momentum, bool nesterov, SimdWidth width, WorkerPool pool) : UpdateRule(width, pool)
{
    public override void Update(Span<float> weights, ReadOnlySpan<float> gradients, Span<float> first, Span<float> second, UpdateStep step) =>
        OptimizerSteps.Sgd(weights, gradients, first, step.Rate, momentum, step.Decay, step.Scale, nesterov, Width, Pool);
}

/// <summary>Adam, or AdamW where the decay is decoupled.</summary>
internal sealed class AdamRule(TrainingOptions options, bool decoupled, SimdWidth width, WorkerPool pool) : UpdateRule(width, pool)
{
    public override int Moments => MomentsOf(OptimizerKind.Adam);

    public override void Update(Span<float> weights, ReadOnlySpan<float> gradients, Span<float> first, Span<float> second, UpdateStep step) =>
        OptimizerSteps.Adam(
            weights, gradients, first, second, step.Step, step.Rate, options.Beta1, options.Beta2, options.Epsilon, step.Decay, decoupled, step.Scale, Width, Pool);
}

/// <summary>Muon for one filter. The gradient's scale does not matter to it, and the filter's norm is fixed: neither clipping nor decay applies.</summary>
internal sealed class MuonRule(ReadOnlySpan<int> dimensions, float momentum, SimdWidth width, WorkerPool pool) : UpdateRule(width, pool)
{
    readonly Muon _muon = new(dimensions, width, pool);

    public override bool IsPerTensor => true;

    public override void Update(Span<float> weights, ReadOnlySpan<float> gradients, Span<float> first, Span<float> second, UpdateStep step) =>
        _muon.Step(weights, gradients, first, step.Rate, momentum);

    public override void Dispose() => _muon.Dispose();
}
