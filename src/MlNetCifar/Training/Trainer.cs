using MlNetCifar.Data;
using MlNetCifar.Evaluation;
using MlNetCifar.Nn;

namespace MlNetCifar.Training;

/// <summary>
/// Trains a network. The result is a function of network, options and data alone, whatever the number of threads.
/// Prints nothing and writes no file; observers may. A trainer may be used again; one <see cref="Fit"/> at a time.
/// </summary>
/// <param name="network">What to train.</param>
/// <param name="options">How; null for the defaults.</param>
public sealed class Trainer(NetworkSpec network, TrainingOptions? options = null)
{
    /// <summary>What is trained.</summary>
    public NetworkSpec Network { get; } = network;

    /// <summary>How.</summary>
    public TrainingOptions Options { get; } = options ?? new();

    /// <summary>Called at every stage of a run, in this order.</summary>
    public IList<ITrainingObserver> Observers { get; } = [];

    /// <summary>The clock, for tests. The default is the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Trains. Cancelling is no error: the best weights so far come back.</summary>
    /// <param name="train">Training images; they fix classes and normalisation.</param>
    /// <param name="validation">Images to choose the best epoch by; null for none (then the last epoch is the best).</param>
    /// <param name="progress">Told each finished epoch.</param>
    /// <param name="cancellation">Ends the run after the current step.</param>
    /// <exception cref="MlNetCifarException">Options, network or data are wrong (MNC20xx, MNC30xx), or the loss is no longer finite (MNC3002).</exception>
    public TrainingResult Fit(ImageSource train, ImageSource? validation = null, IProgress<EpochRecord>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(train);
        Options.Validate();
        Network.Validate();
        if (Options.OverfitBatches is { } few)
            (train, validation) = (train.Sample(few * Options.BatchSize, Options.Seed), null);
        Check(train, validation);
        var normalization = Normalization.Compute(train, cancellation);
        using var session = new TrainingSession(Network, Options, train, normalization);
        using var loader = new BatchLoader(train, normalization, new BatchLoaderOptions
        {
            BatchSize = Options.BatchSize, Shuffle = true, Seed = Options.Seed,
            Augmentation = Options.OverfitBatches is null ? Options.Augmentation : Augmentation.None,
        });
        using var validationLoader = validation is null ? null : new BatchLoader(validation, normalization, new BatchLoaderOptions { BatchSize = session.Network.BatchSize });
        var loop = new TrainingLoop(this, session, loader, validationLoader);
        loop.State.Normalization = normalization;
        var result = loop.Run(progress, cancellation);
        return new TrainingResult(result, normalization, train.Classes, Options, loop.State.History, loop.State.BestEpoch, loop.State.StopReason!.Value, loop.Elapsed);
    }

    void Check(ImageSource train, ImageSource? validation)
    {
        var expected = $"images of {Network.Height}×{Network.Width}×{Network.Channels} in {Network.Classes} classes";
        foreach (var source in validation is null ? [train] : new[] { train, validation })
        {
            if ((source.Height, source.Width, source.Channels, source.Classes.Count) != (Network.Height, Network.Width, Network.Channels, Network.Classes))
                throw TrainingErrors.DataDoesNotFit($"images of {source.Height}×{source.Width}×{source.Channels} in {source.Classes.Count} classes", expected);
        }

        var counts = train.ClassCounts();
        if (counts.Count(c => c > 0) < 2)
            throw TrainingErrors.OneClass(train.Classes[Math.Max(0, Array.FindIndex(counts, c => c > 0))]);
    }
}

/// <summary>The epochs of one run.</summary>
internal sealed class TrainingLoop(Trainer trainer, TrainingSession session, BatchLoader loader, BatchLoader? validation)
{
    readonly TrainingOptions _options = trainer.Options;
    readonly Schedule _schedule = Schedules.Create(trainer.Options);
    readonly long _started = trainer.Time.GetTimestamp();
    double _validationSeconds;
    double _bestScore = double.NegativeInfinity;
    int _sinceBest;

    public TrainingRun State { get; } = new(trainer.Network, trainer.Options, loader.BatchesPerEpoch) { Weights = session.Weights, BestWeights = session.Result };

    public TimeSpan Elapsed => trainer.Time.GetElapsedTime(_started);

    /// <summary>Trains and returns a copy of the best weights.</summary>
    public NetworkWeights Run(IProgress<EpochRecord>? progress, CancellationToken cancellation)
    {
        using var best = session.Result.Clone();
        foreach (var observer in trainer.Observers)
            observer.OnFitStart(State);
        while (State.StopReason is null)
        {
            if (Epoch(cancellation) is { } record)
            {
                State.Add(record);
                if (Improved(record))
                    best.CopyFrom(session.Result);
                State.BestWeights = best;
                progress?.Report(record);
                foreach (var observer in trainer.Observers)
                    observer.OnEpochEnd(State, record);
            }

            State.Epoch++;
            State.StopReason ??= Finished();
        }

        foreach (var observer in trainer.Observers)
            observer.OnFitEnd(State);
        return (State.BestEpoch == 0 ? session.Result : best).Clone();
    }

    /// <summary>One epoch with its validation; null where it was cut short.</summary>
    EpochRecord? Epoch(CancellationToken cancellation)
    {
        var start = trainer.Time.GetTimestamp();
        double loss = 0;
        long images = 0, correct = 0;
        (State.StepInEpoch, State.EpochLoss, State.EpochAccuracy, State.ImagesPerSecond) = (0, 0, 0, 0);
        foreach (var observer in trainer.Observers)
            observer.OnEpochStart(State);
        loader.Start(State.Epoch);
        while (State.StopReason is null && loader.Next() is { } batch)
        {
            var progress = Progress();
            var factor = (float)_schedule(progress);
            State.LearningRate = _options.LearningRate * factor;
            State.Loss = session.Step(batch, factor, progress, out var right);
            loss += State.Loss * batch.Count;
            images += batch.Count;
            correct += right;
            State.Step++;
            State.StepInEpoch++;
            State.Progress = Progress();
            (State.EpochLoss, State.EpochAccuracy) = (loss / images, (double)correct / images);
            State.ImagesPerSecond = images / trainer.Time.GetElapsedTime(start).TotalSeconds;
            foreach (var observer in trainer.Observers)
                observer.OnStep(State);
            if (cancellation.IsCancellationRequested)
                State.StopReason ??= StopReason.Cancelled;
            else if (_options.TimeBudget is not null && State.Progress >= 1)
                State.StopReason ??= StopReason.TimeBudget;
        }

        // A run that ran out of time has a last, partial epoch that is worth as much as the others.
        if (State.StopReason is not (null or StopReason.TimeBudget) || images == 0)
            return null;
        var speed = State.ImagesPerSecond;
        (double? validationLoss, double? validationAccuracy) = (null, null);
        if (validation is not null)
        {
            var begun = trainer.Time.GetTimestamp();
            try
            {
                (validationLoss, validationAccuracy) = session.Validate(validation, cancellation);
            }
            catch (OperationCanceledException)
            {
                State.StopReason = StopReason.Cancelled;
                return null;
            }

            _validationSeconds = trainer.Time.GetElapsedTime(begun).TotalSeconds;
        }

        return new EpochRecord(
            State.Epoch + 1, loss / images, (double)correct / images, validationLoss, validationAccuracy, State.LearningRate, speed,
            trainer.Time.GetElapsedTime(start).TotalSeconds);
    }

    double Progress()
    {
        if (_options.TimeBudget is { } budget)
            return Math.Min(1, Elapsed.TotalSeconds / Math.Max(budget.TotalSeconds - (1.2 * _validationSeconds), 1e-3));
        return (double)State.Step / ((double)_options.Epochs * loader.BatchesPerEpoch);
    }

    bool Improved(EpochRecord record)
    {
        // Without validation the last weights are the best guess.
        var score = record.ValidationAccuracy ?? record.Epoch;
        if (score > _bestScore + (record.ValidationAccuracy is null ? 0 : _options.MinimumDelta))
            _sinceBest = 0;
        else
            _sinceBest++;
        if (score <= _bestScore)
            return false;
        _bestScore = score;
        State.BestEpoch = record.Epoch;
        return true;
    }

    StopReason? Finished()
    {
        if (_options.TimeBudget is null && State.Epoch >= _options.Epochs)
            return StopReason.Completed;
        return _options.Patience is { } patience && validation is not null && _sinceBest >= patience ? StopReason.EarlyStopping : null;
    }
}
