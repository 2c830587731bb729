using System.Collections.Immutable;
using MlNetCifar.Experiments;
using MlNetCifar.Inference;
using MlNetCifar.Training;

namespace MlNetCifar.Tuning;

/// <summary>
/// Trains a network with a trial's options on training images that are read once, and gives its best accuracy on the validation images; the test images stay unseen. A trial that was
/// left half done goes on from its checkpoint, and ends in the same bits.
/// </summary>
/// <param name="options">What holds for all trials.</param>
/// <param name="dataset">With training and validation images.</param>
/// <param name="folder">Of the checkpoints.</param>
/// <param name="sweep">Trials side by side, and what networks may take.</param>
/// <param name="tracking">Follows each trial; null for nobody.</param>
internal sealed class TrainingTrialRunner(ExperimentOptions options, ImageDataset dataset, string folder, SweepOptions sweep, SweepTracking? tracking = null) : ITrialRunner
{
    public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation) =>
        Task.Factory.StartNew(() => Run(settings, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    TrialResult Run(TrialSettings settings, CancellationToken cancellation)
    {
        var checkpoints = Path.Combine(folder, FormattableString.Invariant($"{settings.TrialId:00000}"));
        try
        {
            var result = Train(settings, checkpoints, cancellation);
            Forget(checkpoints);
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Forget(checkpoints);
            throw;
        }
    }

    TrialResult Train(TrialSettings settings, string checkpoints, CancellationToken cancellation)
    {
        var (train, validation) = (dataset.Train, dataset.Validation ?? throw TuningErrors.NoValidation());
        var chosen = TunableOptions.Apply(options, settings.Parameters);
        var training = Threads(chosen.TrainingFor(Math.Min(train.Width, train.Height)));
        TrainingTable.Check(training, asOptions: true);
        var network = chosen.NetworkFor(train);
        var cost = sweep.CostOf(network);
        if (options.MemoryLimit is { } limit)
            training = MemoryPlan.Fit(network, training, train, validation, limit / sweep.ParallelTrials).Options;
        var trainer = new Trainer(network, training) { Checkpoints = new CheckpointOptions { Folder = checkpoints, Resume = true, Every = options.CheckpointTime, EverySteps = options.CheckpointEvery } };
        var follower = new Follower(settings);
        trainer.Observers.Add(follower);
        using var tracked = tracking?.Follow(settings);
        if (tracked is not null)
            trainer.Observers.Add(tracked);
        using var result = trainer.Fit(train, validation, cancellation: cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (follower.Failure is { } failure)
            throw failure;
        var best = result.History.Max(epoch => epoch.ValidationAccuracy) ?? double.NaN;
        return new()
        {
            TrialSettings = settings, Metric = best, Loss = 1 - best, State = follower.IsPruned ? TrialState.Pruned : TrialState.Completed, Cost = cost,
            Right = follower.IsPruned ? [] : Right(result, validation, training.Threads, cancellation),
        };
    }

    TrainingOptions Threads(TrainingOptions training) =>
        sweep.ParallelTrials == 1 ? training : training with { Threads = Math.Max(1, (training.Threads ?? Environment.ProcessorCount) / sweep.ParallelTrials) };

    ImmutableArray<byte> Right(TrainingResult result, ImageSource validation, int? threads, CancellationToken cancellation)
    {
        using var model = result.ToClassifier(ExperimentData.Spec(dataset));
        return Right(model.Probabilities(validation, threads, cancellation), validation.Classes.Count, [.. Enumerable.Range(0, validation.Count).Select(validation.Label)]);
    }

    /// <summary>A bit for each image whose most probable class is its label.</summary>
    /// <param name="scores">[N, classes].</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="labels">[N].</param>
    internal static ImmutableArray<byte> Right(ReadOnlySpan<float> scores, int classes, ReadOnlySpan<int> labels)
    {
        var right = new byte[(labels.Length + 7) / 8];
        for (var i = 0; i < labels.Length; i++)
        {
            if (ClassScores.Best(scores.Slice(i * classes, classes)) == labels[i])
                right[i / 8] |= (byte)(1 << (i % 8));
        }

        return [.. right];
    }

    /// <summary>What a trial that has ended needs no more. Where it cannot be deleted it is only in the way.</summary>
    static void Forget(string checkpoints)
    {
        try
        {
            Directory.Delete(checkpoints, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next trial has a folder of its own.
        }
    }

    /// <summary>Tells each epoch's accuracy, those of an earlier process first.</summary>
    sealed class Follower(TrialSettings settings) : ITrainingObserver
    {
        bool _goesOn = true;

        public bool IsPruned { get; private set; }

        /// <summary>An error of telling: an observer's would be taken for the trial's.</summary>
        public Exception? Failure { get; private set; }

        public void OnFitStart(TrainingRun run)
        {
            foreach (var epoch in run.History)
                _goesOn = Tell(run, epoch);
        }

        // A request at the start of a run is not heard; one at the start of an epoch is.
        public void OnEpochStart(TrainingRun run) => Stop(run);

        public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
        {
            _goesOn = Tell(run, epoch);
            Stop(run);
        }

        void Stop(TrainingRun run)
        {
            if (_goesOn)
                return;
            IsPruned = Failure is null;
            run.RequestStop();
        }

        bool Tell(TrainingRun run, EpochRecord epoch)
        {
            try
            {
                // Of the last epoch nothing is left to save.
                return settings.Report(epoch.Epoch, epoch.ValidationAccuracy ?? double.NaN) || epoch.Epoch >= run.Options.Epochs;
            }
            catch (MlNetCifarException e)
            {
                Failure = e;
                return false;
            }
        }
    }
}
