using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace MlNetCifar.Tuning;

/// <summary>What a sweep chooses among: parameters, each with a range or with names. Immutable.</summary>
public sealed class SearchSpace
{
    /// <summary>A space of parameters.</summary>
    /// <param name="parameters">At least one, each name once.</param>
    /// <exception cref="MlNetCifarException">There is none, or a name is there twice (MNC3203).</exception>
    public SearchSpace(params IEnumerable<SearchParameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameters = [.. parameters];
        if (Parameters.IsEmpty)
            throw TuningErrors.Space("There is nothing to search: the space has no parameter.");
        if (Parameters.GroupBy(p => p.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw TuningErrors.Space($"The space has the parameter '{twice.Key}' twice.");
    }

    /// <summary>The parameters, in the order they were given in.</summary>
    public ImmutableArray<SearchParameter> Parameters { get; }

    /// <summary>How many points there are; ∞ where a parameter is a range of numbers.</summary>
    internal double Count => Parameters.Aggregate(1.0, (count, parameter) => count * parameter.Count);

    /// <summary>Reads parameters as the command line has them; each is checked against the option of that name.</summary>
    /// <param name="texts">Such as <c>learning-rate=1e-4..1e-2:log</c>, <c>dropout=0.1..0.6</c>, <c>batch-size=16..256:log</c> or <c>preset=seed-cnn,advanced-cnn</c>.</param>
    /// <exception cref="MlNetCifarException">A text is no parameter (MNC3201), names no option that can be searched (MNC3204), or has values that the option does not take (MNC3202).</exception>
    public static SearchSpace Parse(params IEnumerable<string> texts) => new(texts.Select(text => SpaceText.Parse(text)));

    /// <summary>
    /// Reads a file: one JSON object, a member for each parameter, whose value is a text as <see cref="Parse"/> takes behind the equals sign, a list of values, or an object
    /// <c>{"min": 1e-4, "max": 1e-2, "log": true}</c>.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <exception cref="MlNetCifarException">It cannot be read or is no such object (MNC3205), or as for <see cref="Parse"/>.</exception>
    public static SearchSpace Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new(SpaceFile.Read(path));
    }

    /// <summary>The space that suits a preset: learning rate, batch size and weight decay, and of networks that have them filters, dense units and dropout.</summary>
    /// <param name="preset">One of <see cref="Architectures.Names"/>.</param>
    /// <exception cref="MlNetCifarException">There is no such preset (MNC2004).</exception>
    public static SearchSpace For(string preset) => Parse(PresetSpaces.Of(preset));

    /// <summary>The space of an options class: a parameter, by the property's name, for each property with a <see cref="RangeAttribute"/> or <see cref="ChoiceAttribute"/>.</summary>
    /// <typeparam name="T">The class; <see cref="TrialSettings.To{T}"/> makes one of a trial.</typeparam>
    /// <exception cref="MlNetCifarException">No property has one (MNC3203), or a range or choice is wrong (MNC3202).</exception>
    public static SearchSpace Of<[DynamicallyAccessedMembers(SpaceAttributes.Needed)] T>() => new(SpaceAttributes.Of(typeof(T)));

    /// <summary>All parameters, as the command line takes them.</summary>
    public override string ToString() => string.Join(' ', Parameters);

    /// <summary>The values at a point.</summary>
    /// <param name="point">A coordinate, 0 … 1, for each parameter.</param>
    internal ImmutableArray<KeyValuePair<string, string>> At(ReadOnlySpan<double> point)
    {
        var values = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>(Parameters.Length);
        for (var i = 0; i < Parameters.Length; i++)
            values.Add(new(Parameters[i].Name, Parameters[i].At(point[i])));
        return values.MoveToImmutable();
    }

    /// <summary>The point of values.</summary>
    /// <param name="values">One for each parameter.</param>
    /// <exception cref="FormatException">A value is missing, or is none of its parameter's.</exception>
    internal double[] PointOf(IEnumerable<KeyValuePair<string, string>> values)
    {
        var texts = values.ToDictionary(StringComparer.Ordinal);
        return [.. Parameters.Select(p => p.UnitOf(texts.GetValueOrDefault(p.Name) ?? throw new FormatException($"{p.Name} has no value")))];
    }
}
