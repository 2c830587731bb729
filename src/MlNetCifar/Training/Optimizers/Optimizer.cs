using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>Updates of the trained parameters from their gradients, range by range: each a run of tensors with the same settings. Owns the moments.</summary>
internal sealed class Optimizer : IDisposable
{
    readonly NetworkWeights _weights;
    readonly WeightGradients _gradients;
    readonly WorkerPool _pool;
    readonly SimdWidth _width;
    readonly GroupPlan _plan;
    readonly Schedule _schedule;
    readonly List<Range> _ranges = [];
    readonly double[] _partial;
    readonly Arena[] _moments;

    /// <summary>Prepares.</summary>
    /// <param name="plan">Groups of the weights that are updated.</param>
    /// <param name="gradients">Read by every step; laid out as the parameters.</param>
    /// <param name="pool">Borrowed threads.</param>
    /// <param name="width">Lane width.</param>
    public Optimizer(GroupPlan plan, WeightGradients gradients, WorkerPool pool, SimdWidth width)
    {
        (_plan, _weights, _gradients, _pool, _width) = (plan, plan.Weights, gradients, pool, width);
        _schedule = Schedules.Create(plan.Options);
        _partial = new double[LaneKernel.Blocks(gradients.All.Length)];
        foreach (var tensor in _weights.Tensors.Where(t => t.Spec.IsTrained))
            Add(tensor, plan.Of(tensor).Settings);
        _moments = [.. Moments().Select(length => new Arena(length))];
    }

    /// <summary>Updates made so far.</summary>
    public long Steps { get; set; }

    /// <summary>The moments, for checkpoints: velocities and first moments, then second moments.</summary>
    public ReadOnlySpan<Arena> MomentBlocks => _moments;

    /// <summary>The learning rate of parameters in no group of their own.</summary>
    /// <param name="progress">Share of the run that is done, 0 … 1.</param>
    public float Rate(double progress) => _plan.Options.LearningRate * (float)_schedule(progress);

    /// <summary>One update from the current gradients.</summary>
    /// <param name="progress">Share of the run that is done, 0 … 1.</param>
    /// <param name="factor">Multiplies every rate.</param>
    public void Step(double progress = 0, float factor = 1)
    {
        Steps++;
        var scale = 1f;
        if (_plan.Options.GradientClipNorm is { } limit)
        {
            var norm = Math.Sqrt(Elementwise.SumOfSquares(_gradients.All, _partial, _width, _pool));
            scale = norm > limit ? (float)(limit / norm) : 1f;
        }

        foreach (var range in _ranges)
            Update(range, range.Settings.Rate * ((float)range.Schedule(progress) * factor), scale);
        _weights.Changed();
    }

    public void Dispose()
    {
        foreach (var moment in _moments)
            moment.Dispose();
        foreach (var range in _ranges)
            range.Rule.Dispose();
    }

    void Add(WeightTensor tensor, UpdateSettings settings)
    {
        var length = (int)Arena.Align(tensor.Length);
        if (_ranges is [.., var last] && !last.Rule.IsPerTensor && last.Settings == settings && last.Offset + last.Length == tensor.Offset)
        {
            // Neighbours with the same settings are one pass.
            last.Length += length;
            return;
        }

        var rule = UpdateRule.Create(settings.Rule, _plan.Options, tensor, _width, _pool);
        _ranges.Add(new Range((int)tensor.Offset, settings, Schedules.Create(_plan.Options, settings), rule) { Length = rule.IsPerTensor ? tensor.Length : length });
    }

    /// <summary>Gives each range its place in the moments, and their lengths.</summary>
    IEnumerable<long> Moments()
    {
        yield return _gradients.All.Length;
        var second = 0;
        foreach (var range in _ranges.Where(r => r.Rule.Moments == 2))
        {
            range.Second = second;
            second += range.Length;
        }

        if (second > 0)
            yield return second;
    }

    void Update(Range range, float rate, float scale) => range.Rule.Update(
        _weights.Parameters.Slice(range.Offset, range.Length), _gradients.All.Slice(range.Offset, range.Length), _moments[0].Span(range.Offset, range.Length),
        range.Rule.Moments == 2 ? _moments[1].Span(range.Second, range.Length) : [], new UpdateStep(rate, range.Settings.Decay, scale, Steps));

    /// <summary>A run of tensors.</summary>
    sealed class Range(int offset, UpdateSettings settings, Schedule schedule, UpdateRule rule)
    {
        public int Offset { get; } = offset;

        public int Length { get; set; }

        /// <summary>Place in the second moments.</summary>
        public int Second { get; set; }

        public UpdateSettings Settings { get; } = settings;

        public Schedule Schedule { get; } = schedule;

        public UpdateRule Rule { get; } = rule;
    }
}
