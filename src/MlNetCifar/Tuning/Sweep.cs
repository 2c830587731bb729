using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Evaluation;
using MlNetCifar.Experiments;
using MlNetCifar.Tuning;

namespace MlNetCifar;

/// <summary>
/// Searches the options of an experiment for the best model, and says how much of the gain is luck: trials are ranked by their accuracy on validation images, the best is trained
/// again on training and validation images and measured once on the test images, beside the options as they stand. Prints nothing; monitors are told. May be run again, one run at a time.
/// </summary>
/// <param name="experiment">Data, and what holds for all trials; <see cref="ExperimentOptions.Resume"/> names a sweep's folder to go on with.</param>
/// <param name="options">What is searched, how and how long.</param>
public sealed class Sweep(ExperimentOptions experiment, SweepOptions? options = null)
{
    const string VerbName = "tune";
    const string StartHeader = "the beginning";

    /// <summary>Training on the validation images, too, takes longer than a trial; and measuring and reporting take their time.</summary>
    const double FinalFactor = 1.25;

    /// <summary>By which share a budget may be overrun.</summary>
    const double Tolerance = 0.05;

    static readonly TimeSpan s_reportTime = TimeSpan.FromSeconds(4);

    /// <summary>Data, and what holds for all trials.</summary>
    public ExperimentOptions Experiment { get; } = experiment ?? throw new ArgumentNullException(nameof(experiment));

    /// <summary>What is searched, how and how long.</summary>
    public SweepOptions Options { get; } = options ?? new();

    /// <summary>Told of every trial, in this order.</summary>
    public IList<IMonitor> Monitors { get; } = [];

    /// <summary>Told of reading, and of the trainings at the end, in this order.</summary>
    public IList<IExperimentObserver> Observers { get; } = [];

    /// <summary>An open data set instead of <see cref="ExperimentOptions.Data"/>; it stays the caller's. The default is null.</summary>
    public ImageDataset? Dataset { get; init; }

    /// <summary>Where data lie. The default is the local disk.</summary>
    public IExperimentStorage Storage { get; init; } = LocalStorage.Instance;

    /// <summary>The values that the options were made of, where they were: args.json and the command of the best keep these. The default is null.</summary>
    public OptionValues? Arguments { get; init; }

    /// <summary>
    /// How a process begins that runs one trial of this sweep, for <see cref="SweepOptions.Isolate"/>: it makes the same sweep, with <see cref="ExperimentOptions.Resume"/> naming its folder, and calls
    /// <see cref="RunTrial"/>. Given that folder. The default is null, none.
    /// </summary>
    public Func<RunFolder, System.Diagnostics.ProcessStartInfo>? Child { get; init; }

    /// <summary>Starts workers elsewhere, for example on a cluster, each for one trial: they call <see cref="RunWorker"/>. Asked once a run, which disposes what it gets. The default is null: trials run in this process.</summary>
    public Func<Distributed.IWorkerLauncher>? Launcher { get; init; }

    /// <summary>Sweeps. Cancelling is no error once a trial has finished: the best so far is the result, and nothing is trained again.</summary>
    /// <param name="cancellation">Asks to end.</param>
    /// <exception cref="MlNetCifarException">
    /// Options, space or data are wrong, the journal cannot be used (MNC3208 … MNC3212), no program runs isolated trials (MNC3223), no worker comes (MNC3227, or
    /// what the launcher says), or no trial has finished (MNC3207).
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled before the data were read.</exception>
    public SweepResult Run(CancellationToken cancellation = default)
    {
        if (Options.Isolate && Child is null)
            throw TuningErrors.NoChild();
        var started = TimeProvider.System.GetTimestamp();
        var (fixedOptions, log) = (Checked(), new ExperimentLog(Observers, Arguments is not null));
        using var run = Prepare(fixedOptions, cancellation);
        var dataset = run.Open();
        var validation = dataset.Validation ?? throw TuningErrors.NoValidation();
        var space = Options.Space ?? SearchSpace.For(fixedOptions.Preset);
        var start = Start(space, log);
        var folder = Folder(fixedOptions);
        if (Experiment.Resume is null)
            Record(folder, Arguments);
        Announce(log, dataset, space, folder);
        var tracking = SweepTracking.Of(fixedOptions, folder);
        tracking?.Begin(space, Options, log, cancellation);
        var runner = Runner(fixedOptions, dataset, folder, log, cancellation);
        using var _ = runner as IDisposable;
        var search = Search(fixedOptions, dataset, space, folder, start, runner);
        if (Options.TimeBudget is { } budget)
            search.SetTrainingTimeInSeconds(Math.Max((budget - TimeProvider.System.GetElapsedTime(started)).TotalSeconds, 0.001));
        var results = search.SearchAsync(cancellation).GetAwaiter().GetResult();
        var report = new SweepReport(folder, space, results, TrialCommand.Of(Arguments, fixedOptions))
        {
            Title = $"{fixedOptions.NetworkName} on {Path.GetFileName(Path.TrimEndingDirectorySeparator(dataset.Path))}", Options = Options, ValidationImages = validation.Count,
        };
        report.WriteTables();
        var best = TuningExperiment.Best(results);
        tracking?.End(best, results.Count, cancellation.IsCancellationRequested, log);
        var bias = SelectionBias.Of(results, validation.Count, fixedOptions.TrainingFor(32).Seed);
        var hasTime = HasTime(results, dataset, TimeProvider.System.GetElapsedTime(started));
        var finals = cancellation.IsCancellationRequested || !hasTime ? null : new FinalMeasure(this, fixedOptions, dataset, folder, log, cancellation).Run(best);
        var words = SweepWords.Of(results, best, bias, finals, cancellation.IsCancellationRequested, hasTime, dataset.Test is not null, Options.FinalSeeds);
        if (Options.SecondObjective != CostKind.None)
            words = [.. words, SweepWords.Front(results, Options.SecondObjective)];
        report.WritePage(best, bias, finals, words);
        return new SweepResult { Folder = folder, Trials = results, Best = best, Words = words, Command = report.CommandOf(best), Comparison = finals?.Comparison, Warnings = log.Warnings };
    }

    /// <summary>
    /// Runs one trial in this process for a sweep in another, which asks for it and is told on these streams; what goes wrong is told there, too. For programs that <see cref="Child"/> begins.
    /// </summary>
    /// <param name="input">What the sweep says, usually the standard input; where it ends, so does the trial.</param>
    /// <param name="output">What the sweep is told, usually the standard output; nothing else may be written there.</param>
    /// <param name="cancellation">Asks to end.</param>
    public void RunTrial(TextReader input, TextWriter output, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        using var child = new TrialChild(input, output, cancellation);
        ExperimentRun? run = null;
        try
        {
            child.Run(end =>
            {
                var fixedOptions = Checked();
                run = Prepare(fixedOptions, end);
                return InProcess(fixedOptions, run.Open(), RunFolder.Open(Experiment.Resume ?? throw TuningErrors.Nothing("folder to go on in"), VerbName));
            });
        }
        finally
        {
            run?.Dispose();
        }
    }

    /// <summary>
    /// Works for a sweep in another process, which started this one by its <see cref="Launcher"/>: trains one trial on data that are opened as that says, and tells each epoch over a connection.
    /// </summary>
    /// <param name="input">Names the sweep: usually the standard input.</param>
    /// <param name="storage">Where data lie; null for the local disk.</param>
    /// <returns>What the trial gave, a failure too, as a line for <see cref="Distributed.IWorkerLauncher.Said"/>.</returns>
    /// <exception cref="MlNetCifarException">There is no such sweep (MNC3312, MNC3313), or it refused the worker (MNC3305 … MNC3307).</exception>
    public static string RunWorker(TextReader input, IExperimentStorage? storage = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        return TrialWorker.Work(input, storage ?? LocalStorage.Instance);
    }

    /// <summary>As <see cref="Run"/>, on a thread of its own.</summary>
    /// <param name="cancellation">Asks to end.</param>
    public Task<SweepResult> RunAsync(CancellationToken cancellation = default) =>
        Task.Factory.StartNew(() => Run(cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    // Workers that trials are waited for are none that a training would have.
    ExperimentRun Prepare(ExperimentOptions fixedOptions, CancellationToken cancellation) =>
        new(new Experiment(Launcher is null ? fixedOptions : fixedOptions with { JoinTimeout = new ExperimentOptions().JoinTimeout }) { Dataset = Dataset, Storage = Storage, Arguments = Arguments, Verb = VerbName }.With(Observers), cancellation);

    /// <summary>What is tried first: of a sweep that goes on what it was begun with, whatever has become of its sources.</summary>
    IReadOnlyList<ImmutableArray<KeyValuePair<string, string>>> Start(SearchSpace space, ExperimentLog log)
    {
        if (Experiment.Resume is { } folder)
            return SweepJournal.Peek(folder).Header?.GetValueOrDefault(StartHeader) is { } text ? WarmStart.OfText(text, space) : [];
        var start = WarmStart.Of(Options.WarmStart, space, log.Warn);
        if (start.Count > 0)
            log.Say("start", FormattableString.Invariant($"{start.Count} known points are tried first"));
        return start;
    }

    ExperimentOptions Checked()
    {
        if (SweepTable.All.Faults(Options, Arguments is not null).ToArray() is { Length: > 0 } faults)
            throw TuningErrors.Options(faults);
        if (Options is { TrialMemory: not null, Isolate: false })
            throw TuningErrors.Options([$"{SweepTable.TrialMemory.Option} is for {SweepTable.Isolate.Option}: trials in one process share its memory"]);
        if (Launcher is not null && (Options.Isolate || Experiment.Mlflow is not null || Dataset is not null))
            throw TuningErrors.Options([Options.Isolate ? $"{SweepTable.Isolate.Option} is for trials on this machine; those on a cluster have processes of their own"
                : Experiment.Mlflow is not null ? $"{ExperimentTable.Mlflow.Option} is for trials on this machine" : $"workers elsewhere cannot open a {nameof(Dataset)} of the program"]);
        if (Experiment.Workers is { } workers)
            throw TuningErrors.Options([FormattableString.Invariant($"{nameof(ExperimentOptions.Workers)} is {workers}: a trial is trained in one process")]);
        if (Experiment.Backbone is { } backbone)
            throw TuningErrors.Backbone(backbone);
        if (Experiment.Teacher is { } teacher)
            throw TuningErrors.Teacher(teacher);
        if (Storage.IsRemote(Experiment.Output))
            throw TuningErrors.RemoteOutput(Experiment.Output);
        if (Experiment.Resume is { } resume && !SweepJournal.IsIn(resume))
            throw TuningErrors.NoSweep(resume);
        var preset = Experiment.Network is null && Experiment.Preset == ExperimentOptions.Auto ? "seed-cnn" : Experiment.Preset;
        return Experiment with { Preset = preset, Resume = null };
    }

    RunFolder Folder(ExperimentOptions fixedOptions)
    {
        if (Experiment.Resume is { } path)
            return RunFolder.Open(path, VerbName);
        var folder = RunFolder.Create(fixedOptions.Output, VerbName, fixedOptions.Name ?? fixedOptions.NetworkName, fixedOptions.ExistOk, Storage);
        return SweepJournal.IsIn(folder.Path) ? throw TuningErrors.Taken(folder.File(SweepJournal.FileName)) : folder;
    }

    // What was not given stays open: a trial with another preset has another recipe.
    internal static void Record(RunFolder folder, OptionValues? arguments)
    {
        if (arguments is { } given)
            RunRecord.Arguments(folder, given.Options.Where(option => option.IsRecorded && given.IsGiven(option)).Select(option => (option, given.Given(option))));
        RunRecord.Machine(folder, new MachineInfo());
    }

    void Announce(ExperimentLog log, ImageDataset dataset, SearchSpace space, RunFolder folder)
    {
        var test = dataset.Test is { } images ? FormattableString.Invariant($", {images.Count:N0} test, which no trial sees") : "; no test images";
        log.Say("data", FormattableString.Invariant($"{dataset.Path}: {dataset.Train.Count:N0} train, {dataset.Validation!.Count:N0} validation, by which trials are ranked{test}"));
        foreach (var parameter in space.Parameters)
            log.Say("search", parameter.ToString());
        log.Say("tuner", FormattableString.Invariant($"{OptionText.Of(Options.Tuner)}, pruning {OptionText.Of(Options.Pruning)}, at most {Options.Trials:N0} trials{(Options.TimeBudget is { } time ? $", {OptionText.Of(time)}" : "")}"));
        log.Say("run", folder.Path);
    }

    ITrialRunner Runner(ExperimentOptions fixedOptions, ImageDataset dataset, RunFolder folder, ExperimentLog log, CancellationToken cancellation)
    {
        if (Options.Isolate)
            return new IsolatedTrialRunner(() => Child!(folder), Options.TrialMemory);
        if (Launcher is null)
            return InProcess(fixedOptions, dataset, folder);
        var remote = new RemoteTrialRunner(Launcher(), fixedOptions, dataset, Options, log);
        try
        {
            remote.Prepare(cancellation);
            return remote;
        }
        catch
        {
            remote.Dispose();
            throw;
        }
    }

    TrainingTrialRunner InProcess(ExperimentOptions fixedOptions, ImageDataset dataset, RunFolder folder) => new(fixedOptions, dataset, folder.File("trials"), Options, SweepTracking.Of(fixedOptions, folder));

    TuningExperiment Search(
        ExperimentOptions fixedOptions, ImageDataset dataset, SearchSpace space, RunFolder folder, IReadOnlyList<ImmutableArray<KeyValuePair<string, string>>> start, ITrialRunner runner)
    {
        var training = fixedOptions.TrainingFor(Math.Min(dataset.Train.Width, dataset.Train.Height));
        var search = new TuningExperiment { Reserve = results => Reserve(results, dataset) }
            .SetSearchSpace(space).SetTuner(Options.Tuner, training.Seed).SetPruning(Options.Pruning).SetMaxModelToExplore(Options.Trials)
            .SetMaximumConcurrentTrials(Options.ParallelTrials).SetCheckpoint(folder.Path, Experiment.Resume is not null)
            .SetTrialRunner(runner)
            .SetStart(start.Select(values => values.AsEnumerable())).SetSecondObjective(Options.SecondObjective)
            .SetHeader("the data", FormattableString.Invariant($"{dataset.Train.Count} + {dataset.Validation!.Count} images {dataset.Validation.ContentHash()[..16]}"));
        if (Options.TrialTimeout is { } limit)
            search.SetTrialTimeout(limit);
        SweepHeader.Give(search, fixedOptions, training, space);
        foreach (var (name, value) in SweepHeader.OfLimits(Options))
            search.SetHeader(name, value);
        if (start.Count > 0)
            search.SetHeader(StartHeader, WarmStart.Text(start));
        foreach (var monitor in Monitors)
            search.SetMonitor(monitor);
        return search;
    }

    /// <summary>Of the budget, the time for the trainings at the end; none where these would take more than half of it, and are left out.</summary>
    TimeSpan Reserve(IReadOnlyList<TrialResult> results, ImageDataset dataset) => FinalTime(results, dataset) is var time && time <= Options.TimeBudget / 2 ? time : TimeSpan.Zero;

    bool HasTime(IReadOnlyList<TrialResult> results, ImageDataset dataset, TimeSpan elapsed) =>
        Options.TimeBudget is not { } budget || (FinalTime(results, dataset) is var time && time <= budget / 2 && elapsed + time <= (1 + Tolerance) * budget);

    TimeSpan FinalTime(IReadOnlyList<TrialResult> results, ImageDataset dataset)
    {
        if (Options.FinalSeeds == 0 || dataset.Test is null || results.Where(r => r.State == TrialState.Completed).ToArray() is not { Length: > 0 } completed)
            return TimeSpan.Zero;
        return 2 * Options.FinalSeeds * (TimeSpan.FromMilliseconds(FinalFactor * completed.Average(r => r.DurationInMilliseconds)) + s_reportTime);
    }
}

/// <summary>What a sweep gives.</summary>
public sealed class SweepResult
{
    internal SweepResult()
    {
    }

    /// <summary>Where everything is kept: <c>trials.csv</c>, <c>trials.json</c>, <c>tune.html</c>, the journal, and the runs at the end.</summary>
    public required RunFolder Folder { get; init; }

    /// <summary>Every trial that has ended, in the order of proposals.</summary>
    public required IReadOnlyList<TrialResult> Trials { get; init; }

    /// <summary>The best trial that ran to its end.</summary>
    public required TrialResult Best { get; init; }

    /// <summary>What was found, and how much of it is luck, in sentences.</summary>
    public required IReadOnlyList<string> Words { get; init; }

    /// <summary>The command that trains the best again.</summary>
    public required string Command { get; init; }

    /// <summary>The best against the options as they stand, on the test images; null where they were not measured.</summary>
    public ComparisonResult? Comparison { get; init; }

    /// <summary>The page about the sweep.</summary>
    public string Report => Folder.File(SweepReport.PageName);

    /// <summary>What went wrong that ended nothing.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
