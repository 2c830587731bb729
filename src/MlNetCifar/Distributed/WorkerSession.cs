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
    readonly WorkerPool _pool;
    readonly GradientPass _pass;
    readonly BatchLoader _loader;
    readonly WeightTensor[] _sent;
    SliceTree _tree;
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
        _pool = new WorkerPool(welcome.Threads);
        Weights = new NetworkWeights(welcome.Network);
        _sent = [.. Weights.Tensors.Where(t => t.Role != ParameterRole.Fixed)];
        _pass = new GradientPass(Weights, options, new GroupPlan(options, Weights), train, _pool);
        if (images.Distillation is { } distillation)
            _pass.Teacher = new TeacherPass(distillation, welcome.Normalization, _pass.Largest, _pool);
        _tree = _pass.Tree();
        _loader = new BatchLoader(train, welcome.Normalization, TrainingSetup.Loading(options));
    }

    /// <summary>To be filled before <see cref="Compute"/>, and <see cref="Changed"/> called.</summary>
    public NetworkWeights Weights { get; }

    /// <summary>To be called after weights and statistics were filled.</summary>
    /// <param name="first">Whether these are the first, with the tensors that no step changes.</param>
    public void Changed(bool first)
    {
        if (first)
            Weights.Changed();
        foreach (var tensor in _sent)
            tensor.Changed();
    }

    /// <summary>Computes slices.</summary>
    /// <returns>Their sums: whole nodes of the tree, in order; valid until the next call.</returns>
    /// <exception cref="InvalidDataException">There are no such slices.</exception>
    public IReadOnlyList<SliceSum> Compute(WorkHead work)
    {
        if (work.Index >= _loader.BatchesPerEpoch)
            throw new InvalidDataException(FormattableString.Invariant($"there is no batch {work.Index}: an epoch has {_loader.BatchesPerEpoch}"));
        _tree.Clear();
        if (_pass.Enter(work.Epoch))
        {
            _tree.Dispose();
            _tree = _pass.Tree();
        }

        _pass.Compute(Batch(work), work.Step, _tree, CancellationToken.None);
        return _tree.Nodes;
    }

    public void Dispose()
    {
        _loader.Dispose();
        _tree.Dispose();
        _pass.Dispose();
        Weights.Dispose();
        _pool.Dispose();
    }

    /// <summary>The pictures; those of the next batch are made meanwhile, unless the next work is another than it was.</summary>
    Batch Batch(WorkHead work)
    {
        if (_next != (work.Epoch, work.Index, work.Part))
            _loader.Start(work.Epoch, work.Index, work.Part);
        _next = (work.Epoch, work.Index + 1, work.Part);
        return _loader.Next()!;
    }
}
