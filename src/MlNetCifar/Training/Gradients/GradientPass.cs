using System.Diagnostics.CodeAnalysis;
using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>What computes gradients: weights, their network and a teacher, without an optimizer. A run has one in each of its processes. A pass allocates nothing.</summary>
internal sealed class GradientPass : IDisposable
{
    readonly NetworkWeights _weights;
    readonly TrainingOptions _options;
    readonly GroupPlan _plan;
    readonly float[] _classWeights;
    readonly WorkerPool _pool;
    readonly float[] _before;
    readonly bool _isWide;
    WeightTensor[] _moving;
    SliceSum _borrowed;
    Lockstep? _lockstep;
    Action<int>? _passed;
    SliceTree? _tree;
    SliceSum? _sum;
    int _final;
    double[] _losses = [];
    int[] _correct = [];

    /// <summary>Compiles the network for its first epoch.</summary>
    /// <param name="weights">Borrowed.</param>
    /// <param name="options">Checked.</param>
    /// <param name="plan">What is frozen when.</param>
    /// <param name="train">The training images.</param>
    /// <param name="pool">Borrowed threads.</param>
    public GradientPass(NetworkWeights weights, TrainingOptions options, GroupPlan plan, ImageSource train, WorkerPool pool)
    {
        (_weights, _options, _plan, _pool) = (weights, options, plan, pool);
        _classWeights = options.ClassWeights == ClassWeighting.Balanced ? TrainingSession.Balanced(train.ClassCounts()) : [];
        _before = new float[weights.Statistics.Length];
        _isWide = options.SyncBatchNorm && options.Slices > 1;
        Largest = Math.Min(new Slicing(options.BatchSize, options.Slices).Largest, train.Count);
        Frozen = plan.Frozen(0);
        Compiled();
    }

    /// <summary>Pictures of the largest slice.</summary>
    public int Largest { get; }

    /// <summary>What stays as it is in this epoch.</summary>
    public IReadOnlySet<WeightTensor> Frozen { get; private set; }

    public Network Network { get; private set; }

    /// <summary>Told, while the last of the slices goes through the backward pass, how many <see cref="SumParts"/> of the tree's nodes are final; not of slices that wait for one another. Null for nobody.</summary>
    public Action<int>? Ready { get; set; }

    /// <summary>The teacher's side; null for none. Disposed with this.</summary>
    public TeacherPass? Teacher { get; set; }

    /// <summary>A tree for sums of slices of the network as it is compiled now.</summary>
    public SliceTree Tree() => new(Network.Gradients!.All.Length, _weights.Statistics.Length, _pool, _options.GradientFormat);

    /// <summary>Prepares for the steps of an epoch.</summary>
    /// <param name="epoch">Counted from 0.</param>
    /// <returns>Whether other tensors are frozen in it than before, and the network was compiled anew.</returns>
    public bool Enter(int epoch)
    {
        var frozen = _plan.Frozen(epoch);
        if (frozen.SetEquals(Frozen))
            return false;
        Frozen = frozen;
        _lockstep?.Dispose();
        Network.Dispose();
        Compiled();
        return true;
    }

    /// <summary>Notes the running statistics that the slices of a batch begin with.</summary>
    public void Begin() => _weights.Statistics.CopyTo(_before);

    /// <summary>Puts back the running statistics as they were at <see cref="Begin"/>.</summary>
    public void Restore()
    {
        _before.CopyTo(_weights.Statistics);
        foreach (var tensor in _moving)
            tensor.Changed();
    }

    /// <summary>Forward, loss and, where that is finite, backward: leaves the gradients of some pictures in the network, and the running statistics moved.</summary>
    /// <param name="rows">At most <see cref="Largest"/> pictures.</param>
    /// <param name="step">Decides dropout.</param>
    /// <param name="total">What the loss is divided by; null for what the pictures weigh.</param>
    /// <param name="correct">Pictures whose most probable class was the label.</param>
    /// <param name="cancellation">Ends the pass between two ops.</param>
    /// <returns>The loss.</returns>
    public double Compute(BatchRows rows, long step, double? total, out int correct, CancellationToken cancellation)
    {
        var loss = Forward(rows, step, total, out correct, cancellation);
        if (double.IsFinite(loss))
            Network.Backward(cancellation);
        return loss;
    }

    /// <summary>
    /// Computes the slices that a batch holds, each from the same weights and running statistics, and sums them up. Losses and gradients are divided by the number of pictures of the whole
    /// batch, which all slices know, and not by their weight, which none does.
    /// </summary>
    /// <param name="batch">Its pictures.</param>
    /// <param name="step">Updates made before.</param>
    /// <param name="tree">Gets the slices.</param>
    /// <param name="exchange">Where layers look at the whole batch: sums over all of its slices.</param>
    /// <param name="cancellation">Ends the work between two ops.</param>
    public void Compute(Batch batch, long step, SliceTree tree, ISumExchange exchange, CancellationToken cancellation)
    {
        Begin();
        try
        {
            if (_lockstep is not null)
            {
                ComputeTogether(_lockstep, batch, step, tree, exchange, cancellation);
                return;
            }

            for (var slice = batch.FirstSlice; slice < batch.EndSlice; slice++)
            {
                if (slice > batch.FirstSlice)
                    Restore();
                Compute(batch, slice, step, tree, cancellation);
            }
        }
        finally
        {
            Restore();
        }
    }

    /// <summary>Takes the sum of all slices of a batch: leaves the gradients of the mean loss in the network, and the running statistics moved by the mean of the slices'.</summary>
    /// <param name="sum">Of all slices.</param>
    /// <param name="pictures">Of the batch.</param>
    /// <returns>Mean loss of the batch.</returns>
    public double Take(SliceSum sum, int pictures)
    {
        if (!double.IsFinite(sum.Loss))
            return sum.Loss;
        var share = _classWeights.Length > 0 ? pictures / sum.Weight : 1;
        Elementwise.Scale((float)share, sum.Gradients, Network.Gradients!.All, SimdLevel.Active, _pool);
        Span<float> statistics = _weights.Statistics, moved = sum.Statistics;
        for (var i = 0; i < moved.Length; i++)
            _before[i] = (float)(statistics[i] + ((double)moved[i] / pictures));
        Restore();
        return sum.Loss * share;
    }

    /// <summary>Where the first values that are not finite are, in words: the input, or a layer's output; null where there are none.</summary>
    public string? FindNotFinite(Batch batch, long step)
    {
        for (var slice = batch.FirstSlice; slice < batch.EndSlice; slice++)
        {
            var rows = batch.Rows(slice);
            if (!Network.AllFinite(rows.Pixels))
                return "the input";
            rows.Pixels.CopyTo(Network.Input(rows.Count));
            Network.Forward(rows.Count, training: true, _options.Seed, StepOf(step, slice));
            if (Network.FirstNotFinite(rows.Count) is { } layer)
                return layer;
        }

        return batch.Count < batch.Whole ? "what a worker computed" : null;
    }

    public void Dispose()
    {
        _lockstep?.Dispose();
        Network.Dispose();
        Teacher?.Dispose();
    }

    /// <summary>The tensors that a forward pass may change.</summary>
    WeightTensor[] Moving() => [.. _weights.Tensors.Where(t => !t.Spec.IsTrained && t.Role != ParameterRole.Fixed && !Frozen.Contains(t))];

    [MemberNotNull(nameof(Network), nameof(_moving), nameof(_borrowed))]
    void Compiled()
    {
        Network = Compile();
        _borrowed = new SliceSum(Network.Gradients!.All.Length, _weights.Statistics.Length, Network.Gradients);
        _moving = Moving();
        _lockstep = _isWide && Network.MostSums > 0 ? new Lockstep(Network, Compile) : null;
    }

    Network Compile() => new(_weights, Largest, training: true, _pool, frozen: Frozen);

    double Forward(BatchRows rows, long step, double? total, out int correct, CancellationToken cancellation)
    {
        rows.Pixels.CopyTo(Network.Input(rows.Count));
        Network.Forward(rows.Count, training: true, _options.Seed, step, cancellation);
        return Loss(Network, rows, total, out correct, cancellation);
    }

    double Loss(Network network, BatchRows rows, double? total, out int correct, CancellationToken cancellation)
    {
        var loss = network.Loss(rows.Labels, _options.LabelSmoothing, _classWeights, out correct, rows.Mix, total);
        return Teacher is not null && double.IsFinite(loss) ? Teacher.Mix(loss, rows, network, _classWeights, total, cancellation) : loss;
    }

    /// <summary>A number of its own for every slice of every step, so that each has a dropout of its own.</summary>
    long StepOf(long step, int slice) => (step * _options.Slices) + slice;

    void Compute(Batch batch, int slice, long step, SliceTree tree, CancellationToken cancellation)
    {
        var rows = batch.Rows(slice);
        var loss = Forward(rows, StepOf(step, slice), batch.Whole, out var correct, cancellation);
        (_tree, _sum, _final) = (tree, Fill(slice == batch.EndSlice - 1 || tree.AddsAtOnce(slice) ? _borrowed : tree.Rent(), rows, slice, loss, correct), 0);
        tree.Open(_sum);
        if (double.IsFinite(loss))
            Network.Backward(cancellation, Ready is not null && slice == batch.EndSlice - 1 ? _passed ??= Passed : null);
        Passed(0);
        tree.Close();
    }

    /// <summary>Takes the gradients of the slice at hand that are final.</summary>
    /// <param name="from">The first of them.</param>
    void Passed(int from)
    {
        var parts = new SumParts(_tree!.Length);
        var final = parts.FinalFrom(from);
        if (final == _final)
            return;
        var (first, end) = (parts[final - 1].First, parts[_final].End);
        var gradients = Math.Min(end, Network.Gradients!.All.Length);
        if (first < gradients && !_sum!.IsBorrowed)
            Network.Gradients.All[first..gradients].CopyTo(_sum.Gradients[first..]);
        _tree.Complete(first, end);
        _final = final;
        if (from > 0)
            Ready!(final);
    }

    /// <summary>What is known of a slice before its backward pass.</summary>
    SliceSum Fill(SliceSum sum, BatchRows rows, int slice, double loss, int correct)
    {
        (sum.First, sum.Count, sum.Loss, sum.Correct, sum.Weight) = (slice, 1, loss, correct, Losses.TotalWeight(rows.Labels, _classWeights, rows.Mix));
        Span<float> moved = sum.Statistics, now = _weights.Statistics;
        for (var i = 0; i < moved.Length; i++)
            moved[i] = rows.Count * (now[i] - _before[i]);
        return sum;
    }

    /// <summary>Computes slices that wait for one another. The running statistics move once, by what the whole batch moves them; a loss that is not finite holds nobody up.</summary>
    void ComputeTogether(Lockstep lockstep, Batch batch, long step, SliceTree tree, ISumExchange exchange, CancellationToken cancellation)
    {
        var count = batch.EndSlice - batch.FirstSlice;
        lockstep.Begin(batch.FirstSlice, count);
        if (_losses.Length < count)
            (_losses, _correct) = (new double[count], new int[count]);
        for (var i = 0; i < count; i++)
        {
            var network = lockstep.Slice(i);
            var rows = batch.Rows(batch.FirstSlice + i);
            rows.Pixels.CopyTo(network.Input(rows.Count));
            network.Begin(rows.Count, batch.Whole, i == 0, _options.Seed, StepOf(step, batch.FirstSlice + i));
        }

        lockstep.Forward(exchange, cancellation);
        for (var i = 0; i < count; i++)
            _losses[i] = Loss(lockstep.Slice(i), batch.Rows(batch.FirstSlice + i), batch.Whole, out _correct[i], cancellation);
        lockstep.Backward(exchange, cancellation);
        for (var i = 0; i < count; i++)
        {
            var sum = Fill(tree.Rent(), batch.Rows(batch.FirstSlice + i), batch.FirstSlice + i, _losses[i], _correct[i]);
            lockstep.Slice(i).Gradients!.All.CopyTo(sum.Gradients);
            tree.Push(sum);
        }
    }
}
