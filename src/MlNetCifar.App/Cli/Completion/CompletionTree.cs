namespace MlNetCifar.App.Cli.Completion;

/// <summary>An option as a shell completes it.</summary>
/// <param name="Names">With their dashes, the long one first.</param>
/// <param name="Help">One sentence.</param>
/// <param name="IsFlag">Whether it needs no value.</param>
/// <param name="IsPath">Whether its value is a file or a folder.</param>
/// <param name="Choices">Its values; empty where anything goes.</param>
internal sealed record CompletedOption(IReadOnlyList<string> Names, string Help, bool IsFlag, bool IsPath, IReadOnlyList<string> Choices);

/// <summary>A command as a shell completes it.</summary>
/// <param name="Path">Its names, separated by blanks; empty for the program.</param>
/// <param name="Steps">What leads here from another path: that path and the word, which may be an alias.</param>
/// <param name="Verbs">Names and help of the commands inside it.</param>
/// <param name="Options">Its options.</param>
/// <param name="Words">What its argument may be; null for files, empty where it takes none.</param>
internal sealed record CompletedCommand(
    string Path, IReadOnlyList<(string From, string Word)> Steps, IReadOnlyList<(string Name, string Help)> Verbs, IReadOnlyList<CompletedOption> Options,
    IReadOnlyList<string>? Words);

/// <summary>What there is to complete, made of the commands and the descriptions of their options.</summary>
internal static class CompletionTree
{
    static readonly CompletedOption s_help = new(["--help", "-h"], "Print help", true, false, []);

    public static IReadOnlyList<CompletedCommand> Of(IReadOnlyList<Verb> verbs) =>
    [
        new("", [], [.. verbs.Select(Named), ("help", "Print the help of a command."), ("version", "Print the version.")], [s_help, new(["--version", "-V"], "Print the version", true, false, [])], []),
        .. verbs.SelectMany(verb => Commands(verb, "")),
    ];

    static IEnumerable<CompletedCommand> Commands(Verb verb, string parent)
    {
        var path = parent.Length == 0 ? verb.Name : $"{parent} {verb.Name}";
        IReadOnlyList<CompletedOption> options = verb is VerbGroup ? [s_help] : [.. verb.Shown.Select(option => Option(option, verb)), s_help, new([VerbHelp.AllOption], "Print help with all options", true, false, [])];
        IReadOnlyList<string>? words = verb.Arguments is null ? [] : verb.Arguments.Contains('|') ? verb.Arguments.Split('|') : null;
        return verb.Verbs.SelectMany(inner => Commands(inner, path))
            .Prepend(new(path, [.. verb.Aliases.Prepend(verb.Name).Select(word => (parent, word))], [.. verb.Verbs.Select(Named)], options, words));
    }

    static CompletedOption Option(OptionDescription option, Verb verb) =>
        new([option.Option, .. Habits.Aliases(option, verb)], option.Help, option.IsFlag, option.ValueName is "FILE" or "FOLDER" or "PATH",
            option is OptionDescription<bool> or OptionDescription<bool?> && !option.IsFlag ? ["true", "false"] : option.Choices);

    static (string, string) Named(Verb verb) => (verb.Name, verb.Help);
}
