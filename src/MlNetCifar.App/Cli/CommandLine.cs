using System.CommandLine;
using System.CommandLine.Help;
using System.Reflection;

namespace MlNetCifar.App.Cli;

/// <summary>The program: parses arguments, runs one command, turns errors into exit codes.</summary>
internal static class CommandLine
{
    const string Name = "mlnetcifar";
    const string Description = "Image classification for .NET, end to end: images to a trained, evaluated and explained network.";

    public static string Version =>
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Runs the program.</summary>
    /// <param name="args">What was typed.</param>
    /// <param name="terminal">The world outside.</param>
    /// <param name="verbs">The commands, in the order of help.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, Terminal terminal, IReadOnlyList<Verb> verbs)
    {
        var help = new VerbHelp(Name, Description, null, verbs, terminal);
        var root = new Command(Name, Description);
        root.Options.Add(new HelpOption { Action = help });
        var version = new Option<bool>("--version", "-V");
        root.Options.Add(version);
        root.SetAction(result =>
        {
            if (result.GetValue(version))
                terminal.Out.WriteLine($"{Name} {Version}");
            else
                help.Print(terminal.Error);
            return result.GetValue(version) ? ExitCodes.Ok : ExitCodes.Usage;
        });
        args = WithoutHelpers(args);
        foreach (var verb in verbs)
            root.Subcommands.Add(Build(verb, Name, args, terminal, verbs));

        var parsed = root.Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        try
        {
            // Help is given in spite of faults, but not of something that there is not.
            if (parsed.Action is VerbHelp ? parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count > 0 : parsed.Errors.Count > 0)
                throw CliErrors.Syntax(new SyntaxFault(parsed, verbs).Text(), Path(parsed));
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (Exception e)
        {
            var verbose = args.Contains(Verb.Verbose.Option) || terminal.Variable(Verb.Verbose.VariableName) is "1" or "true";
            return ErrorPrinter.Print(terminal, e, verbose);
        }
    }

    static Command Build(Verb verb, string parent, string[] args, Terminal terminal, IReadOnlyList<Verb> all)
    {
        var path = $"{parent} {verb.Name}";
        var command = new Command(verb.Name, verb.Help);
        foreach (var alias in verb.Aliases)
            command.Aliases.Add(alias);

        // A command that nobody names needs no options; describing all those of all commands takes longer than anything else at the start.
        if (!args.Contains(verb.Name) && !verb.Aliases.Any(args.Contains))
            return command;
        command.Options.Add(new HelpOption { Action = new VerbHelp(path, verb.Help, verb, verb.Verbs, terminal) });
        command.Options.Add(new Option<bool>(VerbHelp.AllOption) { Action = new VerbHelp(path, verb.Help, verb, verb.Verbs, terminal) { All = true } });
        foreach (var inner in verb.Verbs)
            command.Subcommands.Add(Build(inner, path, args, terminal, all));
        if (verb.Verbs.Count > 0)
            return command;

        var options = verb.Options.Select(described => (described, option: Option(described, verb))).ToArray();
        foreach (var (_, option) in options)
            command.Options.Add(option);
        var arguments = verb.Arguments is null ? null : new Argument<string[]>("arguments")
        {
            // The library cannot parse a list of at most one, so that too many are told below.
            Arity = new ArgumentArity(verb.ArgumentCount.Least, Math.Max(verb.ArgumentCount.Most, 2)),
            DefaultValueFactory = _ => [],
        };
        if (arguments is not null)
            command.Arguments.Add(arguments);
        command.SetAction(result =>
        {
            var given = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var (described, option) in options)
            {
                if (result.GetResult(option) is { Implicit: false, Tokens: var tokens })
                    given[described.Name] = described.IsRepeatable ? string.Join(' ', tokens.Select(token => token.Value)) : tokens.LastOrDefault()?.Value ?? "true";
            }

            string[] positional = arguments is null ? [] : result.GetValue(arguments) ?? [];
            if (positional.FirstOrDefault(SyntaxFault.IsOption) is { } unknown && !args.Contains("--"))
                throw CliErrors.Syntax(SyntaxFault.UnknownOption(unknown, verb, all), path);
            if (positional.Length > verb.ArgumentCount.Most)
                throw CliErrors.Syntax(SyntaxFault.UnknownArgument(positional[verb.ArgumentCount.Most], verb), path);
            if (verb.ArgumentOption is { } named && positional is [var word])
            {
                if (SyntaxFault.AsOption(word, verb) is not null)
                    throw CliErrors.Syntax(SyntaxFault.UnknownArgument(word, verb), path);
                if (!given.TryAdd(named.Name, word))
                    throw CliErrors.Syntax($"{named.Option} is given twice: '{given[named.Name]}' and '{word}'.", path);
                positional = [];
            }

            Variables.WarnOfUnknown(terminal, all);
            return verb.Run(new Call(terminal, GivenOptions.Merge(verb, given, terminal.Variable), positional, CommandText(result)) { Typed = [.. given.Keys] });
        });
        return command;
    }

    /// <summary>Words for what options do in other programs: <c>help VERB</c> and <c>version</c>.</summary>
    static string[] WithoutHelpers(string[] args) => args switch
    {
        ["help", .. var rest] => [.. rest, "--help"],
        ["version"] => ["--version"],
        _ => args,
    };

    static Option Option(OptionDescription described, Verb verb)
    {
        // An option of type bool takes the next word only where that is true or false.
        Option option = described.IsFlag ? new Option<bool>(described.Option)
            : described.IsRepeatable ? new Option<string[]>(described.Option) { Arity = ArgumentArity.OneOrMore }
            : new Option<string?>(described.Option) { Arity = ArgumentArity.ExactlyOne };
        option.Description = described.Help;
        option.HelpName = described.ValueName;
        foreach (var alias in Habits.Aliases(described, verb))
            option.Aliases.Add(alias);
        return option;
    }

    static string Path(ParseResult parsed)
    {
        var names = new List<string>();
        for (System.CommandLine.Parsing.SymbolResult? result = parsed.CommandResult; result is System.CommandLine.Parsing.CommandResult command; result = result.Parent)
            names.Insert(0, command.Command.Name);
        return string.Join(' ', names);
    }

    static string CommandText(ParseResult parsed) =>
        string.Join(' ', [Name, .. parsed.Tokens.Select(t => Quoted(Secrets.InAddress(t.Value)))]);

    static string Quoted(string word) => word.Any(c => char.IsWhiteSpace(c) || "'\"$&|;<>()*?\\".Contains(c)) ? $"'{word.Replace("'", "'\\''")}'" : word;
}
