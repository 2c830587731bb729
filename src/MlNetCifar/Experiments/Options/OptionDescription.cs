namespace MlNetCifar.Experiments;

/// <summary>What values an option takes.</summary>
internal enum OptionKind
{
    /// <summary>True or false.</summary>
    Flag,

    /// <summary>Any text: a name, a path.</summary>
    Text,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A number.</summary>
    Number,

    /// <summary>One of <see cref="OptionDescription.Choices"/>.</summary>
    Choice,

    /// <summary>A duration such as <c>90s</c> or <c>1h30m</c>.</summary>
    Duration,

    /// <summary>A number of bytes such as <c>512m</c>.</summary>
    Bytes,

    /// <summary>A width and a height in pixels: <c>64</c> or <c>64x48</c>.</summary>
    Size,

    /// <summary>An address such as <c>http://localhost:5000</c>.</summary>
    Address,
}

/// <summary>
/// One option, described once: help, variables, configuration files, checks and documentation are made of it. It has the same name on the command line,
/// in the environment and in a file. Immutable.
/// </summary>
public abstract class OptionDescription
{
    private protected OptionDescription(string name, string help, OptionKind kind)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(help);
        (Name, Help, Kind) = (name, help, kind);
    }

    /// <summary>Name in kebab-case, as in configuration files.</summary>
    public string Name { get; }

    /// <summary>What it does: one sentence, without a full stop.</summary>
    public string Help { get; }

    /// <summary>What values it takes.</summary>
    internal OptionKind Kind { get; }

    /// <summary>As on the command line: <c>--batch-size</c>.</summary>
    public string Option => "--" + Name;

    /// <summary>As in the environment: <c>MLNETCIFAR_BATCH_SIZE</c>.</summary>
    public string VariableName => "MLNETCIFAR_" + Name.ToUpperInvariant().Replace('-', '_');

    /// <summary>Placeholder of the value in help; null for an option that needs none on the command line.</summary>
    public string? ValueName { get; init; }

    /// <summary>The default in help; null where there is none.</summary>
    public string? DefaultText { get; init; }

    /// <summary>Heading in help.</summary>
    public string Group { get; init; } = "Options";

    /// <summary>Names to choose from; empty where anything of the kind goes.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>The range in words, for example <c>above 0, at most 1</c>; null where the kind alone decides.</summary>
    public string? Range { get; internal set; }

    /// <summary>Least value, in seconds for a duration; null for none.</summary>
    internal double? Minimum { get; set; }

    /// <summary>Largest value, in seconds for a duration; null for none.</summary>
    internal double? Maximum { get; set; }

    /// <summary>Whether a run's args.json keeps the value. The default is true.</summary>
    public bool IsRecorded { get; init; } = true;

    /// <summary>Whether it may be given several times on the command line: the texts then stand behind one another, with spaces between. The default is false.</summary>
    public bool IsRepeatable { get; init; }

    /// <summary>Whether the option needs no value.</summary>
    public bool IsFlag => ValueName is null;

    /// <summary>The value where none is given.</summary>
    public abstract object? Default { get; }

    /// <summary>Whether <c>none</c> is a value of its own.</summary>
    internal abstract bool AllowsNone { get; }

    /// <summary>Reads a value from text.</summary>
    /// <param name="text">As typed.</param>
    /// <exception cref="FormatException">The text is no such value; the message says what is expected.</exception>
    public abstract object? Read(string text);

    /// <summary>An option that is false unless given.</summary>
    /// <param name="name">Kebab-case.</param>
    /// <param name="help">One sentence, without a full stop.</param>
    /// <param name="group">Heading in help.</param>
    public static OptionDescription<bool> Flag(string name, string help, string group = "Options") => new(name, help, OptionText.Bool, false) { Group = group };

    /// <summary>An option of any text.</summary>
    /// <param name="name">Kebab-case.</param>
    /// <param name="valueName">Placeholder in help, for example <c>FOLDER</c>.</param>
    /// <param name="help">One sentence, without a full stop.</param>
    /// <param name="fallback">The value where none is given.</param>
    /// <param name="group">Heading in help.</param>
    public static OptionDescription<string?> Text(string name, string valueName, string help, string? fallback = null, string group = "Options") =>
        new(name, help, text => text, fallback) { ValueName = valueName, DefaultText = fallback, Group = group };

    /// <summary>An option of any kind.</summary>
    /// <param name="name">Kebab-case.</param>
    /// <param name="valueName">Placeholder in help, for example <c>N</c>.</param>
    /// <param name="help">One sentence, without a full stop.</param>
    /// <param name="read">From text; throws <see cref="FormatException"/> with what is expected.</param>
    /// <param name="fallback">The value where none is given.</param>
    /// <param name="group">Heading in help.</param>
    /// <param name="defaultText">The default in help; null for <paramref name="fallback"/> as text.</param>
    public static OptionDescription<T> Of<T>(
        string name, string valueName, string help, Func<string, T> read, T fallback, string group = "Options", string? defaultText = null) =>
        new(name, help, read, fallback) { ValueName = valueName, Group = group, DefaultText = defaultText ?? (fallback is null ? null : OptionText.Of(fallback)) };
}

/// <summary>An option of one type.</summary>
/// <typeparam name="T">Type of its values.</typeparam>
public sealed class OptionDescription<T> : OptionDescription
{
    readonly Func<string, T> _read;

    /// <summary>Describes an option.</summary>
    /// <param name="name">Kebab-case.</param>
    /// <param name="help">One sentence, without a full stop.</param>
    /// <param name="read">From text; throws <see cref="FormatException"/> with what is expected.</param>
    /// <param name="fallback">The value where none is given.</param>
    public OptionDescription(string name, string help, Func<string, T> read, T fallback)
        : base(name, help, KindOf())
    {
        ArgumentNullException.ThrowIfNull(read);
        _read = read;
        Fallback = fallback;
        if (ValueType.IsEnum)
            Choices = [.. Enum.GetNames(ValueType).Select(OptionText.Kebab)];
    }

    /// <summary>The value where none is given.</summary>
    public T Fallback { get; }

    /// <inheritdoc/>
    public override object? Default => Fallback;

    internal override bool AllowsNone => default(T) is null && (Fallback is not null || ReadsNone());

    // Of options that are off by default, their reader alone knows.
    bool ReadsNone()
    {
        try
        {
            return _read(OptionText.Of(null)) is null;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    static Type ValueType => Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);

    /// <inheritdoc/>
    public override object? Read(string text) => _read(text);

    static OptionKind KindOf()
    {
        var type = ValueType;
        if (type.IsEnum)
            return OptionKind.Choice;
        return type == typeof(bool) ? OptionKind.Flag
            : type == typeof(int) || type == typeof(ulong) ? OptionKind.Integer
            : type == typeof(float) || type == typeof(double) ? OptionKind.Number
            : type == typeof(TimeSpan) ? OptionKind.Duration
            : type == typeof(long) ? OptionKind.Bytes
            : type == typeof(ImageSize) ? OptionKind.Size
            : type == typeof(Uri) ? OptionKind.Address
            : OptionKind.Text;
    }
}
