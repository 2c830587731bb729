using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Numerics.Kernels;
using MlNetCifar.Numerics.Simd;

namespace MlNetCifar.Training;

/// <summary>A flat update of the parameter block by ranges of equal decay. Owns the moments.</summary>
internal sealed class Optimizer : IDisposable
{
    readonly TrainingOptions _options;
    readonly NetworkWeights _weights;
    readonly WeightGradients _gradients;
    readonly WorkerPool _pool;
    readonly SimdWidth _width;
    readonly List<(int Offset, int Length, float Decay)> _ranges = [];
    readonly double[] _partial;
    readonly Arena[] _moments;

    public Optimizer(TrainingOptions options, NetworkWeights weights, WeightGradients gradients, WorkerPool pool, SimdWidth width)
    {
        (_options, _weights, _gradients, _pool, _width) = (options, weights, gradients, pool, width);
        var length = weights.Parameters.Length;
        _partial = new double[LaneKernel.Blocks(length)];
        _moments = [.. Enumerable.Range(0, options.Optimizer == OptimizerKind.Sgd ? 1 : 2).Select(_ => new Arena(length))];
        foreach (var tensor in weights.Tensors.Where(t => t.Role != ParameterRole.Statistic))
        {
            var decay = tensor.Role == ParameterRole.Weight ? options.WeightDecay : 0;
            var end = (int)Arena.Align(tensor.Offset + tensor.Length);
            if (_ranges is [.., var last] && last.Decay == decay)
                _ranges[^1] = (last.Offset, end - last.Offset, decay);
            else
                _ranges.Add(((int)tensor.Offset, end - (int)tensor.Offset, decay));
        }
    }

    /// <summary>Updates made so far.</summary>
    public long Steps { get; set; }

    /// <summary>The moments, for checkpoints: velocity, or first and second moment.</summary>
    public ReadOnlySpan<Arena> Moments => _moments;

    /// <summary>One update from the current gradients.</summary>
    /// <param name="rate">Learning rate.</param>
    public void Step(float rate)
    {
        Steps++;
        var scale = 1f;
        if (_options.GradientClipNorm is { } limit)
        {
            var norm = Math.Sqrt(Elementwise.SumOfSquares(_gradients.All, _partial, _width, _pool));
            scale = norm > limit ? (float)(limit / norm) : 1f;
        }

        foreach (var (offset, length, decay) in _ranges)
        {
            var weights = _weights.Parameters.Slice(offset, length);
            var gradients = _gradients.All.Slice(offset, length);
            var first = _moments[0].Span(offset, length);
            if (_options.Optimizer == OptimizerKind.Sgd)
                OptimizerSteps.Sgd(weights, gradients, first, rate, _options.Momentum, decay, scale, _options.Nesterov, _width, _pool);
            else
                OptimizerSteps.Adam(
                    weights, gradients, first, _moments[1].Span(offset, length), Steps, rate, _options.Beta1, _options.Beta2, _options.Epsilon, decay,
                    _options.Optimizer == OptimizerKind.AdamW, scale, _width, _pool);
        }

        _weights.Changed();
    }

    public void Dispose()
    {
        foreach (var moment in _moments)
            moment.Dispose();
    }
}
