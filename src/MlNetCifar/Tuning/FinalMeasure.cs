using MlNetCifar.Evaluation;
using MlNetCifar.Experiments;
using MlNetCifar.Training;

namespace MlNetCifar.Tuning;

/// <summary>What was measured on the test images.</summary>
/// <param name="Best">Accuracies of the best trial's options, one for each seed, 0 … 1.</param>
/// <param name="Default">Accuracies of the options as they stand.</param>
/// <param name="Images">Test images.</param>
/// <param name="Comparison">Of the first seed's models.</param>
/// <param name="Interval">Of the best's first accuracy.</param>
internal sealed record FinalFigures(IReadOnlyList<double> Best, IReadOnlyList<double> Default, long Images, ComparisonResult Comparison, Interval Interval);

/// <summary>
/// Trains the best trial's options, and the options as they stand, on training and validation images with seeds that no trial had, and measures them on the test images. What an
/// earlier process has finished of it is not done again.
/// </summary>
internal sealed class FinalMeasure(Sweep sweep, ExperimentOptions options, ImageDataset dataset, RunFolder folder, ExperimentLog log, CancellationToken cancellation)
{
    /// <summary>Left in the folder of a training that ran to its end: one that was interrupted has a report, too, of how far it came.</summary>
    const string Whole = "whole";

    /// <summary>The figures; null where there are no test images, they were not asked for, or somebody asked to end.</summary>
    public FinalFigures? Run(TrialResult best)
    {
        if (dataset.Test is null || sweep.Options.FinalSeeds == 0)
            return null;
        using var turn = Turn();
        if (turn is null)
            return null;
        var all = dataset.WithoutValidation();
        var chosen = TunableOptions.Apply(options, best.TrialSettings.Parameters);
        List<RunData> tuned = [], plain = [];
        for (var k = 1; k <= sweep.Options.FinalSeeds; k++)
        {
            if (Measure(all, FormattableString.Invariant($"best-{best.TrialSettings.TrialId}-seed{k}"), chosen, k) is not { } one
                || Measure(all, FormattableString.Invariant($"default-seed{k}"), options, k) is not { } other)
                return null;
            tuned.Add(one);
            plain.Add(other);
        }

        return new(
            [.. tuned.Select(run => run.Result.MicroAccuracy)], [.. plain.Select(run => run.Result.MicroAccuracy)], tuned[0].Result.Count,
            RunComparison.Compare(plain[0] with { Name = "the default" }, tuned[0] with { Name = "the best trial" }), tuned[0].Result.MicroAccuracyInterval);
    }

    /// <summary>Of several processes that end a sweep together one trains, and the others find its results. Null where somebody asked to end meanwhile.</summary>
    RunLock? Turn()
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                return RunLock.Take(folder.File("final"));
            }
            catch (MlNetCifarException e) when (e.Code == "MNC3014")
            {
                cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(500));
            }
        }

        return null;
    }

    RunData? Measure(ImageDataset all, string name, ExperimentOptions chosen, int seed)
    {
        var path = folder.File(name);
        if (File.Exists(Path.Combine(path, Whole)))
            return RunData.Load(path);
        var goesOn = new CheckpointStore(Path.Combine(path, RunFolder.Checkpoints), Files.LocalFileStore.Instance).Any;
        var adjust = chosen.Adjust;
        var experiment = new Experiment(chosen with
        {
            ValidationSplit = 0,
            Split = 0,
            Output = Path.GetDirectoryName(folder.Path)!,
            Name = name,
            Resume = goesOn ? path : null,
            ExistOk = !goesOn,
            Adjust = training => (adjust is null ? training : adjust(training)) is var adjusted ? adjusted with { Seed = adjusted.Seed + (ulong)seed } : training,
        })
        {
            Dataset = all, Verb = folder.Name, Storage = sweep.Storage,
        };
        log.Say(null, $"training {name} on training and validation images");
        using var result = experiment.With(sweep.Observers).Run(cancellation);
        if (cancellation.IsCancellationRequested)
            return null;
        Files.AtomicFile.WriteText(Path.Combine(path, Whole), _ => { });
        return RunData.Load(path);
    }
}

/// <summary>Experiments with observers.</summary>
internal static class ExperimentExtensions
{
    public static Experiment With(this Experiment experiment, IEnumerable<IExperimentObserver> observers)
    {
        foreach (var observer in observers)
            experiment.Observers.Add(observer);
        return experiment;
    }
}
