namespace MlNetCifar.App.Cli;

/// <summary>The options of one call, merged: command line before environment before file before default.</summary>
internal static class GivenOptions
{
    /// <summary>Merges.</summary>
    /// <param name="verb">The command.</param>
    /// <param name="commandLine">Name and text.</param>
    /// <param name="variable">Environment.</param>
    /// <exception cref="MlNetCifarException">A value cannot be read (MNC9002), or the file is wrong (MNC9003).</exception>
    public static OptionValues Merge(Verb verb, IReadOnlyDictionary<string, string> commandLine, Func<string, string?> variable)
    {
        List<OptionSource> sources =
        [
            new(option => commandLine.GetValueOrDefault(option.Name), option => option.Option),
            new(option => NotEmpty(variable(option.VariableName)), option => option.VariableName),
        ];
        if ((sources[0].Find(Verb.Config) ?? sources[1].Find(Verb.Config) ?? verb.Configuration(commandLine)) is { } path)
            sources.Add(OptionSource.Read(path, verb.Options));
        return new OptionValues(verb.Options, sources);
    }

    static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
