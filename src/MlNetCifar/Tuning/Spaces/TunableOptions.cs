using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>The options that a sweep may choose: those of the one table that decide the network and its training.</summary>
internal static class TunableOptions
{
    static readonly Dictionary<string, string> s_refused = new(StringComparer.Ordinal)
    {
        ["seed"] = "The best of many seeds is luck, not a better choice; --final-seeds measures how much they differ.",
        ["threads"] = "The result does not depend on it.",
        ["time-budget"] = "It changes what an epoch is; give --epochs, and the sweep's own --time-budget.",
        ["overfit-batches"] = "It is a check of a network, no training.",
        ["groups"] = "Its text has commas and colons of its own.",
    };

    static readonly OptionDescription[] s_ofNetwork = [ExperimentTable.Preset, ExperimentTable.Filters, ExperimentTable.DenseUnits, ExperimentTable.Dropout, ExperimentTable.Augment];

    /// <summary>All of them.</summary>
    public static IEnumerable<OptionDescription> All => s_ofNetwork.Concat(TrainingTable.All.Descriptions.Where(option => !s_refused.ContainsKey(option.Name)));

    /// <summary>The option of a name.</summary>
    /// <exception cref="MlNetCifarException">There is none, or it cannot be searched (MNC3204).</exception>
    public static OptionDescription Find(string name)
    {
        if (All.FirstOrDefault(option => option.Name == name) is { } found)
            return found;
        if (s_refused.TryGetValue(name, out var reason))
            throw TuningErrors.Refused(name, reason);
        return ExperimentTable.All.Descriptions.Any(option => option.Name == name)
            ? throw TuningErrors.Refused(name, "It decides what is read or kept, which a sweep does once; give it as an option of the sweep.")
            : throw TuningErrors.Unknown(name, All.Select(option => option.Name));
    }

    /// <summary>Makes sure that an option takes a value.</summary>
    /// <exception cref="MlNetCifarException">It does not (MNC3202).</exception>
    public static void Check(OptionDescription option, string text)
    {
        try
        {
            if (option == ExperimentTable.Preset && (text == ExperimentOptions.Auto || !Architectures.Names.Contains(text)))
                throw new FormatException($"one of {string.Join(", ", Architectures.Names)}");
            if (option == ExperimentTable.Augment && !option.Choices.Contains(text))
                throw new FormatException($"one of {string.Join(", ", option.Choices)}");
            var faults = FaultsOf(option, option.Read(text)).ToArray();
            if (faults.Length > 0)
                throw TuningErrors.Range(option.Name, $"has the value {text}", option.Range ?? string.Join("; ", faults));
        }
        catch (FormatException e)
        {
            throw TuningErrors.Range(option.Name, $"has the value '{text}'", e.Message);
        }
    }

    /// <summary>Options with values put on top.</summary>
    /// <param name="options">What holds for all trials.</param>
    /// <param name="values">Names and texts.</param>
    /// <param name="find">An option by name; null for those that can be searched.</param>
    public static ExperimentOptions Apply(ExperimentOptions options, IEnumerable<KeyValuePair<string, string>> values, Func<string, OptionDescription>? find = null)
    {
        var ofTraining = new List<(OptionBinding<TrainingOptions> Binding, object? Value)>();
        foreach (var (name, text) in values)
        {
            var option = (find ?? Find)(name);
            if (TrainingTable.All.Find(option) is { } binding)
                ofTraining.Add((binding, option.Read(text)));
            else
                options = ExperimentTable.All.Find(option)!.Set(options, option.Read(text));
        }

        var adjust = options.Adjust;
        return options with { Adjust = training => ofTraining.Aggregate(adjust is null ? training : adjust(training), (t, pair) => pair.Binding.Set(t, pair.Value)) };
    }

    static IEnumerable<string> FaultsOf(OptionDescription option, object? value)
    {
        if (TrainingTable.All.Find(option) is not { } binding)
            return ExperimentTable.All.Faults(ExperimentTable.All.Find(option)!.Set(new ExperimentOptions(), value), asOptions: true);
        var training = binding.Set(new TrainingOptions(), value);
        return TrainingTable.Steps.Faults(training, asOptions: true).Concat(TrainingTable.Changes.Faults(training, asOptions: true));
    }
}
