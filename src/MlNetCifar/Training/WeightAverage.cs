using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>
/// Second weights that follow the trained ones and are validated and kept in their place: an exponential moving average of the steps, put back every few steps with
/// lookahead (Zhang et al. 2019), or the mean of the ends of the last epochs (stochastic weight averaging, Izmailov et al. 2018).
/// </summary>
internal sealed class WeightAverage : IDisposable
{
    /// <summary>Training images that the running statistics of a mean are taken from, at most.</summary>
    const int StatisticsImages = 10_000;

    readonly TrainingOptions _options;
    readonly NetworkWeights _trained;
    readonly WorkerPool _pool;
    FloatRun[] _parameters = [];
    FloatRun[] _statistics = [];
    WeightTensor[] _followed = [];
    WeightTensor[] _normalised = [];

    /// <summary>Begins as a copy.</summary>
    /// <param name="options">Which average.</param>
    /// <param name="trained">The weights to follow; borrowed.</param>
    /// <param name="largest">Pictures of the largest batch.</param>
    /// <param name="pool">Borrowed threads.</param>
    public WeightAverage(TrainingOptions options, NetworkWeights trained, int largest, WorkerPool pool)
    {
        (_options, _trained, _pool) = (options, trained, pool);
        Weights = trained.Clone();
        Network = new Network(Weights, largest, training: false, pool);
    }

    public NetworkWeights Weights { get; }

    /// <summary>For validation.</summary>
    public Network Network { get; }

    /// <summary>Epochs in the mean so far; saved with the run.</summary>
    public int Epochs { get; set; }

    /// <summary>Whether it stands for the trained weights already.</summary>
    public bool IsReady => _options.SwaStart is null || Epochs > 0;

    /// <summary>Images that take a forward pass when an epoch ends.</summary>
    public static int ImagesAnEpoch(TrainingOptions options, NetworkWeights weights, int images) =>
        options.SwaStart is not null && weights.Tensors.Any(IsNormalised) ? Math.Min(images, StatisticsImages) : 0;

    /// <summary>Notes what training moves.</summary>
    /// <param name="frozen">What it does not.</param>
    public void Follow(IReadOnlySet<WeightTensor> frozen)
    {
        var moving = _trained.Tensors.Where(t => !frozen.Contains(t) && t.Role != ParameterRole.Fixed).ToLookup(t => t.Spec.IsTrained);
        (_parameters, _statistics) = (FloatRun.Merge(moving[true]), FloatRun.Merge(moving[false]));
        _followed = [.. moving.SelectMany(t => t).Select(t => Weights.Find(t.Name)!)];
        _normalised = [.. moving[false].Where(IsNormalised)];
    }

    /// <summary>Follows a step, or steps.</summary>
    /// <param name="step">Updates before it.</param>
    /// <param name="progress">Share of the run that was done before it, 0 … 1.</param>
    /// <param name="updates">Updates that it stands for; with lookahead one at a time.</param>
    /// <returns>Whether the trained weights have moved.</returns>
    public bool Stepped(long step, double progress, int updates = 1)
    {
        if (_options.EmaDecay is not { } decay)
            return false;
        if (_options.LookaheadSteps is not { } steps)
        {
            // Early averages would mostly be initial weights, so the decay is warmed up.
            Mix((float)Math.Pow(Math.Min(decay, (1.0 + step) / (10 + step)), updates));
        }
        else if ((step + 1) % steps == 0)
        {
            Mix((float)(Math.Pow(decay, steps) * Math.Pow(progress, 3)));
            PutBack();
            return true;
        }

        return false;
    }

    /// <summary>Takes the end of an epoch into the mean, once however often it is called, and computes the mean's running statistics.</summary>
    /// <param name="state">Where the run stands.</param>
    /// <param name="progress">Share of the run that is done, 0 … 1.</param>
    /// <param name="network">Over the trained weights, compiled for training.</param>
    /// <param name="loader">Whole batches of training images; null where nothing is normalised.</param>
    /// <param name="cancellation">Ends the pass over them; what it leaves is made anew by the next call.</param>
    /// <returns>Images that it passed over.</returns>
    public int EpochEnded(LoopState state, double progress, Network network, BatchLoader? loader, CancellationToken cancellation)
    {
        if (_options.SwaStart is not { } start || progress < start)
            return 0;
        if (state.AveragedEpoch != state.Epoch + 1)
        {
            Mix(Epochs / (Epochs + 1f));
            (state.AveragedEpochs, state.AveragedEpoch) = (++Epochs, state.Epoch + 1);
        }

        if (loader is null || _normalised.Length == 0)
            return 0;
        Exchange();
        try
        {
            return ComputeStatistics(network, loader, cancellation);
        }
        finally
        {
            Exchange();
        }
    }

    public void Dispose()
    {
        Network.Dispose();
        Weights.Dispose();
    }

    static bool IsNormalised(WeightTensor tensor) => tensor is { Role: ParameterRole.Statistic, Node.Layer: BatchNorm { Momentum: > 0 }, Spec.Name: not "weight" };

    void Mix(float decay)
    {
        foreach (var run in _parameters)
            OptimizerSteps.MovingAverage(run.Of(Weights.Parameters), run.Of(_trained.Parameters), decay, SimdLevel.Active, _pool);
        foreach (var run in _statistics)
            OptimizerSteps.MovingAverage(run.Of(Weights.Statistics), run.Of(_trained.Statistics), decay, SimdLevel.Active, _pool);
        foreach (var tensor in _followed)
            tensor.Changed();
    }

    void PutBack()
    {
        foreach (var run in _parameters)
            run.Of(Weights.Parameters).CopyTo(run.Of(_trained.Parameters));
        foreach (var run in _statistics)
            run.Of(Weights.Statistics).CopyTo(run.Of(_trained.Statistics));
        _trained.Changed();
    }

    /// <summary>The trained network computes with the mean for a while: no third copy of weights, no second set of activations for training.</summary>
    void Exchange()
    {
        Exchange(Weights.Parameters, _trained.Parameters);
        Exchange(Weights.Statistics, _trained.Statistics);
        Weights.Changed();
        _trained.Changed();
    }

    static void Exchange(Span<float> a, Span<float> b)
    {
        for (var i = 0; i < a.Length; i++)
            (a[i], b[i]) = (b[i], a[i]);
    }

    /// <summary>The mean over batches, as update_bn of PyTorch's swa_utils.</summary>
    int ComputeStatistics(Network network, BatchLoader loader, CancellationToken cancellation)
    {
        var sums = _normalised.Select(t => new double[t.Length]).ToArray();
        var batches = 0;
        loader.Start(0);
        while ((batches == 0 || (batches + 1) * network.BatchSize <= StatisticsImages) && loader.Next() is { } batch)
        {
            cancellation.ThrowIfCancellationRequested();

            // From zero, a step of the running statistics leaves momentum · statistics of the batch.
            foreach (var tensor in _normalised)
                tensor.Values.Clear();
            batch.Pixels.CopyTo(network.Input(batch.Count));
            network.Forward(batch.Count, training: true, _options.Seed, batches++, cancellation);
            for (var i = 0; i < sums.Length; i++)
                Add(_normalised[i].Values, sums[i]);
        }

        for (var i = 0; i < sums.Length; i++)
        {
            var values = _normalised[i].Values;
            var share = batches * (double)((BatchNorm)_normalised[i].Node.Layer).Momentum;
            for (var c = 0; c < values.Length; c++)
                values[c] = (float)(sums[i][c] / share);
        }

        return batches * network.BatchSize;
    }

    static void Add(ReadOnlySpan<float> values, double[] sums)
    {
        for (var c = 0; c < sums.Length; c++)
            sums[c] += values[c];
    }
}
