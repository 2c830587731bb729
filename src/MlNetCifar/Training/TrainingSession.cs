using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>The step of training: weights, network, optimizer and average, without epochs or clocks. A step allocates nothing.</summary>
internal sealed class TrainingSession : IDisposable
{
    readonly TrainingOptions _options;
    readonly WeightAverage? _average;
    readonly GroupPlan _plan;
    readonly GradientPass _pass;
    readonly RoundPlan? _rounds;
    LocalSteps? _local;
    GradientServer? _server;
    IReadOnlyList<StateBlock> _state = [];
    IReadOnlyList<StateBlock> _whole = [];
    SliceTree? _tree;

    public TrainingSession(NetworkSpec spec, TrainingOptions options, ImageSource train, Normalization normalization, TrainingStart? start = null, Distillation? distillation = null)
    {
        _options = options;
        Pool = new WorkerPool(options.Threads ?? Environment.ProcessorCount);
        Weights = NetworkWeights.Initialize(spec, options.Seed);
        Start = start?.CopyTo(Weights);
        Whitening.Initialize(Weights, train, normalization, Start);
        _plan = new GroupPlan(options, Weights);
        var pass = options.OfBatch;
        if (Math.Min(pass.BatchSize / (pass.SyncBatchNorm ? 1 : pass.Slices), train.Count) == 1 && Weights.Nodes.SelectMany(n => n.Flat()).FirstOrDefault(NormalisesOneValue) is { } node)
            throw TrainingErrors.OneValue(node.Position);
        _pass = new GradientPass(Weights, pass, _plan, train, Pool);
        if (distillation is not null)
            _pass.Teacher = new TeacherPass(distillation, normalization, _pass.Largest, Pool);
        Optimizer = new Optimizer(_plan, Network.Gradients!, Pool, SimdLevel.Active);
        if (options.KeepsAverage)
            _average = new WeightAverage(options, Weights, _pass.Largest, Pool);
        _average?.Follow(_pass.Frozen);
        _rounds = options.DistributedMode == DistributedMode.Synchronous ? null : RoundPlan.Of(options, train.Count);
        FindState();
    }

    public WorkerPool Pool { get; }

    /// <summary>What was taken from the starting point; null without one.</summary>
    public StartMap? Start { get; }

    public NetworkWeights Weights { get; }

    public Network Network => _pass.Network;

    /// <summary>Who computes the slices of batches; null (the default) for this process.</summary>
    public ISliceWorkers? Workers { get; set; }

    public Optimizer Optimizer { get; private set; }

    /// <summary>The average; null where none is wanted.</summary>
    public NetworkWeights? Average => _average?.Weights;

    /// <summary>The weights that are validated and returned.</summary>
    public NetworkWeights Result => _average is { IsReady: true } ? _average.Weights : Weights;

    /// <summary>Has models of averaged training trained in this process.</summary>
    /// <param name="loader">Of their batches; disposed with this.</param>
    public void TrainModels(BatchLoader loader)
    {
        _local = new LocalSteps(Weights, _pass, _rounds!.Value, loader, Pool);
        _local.Attach(Optimizer);
    }

    /// <summary>Prepares for the steps of an epoch: where other tensors are frozen in it than before, network and optimizer are made anew.</summary>
    /// <param name="epoch">Counted from 0.</param>
    /// <param name="stepsPerEpoch">Steps of every epoch.</param>
    /// <returns>Whether they were; <see cref="StateBlocks"/> are others then.</returns>
    public bool Enter(int epoch, int stepsPerEpoch)
    {
        if (!_pass.Enter(epoch))
            return false;
        _average?.Follow(_pass.Frozen);
        _tree?.Dispose();
        _tree = null;
        using var earlier = Optimizer;
        Optimizer = new Optimizer(_plan, Network.Gradients!, Pool, SimdLevel.Active, stepsPerEpoch * (_rounds?.LocalSteps ?? 1));
        Optimizer.Continue(earlier);
        FindState();
        return true;
    }

    /// <summary>Forward, loss, backward, update.</summary>
    /// <param name="batch">Normalised images and labels.</param>
    /// <param name="progress">Share of the run that is done, 0 … 1.</param>
    /// <param name="correct">Images whose most probable class was the label.</param>
    /// <param name="factor">Multiplies every learning rate.</param>
    /// <param name="cancellation">Abandons the step, which then has not happened.</param>
    /// <param name="after">Share of the run that is done after it; null for <paramref name="progress"/>. It counts where the step is a round of averaged training.</param>
    /// <returns>Mean loss of the batch; where it is not finite, nothing was updated.</returns>
    public double Step(Batch batch, double progress, out int correct, float factor = 1, CancellationToken cancellation = default, double? after = null)
    {
        if (_rounds is { } rounds)
        {
            var place = new StepPlace(Optimizer.Steps, progress, after ?? progress);
            return _options.IsServed ? Serve(batch, rounds, place, out correct, cancellation) : AverageModels(batch, rounds, place, out correct, cancellation);
        }

        var loss = ComputeGradients(batch, out correct, cancellation, progress);
        if (double.IsFinite(loss))
            Apply(progress, factor);
        return loss;
    }

    /// <summary>Forward, loss and, where that is finite, backward: leaves the gradients in the network, and the running statistics moved.</summary>
    /// <param name="batch">Normalised images and labels.</param>
    /// <param name="correct">Images whose most probable class was the label.</param>
    /// <param name="cancellation">Ends the work; nothing has changed then.</param>
    /// <param name="progress">Share of the run that is done, 0 … 1, for workers that make the update too.</param>
    /// <returns>Mean loss of the batch.</returns>
    public double ComputeGradients(Batch batch, out int correct, CancellationToken cancellation = default, double progress = 0)
    {
        if (_options.Slices > 1)
            return ComputeSlices(batch, progress, out correct, cancellation);
        _pass.Begin();
        try
        {
            return _pass.Compute(batch.Rows(0), Optimizer.Steps, null, out correct, cancellation);
        }
        catch (OperationCanceledException)
        {
            _pass.Restore();
            throw;
        }
    }

    /// <summary>Has models trained side by side, and averages them.</summary>
    double AverageModels(Batch batch, RoundPlan rounds, StepPlace place, out int correct, CancellationToken cancellation)
    {
        _tree ??= LocalSteps.TreeOf(_state, Pool);
        try
        {
            if (Workers is null)
                _local!.Compute(batch.Epoch, batch.Index, SlicePart.All, place, _tree, cancellation);
            else
                Workers.Compute(batch, place, _state, _whole, _tree, cancellation);
            var sum = _tree.Root();
            correct = sum.Correct;
            if (!double.IsFinite(sum.Loss))
                return sum.Loss;
            LocalSteps.Average(_state, sum, batch.Whole);
            Rounded(place, rounds);
            return sum.Loss;
        }
        finally
        {
            _tree.Clear();
        }
    }

    /// <summary>Takes gradients as they come.</summary>
    double Serve(Batch batch, RoundPlan rounds, StepPlace place, out int correct, CancellationToken cancellation)
    {
        _server ??= new GradientServer(_options, _plan, _pass.Frozen, Optimizer, rounds);
        try
        {
            double loss;
            (loss, correct) = Workers!.Serve(batch, place, _server, cancellation);
            Rounded(place, rounds);
            return loss;
        }
        catch (OperationCanceledException)
        {
            _server.Restore();
            Optimizer.Changed();
            throw;
        }
    }

    void Rounded(StepPlace place, RoundPlan rounds)
    {
        Optimizer.Changed();
        Optimizer.Steps++;
        _average?.Stepped(place.Step * rounds.LocalSteps, place.From, rounds.LocalSteps);
    }

    double ComputeSlices(Batch batch, double progress, out int correct, CancellationToken cancellation)
    {
        _tree ??= _pass.Tree();
        try
        {
            if (Workers is null)
                _pass.Compute(batch, Optimizer.Steps, _tree, TreeSums.Own, cancellation);
            else
                Workers.Compute(batch, new(Optimizer.Steps, progress, progress), _state, _whole, _tree, cancellation);
            var sum = _tree.Root();
            correct = sum.Correct;
            return _pass.Take(sum, batch.Whole);
        }
        finally
        {
            _tree.Clear();
        }
    }

    /// <summary>Updates weights and average from the network's gradients, wherever they come from.</summary>
    /// <param name="progress">Share of the run that is done, 0 … 1.</param>
    /// <param name="factor">Multiplies every learning rate.</param>
    public void Apply(double progress, float factor = 1)
    {
        var step = Optimizer.Steps;
        Optimizer.Step(progress, factor);
        if (_average?.Stepped(step, progress) == true)
            Workers?.Moved();
    }

    /// <summary>Has workers that hold copies of what is trained prove that they are the same.</summary>
    public void ProveCopies(CancellationToken cancellation) => Workers?.Prove(_whole, cancellation);

    /// <summary>Prepares the weights that are validated for the end of an epoch.</summary>
    /// <param name="state">Where the run stands; told what went into an average.</param>
    /// <param name="progress">Share of the run that is done, 0 … 1.</param>
    /// <param name="statistics">Whole batches of training images, for the running statistics of an average; null where it has none.</param>
    /// <param name="cancellation">Ends the pass over them; the call is to be repeated then.</param>
    /// <returns>Images that it passed over.</returns>
    public int EpochEnded(LoopState state, double progress, BatchLoader? statistics, CancellationToken cancellation) =>
        _average?.EpochEnded(state, progress, Network, statistics, cancellation) ?? 0;

    /// <summary>Everything in floats that the next step depends on.</summary>
    public IReadOnlyList<StateBlock> StateBlocks()
    {
        List<StateBlock> blocks = [.. CheckpointWriter.Blocks(Weights)];
        if (Average is not null)
            blocks.AddRange([new("average.parameters", () => Average.Parameters), new("average.statistics", () => Average.Statistics)]);
        for (var i = 0; i < Optimizer.MomentBlocks.Length; i++)
        {
            var moment = Optimizer.MomentBlocks[i];
            blocks.Add(new($"moment{i}", () => moment.Span(0, (int)moment.Length)));
        }

        return blocks;
    }

    /// <summary>To be called when the blocks were filled from a checkpoint.</summary>
    /// <param name="state">Where the run stood when it was written.</param>
    public void Restored(LoopState state)
    {
        Optimizer.Steps = state.Step;
        _average?.Epochs = state.AveragedEpochs;
        Weights.Changed();
        Average?.Changed();
    }

    /// <summary>Mean loss and accuracy of the result weights over an epoch of unaugmented batches.</summary>
    public (double Loss, double Accuracy) Validate(BatchLoader loader, CancellationToken cancellation)
    {
        var network = _average is { IsReady: true } ? _average.Network : Network;
        double loss = 0;
        long count = 0, correct = 0;
        loader.Start(0);
        while (loader.Next() is { } batch)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Pixels.CopyTo(network.Input(batch.Count));
            network.Forward(batch.Count, cancellation: cancellation);
            loss += batch.Count * network.Loss(batch.Labels, 0, [], out var right);
            correct += right;
            count += batch.Count;
        }

        return (loss / count, (double)correct / count);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        _tree?.Dispose();
        _local?.Dispose();
        _server?.Dispose();
        _pass.Dispose();
        _average?.Dispose();
        Weights.Dispose();
        Pool.Dispose();
    }

    /// <summary>Notes what slices begin with.</summary>
    void FindState()
    {
        _server?.Dispose();
        _server = null;
        _whole = LocalSteps.StateOf(Weights, Optimizer);
        _state = _rounds is null ? CheckpointWriter.Blocks(Weights) : _whole;
        _local?.Attach(Optimizer);
    }

    /// <summary>Whether a layer takes mean and deviation of a single number of a batch of one.</summary>
    bool NormalisesOneValue(LayerNode node) =>
        node.Layer is BatchNorm && node.Input is { H: 1, W: 1 } && !Weights.Tensors.Any(t => ReferenceEquals(t.Node, node) && t.Role == ParameterRole.Statistic && _plan.FrozenEpochs(t) == int.MaxValue);

    /// <summary>Weights by which all classes count alike.</summary>
    internal static float[] Balanced(int[] counts)
    {
        var present = counts.Count(c => c > 0);
        var total = counts.Sum();
        return [.. counts.Select(c => c == 0 ? 0 : (float)((double)total / ((double)present * c)))];
    }

    /// <summary>Where the first values that are not finite are, in words: weights, input, or a layer's output; null where there are none.</summary>
    public string? FindNotFinite(Batch batch)
    {
        // An infinite activation reaches the running statistics on its way to the loss: they are never the cause.
        foreach (var tensor in Weights.Tensors.Where(t => t.Role != ParameterRole.Statistic))
        {
            if (!Network.AllFinite(tensor.Values))
                return $"the weights of {tensor.Name}";
        }

        return _pass.FindNotFinite(batch, Optimizer.Steps);
    }
}

/// <summary>A run of floats in one of the blocks of weights.</summary>
internal readonly record struct FloatRun(int Offset, int Length)
{
    /// <summary>The run in a block.</summary>
    public Span<float> Of(Span<float> block) => block.Slice(Offset, Length);

    /// <summary>The runs of some tensors of one block, neighbours as one.</summary>
    public static FloatRun[] Merge(IEnumerable<WeightTensor> tensors)
    {
        var runs = new List<FloatRun>();
        foreach (var tensor in tensors)
        {
            var run = new FloatRun((int)tensor.Offset, (int)Arena.Align(tensor.Length));
            if (runs is [.., var last] && last.Offset + last.Length == run.Offset)
                runs[^1] = last with { Length = last.Length + run.Length };
            else
                runs.Add(run);
        }

        return [.. runs];
    }
}
