using MlNetCifar.Evaluation;
using MlNetCifar.Experiments;
using MlNetCifar.Tuning;

namespace MlNetCifar;

/// <summary>
/// From a data set to a calibrated model within a time: examines the data, chooses what kind of network suits the pictures, searches network, augmentation, rate and epochs by the accuracy on validation images,
/// trains the best whole and measures it once on the test images. The usual configuration, that of <c>--preset auto</c>, is always the first trial and is trained at the end unless another did better. Where
/// there is no time for that, it is trained as <see cref="Experiment"/> does within the budget. Prints nothing; monitors and observers are told.
/// </summary>
/// <param name="experiment">Data, and what holds for all trials; <see cref="ExperimentOptions.Resume"/> names a folder to go on in. Network, size of its parts and training are chosen.</param>
/// <param name="timeBudget">Time for all of it, above 0. Trainings end at whole epochs, so that it may be passed by the last of them.</param>
public sealed class AutoExperiment(ExperimentOptions experiment, TimeSpan timeBudget)
{
    const string VerbName = "automl";

    /// <summary>Data, and what holds for all trials.</summary>
    public ExperimentOptions Experiment { get; } = experiment ?? throw new ArgumentNullException(nameof(experiment));

    /// <summary>Time for all of it.</summary>
    public TimeSpan TimeBudget { get; } = timeBudget;

    /// <summary>Most trials, ≥ 1. The default is 50.</summary>
    public int Trials { get; init; } = new SweepOptions().Trials;

    /// <summary>Told of every trial, in this order.</summary>
    public IList<IMonitor> Monitors { get; } = [];

    /// <summary>Told of reading, of what was decided, and of the training at the end, in this order.</summary>
    public IList<IExperimentObserver> Observers { get; } = [];

    /// <summary>An open data set instead of <see cref="ExperimentOptions.Data"/>; it stays the caller's. The default is null.</summary>
    public ImageDataset? Dataset { get; init; }

    /// <summary>Where data lie. The default is the local disk.</summary>
    public IExperimentStorage Storage { get; init; } = LocalStorage.Instance;

    /// <summary>The backbones on which heads may be trained. The default is none.</summary>
    public IBackboneCatalog Backbones { get; init; } = IBackboneCatalog.Empty;

    /// <summary>The values that the options were made of, where they were: args.json and the command of the best keep these. The default is null.</summary>
    public OptionValues? Arguments { get; init; }

    /// <summary>
    /// Runs all of it. Cancelling is no error once a trial has finished: what was found so far is the result, and a process that goes on trains the best.
    /// </summary>
    /// <param name="cancellation">Asks to end.</param>
    /// <exception cref="MlNetCifarException">
    /// Options or data are wrong, the folder is that of something else (MNC3208 … MNC3212) or in use (MNC3014), or runs are not to be kept on the local disk (MNC3220).
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled before anything was found.</exception>
    public AutoResult Run(CancellationToken cancellation = default)
    {
        var log = new ExperimentLog(Observers, Arguments is not null);
        var clock = TimeProvider.System.GetTimestamp();
        var options = Checked();
        using var inputs = new AutoInputs(chosen => new(new Experiment(chosen) { Dataset = Dataset, Storage = Storage, Backbones = Backbones, Arguments = Arguments, Verb = VerbName }.With(Observers), cancellation));
        var (run, dataset) = inputs.Run(options);
        var folder = Experiment.Resume is { } path ? RunFolder.Open(path, VerbName) : RunFolder.Create(options.Output, VerbName, options.Name ?? options.NetworkName, options.ExistOk, Storage);
        using var turn = Training.RunLock.Take(folder.Path);
        if (Experiment.Resume is null)
        {
            if (folder.File(AutoState.FileName) is var state && File.Exists(state))
                throw TuningErrors.Taken(state);
            Sweep.Record(folder, Arguments);
        }

        log.Say("run", folder.Path);
        return new AutoRun(this, run, dataset, inputs, folder, log, cancellation).Run(TimeProvider.System.GetElapsedTime(clock));
    }

    ExperimentOptions Checked()
    {
        if (TimeBudget <= TimeSpan.Zero || Trials < 1)
            throw TuningErrors.Options([FormattableString.Invariant($"the time is {OptionText.Of(TimeBudget)} and there are at most {Trials} trials, expected above 0")]);
        if (Experiment.Network is not null || Experiment.Preset != ExperimentOptions.Auto || Experiment.Backbone is not null || Experiment.Teacher is not null || Experiment.Workers is not null)
            throw TuningErrors.Options(["network, backbone, teacher and workers were given, which are chosen here; 'tune' and 'train' take them"]);
        if (Storage.IsRemote(Experiment.Output))
            throw TuningErrors.RemoteOutput(Experiment.Output);
        if (Experiment.Resume is { } resume && !File.Exists(Path.Combine(resume, "args.json")) && !File.Exists(Path.Combine(resume, AutoState.FileName)))
            throw TuningErrors.NoSweep(resume);
        return Experiment with { Resume = null };
    }
}

/// <summary>What an <see cref="AutoExperiment"/> gives.</summary>
public sealed class AutoResult
{
    internal AutoResult()
    {
    }

    /// <summary>Where everything is kept.</summary>
    public required RunFolder Folder { get; init; }

    /// <summary>The run that trained the model, with its report and weights; null where somebody asked to end before it had begun.</summary>
    public required RunFolder? Final { get; init; }

    /// <summary>Every trial that has ended, in the order of proposals; none where nothing was searched.</summary>
    public required IReadOnlyList<TrialResult> Trials { get; init; }

    /// <summary>The trial whose options the model has; null where there is none.</summary>
    public required TrialResult? Best { get; init; }

    /// <summary>The model on the test images, or on the validation images where there are none; null where it was not measured.</summary>
    public required EvaluationResult? Evaluation { get; init; }

    /// <summary>The model against the usual configuration, on the test images; null where there was no time for that, or it has that.</summary>
    public required ComparisonResult? Comparison { get; init; }

    /// <summary>What was found and chosen, why, how much of it is luck, and how long it took, in sentences.</summary>
    public required IReadOnlyList<string> Words { get; init; }

    /// <summary>The command that trains the model again.</summary>
    public required string Command { get; init; }

    /// <summary>The page about the search; null where nothing was searched.</summary>
    public string? Report => Trials.Count > 0 ? Folder.File(SweepReport.PageName) : null;

    /// <summary>What went wrong that ended nothing.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
