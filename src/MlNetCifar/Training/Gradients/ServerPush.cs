using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>One client's side of a server: a copy of what it begins with, and what it answers. Used by one thread.</summary>
/// <param name="server">Where it belongs.</param>
/// <param name="state">What a client begins with.</param>
internal abstract class ServerPush(GradientServer server, IReadOnlyList<StateBlock> state) : IDisposable
{
    readonly StateCopy _copy = new(state);

    /// <summary>Where it belongs.</summary>
    public GradientServer Server => server;

    /// <summary>What the client begins with, as it was at <see cref="Read"/>.</summary>
    public IReadOnlyList<StateBlock> Copy => _copy.Blocks;

    /// <summary>To be filled with the answer before <see cref="Apply"/>; <see cref="Copy"/> may be overwritten by it.</summary>
    public abstract IReadOnlyList<StateBlock> Answer { get; }

    /// <summary>What a client is asked for: where it stands, and the index and slices that it is told.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="round">In it, from 0.</param>
    /// <param name="part">In that, from 0.</param>
    public abstract (StepPlace Place, int Index, SlicePart Part) Question(int epoch, int round, int part);

    /// <summary>Makes <see cref="Copy"/>.</summary>
    /// <returns>Version of the weights.</returns>
    public virtual long Read() => server.Read(_copy);

    /// <summary>Updates the weights by the answer.</summary>
    /// <param name="version">Of the weights that it began with.</param>
    /// <param name="pictures">That it is of.</param>
    /// <param name="weight">What they weigh.</param>
    /// <returns>How stale it was: updates that others made since.</returns>
    public abstract int Apply(long version, int pictures, double weight);

    public virtual void Dispose() => _copy.Dispose();
}

/// <summary>Pushes gradients, by an optimizer that shares the server's moments.</summary>
internal sealed class GradientPush : ServerPush
{
    readonly NetworkWeights _weights;
    readonly TrainingOptions _options;
    readonly WeightGradients _gradients;
    readonly WorkerPool _pool = new(1);
    readonly Optimizer _optimizer;
    readonly float[] _statistics;

    public GradientPush(GradientServer server, TrainingOptions options, GroupPlan plan, IReadOnlySet<WeightTensor> frozen, Optimizer shared)
        : base(server, CheckpointWriter.Blocks(plan.Weights))
    {
        (_weights, _options) = (plan.Weights, options);
        _gradients = new WeightGradients(_weights, frozen);
        _optimizer = new Optimizer(plan, _gradients, _pool, SimdLevel.Active, server.Rounds.Rounds * server.Rounds.LocalSteps, shared);
        _statistics = new float[_weights.Statistics.Length];
        Answer = [new("gradients", () => _gradients.All), new("statistics", () => _statistics)];
    }

    /// <summary>The gradient, and Σ (pictures)·(statistics after the batch − before it).</summary>
    public override IReadOnlyList<StateBlock> Answer { get; }

    public override (StepPlace Place, int Index, SlicePart Part) Question(int epoch, int round, int part)
    {
        var (batch, _) = Server.Rounds.Batches(round, part, part + 1);
        return (new(Server.Rounds.NumberOf(epoch, batch), 0, 0), batch, SlicePart.All);
    }

    /// <summary>
    /// The running statistics move by the batch's share of what they would have moved by alone: as many batches as the weights are stale may have begun with the same ones.
    /// </summary>
    public override int Apply(long version, int pictures, double weight)
    {
        var staleness = 0;
        if (_options.ClassWeights != ClassWeighting.None)
            Elementwise.Scale((float)(pictures / weight), _gradients.All, _gradients.All, SimdLevel.Active, _pool);
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

    public override void Dispose()
    {
        _optimizer.Dispose();
        _gradients.Dispose();
        _pool.Dispose();
        base.Dispose();
    }
}

/// <summary>
/// Pushes how far models have moved. Of m models side by side each moves the weights by the m-th part of that, the moving rate of elastic averaging (Zhang, Choromanska and LeCun 2015): when all of them began
/// with the same weights these become the models' mean, and a whole share each (Elephas) would go m times too far. What is staler than that is taken less of, as its staleness grows (Xie, Koyejo and
/// Gupta 2019). Running statistics and moments are no sums of steps but means: they go towards the model's by 1 / (1 + staleness), the mean again where all began with the same, and stay within what models had.
/// </summary>
internal sealed class ModelPush : ServerPush
{
    readonly IReadOnlyList<StateBlock> _state;
    readonly WorkerPool _pool = new(1);
    readonly float[] _statistics;

    public ModelPush(GradientServer server, NetworkWeights weights, Optimizer optimizer)
        : this(server, LocalSteps.StateOf(weights, optimizer))
    {
    }

    ModelPush(GradientServer server, IReadOnlyList<StateBlock> state)
        : base(server, state) =>
        (_state, _statistics) = (state, new float[state[1].Values().Length]);

    /// <summary>Each times the pictures: by how much weights and running statistics have moved, and the moments.</summary>
    public override IReadOnlyList<StateBlock> Answer => Copy;

    public override (StepPlace Place, int Index, SlicePart Part) Question(int epoch, int round, int part) =>
        (Server.PlaceOfRun(), round, new(part, part + 1, Server.Rounds.At(round).Parts));

    public override long Read()
    {
        var version = base.Read();
        Copy[1].Values().CopyTo(_statistics);
        return version;
    }

    public override int Apply(long version, int pictures, double weight)
    {
        var staleness = 0;
        Server.Update((_, _, before) =>
        {
            staleness = (int)(before - version);
            var share = 1.0 / (1 + staleness);
            Add(0, 1, 1 / (weight * Math.Max(Server.Rounds.Models, 1 + staleness)));
            Span<float> now = _state[1].Values(), moved = Answer[1].Values();
            for (var i = 0; i < now.Length; i++)
                now[i] += (float)(share * (_statistics[i] + (moved[i] / weight) - now[i]));
            for (var moment = 2; moment < _state.Count; moment++)
                Add(moment, 1 - share, share / weight);
        });
        return staleness;
    }

    public override void Dispose()
    {
        _pool.Dispose();
        base.Dispose();
    }

    void Add(int block, double share, double factor) =>
        Elementwise.Combine((float)share, _state[block].Values(), (float)factor, Answer[block].Values(), _state[block].Values(), SimdLevel.Active, _pool);
}
