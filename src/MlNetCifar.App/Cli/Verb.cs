namespace MlNetCifar.App.Cli;

/// <summary>A command: its name, its settings, and what it does.</summary>
/// <param name="name">As typed.</param>
/// <param name="help">One sentence.</param>
internal abstract class Verb(string name, string help)
{
    public static Setting<bool> Json { get; } = Cli.Settings.Flag("json", "Print results as JSON, one object a line", "General");

    public static Setting<bool> Verbose { get; } = Cli.Settings.Flag("verbose", "Print stack traces of errors", "General");

    public string Name { get; } = name;

    public string Help { get; } = help;

    /// <summary>Other names.</summary>
    public virtual IReadOnlyList<string> Aliases => [];

    /// <summary>Commands inside this one; a command with some does nothing itself.</summary>
    public virtual IReadOnlyList<Verb> Verbs => [];

    /// <summary>Placeholder of the arguments, for example <c>FILE...</c>; null where there are none.</summary>
    public virtual string? Arguments => null;

    /// <summary>What the arguments are.</summary>
    public virtual string? ArgumentsHelp => null;

    /// <summary>Fewest and most arguments.</summary>
    public virtual (int Least, int Most) ArgumentCount => Arguments is null ? (0, 0) : (1, 1);

    /// <summary>Settings of its own.</summary>
    protected abstract IEnumerable<Setting> OwnSettings { get; }

    /// <summary>An example or two for help.</summary>
    public virtual IReadOnlyList<string> Examples => [];

    /// <summary>What the options alone do not tell; null for nothing.</summary>
    public virtual string? Note => null;

    /// <summary>All settings.</summary>
    public IReadOnlyList<Setting> Settings => _settings ??= [.. OwnSettings, Json, SettingValues.Config, Verbose];

    IReadOnlyList<Setting>? _settings;

    /// <summary>Does it.</summary>
    /// <returns>The exit code.</returns>
    public abstract int Run(Call call);
}

/// <summary>A command that only holds others.</summary>
internal sealed class VerbGroup(string name, string help, params Verb[] verbs) : Verb(name, help)
{
    public override IReadOnlyList<Verb> Verbs => verbs;

    protected override IEnumerable<Setting> OwnSettings => [];

    public override int Run(Call call) => throw new NotSupportedException();
}

/// <summary>One call of a command.</summary>
/// <param name="Terminal">The world outside.</param>
/// <param name="Values">Merged settings.</param>
/// <param name="Arguments">Positional arguments.</param>
/// <param name="CommandLine">What was typed, for reports.</param>
internal sealed record Call(Terminal Terminal, SettingValues Values, IReadOnlyList<string> Arguments, string CommandLine)
{
    public bool Json => Get(Verb.Json);

    public CancellationToken Stop => Terminal.Stop;

    public T Get<T>(Setting<T> setting) => Values.Get(setting);

    /// <summary>Exit code of a command that has done what it could.</summary>
    public int Done() => Stop.IsCancellationRequested ? Terminal.StopCode() : ExitCodes.Ok;
}
