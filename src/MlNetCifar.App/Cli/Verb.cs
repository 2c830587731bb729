namespace MlNetCifar.App.Cli;

/// <summary>A command: its name, its options, and what it does.</summary>
/// <param name="name">As typed.</param>
/// <param name="help">One sentence.</param>
internal abstract class Verb(string name, string help)
{
    const string General = "General";

    public static OptionDescription<bool> Json { get; } = new("json", "Print results as JSON, one object a line", OptionText.Bool, false) { Group = General, IsRecorded = false };

    public static OptionDescription<bool> Verbose { get; } = new("verbose", "Print stack traces of errors", OptionText.Bool, false) { Group = General, IsRecorded = false };

    /// <summary>The file of options.</summary>
    public static OptionDescription<string?> Config { get; } = new("config", "JSON file of settings; the command line and variables go before it", text => text, null)
    {
        ValueName = "FILE",
        Group = General,
        IsRecorded = false,
    };

    public string Name { get; } = name;

    public string Help { get; } = help;

    /// <summary>Other names.</summary>
    public virtual IReadOnlyList<string> Aliases => [];

    /// <summary>Commands inside this one; a command with some does nothing itself.</summary>
    public virtual IReadOnlyList<Verb> Verbs => [];

    /// <summary>The option that the one argument stands for; null where there is no argument, or it is no option's value.</summary>
    public virtual OptionDescription? ArgumentOption => null;

    /// <summary>Placeholder of the arguments, for example <c>FILE...</c>; null where there are none.</summary>
    public virtual string? Arguments => ArgumentOption is { } option ? $"[{option.ValueName}]" : null;

    /// <summary>What the arguments are.</summary>
    public virtual string? ArgumentsHelp => ArgumentOption is { } option ? $"The same as {option.Option} {option.ValueName}" : null;

    /// <summary>Fewest and most arguments.</summary>
    public virtual (int Least, int Most) ArgumentCount => ArgumentOption is not null ? (0, 1) : Arguments is null ? (0, 0) : (1, 1);

    /// <summary>Options of its own.</summary>
    protected abstract IEnumerable<OptionDescription> OwnOptions { get; }

    /// <summary>Names of the options that help shows, in this order; null for all of them.</summary>
    public virtual IReadOnlyList<string>? Common => null;

    /// <summary>An example or two for help.</summary>
    public virtual IReadOnlyList<string> Examples => [];

    /// <summary>What the options alone do not tell; null for nothing.</summary>
    public virtual string? Note => null;

    /// <summary>All options.</summary>
    public IReadOnlyList<OptionDescription> Options => _options ??= [.. OwnOptions, Json, Config, Verbose];

    /// <summary>Those that the program gives to itself: nobody is told of them.</summary>
    protected virtual IReadOnlyList<OptionDescription> Inner => [];

    /// <summary>All options that people may use.</summary>
    public IReadOnlyList<OptionDescription> Shown => _shown ??= [.. Options.Except(Inner)];

    IReadOnlyList<OptionDescription>? _options;
    IReadOnlyList<OptionDescription>? _shown;

    /// <summary>The configuration file that holds where none is named; null for none.</summary>
    /// <param name="commandLine">Names and texts of what was typed.</param>
    public virtual string? Configuration(IReadOnlyDictionary<string, string> commandLine) => null;

    /// <summary>The options of the run that an option names to go on with; null where it names none.</summary>
    protected string? OptionsOf(OptionDescription resume, IReadOnlyDictionary<string, string> commandLine) =>
        commandLine.TryGetValue(resume.Name, out var folder) && folder.Length > 0 ? RunFolder.Open(folder, Name).File("args.json") : null;

    /// <summary>Does it.</summary>
    /// <returns>The exit code.</returns>
    public abstract int Run(Call call);
}

/// <summary>A command that only holds others.</summary>
internal sealed class VerbGroup(string name, string help, params Verb[] verbs) : Verb(name, help)
{
    public override IReadOnlyList<Verb> Verbs => verbs;

    protected override IEnumerable<OptionDescription> OwnOptions => [];

    public override int Run(Call call) => throw new NotSupportedException();
}

/// <summary>One call of a command.</summary>
/// <param name="Terminal">The world outside.</param>
/// <param name="Values">Merged options.</param>
/// <param name="Arguments">Positional arguments.</param>
/// <param name="Command">What was typed, for reports.</param>
internal sealed record Call(Terminal Terminal, OptionValues Values, IReadOnlyList<string> Arguments, string Command)
{
    /// <summary>Names of the options on the command line, rather than in the environment or a file.</summary>
    public IReadOnlyCollection<string> Typed { get; init; } = [];

    public bool Json => Get(Verb.Json);

    public CancellationToken Stop => Terminal.Stop;

    public T Get<T>(OptionDescription<T> option) => Values.Get(option);

    /// <summary>Exit code of a command that has done what it could.</summary>
    public int Done() => Stop.IsCancellationRequested ? Terminal.StopCode() : ExitCodes.Ok;
}
