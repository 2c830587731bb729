using System.CommandLine;

namespace MlNetCifar.App.Cli;

/// <summary>Says what is wrong with a command line, and what was probably meant.</summary>
/// <param name="parsed">The command line.</param>
/// <param name="all">All commands.</param>
internal sealed class SyntaxFault(ParseResult parsed, IReadOnlyList<Verb> all)
{
    /// <summary>The fault in one or two sentences.</summary>
    public string Text()
    {
        var (verb, verbs) = (Verb(), Inner());
        if (parsed.UnmatchedTokens is not [var token, ..])
            return verbs.Count > 0 ? $"A command is needed: {Names(verbs)}."
                : verb is not null && Positional().Count() is var given && given < verb.ArgumentCount.Least ? $"Required argument missing: '{verb.Name}' takes {verb.Arguments}; found {given}."
                : Sentence(parsed.Errors[0].Message);
        if (verb is not null && Positional().FirstOrDefault(IsOption) is { } option)
            return UnknownOption(option, verb, all);
        if (verb is not null && Known(verb).Contains(token))
            return $"The command comes first: {verb.Name} {token} ….";
        if (verbs.Count > 0)
            return UnknownCommand(token, verbs);
        return token.StartsWith('-') && verb is not null ? UnknownOption(token, verb, all) : UnknownArgument(token, verb);
    }

    /// <summary>What to write for <c>name=value</c> where name is an option; null where it is none.</summary>
    public static string? AsOption(string token, Verb verb) =>
        token.IndexOf('=') is > 0 and var at && Known(verb).Contains("--" + token[..at].Replace('_', '-')) ? $"Write --{token[..at].Replace('_', '-')} {token[(at + 1)..]}." : null;

    static string UnknownCommand(string token, IReadOnlyList<Verb> verbs)
    {
        var question = OptionText.DidYouMean(token, verbs.SelectMany(verb => verb.Aliases.Prepend(verb.Name)));
        return token.StartsWith('-') ? $"The command comes first, before options such as '{token}'." : $"There is no command '{token}'.{(question.Length > 0 ? question : $" There are {Names(verbs)}.")}";
    }

    /// <summary>Whether an argument is an option that the command does not have; numbers may be negative.</summary>
    public static bool IsOption(string word) => word is ['-', not (>= '0' and <= '9'), ..];

    /// <summary>What is wrong with an option that a command does not have.</summary>
    public static string UnknownOption(string token, Verb verb, IReadOnlyList<Verb> all)
    {
        var name = token.Split('=')[0];
        var found = $"There is no option '{name}' of '{verb.Name}'.";
        if (Habits.Hint(name) is { } hint)
            return $"{found} {hint}";
        if (OptionText.DidYouMean(name, Known(verb)) is { Length: > 0 } question)
            return found + question;
        string[] others = [.. all.SelectMany(Paths).Where(other => other.Verb.Shown.Any(option => option.Option == name)).Select(other => $"'{other.Path}'")];
        return others.Length > 0 ? $"{found} It is one of {string.Join(", ", others)}." : found;
    }

    /// <summary>What is wrong with an argument that a command does not take.</summary>
    public static string UnknownArgument(string token, Verb? verb)
    {
        var found = $"Unrecognized argument '{token}'.";
        return verb is not null && AsOption(token, verb) is { } write ? $"{found} {write}" : found;
    }

    /// <summary>A command and those in it, by what is typed.</summary>
    static IEnumerable<(string Path, Verb Verb)> Paths(Verb verb) =>
        verb.Verbs.SelectMany(Paths).Select(inner => ($"{verb.Name} {inner.Path}", inner.Verb)).Prepend((verb.Name, verb));

    static IEnumerable<string> Known(Verb verb) => verb.Shown.SelectMany(option => Habits.Aliases(option, verb).Prepend(option.Option));

    static string Names(IEnumerable<Verb> verbs) => string.Join(", ", verbs.Select(verb => verb.Name));

    static string Sentence(string message) => $"{message.TrimEnd('.')}.";

    IEnumerable<string> Positional() =>
        parsed.CommandResult.Children.OfType<System.CommandLine.Parsing.ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value);

    Verb? Verb() => Path().LastOrDefault();

    IReadOnlyList<Verb> Inner() => Verb()?.Verbs ?? all;

    IEnumerable<Verb> Path()
    {
        var names = new Stack<string>();
        for (System.CommandLine.Parsing.SymbolResult? result = parsed.CommandResult; result is System.CommandLine.Parsing.CommandResult command; result = result.Parent)
            names.Push(command.Command.Name);
        var verbs = all;
        foreach (var name in names.Skip(1))
        {
            var verb = verbs.Single(v => v.Name == name);
            yield return verb;
            verbs = verb.Verbs;
        }
    }
}
