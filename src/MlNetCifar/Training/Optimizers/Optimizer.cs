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
    readonly bool _isOwner;
    readonly WeightTensor[] _changing;

    /// <summary>Prepares.</summary>
    /// <param name="plan">Groups of the weights that are updated.</param>
    /// <param name="gradients">Read by every step; what has none is not updated.</param>
    /// <param name="pool">Borrowed threads.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="stepsPerEpoch">Steps of an epoch; decides when tensors were thawed.</param>
    /// <param name="sharing">Another of the same tensors, whose moments are used; null for moments of its own.</param>
    public Optimizer(GroupPlan plan, WeightGradients gradients, WorkerPool pool, SimdWidth width, int stepsPerEpoch = 0, Optimizer? sharing = null)
    {
        (_plan, _weights, _gradients, _pool, _width) = (plan, plan.Weights, gradients, pool, width);
        _schedule = Schedules.Create(plan.Options);
        _partial = new double[LaneKernel.Blocks(gradients.All.Length)];
        _changing = [.. _weights.Tensors.Where(t => t.Role != ParameterRole.Fixed && !gradients.Freezes(t))];
        foreach (var tensor in _weights.Tensors.Where(gradients.Has))
            Add(tensor, plan.Of(tensor).Settings, (long)plan.FrozenEpochs(tensor) * stepsPerEpoch);
        var lengths = Moments().ToArray();
        _isOwner = sharing is null;
        _moments = sharing?._moments ?? [.. lengths.Select(length => new Arena(length))];
    }

    /// <summary>Updates made so far.</summary>
    public long Steps { get; set; }

    /// <summary>
    /// Multiplies the rates of Adam and AdamW, but not the share of the weights that AdamW's decay takes, &gt; 0. Who divides a batch among m models sees gradients of √m times the noise, by whose size Adam
    /// divides: with √m the mean of the models moves as far as one model would (the square-root rule of Malladi et al. 2022). The default is 1.
    /// </summary>
    public float AdaptiveScale { get; set; } = 1;

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
        Changed();
    }

    /// <summary>To be called when what training moves was changed by other means than a step.</summary>
    public void Changed()
    {
        foreach (var tensor in _changing)
            tensor.Changed();
    }

    /// <summary>Takes over the steps and moments of the optimizer of an earlier phase of the run; tensors that it did not have begin with none.</summary>
    public void Continue(Optimizer earlier)
    {
        Steps = earlier.Steps;
        foreach (var tensor in _weights.Tensors.Where(t => _gradients.Has(t) && earlier._gradients.Has(t)))
        {
            for (var i = 0; i < _moments.Length; i++)
                earlier.Moment(i, tensor).CopyTo(Moment(i, tensor));
        }
    }

    public void Dispose()
    {
        foreach (var moment in _isOwner ? _moments : [])
            moment.Dispose();
        foreach (var range in _ranges)
            range.Rule.Dispose();
    }

    void Add(WeightTensor tensor, UpdateSettings settings, long thawed)
    {
        var (offset, gradient, length) = ((int)tensor.Offset, (int)_gradients.Offset(tensor), (int)Arena.Align(tensor.Length));
        if (_ranges is [.., var last] && last.EndsAt(offset, gradient) && !last.Rule.IsPerTensor && last.Settings == settings && last.Thawed == thawed)
        {
            // Neighbours with the same settings are one pass.
            last.Length += length;
            return;
        }

        var rule = UpdateRule.Create(settings.Rule, _plan.Options, tensor, _width, _pool);
        _ranges.Add(new Range(offset, gradient, rule)
        {
            Length = rule.IsPerTensor ? tensor.Length : length, Settings = settings, Schedule = Schedules.Create(_plan.Options, settings), Thawed = thawed,
        });
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

    void Update(Range range, float rate, float scale)
    {
        var decay = range.Settings.Decay;
        if (range.Settings.Rule is OptimizerKind.Adam or OptimizerKind.AdamW)
            (rate, decay) = (rate * AdaptiveScale, range.Settings.Rule == OptimizerKind.AdamW ? decay / AdaptiveScale : decay);
        var step = new UpdateStep(rate, decay, scale, Steps - range.Thawed);
        range.Rule.Update(
            _weights.Parameters.Slice(range.Offset, range.Length), _gradients.All.Slice(range.Gradient, range.Length), Moment(0, range), Moment(1, range), step);
    }

    Span<float> Moment(int index, Range range) =>
        index == 0 ? _moments[0].Span(range.Gradient, range.Length) : range.Rule.Moments == 2 ? _moments[1].Span(range.Second, range.Length) : [];

    Span<float> Moment(int index, WeightTensor tensor)
    {
        var range = _ranges.Single(r => r.Offset <= tensor.Offset && tensor.Offset < r.Offset + r.Length);
        return Moment(index, range) is { IsEmpty: false } moment ? moment.Slice((int)tensor.Offset - range.Offset, tensor.Length) : [];
    }

    /// <summary>A run of tensors.</summary>
    sealed class Range(int offset, int gradient, UpdateRule rule)
    {
        /// <summary>Place in the parameters.</summary>
        public int Offset { get; } = offset;

        /// <summary>Place in the gradients and in the first moments.</summary>
        public int Gradient { get; } = gradient;

        /// <summary>Place in the second moments.</summary>
        public int Second { get; set; }

        public int Length { get; set; }

        public UpdateRule Rule { get; } = rule;

        public required UpdateSettings Settings { get; init; }

        public required Schedule Schedule { get; init; }

        /// <summary>Steps before its first update.</summary>
        public required long Thawed { get; init; }

        public bool EndsAt(int offset, int gradient) => Offset + Length == offset && Gradient + Length == gradient;
    }
}
