using System.Collections.Immutable;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>Everything that decides a sweep besides the experiment whose options it searches. Immutable. Each property is an option of the command line <c>tune</c>.</summary>
public sealed record SweepOptions
{
    internal static ImmutableArray<OptionRange<SweepOptions>> Ranges { get; } =
    [
        new(nameof(Trials), o => o.Trials, 1, 1_000_000),
        new(nameof(TimeBudget), o => o.TimeBudget, 0) { Above = true },
        new(nameof(ParallelTrials), o => o.ParallelTrials, 1, 256),
        new(nameof(TrialTimeout), o => o.TrialTimeout, 0) { Above = true },
        new(nameof(FinalSeeds), o => o.FinalSeeds, 0, 100),
        new(nameof(MaxParameters), o => o.MaxParameters, 1),
        new(nameof(MaxMilliseconds), o => o.MaxMilliseconds, 0) { Above = true },
        new(nameof(MaxMemory), o => o.MaxMemory, 1),
        new(nameof(TrialMemory), o => o.TrialMemory, 1),
    ];

    /// <summary>What is searched; null (the default) for the space that is built in for the preset.</summary>
    public SearchSpace? Space { get; init; }

    /// <summary>What proposes trials. The default is <see cref="TuningAlgorithm.Tpe"/>.</summary>
    public TuningAlgorithm Tuner { get; init; } = TuningAlgorithm.Tpe;

    /// <summary>How hopeless trials are ended early, by their accuracy on the validation images after each epoch. The default is <see cref="PruningRule.Asha"/>.</summary>
    public PruningRule Pruning { get; init; } = PruningRule.Asha;

    /// <summary>Most trials, 1 … 1,000,000. The default is 50.</summary>
    public int Trials { get; init; } = 50;

    /// <summary>Time for the whole sweep, the trainings at its end among it, &gt; 0. The default is null, no limit.</summary>
    public TimeSpan? TimeBudget { get; init; }

    /// <summary>Trials side by side, 1 … 256, which share the threads. The default is 1.</summary>
    public int ParallelTrials { get; init; } = 1;

    /// <summary>Time for one trial, &gt; 0; one that takes longer has failed. The default is null, no limit.</summary>
    public TimeSpan? TrialTimeout { get; init; }

    /// <summary>
    /// Seeds with which the best and the experiment as it stands are trained on training and validation images and measured on the test images, 0 … 100; 0 leaves that out. The default is 1.
    /// </summary>
    public int FinalSeeds { get; init; } = 1;

    /// <summary>
    /// What is tried first: folders of earlier sweeps, whose five best each count, and known good values such as <c>learning-rate=0.003,dropout=0.2</c>, one for each parameter. The default is none.
    /// </summary>
    public ImmutableArray<string> WarmStart { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Most trained parameters of a network, ≥ 1; one with more is a failed trial, and is not trained. The default is null, no limit.</summary>
    public int? MaxParameters { get; init; }

    /// <summary>Most milliseconds for one picture on one thread, &gt; 0, as at <see cref="TrialCost"/>. The default is null, no limit.</summary>
    public float? MaxMilliseconds { get; init; }

    /// <summary>Most bytes of weights and activations for one picture, ≥ 1. The default is null, no limit.</summary>
    public long? MaxMemory { get; init; }

    /// <summary>A cost that is weighed against accuracy: trials spread along the front of both. The best stays the most accurate. The default is none.</summary>
    public CostKind SecondObjective { get; init; }

    /// <summary>Whether each trial runs in a process of its own, so that whatever happens to it is a failed trial. The default is false.</summary>
    public bool Isolate { get; init; }

    /// <summary>Bytes that the process of an isolated trial may have in use, ≥ 1; one that has more has failed. The default is null, no limit.</summary>
    public long? TrialMemory { get; init; }

    /// <summary>Whether networks are measured.</summary>
    internal bool AsksForCost => this is not { MaxParameters: null, MaxMilliseconds: null, MaxMemory: null, SecondObjective: CostKind.None };

    /// <summary>What a network takes; null where nobody asks.</summary>
    /// <exception cref="MlNetCifarException">It is too much (MNC3221).</exception>
    internal TrialCost? CostOf(NetworkSpec network)
    {
        if (!AsksForCost)
            return null;
        var cost = TrialCost.Of(network);
        Check("parameters", cost.Parameters, MaxParameters);
        Check("bytes of weights and activations", cost.Memory, MaxMemory);
        Check("milliseconds a picture", cost.Milliseconds, MaxMilliseconds);
        return cost;

        static void Check(string what, double found, double? most)
        {
            if (found > most)
                throw TuningErrors.TooCostly(what, found, most.Value);
        }
    }
}

/// <summary>The one table behind the options of sweeps.</summary>
public static class SweepTable
{
    const string Search = "Search";
    static readonly SweepOptions s_defaults = new();

    /// <summary>Parameters, as the command line has them.</summary>
    public static OptionDescription<string?> Param { get; } = new(
        "param", "What is searched, given once or several times: learning-rate=1e-4..1e-2:log, dropout=0.1..0.6, preset=seed-cnn,advanced-cnn", text => text, null)
    {
        ValueName = "NAME=VALUES", Group = Search, IsRepeatable = true, DefaultText = "the preset's space",
    };

    /// <summary>A file of parameters.</summary>
    public static OptionDescription<string?> Space { get; } = OptionDescription.Text("space", "FILE", "JSON file of what is searched, in place of --param", group: Search);

    /// <summary>The algorithm.</summary>
    public static OptionDescription<TuningAlgorithm> Tuner { get; } = OptionDescription.Of(
        "tuner", "NAME", $"What proposes trials: {OptionText.Choices<TuningAlgorithm>()}", OptionText.Choice<TuningAlgorithm>, s_defaults.Tuner, Search);

    /// <summary>The rule of pruning.</summary>
    public static OptionDescription<PruningRule> Pruning { get; } = OptionDescription.Of(
        "pruning", "NAME", $"How hopeless trials are ended early: {OptionText.Choices<PruningRule>()}", OptionText.Choice<PruningRule>, s_defaults.Pruning, Search);

    /// <summary>Most trials.</summary>
    public static OptionDescription<int> Trials { get; } = OptionDescription.Of("trials", "N", "Most trials", OptionText.Int, s_defaults.Trials, Search);

    /// <summary>Time for all.</summary>
    public static OptionDescription<TimeSpan?> TimeBudget { get; } = OptionDescription.Of(
        "time-budget", "TIME", "End after this time, the trainings at the end among it: 90s, 15m, 1h30m", OptionText.Duration, s_defaults.TimeBudget, Search);

    /// <summary>Trials side by side.</summary>
    public static OptionDescription<int> ParallelTrials { get; } = OptionDescription.Of(
        "parallel-trials", "N", "Trials side by side, which share the threads", OptionText.Int, s_defaults.ParallelTrials, Search);

    /// <summary>Time for one trial.</summary>
    public static OptionDescription<TimeSpan?> TrialTimeout { get; } = OptionDescription.Of(
        "trial-timeout", "TIME", "Time after which a trial has failed", OptionText.Duration, s_defaults.TrialTimeout, Search);

    /// <summary>Seeds of the trainings at the end.</summary>
    public static OptionDescription<int> FinalSeeds { get; } = OptionDescription.Of(
        "final-seeds", "N", "Seeds with which the best is trained on all but the test images and measured on these, beside the options as they stand; 0 for none", OptionText.Int,
        s_defaults.FinalSeeds, Search);

    /// <summary>What is tried first.</summary>
    public static OptionDescription<string?> WarmStart { get; } = new(
        "warm-start", "Try first, given once or several times: the five best of an earlier sweep (its folder, a path without spaces), or known good values (learning-rate=0.003,dropout=0.2)", text => text, null)
    {
        ValueName = "SWEEP|VALUES", Group = Search, IsRepeatable = true,
    };

    /// <summary>Most parameters.</summary>
    public static OptionDescription<int?> MaxParameters { get; } = OptionDescription.Of(
        "max-parameters", "N", "Most trained parameters of a network; a larger one is a failed trial and not trained", OptionText.IntOrNone, s_defaults.MaxParameters, Search);

    /// <summary>Most milliseconds.</summary>
    public static OptionDescription<float?> MaxMilliseconds { get; } = OptionDescription.Of(
        "max-milliseconds", "MS", "Most milliseconds for one picture on one thread", OptionText.NumberOrNone, s_defaults.MaxMilliseconds, Search);

    /// <summary>Most memory in use.</summary>
    public static OptionDescription<long?> MaxMemory { get; } = OptionDescription.Of(
        "max-memory", "SIZE", "Most memory for weights and activations of one picture, for example 20m", OptionText.Bytes, s_defaults.MaxMemory, Search);

    /// <summary>What is weighed against accuracy.</summary>
    public static OptionDescription<CostKind> SecondObjective { get; } = OptionDescription.Of(
        "second-objective", "NAME", $"Weigh against accuracy, so that trials spread along the front of both: {OptionText.Choices<CostKind>()}", OptionText.Choice<CostKind>, s_defaults.SecondObjective, Search);

    /// <summary>Whether trials run in processes.</summary>
    public static OptionDescription<bool> Isolate { get; } = OptionDescription.Flag("isolate", "Run each trial in a process of its own: whatever happens to it is a failed trial", Search);

    /// <summary>Most memory of such a process.</summary>
    public static OptionDescription<long?> TrialMemory { get; } = OptionDescription.Of(
        "trial-memory", "SIZE", "With --isolate: memory in use above which a trial has failed", OptionText.Bytes, s_defaults.TrialMemory, Search);

    /// <summary>All of them that are properties, in the order of help.</summary>
    public static OptionTable<SweepOptions> All { get; } = new(
        SweepOptions.Ranges,
        ExperimentTable.Bind<SweepOptions, TuningAlgorithm>(Tuner, nameof(SweepOptions.Tuner), o => o.Tuner, (o, v) => o with { Tuner = v }),
        ExperimentTable.Bind<SweepOptions, PruningRule>(Pruning, nameof(SweepOptions.Pruning), o => o.Pruning, (o, v) => o with { Pruning = v }),
        ExperimentTable.Bind<SweepOptions, int>(Trials, nameof(SweepOptions.Trials), o => o.Trials, (o, v) => o with { Trials = v }),
        ExperimentTable.Bind<SweepOptions, TimeSpan?>(TimeBudget, nameof(SweepOptions.TimeBudget), o => o.TimeBudget, (o, v) => o with { TimeBudget = v }),
        ExperimentTable.Bind<SweepOptions, int>(ParallelTrials, nameof(SweepOptions.ParallelTrials), o => o.ParallelTrials, (o, v) => o with { ParallelTrials = v }),
        ExperimentTable.Bind<SweepOptions, TimeSpan?>(TrialTimeout, nameof(SweepOptions.TrialTimeout), o => o.TrialTimeout, (o, v) => o with { TrialTimeout = v }),
        ExperimentTable.Bind<SweepOptions, int>(FinalSeeds, nameof(SweepOptions.FinalSeeds), o => o.FinalSeeds, (o, v) => o with { FinalSeeds = v }),
        ExperimentTable.Bind<SweepOptions, int?>(MaxParameters, nameof(SweepOptions.MaxParameters), o => o.MaxParameters, (o, v) => o with { MaxParameters = v }),
        ExperimentTable.Bind<SweepOptions, float?>(MaxMilliseconds, nameof(SweepOptions.MaxMilliseconds), o => o.MaxMilliseconds, (o, v) => o with { MaxMilliseconds = v }),
        ExperimentTable.Bind<SweepOptions, long?>(MaxMemory, nameof(SweepOptions.MaxMemory), o => o.MaxMemory, (o, v) => o with { MaxMemory = v }),
        ExperimentTable.Bind<SweepOptions, CostKind>(SecondObjective, nameof(SweepOptions.SecondObjective), o => o.SecondObjective, (o, v) => o with { SecondObjective = v }),
        ExperimentTable.Bind<SweepOptions, bool>(Isolate, nameof(SweepOptions.Isolate), o => o.Isolate, (o, v) => o with { Isolate = v }),
        ExperimentTable.Bind<SweepOptions, long?>(TrialMemory, nameof(SweepOptions.TrialMemory), o => o.TrialMemory, (o, v) => o with { TrialMemory = v }));

    /// <summary>Reads options of values by name.</summary>
    /// <param name="values">Values; what is not given has its default.</param>
    /// <exception cref="MlNetCifarException">The search space is wrong (MNC32xx), or given twice (MNC3203).</exception>
    public static SweepOptions From(OptionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var (texts, file) = (values.Get(Param), values.Get(Space));
        if (texts is not null && file is not null)
            throw TuningErrors.Space($"The space is given twice, by {Param.Option} and by {Space.Option}.");
        return All.Apply(new(), values) with
        {
            WarmStart = [.. (values.Get(WarmStart) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)],
            Space = file is not null ? SearchSpace.Load(file) : texts is null ? null : SearchSpace.Parse(texts.Split(' ', StringSplitOptions.RemoveEmptyEntries)),
        };
    }
}
