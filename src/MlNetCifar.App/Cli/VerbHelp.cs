using System.CommandLine;
using System.CommandLine.Invocation;

namespace MlNetCifar.App.Cli;

/// <summary>Prints the help of a command: usage, commands, and options by group.</summary>
/// <param name="path">The command as typed, for example <c>mlnetcifar dataset get</c>.</param>
/// <param name="help">One sentence.</param>
/// <param name="verb">The command; null for the program.</param>
/// <param name="verbs">Commands inside it.</param>
/// <param name="terminal">Where it is printed.</param>
internal sealed class VerbHelp(string path, string help, Verb? verb, IReadOnlyList<Verb> verbs, Terminal terminal) : SynchronousCommandLineAction
{
    /// <summary>Asks for the help with all options.</summary>
    public const string AllOption = "--help-all";

    const int Indent = 2;
    const int Width = 118;

    /// <summary>Whether all options are shown rather than those that people use.</summary>
    public bool All { get; init; }

    public override bool Terminating => true;

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        Print(terminal.Out);
        return ExitCodes.Ok;
    }

    public void Print(TextWriter writer)
    {
        writer.WriteLine(help);
        writer.WriteLine();
        writer.WriteLine(verbs.Count > 0 ? $"Usage: {path} COMMAND [OPTIONS]" : $"Usage: {path} {(verb?.Arguments is { } arguments ? arguments + " " : "")}[OPTIONS]");
        if (verb?.ArgumentsHelp is { } argumentsHelp)
            Section(writer, "Arguments", [(verb.Arguments!, argumentsHelp)]);
        if (verbs.Count > 0)
            Section(writer, "Commands", [.. verbs.Select(v => (string.Join(", ", [v.Name, .. v.Aliases]), v.Help))]);
        if (verb is not null and not VerbGroup)
            Options(writer, verb);
        else if (verb is null)
            Section(writer, "Options", [("-V, --version", "Print the version"), ("-h, --help", "Print this, or the help of a command")]);

        if (verb is { Examples.Count: > 0 })
        {
            writer.WriteLine();
            writer.WriteLine("Examples:");
            foreach (var example in verb.Examples)
                writer.WriteLine($"  {path} {example}");
        }

        if (verb is not null and not VerbGroup)
        {
            writer.WriteLine();
            if (verb.Note is { } note)
                writer.WriteLine(note);
            writer.WriteLine("Each option may also be set as a variable (--batch-size is MLNETCIFAR_BATCH_SIZE) or in the file of --config.");
            writer.WriteLine("--flag=false switches off a flag that one of those sets.");
        }
    }

    void Options(TextWriter writer, Verb described)
    {
        if (described.Common is { } common && !All)
        {
            Section(writer, "Options that people use", [.. common.Select(name => Row(described.Options.Single(option => option.Name == name), described))]);
            writer.WriteLine();
            writer.WriteLine($"All {described.Shown.Count} options: {path} {AllOption}");
            return;
        }

        foreach (var group in described.Shown.GroupBy(option => option.Group))
            Section(writer, group.Key, [.. group.Select(option => Row(option, described))]);
    }

    static (string, string) Row(OptionDescription option, Verb verb)
    {
        var name = option.IsFlag ? option.Option : $"{option.Option} {option.ValueName}";
        string[] aliases = [.. Habits.Aliases(option, verb)];
        var text = aliases.Length == 0 ? option.Help : $"{option.Help} (also {string.Join(", ", aliases)})";
        return (name, option.DefaultText is null ? text : $"{text} [{option.DefaultText}]");
    }

    static void Section(TextWriter writer, string title, (string Name, string Help)[] rows)
    {
        writer.WriteLine();
        writer.WriteLine($"{title}:");
        var column = rows.Max(r => r.Name.Length) + Indent + 2;
        foreach (var (name, text) in rows)
        {
            writer.Write($"{new string(' ', Indent)}{name.PadRight(column - Indent)}");
            var lines = Wrap(text, Width - column).ToArray();
            writer.WriteLine(lines[0]);
            foreach (var line in lines[1..])
                writer.WriteLine(new string(' ', column) + line);
        }
    }

    static IEnumerable<string> Wrap(string text, int width)
    {
        while (text.Length > width && text.LastIndexOf(' ', width) is > 0 and var space)
        {
            yield return text[..space];
            text = text[(space + 1)..];
        }

        yield return text;
    }
}
