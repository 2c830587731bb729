using System.Diagnostics.CodeAnalysis;
using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>What a worker trains on.</summary>
/// <param name="Train">The training images, before any of them are set aside for <see cref="TrainingOptions.OverfitBatches"/>.</param>
/// <param name="Distillation">The teacher; null for none.</param>
/// <param name="Opened">What is disposed with it; null for nothing.</param>
internal sealed record WorkerImages(ImageSource Train, Distillation? Distillation = null, IDisposable? Opened = null) : IDisposable
{
    public void Dispose() => Opened?.Dispose();
}

/// <summary>A worker's part of a run: copies of the weights, the network, and the pictures of its slices, made ahead. It keeps nothing that a later step depends on.</summary>
internal sealed class WorkerSession : IDisposable
{
    readonly GradientPass _pass;
    readonly NetworkWeights _weights;
    readonly GroupPlan _plan;
    readonly RoundPlan? _rounds;
    readonly BatchLoader _loader;
    readonly LocalSteps? _local;
    readonly WeightTensor[] _sent;
    readonly bool _copies;
    Optimizer? _optimizer;
    IReadOnlyList<StateBlock>? _copy;
    SliceTree _tree;
    int _pictures;
    (int Epoch, int Index, SlicePart Part) _next = (-1, 0, SlicePart.None);

    /// <summary>Prepares.</summary>
    /// <param name="welcome">What is trained.</param>
    /// <param name="images">On what.</param>
    /// <exception cref="MlNetCifarException">The images or the teacher are not those of the run (MNC3309).</exception>
    public WorkerSession(Welcome welcome, WorkerImages images)
    {
        var options = welcome.Options;
        var (train, _) = TrainingSetup.Check(new Trainer(welcome.Network, options) { Distillation = images.Distillation }, images.Train);
        if (DataCheck.Of(train) is var found && found != welcome.Data)
            throw DistributedErrors.OtherData(found, welcome.Data);
        if (images.Distillation?.Stamp is var stamp && stamp != welcome.Teacher)
            throw DistributedErrors.OtherTeacher(stamp ?? "none", welcome.Teacher ?? "none");
        Pool = new WorkerPool(welcome.Threads);
        (_copies, IsServed) = (welcome.PeerPorts is not null, options.IsServed);
        _weights = new NetworkWeights(welcome.Network);
        _sent = [.. _weights.Tensors.Where(t => t.Role != ParameterRole.Fixed)];
        _plan = new GroupPlan(options, _weights);
        _pass = new GradientPass(_weights, options.OfBatch, _plan, train, Pool);
        if (images.Distillation is { } distillation)
            _pass.Teacher = new TeacherPass(distillation, welcome.Normalization, _pass.Largest, Pool);
        _loader = new BatchLoader(train, welcome.Normalization, TrainingSetup.Loading(options.OfBatch));
        if (options.HasModels)
        {
            _rounds = RoundPlan.Of(options, train.Count);
            _local = new LocalSteps(_weights, _pass, _rounds.Value, _loader, Pool);
        }

        Compiled();
    }

    /// <summary>Threads of this worker.</summary>
    public WorkerPool Pool { get; }

    /// <summary>Whether the run takes what is computed as it comes, and whole.</summary>
    public bool IsServed { get; }

    /// <summary>In which gradients are sent.</summary>
    public GradientFormat Format => _tree.Format;

    /// <summary>Floats of the gradients, and of the running statistics.</summary>
    public (int Gradients, int Statistics) Lengths => (_pass.Network.Gradients!.All.Length, _weights.Statistics.Length);

    /// <summary>To be filled before <see cref="Compute"/>, and <see cref="Changed"/> called.</summary>
    public IReadOnlyList<StateBlock> State { get; private set; }

    /// <summary>Bytes of the largest state of any epoch: weights, running statistics, and two moments of every weight.</summary>
    public int MostStateBytes => checked(sizeof(float) * (((_local is null && !_copies ? 1 : 3) * _weights.Parameters.Length) + _weights.Statistics.Length));

    /// <summary>Has something called after every batch, while models are trained.</summary>
    public void AfterBatches(Action call)
    {
        if (_local is not null)
            _local.Stepped = call;
    }

    /// <summary>Prepares for work; <see cref="State"/> may be another afterwards.</summary>
    /// <exception cref="InvalidDataException">There is no such batch.</exception>
    public void Enter(WorkHead work)
    {
        var batches = _rounds?.Rounds ?? _loader.BatchesPerEpoch;
        if (work.Index >= batches)
            throw new InvalidDataException(FormattableString.Invariant($"there is no batch {work.Index}: an epoch has {batches}"));
        _tree.Clear();
        if (_pass.Enter(work.Epoch))
            Compiled();
    }

    /// <summary>To be called after weights and statistics were filled.</summary>
    /// <param name="first">Whether these are the first, with the tensors that no step changes.</param>
    public void Changed(bool first)
    {
        if (first)
            _weights.Changed();
        foreach (var tensor in _sent)
            tensor.Changed();
    }

    /// <summary>Computes slices.</summary>
    /// <param name="work">Which.</param>
    /// <param name="sums">Gives sums over all slices of the batch, where some are needed in the middle of it.</param>
    /// <param name="ready">Told of their sums, whole nodes of the tree, in order and valid until the next <see cref="Enter"/>, and how many <see cref="SumParts"/> of them are final: while they are computed, and of all at the end.</param>
    /// <param name="cancellation">Ends the work between two ops.</param>
    /// <exception cref="OperationCanceledException">There are none: the batch was abandoned.</exception>
    public void Compute(WorkHead work, ISumExchange sums, Action<IReadOnlyList<SliceSum>, int> ready, CancellationToken cancellation = default)
    {
        _pass.Ready = IsServed ? null : parts => ready(_tree.Nodes, parts);
        if (_local is null)
            _pass.Compute(Batch(work), work.Place.Step, _tree, sums, cancellation);
        else
            _local.Compute(work.Epoch, work.Index, work.Part, work.Place, _tree, cancellation);
        ready(_tree.Nodes, new SumParts(_tree.Length).Count);
    }

    /// <summary>Slices of the batch that work is a part of.</summary>
    public int SlicesOf(WorkHead work) => _loader.SlicesOf(work.Index);

    /// <summary>Everything that a step changes, the optimizer's moments too; <see cref="State"/> is the first part of it. For workers that make steps by themselves.</summary>
    public IReadOnlyList<StateBlock> Copy()
    {
        _optimizer ??= new Optimizer(_plan, _pass.Network.Gradients!, Pool, SimdLevel.Active, _loader.BatchesPerEpoch);
        return _copy ??= LocalSteps.StateOf(_weights, _optimizer);
    }

    /// <summary>Does to the weights what the run does to its own.</summary>
    /// <param name="sum">Of all slices of the batch that was computed last.</param>
    /// <param name="work">That.</param>
    public void Update(SliceSum sum, WorkHead work)
    {
        if (!double.IsFinite(_pass.Take(sum, _pictures)))
            return;
        _optimizer!.Steps = work.Place.Step;
        _optimizer.Step(work.Place.From);
    }

    public void Dispose()
    {
        _local?.Dispose();
        _loader.Dispose();
        _tree.Dispose();
        _optimizer?.Dispose();
        _pass.Dispose();
        _weights.Dispose();
        Pool.Dispose();
    }

    /// <summary>Makes anew what follows from the network as it is compiled now.</summary>
    [MemberNotNull(nameof(_tree), nameof(State))]
    void Compiled()
    {
        _tree?.Dispose();
        if (_local is null)
        {
            (State, _tree) = (CheckpointWriter.Blocks(_weights), _pass.Tree());
            if (_optimizer is null)
                return;
            using var earlier = _optimizer;
            (_optimizer, _copy) = (null, null);
            Copy();
            _optimizer!.Continue(earlier);
            return;
        }

        // Its moments are filled with the rest of the state.
        _optimizer?.Dispose();
        _optimizer = new Optimizer(_plan, _pass.Network.Gradients!, Pool, SimdLevel.Active, _rounds!.Value.Rounds * _rounds.Value.LocalSteps);
        _local.Attach(_optimizer);
        (State, _tree) = (_local.State, LocalSteps.TreeOf(_local.State, Pool));
    }

    /// <summary>The pictures; those of the next batch are made meanwhile, unless the next work is another than it was.</summary>
    Batch Batch(WorkHead work)
    {
        if (_next != (work.Epoch, work.Index, work.Part))
            _loader.Start(work.Epoch, work.Index, work.Part);
        _next = (work.Epoch, work.Index + 1, work.Part);
        var batch = _loader.Next()!;
        _pictures = batch.Whole;
        return batch;
    }
}
