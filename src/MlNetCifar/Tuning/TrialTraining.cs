using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Inference;
using MlNetCifar.Training;

namespace MlNetCifar.Tuning;

/// <summary>What a trial's values mean: a network, and how it is trained. The same wherever that is done.</summary>
/// <param name="Network">What is trained.</param>
/// <param name="Options">How.</param>
/// <param name="Cost">What the network takes in use; null where nobody asks.</param>
internal sealed record TrialTraining(NetworkSpec Network, TrainingOptions Options, TrialCost? Cost)
{
    /// <summary>Of a trial.</summary>
    /// <param name="options">What holds for all trials.</param>
    /// <param name="dataset">With training and validation images.</param>
    /// <param name="sweep">What networks may take.</param>
    /// <param name="settings">What is tried.</param>
    /// <param name="threads">Of the trial, by those of the sweep; null for all cores.</param>
    /// <param name="memory">Bytes to stay within; null for no limit.</param>
    /// <exception cref="MlNetCifarException">Values do not go together, or the network takes too much (MNC3221).</exception>
    public static TrialTraining Of(ExperimentOptions options, ImageDataset dataset, SweepOptions sweep, TrialSettings settings, Func<int?, int?> threads, long? memory)
    {
        var train = dataset.Train;
        var chosen = TunableOptions.Apply(options, settings.Parameters);
        var training = chosen.TrainingFor(Math.Min(train.Width, train.Height));
        training = training with { Threads = threads(training.Threads) };
        TrainingTable.Check(training, asOptions: true);
        var network = chosen.NetworkFor(train);
        var cost = sweep.CostOf(network);
        return new(network, memory is { } limit ? MemoryPlan.Fit(network, training, train, dataset.Validation, limit).Options : training, cost);
    }

    /// <summary>Trains, and gives the best accuracy on the validation images; the test images stay unseen.</summary>
    /// <param name="settings">Told every epoch's.</param>
    /// <param name="dataset">With training and validation images.</param>
    /// <param name="checkpoints">What a trial that was left goes on from; null for none.</param>
    /// <param name="tracked">Follows the training, too; null for nobody.</param>
    /// <param name="cancellation">Ends it.</param>
    public TrialResult Run(TrialSettings settings, ImageDataset dataset, CheckpointOptions? checkpoints, ITrainingObserver? tracked, CancellationToken cancellation)
    {
        var validation = dataset.Validation ?? throw TuningErrors.NoValidation();
        var trainer = new Trainer(Network, Options) { Checkpoints = checkpoints };
        var follower = new Follower(settings);
        trainer.Observers.Add(follower);
        if (tracked is not null)
            trainer.Observers.Add(tracked);
        using var result = trainer.Fit(dataset.Train, validation, cancellation: cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (follower.Failure is { } failure)
            throw failure;
        var best = result.History.Max(epoch => epoch.ValidationAccuracy) ?? double.NaN;
        return new()
        {
            TrialSettings = settings, Metric = best, Loss = 1 - best, State = follower.IsPruned ? TrialState.Pruned : TrialState.Completed, Cost = Cost,
            Right = follower.IsPruned ? [] : Right(result, dataset, cancellation),
        };
    }

    ImmutableArray<byte> Right(TrainingResult result, ImageDataset dataset, CancellationToken cancellation)
    {
        var validation = dataset.Validation!;
        using var model = result.ToClassifier(ExperimentData.Spec(dataset));
        return Right(model.Probabilities(validation, Options.Threads, cancellation), validation.Classes.Count, [.. Enumerable.Range(0, validation.Count).Select(validation.Label)]);
    }

    /// <summary>A bit for each image whose most probable class is its label.</summary>
    /// <param name="scores">[N, classes].</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="labels">[N].</param>
    public static ImmutableArray<byte> Right(ReadOnlySpan<float> scores, int classes, ReadOnlySpan<int> labels)
    {
        var right = new byte[(labels.Length + 7) / 8];
        for (var i = 0; i < labels.Length; i++)
        {
            if (ClassScores.Best(scores.Slice(i * classes, classes)) == labels[i])
                right[i / 8] |= (byte)(1 << (i % 8));
        }

        return [.. right];
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
