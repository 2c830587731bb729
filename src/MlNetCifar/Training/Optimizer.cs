using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>A flat update of the parameter block, range by range: each a run of tensors with the same rule, rate and decay. Owns the moments.</summary>
internal sealed class Optimizer : IDisposable
{
    readonly TrainingOptions _options;
    readonly NetworkWeights _weights;
    readonly WeightGradients _gradients;
    readonly WorkerPool _pool;
    readonly SimdWidth _width;
    readonly List<Range> _ranges = [];
    readonly double[] _partial;
    readonly Arena[] _moments;

    public Optimizer(TrainingOptions options, NetworkWeights weights, WeightGradients gradients, WorkerPool pool, SimdWidth width)
    {
        (_options, _weights, _gradients, _pool, _width) = (options, weights, gradients, pool, width);
        var length = weights.Parameters.Length;
        _partial = new double[LaneKernel.Blocks(length)];
        var moments = options.Optimizer is OptimizerKind.Adam or OptimizerKind.AdamW ? 2 : 1;
        _moments = [.. Enumerable.Range(0, moments).Select(_ => new Arena(length))];
        foreach (var tensor in weights.Tensors.Where(t => t.Spec.IsTrained))
            Add(tensor);
    }

    /// <summary>Updates made so far.</summary>
    public long Steps { get; set; }

    /// <summary>The moments, for checkpoints: velocity, or first and second moment.</summary>
    public ReadOnlySpan<Arena> Moments => _moments;

    /// <summary>One update from the current gradients.</summary>
    /// <param name="factor">Share of the full learning rates, 0 … 1: the schedule's value.</param>
    /// <param name="progress">Share of the run that is done, 0 … 1.</param>
    public void Step(float factor, double progress = 0)
    {
        Steps++;
        var scale = 1f;
        if (_options.GradientClipNorm is { } limit)
        {
            var norm = Math.Sqrt(Elementwise.SumOfSquares(_gradients.All, _partial, _width, _pool));
            scale = norm > limit ? (float)(limit / norm) : 1f;
        }

        var early = (float)Math.Max(0, 1 - (progress / _options.FrozenBiasShare));
        foreach (var range in _ranges)
            Update(range, range.Rate * (range.Early ? early : factor), scale);
        _weights.Changed();
    }

    public void Dispose()
    {
        foreach (var moment in _moments)
            moment.Dispose();
        foreach (var range in _ranges)
            range.Muon?.Dispose();
    }

    void Add(WeightTensor tensor)
    {
        var range = new Range((int)tensor.Offset, (int)Arena.Align(tensor.Length), _options.LearningRate, 0, false, null);
        if (_options.Optimizer == OptimizerKind.Muon)
        {
            var rate = tensor.Role == ParameterRole.Weight ? _options.HeadLearningRate : _options.BiasLearningRate;
            range = tensor.Dimensions.Length == 4
                ? range with { Length = tensor.Length, Muon = new Muon(tensor.Dimensions, _width, _pool) }
                : range with { Rate = rate ?? _options.LearningRate, Early = tensor.Node.Layer is Conv2d { FixedFilter: true } };
            range = range with { Decay = _options.WeightDecay / range.Rate };
        }
        else if (tensor.Role == ParameterRole.Weight)
        {
            range = range with { Decay = _options.WeightDecay };
        }

        // Neighbours with the same rule are one pass.
        if (range.Muon is null && _ranges is [.., var last] && last with { Offset = range.Offset, Length = range.Length } == range)
            _ranges[^1] = last with { Length = range.Offset + range.Length - last.Offset };
        else
            _ranges.Add(range);
    }

    void Update(Range range, float rate, float scale)
    {
        var weights = _weights.Parameters.Slice(range.Offset, range.Length);
        var gradients = _gradients.All.Slice(range.Offset, range.Length);
        var first = _moments[0].Span(range.Offset, range.Length);
        if (range.Muon is not null)
            range.Muon.Step(weights, gradients, first, rate, _options.MuonMomentum);
        else if (_moments.Length == 1)
            OptimizerSteps.Sgd(weights, gradients, first, rate, _options.Momentum, range.Decay, scale, _options.Nesterov, _width, _pool);
        else
            OptimizerSteps.Adam(
                weights, gradients, first, _moments[1].Span(range.Offset, range.Length), Steps, rate, _options.Beta1, _options.Beta2, _options.Epsilon, range.Decay,
                _options.Optimizer == OptimizerKind.AdamW, scale, _width, _pool);
    }

    /// <summary>A run of tensors.</summary>
    /// <param name="Offset">First float.</param>
    /// <param name="Length">Floats.</param>
    /// <param name="Rate">Full learning rate.</param>
    /// <param name="Decay">Decay in the rule's own terms.</param>
    /// <param name="Early">Trained in the first part of the run only.</param>
    /// <param name="Muon">The rule of a filter, or null for the flat rules.</param>
    sealed record Range(int Offset, int Length, float Rate, float Decay, bool Early, Muon? Muon);
}
