namespace MlNetCifar.Experiments;

/// <summary>Where values of options come from: a command line, the environment, a file.</summary>
/// <param name="Find">The text given for an option; null for none.</param>
/// <param name="Name">What errors call the option there, for example <c>--epochs</c>.</param>
public sealed record OptionSource(Func<OptionDescription, string?> Find, Func<OptionDescription, string> Name)
{
    /// <summary>A configuration file, for example a run's <c>args.json</c>: one flat JSON object, names in kebab-case; nulls are left out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">All options that it may name.</param>
    /// <exception cref="MlNetCifarException">It cannot be read, is no flat JSON object, or names an unknown option (MNC9003).</exception>
    public static OptionSource Read(string path, IEnumerable<OptionDescription> options) => OptionFile.Read(path, options);
}

/// <summary>Values given to options; those without one have their defaults.</summary>
public sealed class OptionValues
{
    readonly Dictionary<OptionDescription, object?> _given = [];

    /// <summary>Reads values; for each option the first source that has one decides.</summary>
    /// <param name="options">All options there are.</param>
    /// <param name="sources">In the order of precedence.</param>
    /// <exception cref="MlNetCifarException">A value cannot be read (MNC9002).</exception>
    public OptionValues(IEnumerable<OptionDescription> options, params IEnumerable<OptionSource> sources)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(sources);
        Options = [.. options];
        OptionSource[] ordered = [.. sources];
        foreach (var option in Options)
        {
            foreach (var source in ordered)
            {
                if (source.Find(option) is not { } text)
                    continue;
                _given[option] = Read(option, text, source.Name(option));
                break;
            }
        }
    }

    /// <summary>Reads values from a configuration file, for example a run's <c>args.json</c>.</summary>
    /// <param name="path">A JSON object of names and values.</param>
    /// <param name="options">All options there are.</param>
    /// <exception cref="MlNetCifarException">The file is no such object or names an unknown option (MNC9003), or a value cannot be read (MNC9002).</exception>
    public static OptionValues Load(string path, IEnumerable<OptionDescription> options)
    {
        OptionDescription[] all = [.. options];
        return new OptionValues(all, OptionFile.Read(path, all));
    }

    /// <summary>All options there are, in the order of help.</summary>
    public IReadOnlyList<OptionDescription> Options { get; }

    /// <summary>Whether a value was given.</summary>
    /// <param name="option">One of <see cref="Options"/>.</param>
    public bool IsGiven(OptionDescription option) => _given.ContainsKey(option);

    /// <summary>The value given, or the default.</summary>
    /// <typeparam name="T">Type of its values.</typeparam>
    /// <param name="option">One of <see cref="Options"/>.</param>
    public T Get<T>(OptionDescription<T> option)
    {
        ArgumentNullException.ThrowIfNull(option);
        return _given.TryGetValue(option, out var value) ? (T)value! : option.Fallback;
    }

    /// <summary>The value given; null where none was.</summary>
    /// <param name="option">One of <see cref="Options"/>.</param>
    public object? Given(OptionDescription option) => _given.GetValueOrDefault(option);

    /// <summary>The value of an option that has no default.</summary>
    /// <param name="option">One of <see cref="Options"/>.</param>
    /// <exception cref="MlNetCifarException">None was given (MNC9004).</exception>
    public string Required(OptionDescription<string?> option) => Get(option) ?? throw OptionErrors.Missing(option);

    /// <summary>The value in the end, as it is recorded.</summary>
    internal object? Effective(OptionDescription option) => IsGiven(option) ? Given(option) : option.Default;

    static object? Read(OptionDescription option, string text, string origin)
    {
        try
        {
            return option.Read(text);
        }
        catch (FormatException e)
        {
            throw OptionErrors.Value(origin, text, e.Message, option.Choices);
        }
    }
}
