using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>
/// Takes gradients as they come and updates the weights by each at once (asynchronous SGD, Dean et al. 2012): all of them with one set of moments, one after the other, or, as Hogwild does
/// (Recht et al. 2011), without a lock, so that updates and copies of the weights may overlap.
/// </summary>
internal sealed class GradientServer : IDisposable
{
    readonly TrainingOptions _options;
    readonly GroupPlan _plan;
    readonly IReadOnlySet<WeightTensor> _frozen;
    readonly Optimizer _optimizer;
    readonly RoundPlan _rounds;
    readonly StateCopy _before;
    readonly Lock _gate = new();
    StepPlace _place;
    long _version;
    long _begun;
    int _batches;

    /// <summary>Prepares for a phase of the run.</summary>
    /// <param name="options">Of the run.</param>
    /// <param name="plan">Groups of the weights that are updated.</param>
    /// <param name="frozen">Tensors that stay as they are.</param>
    /// <param name="optimizer">Borrowed; its moments are used.</param>
    /// <param name="rounds">The rounds of an epoch.</param>
    public GradientServer(TrainingOptions options, GroupPlan plan, IReadOnlySet<WeightTensor> frozen, Optimizer optimizer, RoundPlan rounds)
    {
        (_options, _plan, _frozen, _optimizer, _rounds) = (options, plan, frozen, optimizer, rounds);
        _before = new StateCopy(LocalSteps.StateOf(plan.Weights, optimizer));
    }

    /// <summary>Updates made since this was made.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>The rounds of an epoch.</summary>
    public RoundPlan Rounds => _rounds;

    /// <summary>Begins a round.</summary>
    /// <param name="place">Where it stands.</param>
    /// <param name="batches">Gradients that it has.</param>
    public void Begin(StepPlace place, int batches)
    {
        (_place, _batches, _begun) = (place, batches, _version);
        _before.Save();
    }

    /// <summary>Puts weights, running statistics and moments back as they were when the round began; nobody may be at work.</summary>
    public void Restore() => _before.Restore();

    /// <summary>A way for one client to push gradients.</summary>
    public GradientPush CreatePush() => new(this, _options, _plan, _frozen, _optimizer, _rounds);

    /// <summary>Copies weights and running statistics.</summary>
    /// <returns><see cref="Version"/> as it was.</returns>
    internal long Read(StateCopy copy)
    {
        if (_options.DistributedMode == DistributedMode.Hogwild)
            return Copy();
        lock (_gate)
            return Copy();

        long Copy()
        {
            var version = Version;
            copy.Save();
            return version;
        }
    }

    /// <summary>Makes an update.</summary>
    /// <param name="update">Told the updates made in the run before, the share of the run that is done, and the version before it.</param>
    internal void Update(Action<long, double, long> update)
    {
        if (_options.DistributedMode == DistributedMode.Hogwild)
        {
            Apply();
            return;
        }

        lock (_gate)
            Apply();

        void Apply()
        {
            var version = Interlocked.Increment(ref _version) - 1;
            var done = version - _begun;
            update((_place.Step * _rounds.LocalSteps) + done, _place.At(Math.Min(1, (double)done / _batches)), version);
        }
    }

    public void Dispose() => _before.Dispose();
}

/// <summary>One client's side of a server of gradients: copies of the weights, a gradient, and an optimizer that shares the server's moments. Used by one thread.</summary>
internal sealed class GradientPush : IDisposable
{
    readonly NetworkWeights _weights;
    readonly TrainingOptions _options;
    readonly WeightGradients _gradients;
    readonly WorkerPool _pool = new(1);
    readonly Optimizer _optimizer;
    readonly float[] _statistics;
    readonly StateCopy _copy;

    internal GradientPush(GradientServer server, TrainingOptions options, GroupPlan plan, IReadOnlySet<WeightTensor> frozen, Optimizer shared, RoundPlan rounds)
    {
        (Server, _weights, _options) = (server, plan.Weights, options);
        _gradients = new WeightGradients(_weights, frozen);
        _optimizer = new Optimizer(plan, _gradients, _pool, SimdLevel.Active, rounds.Rounds * rounds.LocalSteps, shared);
        _statistics = new float[_weights.Statistics.Length];
        _copy = new StateCopy(CheckpointWriter.Blocks(_weights));
    }

    /// <summary>Where it belongs.</summary>
    public GradientServer Server { get; }

    /// <summary>To be filled with the gradient before <see cref="Apply"/>.</summary>
    public Span<float> Gradients => _gradients.All;

    /// <summary>To be filled with Σ (pictures)·(statistics after the batch − before it).</summary>
    public Span<float> Statistics => _statistics;

    /// <summary>The weights and running statistics as they were at <see cref="Read"/>.</summary>
    public IReadOnlyList<StateBlock> Copy => _copy.Blocks;

    /// <summary>Copies the weights.</summary>
    /// <returns>Their version.</returns>
    public long Read() => Server.Read(_copy);

    /// <summary>
    /// Updates the weights by the gradient. The running statistics move by the batch's share of what they would have moved by alone: as many batches as the weights are stale may have begun with
    /// the same ones.
    /// </summary>
    /// <param name="version">Of the weights that the gradient is of.</param>
    /// <param name="pictures">Of the batch.</param>
    /// <param name="weight">What they weigh.</param>
    /// <returns>How stale it was: updates that others made since.</returns>
    public int Apply(long version, int pictures, double weight)
    {
        var staleness = 0;
        if (_options.ClassWeights != ClassWeighting.None)
            Elementwise.Scale((float)(pictures / weight), Gradients, Gradients, SimdLevel.Active, _pool);
        Server.Update((steps, progress, before) =>
        {
            staleness = (int)(before - version);
            _optimizer.Steps = steps;
            _optimizer.Step(progress);
            Span<float> statistics = _weights.Statistics;
            for (var i = 0; i < statistics.Length; i++)
                statistics[i] += (float)((double)_statistics[i] / pictures / (1 + staleness));
        });
        return staleness;
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _gradients.Dispose();
        _copy.Dispose();
        _pool.Dispose();
    }
}
