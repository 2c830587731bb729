using System.Collections.Immutable;

namespace MlNetCifar.Experiments;

/// <summary>An option that is a property of <typeparamref name="TOptions"/>.</summary>
/// <typeparam name="TOptions">Immutable options.</typeparam>
internal sealed class OptionBinding<TOptions>
{
    readonly Func<TOptions, object?> _get;
    readonly Func<TOptions, object?, TOptions> _set;

    internal OptionBinding(OptionDescription description, string property, Func<TOptions, object?> get, Func<TOptions, object?, TOptions> set) =>
        (Description, Property, _get, _set) = (description, property, get, set);

    /// <summary>Name, help, default and reader.</summary>
    public OptionDescription Description { get; }

    /// <summary>Name of the property in C#.</summary>
    public string Property { get; }

    /// <summary>The property's value.</summary>
    /// <param name="options">Where it is read.</param>
    public object? Get(TOptions options) => _get(options);

    /// <summary>The options with another value.</summary>
    /// <param name="options">Not changed.</param>
    /// <param name="value">As <see cref="OptionDescription.Read"/> gives it.</param>
    public TOptions Set(TOptions options, object? value) => _set(options, value);
}

/// <summary>All options of one record, described once.</summary>
/// <typeparam name="TOptions">Immutable options.</typeparam>
public sealed class OptionTable<TOptions>
    where TOptions : new()
{
    readonly Dictionary<string, OptionBinding<TOptions>> _byName;
    readonly Dictionary<OptionDescription, OptionBinding<TOptions>> _byDescription;
    readonly ImmutableArray<OptionRange<TOptions>> _ranges;

    /// <summary>Makes the table, and tells the descriptions their ranges.</summary>
    internal OptionTable(ImmutableArray<OptionRange<TOptions>> ranges, params IEnumerable<OptionBinding<TOptions>> bindings)
    {
        All = [.. bindings];
        _ranges = ranges;
        _byName = All.ToDictionary(binding => binding.Description.Name);
        _byDescription = All.ToDictionary(binding => binding.Description);
        foreach (var range in ranges)
        {
            if (Of(range) is { } option)
                (option.Range, option.Minimum, option.Maximum) = (range.Text, Finite(range.Minimum), Finite(range.Maximum));
        }
    }

    /// <summary>All of them, in the order of help.</summary>
    internal ImmutableArray<OptionBinding<TOptions>> All { get; }

    /// <summary>Their descriptions, in the order of help.</summary>
    public IEnumerable<OptionDescription> Descriptions => All.Select(binding => binding.Description);

    /// <summary>An option by name.</summary>
    /// <param name="name">In kebab-case.</param>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public OptionDescription this[string name] => _byName[name].Description;

    /// <summary>An option by name.</summary>
    /// <typeparam name="T">Type of its values.</typeparam>
    /// <param name="name">In kebab-case.</param>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public OptionDescription<T> Find<T>(string name) => (OptionDescription<T>)this[name];

    /// <summary>The binding of an option; null where it belongs to other options.</summary>
    /// <param name="option">A description.</param>
    internal OptionBinding<TOptions>? Find(OptionDescription option) => _byDescription.GetValueOrDefault(option);

    /// <summary>Options with the values given; values of options that are not in this table are left alone.</summary>
    /// <param name="options">What holds where nothing is given.</param>
    /// <param name="values">The values.</param>
    public TOptions Apply(TOptions options, OptionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        foreach (var binding in All)
        {
            if (values.IsGiven(binding.Description))
                options = binding.Set(options, values.Given(binding.Description));
        }

        return options;
    }

    /// <summary>What is out of range or no value of its enumeration, each in words, by the name that the caller used.</summary>
    /// <param name="options">The options.</param>
    /// <param name="asOptions">Whether that is the option's name rather than the property's.</param>
    internal IEnumerable<string> Faults(TOptions options, bool asOptions)
    {
        foreach (var range in _ranges)
        {
            if (range.Read(options) is var value && !range.Contains(value))
                yield return $"{(asOptions && Of(range) is { } option ? option.Option : range.Name)} is {OptionText.Of(value)}, expected {range.Text}";
        }

        foreach (var binding in All)
        {
            if (binding.Get(options) is Enum value && !Enum.IsDefined(value.GetType(), value))
                yield return $"{(asOptions ? binding.Description.Option : binding.Property)} is {value}, expected one of {string.Join(", ", Enum.GetNames(value.GetType()))}";
        }
    }

    OptionDescription? Of(OptionRange<TOptions> range) => All.FirstOrDefault(binding => binding.Property == range.Name)?.Description;

    static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
