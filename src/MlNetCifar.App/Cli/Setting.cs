using System.Text.Json;

namespace MlNetCifar.App.Cli;

/// <summary>One choice of a command, under the same name on the command line, in the environment and in a configuration file.</summary>
/// <param name="name">Kebab-case.</param>
/// <param name="help">One sentence, without a full stop.</param>
internal abstract class Setting(string name, string help)
{
    /// <summary>Kebab-case name, as in configuration files.</summary>
    public string Name { get; } = name;

    /// <summary>What it does.</summary>
    public string Help { get; } = help;

    /// <summary>As on the command line.</summary>
    public string Option => "--" + Name;

    /// <summary>As in the environment.</summary>
    public string VariableName => "MLNETCIFAR_" + Name.ToUpperInvariant().Replace('-', '_');

    /// <summary>Placeholder of the value in help; null for flags.</summary>
    public string? ValueName { get; init; }

    /// <summary>The default in help; null where there is none.</summary>
    public string? DefaultText { get; init; }

    /// <summary>Heading in help.</summary>
    public string Group { get; init; } = "Options";

    /// <summary>Whether the option needs no value.</summary>
    public bool IsFlag => ValueName is null;

    /// <summary>The value where none is given, boxed.</summary>
    public abstract object? Default { get; }

    /// <summary>Reads a value from text; the message of a <see cref="FormatException"/> says what is expected.</summary>
    public abstract object? Read(string text);

    /// <summary>Writes a value as JSON, without the secrets of addresses.</summary>
    public static void WriteValue(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNull(name);
                break;
            case bool flag:
                json.WriteBoolean(name, flag);
                break;
            case int or ulong or float or double:
                json.WritePropertyName(name);
                json.WriteRawValue(Texts.Of(value));
                break;
            default:
                json.WriteString(name, Secrets.InAddress(Texts.Of(value)));
                break;
        }
    }
}

/// <summary>A setting of one type.</summary>
/// <param name="name">Kebab-case.</param>
/// <param name="help">One sentence, without a full stop.</param>
/// <param name="read">From text.</param>
/// <param name="fallback">The value where none is given.</param>
internal sealed class Setting<T>(string name, string help, Func<string, T> read, T fallback) : Setting(name, help)
{
    /// <summary>The value where none is given.</summary>
    public T Fallback { get; } = fallback;

    public override object? Default => Fallback;

    public override object? Read(string text) => read(text);
}

/// <summary>Makes settings.</summary>
internal static class Settings
{
    public static Setting<bool> Flag(string name, string help, string group = "Options") =>
        new(name, help, Texts.Bool, false) { Group = group };

    public static Setting<string?> Text(string name, string valueName, string help, string? fallback = null, string group = "Options") =>
        new(name, help, t => t, fallback) { ValueName = valueName, DefaultText = fallback, Group = group };

    public static Setting<T> Of<T>(string name, string valueName, string help, Func<string, T> read, T fallback, string group = "Options", string? defaultText = null) =>
        new(name, help, read, fallback) { ValueName = valueName, Group = group, DefaultText = defaultText ?? (fallback is null ? null : Texts.Of(fallback)) };
}
