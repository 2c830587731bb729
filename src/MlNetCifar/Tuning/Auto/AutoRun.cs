using MlNetCifar.Data;
using MlNetCifar.Evaluation;
using MlNetCifar.Experiments;
using MlNetCifar.Training;
using MlNetCifar.Transfer;

namespace MlNetCifar.Tuning;

/// <summary>One run of an <see cref="AutoExperiment"/>: examine, plan, search, train, compare. What an earlier process has decided or finished is not done again.</summary>
/// <param name="auto">What is run.</param>
/// <param name="run">Opened the data and chose by them.</param>
/// <param name="dataset">The data.</param>
/// <param name="inputs">The same in other sizes.</param>
/// <param name="folder">Where all is kept.</param>
/// <param name="log">Told what is decided.</param>
/// <param name="cancellation">Asks to end.</param>
internal sealed class AutoRun(AutoExperiment auto, ExperimentRun run, ImageDataset dataset, AutoInputs inputs, RunFolder folder, ExperimentLog log, CancellationToken cancellation)
{
    const string Final = "final";
    const string Usual = "usual";

    /// <summary>By which share a budget may be overrun before a training is ended.</summary>
    const double Tolerance = 0.05;

    /// <summary>Evaluating and reporting.</summary>
    static readonly TimeSpan s_reportTime = TimeSpan.FromSeconds(4);

    AutoState _state = AutoState.Read(folder);
    AutoClock _clock = null!;
    DoctorReport? _doctor;
    TimeSpan _finalTime;
    ImageDataset? _judged;

    /// <summary>What was chosen by the pictures; features are kept in any case, for the trials share them.</summary>
    readonly ExperimentOptions _options = run.Chosen.FeatureFolder is null && run.Chosen.Backbone is not null ? run.Chosen with { CacheFolder = folder.File("cache") } : run.Chosen;

    /// <summary>Of the training images, those that judge trials, where nobody said how many and <c>train</c> takes none; 0 else.</summary>
    double JudgeShare => dataset.Validation is null && run.Chosen.ValidationSplit == new ExperimentOptions().ValidationSplit ? AutoPlan.JudgeShare(dataset.Train.Count) : 0;

    /// <summary>The data as trials see them.</summary>
    ImageDataset Judged => _judged ??= inputs.ForTrials(_options, JudgeShare);

    IEnumerable<string> Interruption => _state.IsTrained ? [] : ["Interrupted before the model was trained to its end; --resume goes on."];

    ulong Seed => _options.TrainingFor(32).Seed;

    TrialCommand Command => TrialCommand.Of(auto.Arguments, _options with { Preset = ExperimentOptions.Auto });

    /// <summary>Runs it.</summary>
    /// <param name="opened">What opening the data has taken.</param>
    public AutoResult Run(TimeSpan opened)
    {
        var before = SweepJournal.IsIn(folder.Path) ? SweepJournal.Peek(folder.Path).Results.Sum(result => result.DurationInMilliseconds) : 0;
        _clock = new(auto.TimeBudget, opened + TimeSpan.FromSeconds(_state.Planned ?? 0) + TimeSpan.FromMilliseconds(before), TimeProvider.System);
        Examine();
        Plan();
        return _state.Plan is { } plan ? Searched(Space(plan)) : TrainedAsUsual(_state.Reason!);
    }

    AutoSpace Space(AutoPlan plan) => new(_options, plan, dataset, auto.Dataset is null);

    void Keep(AutoState state)
    {
        _state = state;
        state.Write(folder);
    }

    void Examine()
    {
        if (_state.Found is null)
            Keep(_state with { Found = Found() });
        log.Say("found", _state.Found!);
    }

    string Found()
    {
        var limit = AutoPlan.DoctorShare * auto.TimeBudget;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(limit);
        var options = new DoctorOptions
        {
            Files = ExperimentData.Files(_options.LabelsFrom, _options.MaxFileSize), Decode = ExperimentData.Decode(_options.OnTruncated, _options.MaxPixels),
            Threads = _options.TrainingFor(32).Threads ?? Environment.ProcessorCount, FeatureFolder = _options.FeatureFolder,
        };
        try
        {
            _doctor = log.During(ExperimentStage.Reading, "examining the data", advance =>
            {
                var progress = new Report<LoadProgress>(p => advance((double)p.Done / Math.Max(p.Total, 1), FormattableString.Invariant($"examining {p.Done:N0}/{p.Total:N0} images")));
                return dataset.Kind is DataKind.Files or DataKind.Manifest && auto.Dataset is null && !auto.Storage.IsRemote(_options.Data!)
                    ? DatasetDoctor.Examine(_options.Data!, options, progress, end.Token)
                    : DatasetDoctor.Examine(dataset, options, progress, end.Token);
            });
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return $"the data were not examined to the end: there were {OptionText.Of(Rounded(limit))} for it; 'doctor data' does it";
        }

        WriteDoctor(_doctor);
        foreach (var warning in AutoWords.Consequences(_doctor))
            log.Warn(warning);
        return AutoWords.Found(_doctor);
    }

    void WriteDoctor(DoctorReport report)
    {
        folder.WriteBytes("doctor.json", report.WriteJson);
        folder.WriteBytes("doctor.html", report.WriteHtml);
    }

    void Plan()
    {
        if (_state.Planned is not null)
            return;
        var (judges, left) = (Judged.Validation?.Count ?? 0, _clock.Left - s_reportTime);
        AutoCandidate? usual = null;
        var costs = AutoCost.Of(_options, dataset, run.OpenedBackbone).Select(candidate => (usual ??= candidate, candidate).candidate);
        var plan = log.During(ExperimentStage.Reading, "measuring", _ => AutoPlan.Of(left, judges < AutoPlan.FewestJudges ? costs.Take(1) : costs));
        var reason = judges < AutoPlan.FewestJudges ? FormattableString.Invariant($"{judges} validation images rank nothing, and it takes {AutoPlan.FewestJudges} (--val-split, more images)")
            : plan is null ? $"{AutoWords.Time(Math.Max(left.TotalSeconds, 0))} are left for all of it, and a whole training of '{usual!.Name}' alone takes about {AutoWords.Time(usual.Seconds)}"
            : Space(plan).Space is null ? "all other choices take longer than there is time for" : null;
        Keep(_state with { Planned = _clock.Spent.TotalSeconds, Plan = reason is null ? plan : null, Reason = reason, FitsWhole = usual!.Seconds <= left.TotalSeconds });
    }

    /// <summary>What is done where nothing can be searched.</summary>
    AutoResult TrainedAsUsual(string reason)
    {
        log.Say("plan", $"no search, for {reason}: the usual configuration is trained{(_state.FitsWhole ? "" : " within the time")}");
        var budget = auto.TimeBudget - TimeSpan.FromSeconds(_state.Planned!.Value);
        TimeSpan? limit = _state.FitsWhole ? null : budget > TimeSpan.FromSeconds(1) ? Rounded(budget) : TimeSpan.FromSeconds(1);
        var adjust = _options.Adjust;
        var evaluated = Train(Final, _options with { Adjust = training => (adjust is null ? training : adjust(training)) is var usual && limit is null ? usual : usual with { TimeBudget = limit } });
        if (evaluated is not null)
            Keep(_state with { IsTrained = true });
        string[] words = [$"Found: {_state.Found}.", $"Nothing was searched, for {reason}.", .. AutoWords.Final(evaluated, dataset.Test is not null), .. Interruption, Times([])];
        return Result([], null, evaluated, null, words, Command.WithOptions(limit is null ? [] : [new("time-budget", OptionText.Of(limit))]));
    }

    AutoResult Searched(AutoSpace space)
    {
        var plan = _state.Plan!;
        log.Say("plan", AutoWords.Plan(plan));
        if (JudgeShare > 0)
            log.Say("judges", FormattableString.Invariant($"{Judged.Validation!.Count:N0} of the {dataset.Train.Count:N0} training images, which trials do not learn from; the training at the end does"));
        foreach (var parameter in space.Space!.Parameters)
            log.Say("search", parameter.ToString());
        var results = _state.Trial is null ? Search(space) : [.. SweepJournal.Peek(folder.Path).Results];
        var isCut = cancellation.IsCancellationRequested;
        if (isCut && results.All(result => result.State != TrialState.Completed))
            throw new OperationCanceledException(cancellation);

        // The first of equals: the usual configuration is the first of all, and stays unless another did better.
        var best = results.Where(result => result.State == TrialState.Completed).MinBy(result => result.Loss);
        var values = best?.TrialSettings.Parameters.ToArray() ?? [.. space.Start.First()];
        if (_state.Trial is null && !isCut)
            Keep(_state with { Trial = best?.TrialSettings.TrialId ?? 0, Epochs = Epochs(space, values, best) });
        var meaning = space.Meaning(values, _state.Epochs ?? space.Epochs(values));
        var report = new SweepReport(folder, space.Space!, results, Command with { Meaning = tried => space.Meaning(tried) })
        {
            Title = Path.GetFileName(Path.TrimEndingDirectorySeparator(dataset.Path)), Options = new() { Trials = auto.Trials, Tuner = Tuner(space) }, ValidationImages = Judged.Validation!.Count,
        };
        report.WriteTables();
        var evaluated = isCut ? null : Trained(space, meaning, best);
        var comparison = evaluated is null || best is null || best.TrialSettings.TrialId == 0 ? null : Compared(space, results);
        if (evaluated is not null)
            Doubt(meaning);
        var bias = SelectionBias.Of(results, Judged.Validation!.Count, Seed);
        string[] words =
        [
            $"Found: {_state.Found}.", AutoWords.Chosen(results, best, Judged.Validation!.Count), SweepWords.Luck(results, bias), .. AutoWords.Final(evaluated, dataset.Test is not null), .. AutoWords.Compared(comparison),
            .. Interruption, Times(results),
        ];
        if (best is not null)
            report.WritePage(best, bias, evaluated is null || comparison is null ? null : new([evaluated.MicroAccuracy], [comparison.Metrics[0].A], evaluated.Count, comparison, evaluated.MicroAccuracyInterval), words);
        return Result(results, best, evaluated, comparison, words, Command.WithOptions(meaning));
    }

    IReadOnlyList<TrialResult> Search(AutoSpace space)
    {
        var search = new TuningExperiment { Reserve = results => FinalTime(space, results.Where(result => result.State == TrialState.Completed).MinBy(result => result.Loss)), JudgedApart = space.Apart }
            .SetSearchSpace(space.Space!).SetTuner(Tuner(space), Seed).SetPruning(PruningRule.Asha).SetMaxModelToExplore(auto.Trials).SetTrainingTimeInSeconds(_clock.Left.TotalSeconds)
            .SetCheckpoint(folder.Path).SetTrialRunner(new AutoTrialRunner(space, _options, auto.Backbones, inputs, JudgeShare, folder)).SetStart(Tuner(space) == TuningAlgorithm.Grid ? [] : space.Start)
            .SetHeader("the data", FormattableString.Invariant($"{Judged.Train.Count} + {Judged.Validation!.Count} images {Judged.Validation.ContentHash()[..16]}"));
        SweepHeader.Give(search, _options, _options.TrainingFor(Math.Min(dataset.Train.Width, dataset.Train.Height)), space.Space!);
        foreach (var monitor in auto.Monitors)
            search.SetMonitor(monitor);
        return search.SearchAsync(cancellation).GetAwaiter().GetResult();
    }

    /// <summary>A grid begins with the first of all choices, which is the usual configuration, and comes to each once.</summary>
    static TuningAlgorithm Tuner(AutoSpace space) => double.IsFinite(space.Space!.Count) ? TuningAlgorithm.Grid : TuningAlgorithm.Tpe;

    /// <summary>Time for the training at the end, by what the best trial so far took.</summary>
    TimeSpan FinalTime(AutoSpace space, TrialResult? best) =>
        s_reportTime + TimeSpan.FromSeconds(best is null ? _state.Plan!.FinalSeconds : Math.Min(_state.Plan!.FinalSeconds, space.Epochs(best.TrialSettings.Parameters) * EpochSeconds(space, best)));

    /// <summary>Of the training at the end, which has the judges to learn from, too.</summary>
    double EpochSeconds(AutoSpace space, TrialResult trial) => trial.DurationInMilliseconds / 1000 * dataset.Train.Count / Judged.Train.Count / space.TrialEpochs(trial.TrialSettings.Parameters);

    /// <summary>Epochs of the training at the end: a whole training's, or those that there is time for.</summary>
    int Epochs(AutoSpace space, IReadOnlyList<KeyValuePair<string, string>> values, TrialResult? best) =>
        best is null ? space.Epochs(values) : AutoPlan.Fitting(space.Epochs(values), EpochSeconds(space, best), (_clock.Left - s_reportTime).TotalSeconds);

    EvaluationResult? Trained(AutoSpace space, IReadOnlyList<KeyValuePair<string, string>> meaning, TrialResult? best)
    {
        if (!_state.IsTrained)
        {
            log.Say("final", $"training {(best is null ? "the usual configuration" : FormattableString.Invariant($"trial {best.TrialSettings.TrialId}"))} whole: {string.Join(' ', meaning.Select(pair => $"--{pair.Key} {pair.Value}"))}");
            if (Train(Final, AutoSpace.Apply(_options, meaning)) is null)
                return null;
            Keep(_state with { IsTrained = true });
        }

        return RunData.Load(folder.File(Final)).Result;
    }

    /// <summary>The usual configuration trained whole, too, where there is time, and both on the same test images.</summary>
    ComparisonResult? Compared(AutoSpace space, IReadOnlyList<TrialResult> results)
    {
        if (dataset.Test is null || results.FirstOrDefault(result => result is { TrialSettings.TrialId: 0, State: TrialState.Completed }) is not { } usual)
            return null;
        var values = usual.TrialSettings.Parameters;
        var done = RunData.Load(folder.File(Final)) with { Name = "the chosen one" };
        if (_clock.Spent + FinalTime(space, usual) > auto.TimeBudget)
            return null;
        log.Say("compare", "training the usual configuration whole, too, for there is time");
        return Train(Usual, AutoSpace.Apply(_options, space.Meaning(values, space.Epochs(values)))) is null
            ? null
            : RunComparison.Compare(RunData.Load(folder.File(Usual)) with { Name = "the usual one" }, done);
    }

    /// <summary>Trains, evaluates and reports, as <c>train</c> does.</summary>
    /// <returns>The figures; null where somebody asked to end.</returns>
    EvaluationResult? Train(string name, ExperimentOptions chosen)
    {
        var path = folder.File(name);
        var goesOn = new CheckpointStore(Path.Combine(path, RunFolder.Checkpoints), Files.LocalFileStore.Instance).Any;
        var started = _clock.Spent;
        var experiment = new Experiment(chosen with { Output = Path.GetDirectoryName(folder.Path) is { Length: > 0 } parent ? parent : ".", Name = name, Resume = goesOn ? path : null, ExistOk = !goesOn })
        {
            Dataset = inputs.Of(chosen), Verb = folder.Name, Storage = auto.Storage, Backbones = auto.Backbones,
        };
        experiment.TrainingObservers.Add(new Deadline(_clock, ((1 + Tolerance) * auto.TimeBudget) - s_reportTime));
        using var result = experiment.With(auto.Observers).Run(cancellation);
        if (name == Final)
            _finalTime = _clock.Spent - started;
        return cancellation.IsCancellationRequested ? null : result.Evaluation;
    }

    /// <summary>Looks for labels that are likely to be wrong, now that all features are there.</summary>
    void Doubt(IReadOnlyList<KeyValuePair<string, string>> meaning)
    {
        if (_doctor is null || inputs.Run(AutoSpace.Apply(_options, meaning)) is not { Run.OpenedBackbone: { } backbone } opened)
            return;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(_clock.Left);
        try
        {
            var report = FeatureDoctor.Examine(_doctor, opened.Data, backbone, new() { FeatureFolder = _options.FeatureFolder, Threads = _options.TrainingFor(32).Threads ?? Environment.ProcessorCount }, null, end.Token);
            WriteDoctor(report);
            Keep(_state with { Found = AutoWords.Found(report) });
        }
        catch (OperationCanceledException)
        {
            log.Say(null, "labels were not looked at: there was no time left; 'doctor data --backbone' does it");
        }
    }

    string Times(IReadOnlyList<TrialResult> results) => AutoWords.Times(
        TimeSpan.FromSeconds(_state.Planned ?? 0), results.Count, TimeSpan.FromMilliseconds(results.Sum(result => result.DurationInMilliseconds)), _finalTime, _clock.Spent, auto.TimeBudget);

    AutoResult Result(IReadOnlyList<TrialResult> results, TrialResult? best, EvaluationResult? evaluated, ComparisonResult? comparison, IReadOnlyList<string> words, string command) => new()
    {
        Folder = folder, Final = evaluated is null ? null : RunFolder.Open(folder.File(Final), folder.Name), Trials = results, Best = best, Evaluation = evaluated, Comparison = comparison, Words = words,
        Command = command, Warnings = log.Warnings,
    };

    internal static TimeSpan Rounded(TimeSpan time) => TimeSpan.FromSeconds(Math.Round(time.TotalSeconds));

    /// <summary>Ends a training whose next epoch would end too late, where the machine has become slower than it was in the search.</summary>
    sealed class Deadline(AutoClock clock, TimeSpan limit) : ITrainingObserver
    {
        public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
        {
            if (run.Options.TimeBudget is not null || epoch.Epoch >= run.Options.Epochs || clock.Spent + TimeSpan.FromSeconds(epoch.Seconds) <= limit)
                return;
            run.Warn(FormattableString.Invariant($"time is up after {epoch.Epoch} of {run.Options.Epochs} epochs: the machine is slower than it was in the search; the best epoch is kept"));
            run.RequestStop();
        }
    }
}
