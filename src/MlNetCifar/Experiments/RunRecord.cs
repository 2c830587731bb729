namespace MlNetCifar.Experiments;

/// <summary>What a run writes about itself.</summary>
internal static class RunRecord
{
    /// <summary>Writes args.json: all options as they were in the end. The file can be given back as a configuration.</summary>
    public static void Arguments(RunFolder folder, IEnumerable<(OptionDescription Option, object? Value)> values) =>
        folder.WriteBytes("args.json", stream => OptionFile.Write(stream, folder.Verb, values));

    /// <summary>Writes env.json: machine and software.</summary>
    public static void Machine(RunFolder folder, MachineInfo machine) => folder.WriteBytes("env.json", stream => OptionFile.WriteObject(stream, json =>
    {
        foreach (var row in machine.Rows())
            OptionFile.WriteValue(json, row.Key, row.Value);
    }));

    /// <summary>Values of a command line: what was given, or the default; those of training as they were in the end.</summary>
    public static IEnumerable<(OptionDescription Option, object? Value)> Of(OptionValues values, TrainingOptions? training)
    {
        // Given back, a default would ask arrays and shards for another size than theirs.
        var asTheDataAre = !ExperimentTable.OfPictures.Any(values.IsGiven);
        foreach (var option in values.Options.Where(option => option.IsRecorded))
        {
            var value = training is not null && TrainingTable.All.Find(option) is { } binding ? binding.Get(training)
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
