namespace MlNetCifar.Experiments;

/// <summary>What a run writes about itself.</summary>
internal static class RunRecord
{
    /// <summary>Writes args.json: all options as they were in the end. The file can be given back as a configuration.</summary>
    public static void Arguments(RunFolder folder, IEnumerable<(OptionDescription Option, object? Value)> values) =>
        folder.WriteBytes("args.json", stream => OptionFile.Write(stream, folder.Verb, values));

    /// <summary>Writes env.json: machine and software.</summary>
    public static void Machine(RunFolder folder, MachineInfo machine) => folder.WriteBytes("env.json", stream => OptionFile.WriteObject(stream, machine.WriteJson));

    /// <summary>Values of a command line: what was given, or the default; those of training as they were in the end.</summary>
    /// <param name="values">The values.</param>
    /// <param name="training">Null where nothing is trained.</param>
    /// <param name="chosen">What was chosen where the choice was left to the program; null where there was none.</param>
    public static IEnumerable<(OptionDescription Option, object? Value)> Of(OptionValues values, TrainingOptions? training, ExperimentOptions? chosen = null)
    {
        // Given back, a default would ask arrays and shards for another size than theirs.
        var asTheDataAre = !ExperimentTable.OfPictures.Any(values.IsGiven);
        foreach (var option in values.Options.Where(option => option.IsRecorded))
        {
            var value = chosen is not null && ExperimentTable.OfNetwork.Concat(ExperimentTable.OfFineTuning).Contains(option) ? ExperimentTable.All.Find(option)!.Get(chosen)
                : training is not null && TrainingTable.All.Find(option) is { } binding ? binding.Get(training)
                : asTheDataAre && ExperimentTable.OfPictures.Contains(option) ? null
                : values.Effective(option);
            yield return (option, value);
        }
    }

    /// <summary>Values of options that came from C#.</summary>
    public static IEnumerable<(OptionDescription Option, object? Value)> Of<TOptions>(OptionTable<TOptions> table, TOptions options)
        where TOptions : new() =>
        table.All.Where(binding => binding.Description.IsRecorded).Select(binding => (binding.Description, binding.Get(options)));
}
