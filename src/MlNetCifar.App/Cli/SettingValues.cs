using MlNetCifar.App.Runs.Saving;

namespace MlNetCifar.App.Cli;

/// <summary>The settings of one call, merged: command line before environment before file before default.</summary>
internal sealed class SettingValues
{
    /// <summary>The file of settings.</summary>
    public static Setting<string?> Config { get; } = Cli.Settings.Text("config", "FILE", "JSON file of settings; the command line and variables go before it", group: "General");

    readonly Dictionary<Setting, object?> _given = [];

    /// <summary>Merges.</summary>
    /// <param name="settings">All settings of the command.</param>
    /// <param name="commandLine">Name and text.</param>
    /// <param name="variable">Environment.</param>
    /// <exception cref="MlNetCifarException">A value cannot be read (MNC9002), or the file is wrong (MNC9003).</exception>
    public SettingValues(IEnumerable<Setting> settings, IReadOnlyDictionary<string, string> commandLine, Func<string, string?> variable)
    {
        Settings = [.. settings];
        var path = commandLine.GetValueOrDefault(Config.Name) ?? NotEmpty(variable(Config.VariableName)) ?? Resumed(commandLine);
        var file = path is null ? [] : ConfigFile.Read(path, [.. Settings.Select(s => s.Name)]);
        foreach (var setting in Settings)
        {
            if (commandLine.TryGetValue(setting.Name, out var text))
                Add(setting, text, setting.Option);
            else if (NotEmpty(variable(setting.VariableName)) is { } value)
                Add(setting, value, setting.VariableName);
            else if (file.TryGetValue(setting.Name, out text))
                Add(setting, text, $"'{setting.Name}' in {path}");
        }
    }

    /// <summary>All settings of the command.</summary>
    public IReadOnlyList<Setting> Settings { get; }

    /// <summary>Whether a value was given anywhere.</summary>
    public bool IsGiven(Setting setting) => _given.ContainsKey(setting);

    /// <summary>The value, or the default.</summary>
    public T Get<T>(Setting<T> setting) => _given.TryGetValue(setting, out var value) ? (T)value! : setting.Fallback;

    /// <summary>The value given, boxed; null where none was.</summary>
    public object? Given(Setting setting) => _given.GetValueOrDefault(setting);

    /// <summary>The value of a setting that has no default.</summary>
    /// <exception cref="MlNetCifarException">None was given (MNC9004).</exception>
    public string Required(Setting<string?> setting) => Get(setting) ?? throw CliErrors.Missing(setting);

    void Add(Setting setting, string text, string origin)
    {
        try
        {
            _given[setting] = setting.Read(text);
        }
        catch (FormatException e)
        {
            throw CliErrors.Value(origin, text, e.Message);
        }
    }

    /// <summary>A run to go on with has its settings beside it.</summary>
    static string? Resumed(IReadOnlyDictionary<string, string> commandLine) =>
        commandLine.TryGetValue(SavingSettings.Resume.Name, out var folder) ? Path.Combine(folder, "args.json") : null;

    static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
