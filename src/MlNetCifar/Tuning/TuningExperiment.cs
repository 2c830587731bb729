using System.Collections.Immutable;

namespace MlNetCifar.Tuning;

/// <summary>
/// A search for the best values of parameters, built as the <c>AutoMLExperiment</c> of ML.NET is: space, tuner, runner and limits are set, then it runs. A trial that fails is
/// reported, and the search goes on; cancelling gives the best so far. Beyond that one: trials side by side, ended early where they are hopeless, and a journal to go on from.
/// May be run again; one run at a time.
/// </summary>
public sealed class TuningExperiment
{
    readonly List<IMonitor> _monitors = [];
    readonly Dictionary<string, string> _header = new(StringComparer.Ordinal);
    readonly Dictionary<string, string> _unnamed = new(StringComparer.Ordinal);

    internal SearchSpace? Space { get; private set; }

    internal ITrialRunner? Runner { get; private set; }

    internal ITuner? Tuner { get; private set; }

    internal TuningAlgorithm Algorithm { get; private set; } = TuningAlgorithm.Tpe;

    internal PruningRule Pruning { get; private set; }

    /// <summary>Parameters of which trials must have the same values to be judged beside each other.</summary>
    internal IReadOnlyList<string> JudgedApart { get; init; } = [];

    internal CostKind SecondObjective { get; private set; }

    internal IReadOnlyList<ImmutableArray<KeyValuePair<string, string>>> Start { get; private set; } = [];

    internal ulong Seed { get; private set; }

    internal int Trials { get; private set; } = int.MaxValue;

    internal TimeSpan? Budget { get; private set; }

    internal TimeSpan? TrialLimit { get; private set; }

    /// <summary>How long a trial has to end after it was asked to.</summary>
    internal TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    internal int Parallel { get; private set; } = 1;

    internal string? Folder { get; private set; }

    internal bool Resumes { get; private set; }

    internal IReadOnlyList<IMonitor> Monitors => _monitors;

    /// <summary>Of the budget, what is needed after the search, by the results so far.</summary>
    internal Func<IReadOnlyList<TrialResult>, TimeSpan> Reserve { get; init; } = _ => TimeSpan.Zero;

    /// <summary>What the search searches.</summary>
    /// <param name="space">Parameters and their values.</param>
    public TuningExperiment SetSearchSpace(SearchSpace space) => With(() => Space = space ?? throw new ArgumentNullException(nameof(space)));

    /// <summary>What runs trials.</summary>
    /// <param name="runner">Called by several threads where <see cref="SetMaximumConcurrentTrials"/> is above 1.</param>
    public TuningExperiment SetTrialRunner(ITrialRunner runner) => With(() => Runner = runner ?? throw new ArgumentNullException(nameof(runner)));

    /// <summary>What runs trials: a function from values to the metric, higher is better.</summary>
    /// <param name="run">Given the settings.</param>
    public TuningExperiment SetTrialRunner(Func<TrialSettings, double> run) => SetTrialRunner(new FunctionRunner(run ?? throw new ArgumentNullException(nameof(run))));

    /// <summary>A tuner of your own. The default is <see cref="TuningAlgorithm.Tpe"/>.</summary>
    /// <param name="tuner">Proposes trials.</param>
    public TuningExperiment SetTuner(ITuner tuner) => With(() => Tuner = tuner ?? throw new ArgumentNullException(nameof(tuner)));

    /// <summary>One of the tuners that are here. The default is <see cref="TuningAlgorithm.Tpe"/>.</summary>
    /// <param name="algorithm">Which.</param>
    /// <param name="seed">Of its random numbers. The default is 0.</param>
    public TuningExperiment SetTuner(TuningAlgorithm algorithm, ulong seed = 0) => With(() => (Tuner, Algorithm, Seed) = (null, algorithm, seed));

    /// <summary>How hopeless trials are ended early. The default is <see cref="PruningRule.None"/>.</summary>
    /// <param name="rule">Judges by what trials report.</param>
    public TuningExperiment SetPruning(PruningRule rule) => With(() => Pruning = rule);

    /// <summary>
    /// A cost that is weighed against the loss: trials spread along the front of both, and <see cref="TrialResult.Cost"/> must be given. The best stays the one of least loss. The default is
    /// <see cref="CostKind.None"/>.
    /// </summary>
    /// <param name="kind">Which; a tuner of your own is not told.</param>
    public TuningExperiment SetSecondObjective(CostKind kind) => With(() => SecondObjective = kind);

    /// <summary>Values that are tried first, in this order, and that the tuner then learns from. The default is none.</summary>
    /// <param name="start">For each trial a value for each parameter of the space, as text.</param>
    public TuningExperiment SetStart(params IEnumerable<IEnumerable<KeyValuePair<string, string>>> start)
    {
        ArgumentNullException.ThrowIfNull(start);
        return With(() => Start = [.. start.Select(values => values.ToImmutableArray())]);
    }

    /// <summary>Time for the whole search. The default is no limit.</summary>
    /// <param name="seconds">Above 0. Trials that run when it is up are cancelled, and can be gone on with.</param>
    public TuningExperiment SetTrainingTimeInSeconds(double seconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(seconds);
        return With(() => Budget = TimeSpan.FromSeconds(seconds));
    }

    /// <summary>Most trials, those of earlier processes among them. The default is no limit.</summary>
    /// <param name="trials">At least 1.</param>
    public TuningExperiment SetMaxModelToExplore(int trials)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 1);
        return With(() => Trials = trials);
    }

    /// <summary>Time for one trial; one that takes longer has failed. The default is no limit.</summary>
    /// <param name="limit">Above 0.</param>
    public TuningExperiment SetTrialTimeout(TimeSpan limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero);
        return With(() => TrialLimit = limit);
    }

    /// <summary>Trials that run side by side. The default is 1. With more, what a tuner knows when it proposes depends on which trials have ended.</summary>
    /// <param name="trials">At least 1.</param>
    public TuningExperiment SetMaximumConcurrentTrials(int trials)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 1);
        return With(() => Parallel = trials);
    }

    /// <summary>Adds one that follows.</summary>
    /// <param name="monitor">Told of every trial.</param>
    public TuningExperiment SetMonitor(IMonitor monitor) => With(() => _monitors.Add(monitor ?? throw new ArgumentNullException(nameof(monitor))));

    /// <summary>Where the journal is kept, so that the search goes on from there after whatever ended it, and several processes share its trials.</summary>
    /// <param name="folder">Made where missing.</param>
    /// <param name="resume">Whether a journal in it is gone on with; otherwise there must be none. The default is true.</param>
    public TuningExperiment SetCheckpoint(string folder, bool resume = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return With(() => (Folder, Resumes) = (folder, resume));
    }

    /// <summary>What must be the same where the search goes on from a journal, besides space and tuner.</summary>
    /// <param name="name">Of it.</param>
    /// <param name="value">As text.</param>
    /// <param name="unnamed">What held for a journal that does not name it: it is older than the option. Null where every journal names it.</param>
    internal TuningExperiment SetHeader(string name, string value, string? unnamed = null) => With(() =>
    {
        _header[name] = value;
        if (unnamed is not null)
            _unnamed[name] = unnamed;
    });

    /// <summary>Searches, on a thread of its own.</summary>
    /// <param name="cancellation">Ends the search; the best so far is the result.</param>
    /// <returns>The best trial that ran to its end.</returns>
    /// <exception cref="MlNetCifarException">
    /// Space or runner is missing (MNC3218), no trial has finished (MNC3207), or the journal cannot be used (MNC3208 … MNC3211).
    /// </exception>
    public async Task<TrialResult> RunAsync(CancellationToken cancellation = default) => Best(await SearchAsync(cancellation).ConfigureAwait(false));

    /// <summary>As <see cref="RunAsync"/>.</summary>
    /// <param name="cancellation">As there.</param>
    public TrialResult Run(CancellationToken cancellation = default) => RunAsync(cancellation).GetAwaiter().GetResult();

    /// <summary>The best of results.</summary>
    /// <exception cref="MlNetCifarException">None has finished (MNC3207).</exception>
    internal static TrialResult Best(IReadOnlyList<TrialResult> results) =>
        results.Where(result => result.State == TrialState.Completed).MinBy(result => result.Loss)
        ?? throw TuningErrors.NoTrial(results.Count(result => result.State == TrialState.Failed), results.FirstOrDefault(result => result.Error is not null)?.Error);

    /// <summary>All results, in the order of trials.</summary>
    internal async Task<IReadOnlyList<TrialResult>> SearchAsync(CancellationToken cancellation)
    {
        var space = Space ?? throw TuningErrors.Nothing("search space");
        var runner = Runner ?? throw TuningErrors.Nothing("trial runner");
        using var journal = Folder is { } folder ? SweepJournal.Open(folder, Header(space), Resumes, Warn, _unnamed) : SweepJournal.InMemory();
        using var board = new TrialBoard(journal, CreateTuner(space), Trials) { JudgedApart = JudgedApart };
        using var loop = new TrialLoop(this, runner, board, cancellation);
        await loop.RunAsync().ConfigureAwait(false);
        return board.Results;
    }

    ITuner CreateTuner(SearchSpace space)
    {
        foreach (var values in Start)
            Check(values, space);
        var tuner = Tuner ?? (SecondObjective == CostKind.None ? Own() : new ParetoTuner(Own, SecondObjective, Seed));
        return Start.Count == 0 ? tuner : new StartingTuner(tuner, Start);

        ITuner Own() => Tuners.Create(Algorithm, space, Seed, Start.Count);
    }

    static void Check(ImmutableArray<KeyValuePair<string, string>> values, SearchSpace space)
    {
        try
        {
            space.PointOf(values);
        }
        catch (FormatException e)
        {
            throw TuningErrors.Start(string.Join(',', values.Select(pair => $"{pair.Key}={pair.Value}")), e.Message);
        }
    }

    Dictionary<string, string> Header(SearchSpace space) => new(_header, StringComparer.Ordinal)
    {
        ["space"] = space.ToString(),
        ["tuner"] = Tuner?.GetType().Name ?? Experiments.OptionText.Of(Algorithm),
        ["pruning"] = Experiments.OptionText.Of(Pruning),
        ["seed"] = Experiments.OptionText.Of(Seed),
    };

    void Warn(string warning)
    {
        foreach (var monitor in _monitors)
            monitor.ReportWarning(warning);
    }

    TuningExperiment With(Action set)
    {
        set();
        return this;
    }

    /// <summary>A function as a runner.</summary>
    sealed class FunctionRunner(Func<TrialSettings, double> run) : ITrialRunner
    {
        public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation) =>
            Task.Run(() => new TrialResult { TrialSettings = settings, Metric = run(settings) }, cancellation);
    }
}
