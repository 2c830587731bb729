using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>The step of training: weights, network, optimizer and moving average, without epochs or clocks. A step allocates nothing.</summary>
internal sealed class TrainingSession : IDisposable
{
    readonly TrainingOptions _options;
    readonly float[] _classWeights;
    readonly Network? _averageNetwork;
    readonly float[] _statisticsBefore;

    public TrainingSession(NetworkSpec spec, TrainingOptions options, ImageSource train, Normalization normalization)
    {
        _options = options;
        _classWeights = options.ClassWeights == ClassWeighting.Balanced ? Balanced(train.ClassCounts()) : [];
        Pool = new WorkerPool(options.Threads ?? Environment.ProcessorCount);
        Weights = NetworkWeights.Initialize(spec, options.Seed);
        Whitening.Initialize(Weights, train, normalization);
        var batch = Math.Min(options.BatchSize, train.Count);
        Network = new Network(Weights, batch, training: true, Pool);
        Optimizer = new Optimizer(options, Weights, Network.Gradients!, Pool, SimdLevel.Active);
        _statisticsBefore = new float[Weights.Statistics.Length];
        if (options.EmaDecay is not null)
        {
            Average = Weights.Clone();
            _averageNetwork = new Network(Average, batch, training: false, Pool);
        }
    }

    public WorkerPool Pool { get; }

    public NetworkWeights Weights { get; }

    public Network Network { get; }

    public Optimizer Optimizer { get; }

    /// <summary>The moving average; null where none is wanted.</summary>
    public NetworkWeights? Average { get; }

    /// <summary>The weights that are validated and returned.</summary>
    public NetworkWeights Result => Average ?? Weights;

    /// <summary>Forward, loss, backward, update.</summary>
    /// <param name="batch">Normalised images and labels.</param>
    /// <param name="factor">Share of the full learning rate, 0 … 1: the schedule's value.</param>
    /// <param name="progress">Share of the run that is done, 0 … 1.</param>
    /// <param name="correct">Images whose most probable class was the label.</param>
    /// <param name="cancellation">Abandons the step, which then has not happened.</param>
    /// <returns>Mean loss of the batch.</returns>
    public double Step(Batch batch, float factor, double progress, out int correct, CancellationToken cancellation = default)
    {
        var step = Optimizer.Steps;
        batch.Pixels.CopyTo(Network.Input(batch.Count));
        Weights.Statistics.CopyTo(_statisticsBefore);
        try
        {
            return Step(batch, step, factor, progress, out correct, cancellation);
        }
        catch (OperationCanceledException)
        {
            // Nothing but the running statistics has moved yet; with them put back the step has not happened.
            _statisticsBefore.CopyTo(Weights.Statistics);
            Weights.Changed();
            throw;
        }
    }

    /// <summary>Everything in floats that the next step depends on.</summary>
    public IReadOnlyList<StateBlock> StateBlocks()
    {
        List<StateBlock> blocks = [.. CheckpointWriter.Blocks(Weights)];
        if (Average is not null)
            blocks.AddRange([new("average.parameters", () => Average.Parameters), new("average.statistics", () => Average.Statistics)]);
        for (var i = 0; i < Optimizer.Moments.Length; i++)
        {
            var moment = Optimizer.Moments[i];
            blocks.Add(new($"moment{i}", () => moment.Span(0, (int)moment.Length)));
        }

        return blocks;
    }

    /// <summary>To be called when the blocks were filled from a checkpoint.</summary>
    /// <param name="step">Updates made when it was written.</param>
    public void Restored(long step)
    {
        Optimizer.Steps = step;
        Weights.Changed();
        Average?.Changed();
    }

    double Step(Batch batch, long step, float factor, double progress, out int correct, CancellationToken cancellation)
    {
        Network.Forward(batch.Count, training: true, _options.Seed, step, cancellation);
        var loss = Network.Loss(batch.Labels, _options.LabelSmoothing, _classWeights, out correct);
        if (!double.IsFinite(loss))
            throw TrainingErrors.NotFinite(loss, step + 1, FindNotFinite(batch), factor * _options.LearningRate);
        Network.Backward(cancellation);
        Optimizer.Step(factor, progress);
        if (Average is not null)
        {
            // Early averages would mostly be initial weights, so the decay is warmed up.
            var decay = (float)Math.Min(_options.EmaDecay!.Value, (1.0 + step) / (10 + step));
            OptimizerSteps.MovingAverage(Average.Parameters, Weights.Parameters, decay, SimdLevel.Active, Pool);
            OptimizerSteps.MovingAverage(Average.Statistics, Weights.Statistics, decay, SimdLevel.Active, Pool);
            Average.Changed();
        }

        return loss;
    }

    /// <summary>Mean loss and accuracy of the result weights over an epoch of unaugmented batches.</summary>
    public (double Loss, double Accuracy) Validate(BatchLoader loader, CancellationToken cancellation)
    {
        var network = _averageNetwork ?? Network;
        double loss = 0;
        long count = 0, correct = 0;
        loader.Start(0);
        while (loader.Next() is { } batch)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Pixels.CopyTo(network.Input(batch.Count));
            network.Forward(batch.Count);
            loss += batch.Count * network.Loss(batch.Labels, 0, [], out var right);
            correct += right;
            count += batch.Count;
        }

        return (loss / count, (double)correct / count);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        Network.Dispose();
        _averageNetwork?.Dispose();
        Average?.Dispose();
        Weights.Dispose();
        Pool.Dispose();
    }

    static float[] Balanced(int[] counts)
    {
        var present = counts.Count(c => c > 0);
        var total = counts.Sum();
        return [.. counts.Select(c => c == 0 ? 0 : (float)((double)total / ((double)present * c)))];
    }

    string? FindNotFinite(Batch batch)
    {
        // An infinite activation reaches the running statistics on its way to the loss: they are never the cause.
        foreach (var tensor in Weights.Tensors.Where(t => t.Role != ParameterRole.Statistic))
        {
            if (!Network.AllFinite(tensor.Values))
                return $"the weights of {tensor.Name}";
        }

        batch.Pixels.CopyTo(Network.Input(batch.Count));
        return Network.AllFinite(batch.Pixels) ? Network.FirstNotFinite(batch.Count) : "the input";
    }
}
