using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>
/// Takes gradients as they come and updates the weights by each at once (asynchronous SGD, Dean et al. 2012): all of them with one set of moments, one after the other, or, as Hogwild does
/// (Recht et al. 2011), without a lock, so that updates and copies of the weights may overlap. Where workers train models of their own, what comes is how far one of these has moved.
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
    /// <param name="round">In its epoch, from 0.</param>
    /// <returns>Updates that it has.</returns>
    public int Begin(StepPlace place, int round)
    {
        var (_, parts) = _rounds.At(round);
        var (first, end) = _rounds.Batches(round, 0, parts);
        (_place, _batches, _begun) = (place, end - first, _version);
        _before.Save();
        return parts;
    }

    /// <summary>Puts weights, running statistics and moments back as they were when the round began; nobody may be at work.</summary>
    public void Restore() => _before.Restore();

    /// <summary>A way for one client to push gradients, or how far models have moved.</summary>
    public ServerPush CreatePush() => _options.HasModels ? new ModelPush(this, _plan.Weights, _optimizer) : new GradientPush(this, _options, _plan, _frozen, _optimizer);

    /// <summary>Where a run that begins now stands, in steps of a model. As many runs as there are models side by side are done when it is.</summary>
    internal StepPlace PlaceOfRun()
    {
        var done = (Version - _begun) * _rounds.RunLength;
        return new((_place.Step * _rounds.LocalSteps) + (done / _rounds.Models), At(done), At(done + (_rounds.Models * _rounds.RunLength)));
    }

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
            update((_place.Step * _rounds.LocalSteps) + done, At(done), version);
        }
    }

    public void Dispose() => _before.Dispose();

    /// <summary>The share of the run that is done after so many batches of the round.</summary>
    double At(long batches) => _place.At(Math.Min(1, (double)batches / _batches));
}
