using MlNetCifar.Training;

namespace MlNetCifar.Tuning;

/// <summary>
/// Trains trials in this process, on images that are read once. A trial that was left half done goes on from its checkpoint, and ends in the same bits.
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
            var training = TrialTraining.Of(options, dataset, sweep, settings, Threads, options.MemoryLimit / sweep.ParallelTrials);
            using var tracked = tracking?.Follow(settings);
            var result = training.Run(settings, dataset, new CheckpointOptions { Folder = checkpoints, Resume = true, Every = options.CheckpointTime, EverySteps = options.CheckpointEvery }, tracked, cancellation);
            Forget(checkpoints);
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Forget(checkpoints);
            throw;
        }
    }

    int? Threads(int? all) => sweep.ParallelTrials == 1 ? all : Math.Max(1, (all ?? Environment.ProcessorCount) / sweep.ParallelTrials);

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
}
