using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>
/// Trains the models of a round one after the other, each from the state that the round began with, and leaves that state as it was: so what a model becomes does not depend on who trained what before.
/// A model's sum holds, each times its pictures, by how much weights and running statistics have moved, and the optimizer's moments. A round allocates nothing. Where a server takes models as they come
/// it trains one run of batches of a round at a time in the same way.
/// </summary>
internal sealed class LocalSteps : IDisposable
{
    readonly NetworkWeights _weights;
    readonly GradientPass _pass;
    readonly BatchLoader _loader;
    readonly RoundPlan _plan;
    readonly WorkerPool _pool;
    Optimizer _optimizer = null!;
    StateCopy _before = null!;
    (int Epoch, int First, int End) _next = (-1, 0, 0);

    /// <summary>Prepares; <see cref="Attach"/> must follow.</summary>
    /// <param name="weights">Borrowed.</param>
    /// <param name="pass">Borrowed; of one batch.</param>
    /// <param name="plan">The rounds of an epoch.</param>
    /// <param name="loader">Of whole batches; disposed with this.</param>
    /// <param name="pool">Borrowed threads.</param>
    public LocalSteps(NetworkWeights weights, GradientPass pass, RoundPlan plan, BatchLoader loader, WorkerPool pool) =>
        (_weights, _pass, _plan, _loader, _pool) = (weights, pass, plan, loader, pool);

    /// <summary>All that a round begins with, in the order of a sum's values.</summary>
    public IReadOnlyList<StateBlock> State { get; private set; } = [];

    /// <summary>Called after every batch.</summary>
    public Action? Stepped { get; set; }

    /// <summary>All that a round of an optimizer begins with, in the order of a sum's values: parameters, running statistics, moments.</summary>
    public static IReadOnlyList<StateBlock> StateOf(NetworkWeights weights, Optimizer optimizer)
    {
        List<StateBlock> blocks = [.. CheckpointWriter.Blocks(weights)];
        for (var i = 0; i < optimizer.MomentBlocks.Length; i++)
        {
            var moment = optimizer.MomentBlocks[i];
            blocks.Add(new($"moment{i}", () => moment.Span(0, (int)moment.Length)));
        }

        return blocks;
    }

    /// <summary>A tree for the sums of models.</summary>
    public static SliceTree TreeOf(IReadOnlyList<StateBlock> state, WorkerPool pool) => new(state.Sum(block => block.Values().Length), 0, pool);

    /// <summary>Moves the state to the mean of models, each weighted by its pictures.</summary>
    /// <param name="state">As it was when the round began.</param>
    /// <param name="sum">Of all models.</param>
    /// <param name="pictures">Of all models.</param>
    public static void Average(IReadOnlyList<StateBlock> state, SliceSum sum, int pictures)
    {
        var at = 0;
        for (var b = 0; b < state.Count; b++)
        {
            Span<float> now = state[b].Values(), total = sum.Values.Slice(at, now.Length);
            for (var i = 0; i < now.Length; i++)
                now[i] = (float)((IsMoment(b) ? 0 : now[i]) + ((double)total[i] / pictures));
            at += now.Length;
        }
    }

    /// <summary>Takes the optimizer of this phase of the run, whose network the pass has compiled.</summary>
    /// <param name="optimizer">Borrowed.</param>
    public void Attach(Optimizer optimizer)
    {
        _optimizer = optimizer;
        optimizer.AdaptiveScale = MathF.Sqrt(_plan.Models);
        State = StateOf(_weights, optimizer);
        _before?.Dispose();
        _before = new StateCopy(State);
    }

    /// <summary>Trains some models of a round, or a run of a server's round.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="round">In it, from 0.</param>
    /// <param name="part">Which models, or which run.</param>
    /// <param name="place">Where the round stands; of a run, where that does, in steps of a model.</param>
    /// <param name="tree">Gets them, in order.</param>
    /// <param name="cancellation">Abandons the round.</param>
    public void Compute(int epoch, int round, SlicePart part, StepPlace place, SliceTree tree, CancellationToken cancellation)
    {
        var (pictures, parts) = _plan.At(round);
        var (first, end) = part.In(parts);
        Load(epoch, _plan.Batches(round, first, end));
        _before.Save();
        var steps = _optimizer.Steps;
        try
        {
            for (var model = first; model < end; model++)
            {
                if (model > first)
                    Restore();
                tree.Push(Train(epoch, _plan.Batches(round, model, model + 1), pictures, place, Begin(tree.Rent(), model), cancellation));
            }
        }
        finally
        {
            Restore();
            _optimizer.Steps = steps;
        }

        // Whoever trains these models in this round trains them in the next one too, unless somebody is lost; and whoever trains on a run has the next one, unless somebody has taken that.
        var isRun = _plan.RunLength > 0;
        if (isRun ? end < parts : round + 1 < _plan.Rounds)
        {
            var (nextFirst, nextEnd) = isRun ? (end, end + 1) : part.In(_plan.At(round + 1).Parts);
            var batches = _plan.Batches(isRun ? round : round + 1, nextFirst, nextEnd);
            Load(epoch, batches);
            _next = (epoch, batches.First, batches.End);
        }
    }

    public void Dispose()
    {
        _loader.Dispose();
        _before?.Dispose();
    }

    static bool IsMoment(int block) => block >= 2;

    static SliceSum Begin(SliceSum sum, int model)
    {
        (sum.First, sum.Count, sum.Correct, sum.Loss, sum.Weight) = (model, 1, 0, 0, 0);
        return sum;
    }

    SliceSum Train(int epoch, (int First, int End) batches, int pictures, StepPlace place, SliceSum sum, CancellationToken cancellation)
    {
        if (_plan.RunLength > 0)
            pictures = _plan.PicturesOf(batches);
        _optimizer.Steps = _plan.RunLength > 0 ? place.Step : place.Step * _plan.LocalSteps;
        for (var i = batches.First; i < batches.End; i++)
        {
            var batch = _loader.Next()!;
            var loss = _pass.Compute(batch.Rows(0), _plan.NumberOf(epoch, i), null, out var correct, cancellation);
            sum.Loss += loss * batch.Count / pictures;
            sum.Correct += correct;
            sum.Weight += batch.Count;
            if (!double.IsFinite(loss))
                break;
            _optimizer.Step(place.At((double)(i - batches.First) / (batches.End - batches.First)));
            Stepped?.Invoke();
        }

        Fill(sum);
        return sum;
    }

    void Fill(SliceSum sum)
    {
        var (at, weight) = (0, (float)sum.Weight);
        for (var b = 0; b < State.Count; b++)
        {
            var now = State[b].Values();
            Span<float> before = _before.Blocks[b].Values(), moved = sum.Values.Slice(at, now.Length);
            if (IsMoment(b))
            {
                Elementwise.Scale(weight, now, moved, SimdLevel.Active, _pool);
            }
            else
            {
                // The difference first: what has not moved must stay as it is to the bit.
                Elementwise.Combine(1, now, -1, before, moved, SimdLevel.Active, _pool);
                Elementwise.Scale(weight, moved, moved, SimdLevel.Active, _pool);
            }

            at += now.Length;
        }
    }

    void Restore()
    {
        _before.Restore();
        _optimizer.Changed();
    }

    void Load(int epoch, (int First, int End) batches)
    {
        if (_next != (epoch, batches.First, batches.End))
            _loader.Start(epoch, batches.First, end: batches.End);
        _next = (-1, 0, 0);
    }
}
