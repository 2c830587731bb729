using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;

namespace MlNetCifar.Tuning;

/// <summary>A property of an options class that a search chooses from a range, as ML.NET's AutoML has it. Of <see cref="int"/> whole numbers, of <see cref="float"/> and <see cref="double"/> any.</summary>
/// <param name="min">Least value; above 0 with <paramref name="logBase"/>.</param>
/// <param name="max">Largest value, above the least.</param>
/// <param name="logBase">Whether ratios count rather than differences. The default is false.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RangeAttribute(double min, double max, bool logBase = false) : Attribute
{
    /// <summary>Least value.</summary>
    public double Min { get; } = min;

    /// <summary>Largest value.</summary>
    public double Max { get; } = max;

    /// <summary>Whether ratios count rather than differences.</summary>
    public bool LogBase { get; } = logBase;
}

/// <summary>A property of an options class that a search chooses from values, as ML.NET's AutoML has it. Of texts, numbers, booleans and enumerations.</summary>
/// <param name="candidates">At least two; none, where the property is a boolean or an enumeration, for all it has.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ChoiceAttribute(params object[] candidates) : Attribute
{
    /// <summary>The values.</summary>
    public IReadOnlyList<object> Candidates { get; } = candidates;
}

/// <summary>Spaces of options classes, and options of trials.</summary>
internal static class SpaceAttributes
{
    public const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicProperties | DynamicallyAccessedMemberTypes.PublicParameterlessConstructor;

    /// <summary>A parameter for each property with an attribute, by the property's name.</summary>
    public static IEnumerable<SearchParameter> Of([DynamicallyAccessedMembers(Needed)] Type type) => type.GetProperties().Select(Parameter).OfType<SearchParameter>();

    /// <summary>Sets the properties of an instance.</summary>
    public static void Fill([DynamicallyAccessedMembers(Needed)] Type type, object options, TrialSettings settings)
    {
        foreach (var property in type.GetProperties().Where(p => settings.Parameters.Any(pair => pair.Key == p.Name)))
            property.SetValue(options, Value(property.PropertyType, settings.Text(property.Name)));
    }

    static SearchParameter? Parameter(PropertyInfo property)
    {
        if (property.GetCustomAttribute<RangeAttribute>() is { } range)
            return property.PropertyType == typeof(int)
                ? SearchParameter.Integer(property.Name, Whole(property.Name, range.Min), Whole(property.Name, range.Max), range.LogBase)
                : property.PropertyType == typeof(float) || property.PropertyType == typeof(double)
                    ? SearchParameter.Number(property.Name, range.Min, range.Max, range.LogBase)
                    : throw TuningErrors.Range(property.Name, $"is a range of {property.PropertyType.Name}", "one of int, float or double");
        if (property.GetCustomAttribute<ChoiceAttribute>() is not { } choice)
            return null;
        var texts = choice.Candidates.Count > 0 ? choice.Candidates.Select(Text)
            : property.PropertyType == typeof(bool) ? [bool.FalseString, bool.TrueString]
            : property.PropertyType.IsEnum ? Enum.GetNames(property.PropertyType)
            : throw TuningErrors.Range(property.Name, "has no values", "at least two");
        return SearchParameter.Choice(property.Name, [.. texts]);
    }

    static object Value(Type type, string text) => type.IsEnum ? Enum.Parse(type, text) : Convert.ChangeType(text, type, CultureInfo.InvariantCulture);

    static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;

    static int Whole(string name, double value) => value == Math.Floor(value) && Math.Abs(value) <= int.MaxValue
        ? (int)value
        : throw TuningErrors.Range(name, string.Create(CultureInfo.InvariantCulture, $"begins or ends at {value}"), "whole numbers");
}
