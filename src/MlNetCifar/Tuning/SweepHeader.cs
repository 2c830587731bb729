using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>What must be the same where a sweep goes on: every option that decides a trial and is not searched.</summary>
internal static class SweepHeader
{
    static readonly OptionDescription[] s_free =
    [
        ExperimentTable.Output, ExperimentTable.Name, ExperimentTable.ExistOk, ExperimentTable.Resume, ExperimentTable.CheckpointEvery, ExperimentTable.CheckpointTime,
        ExperimentTable.CacheFolder, ExperimentTable.CacheLimit, ExperimentTable.TensorBoard, ExperimentTable.Mlflow, ExperimentTable.Data, TrainingTable.Threads,
    ];

    /// <summary>What networks may take, and what is weighed against accuracy, where that was asked for.</summary>
    public static IEnumerable<KeyValuePair<string, string>> OfLimits(SweepOptions options) =>
        new OptionDescription[] { SweepTable.MaxParameters, SweepTable.MaxMilliseconds, SweepTable.MaxMemory, SweepTable.SecondObjective }
            .Select(option => (option, Value: SweepTable.All.Find(option)!.Get(options)))
            .Where(pair => pair.Value is not (null or CostKind.None))
            .Select(pair => new KeyValuePair<string, string>(pair.option.Option, OptionText.Of(pair.Value)));

    /// <summary>Gives a search every option that decides a trial; a journal from before there was one held to its default.</summary>
    public static void Give(TuningExperiment search, ExperimentOptions options, TrainingOptions training, SearchSpace space)
    {
        var searched = space.Parameters.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (option, value) in RunRecord.Of(ExperimentTable.All, options).Concat(RunRecord.Of(TrainingTable.All, training)))
        {
            if (!s_free.Contains(option) && !searched.Contains(option.Name))
                search.SetHeader(option.Option, OptionText.Of(value), OptionText.Of(option.Default));
        }
    }
}

/// <summary>The command line that repeats a trial.</summary>
/// <param name="Start">Everything but the trial's values.</param>
/// <param name="Given">Names of options that <paramref name="Start"/> gives.</param>
internal sealed record TrialCommand(string Start, IReadOnlyList<(string Name, string Text)> Given)
{
    /// <summary>Options that say where a sweep is kept, not what a model is.</summary>
    static readonly OptionDescription[] s_left = [ExperimentTable.Output, ExperimentTable.Name, ExperimentTable.ExistOk, ExperimentTable.Resume];

    /// <summary>What a trial's values stand for; by default they are options themselves.</summary>
    public Func<IReadOnlyList<KeyValuePair<string, string>>, IReadOnlyList<KeyValuePair<string, string>>> Meaning { get; init; } = values => values;

    /// <summary>Of what was given to the sweep.</summary>
    /// <param name="arguments">As typed, in the environment or a file; null where options came from C#.</param>
    /// <param name="options">The options themselves.</param>
    public static TrialCommand Of(OptionValues? arguments, ExperimentOptions options)
    {
        List<(string, string)> given = [];
        if (arguments is null)
        {
            if (options.Data is { } data)
                given.Add((ExperimentTable.Data.Name, data));
        }
        else
        {
            given.AddRange(arguments.Options.Where(option => (ExperimentTable.All.Find(option) is not null || TrainingTable.All.Find(option) is not null)
                    && !s_left.Contains(option) && option != ExperimentTable.Preset && arguments.IsGiven(option))
                .Select(option => (option.Name, Secrets.InAddress(OptionText.Of(arguments.Given(option))))));
        }

        given.Add((ExperimentTable.Preset.Name, options.Preset));
        return new("mlnetcifar train", given);
    }

    /// <summary>The command of a trial.</summary>
    public string With(IReadOnlyList<KeyValuePair<string, string>> values) => WithOptions(Meaning(values));

    /// <summary>The command with options.</summary>
    public string WithOptions(IReadOnlyList<KeyValuePair<string, string>> values) => string.Join(' ',
    [
        Start, .. Given.Where(pair => values.All(value => value.Key != pair.Name)).Select(pair => $"--{pair.Name} {Quoted(pair.Text)}"),
        .. values.Select(value => $"--{value.Key} {Quoted(value.Value)}"),
    ]);

    static string Quoted(string text) =>
        text.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:,=+@%~".Contains(c, StringComparison.Ordinal)) && text.Length > 0 ? text : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
