using System.Globalization;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>Parameters from text.</summary>
internal static class SpaceText
{
    const string Logarithmic = ":log";

    /// <summary>Reads <c>name=values</c>.</summary>
    public static SearchParameter Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at > 0 ? Parse(text[..at].Trim(), text[(at + 1)..].Trim()) : throw TuningErrors.Text(text);
    }

    /// <summary>Reads the values of an option: a range or a list.</summary>
    public static SearchParameter Parse(string name, string values)
    {
        var option = TunableOptions.Find(name);
        var range = values.EndsWith(Logarithmic, StringComparison.Ordinal) ? values[..^Logarithmic.Length] : values;
        var dots = range.IndexOf("..", StringComparison.Ordinal);
        if (dots < 0)
            return range.Length < values.Length ? throw TuningErrors.Text($"{name}={values}") : List(option, values.Split(',', StringSplitOptions.TrimEntries));
        return Range(option, Number(name, values, range[..dots]), Number(name, values, range[(dots + 2)..]), range.Length < values.Length);
    }

    /// <summary>A range of an option that is a number.</summary>
    public static SearchParameter Range(OptionDescription option, double minimum, double maximum, bool logarithmic)
    {
        if (option.Kind is not (OptionKind.Integer or OptionKind.Number))
            throw TuningErrors.Range(option.Name, "is a range", $"values to choose from: {option.Name}={string.Join(',', option.Choices.DefaultIfEmpty("a,b").Take(3))}");
        var parameter = option.Kind == OptionKind.Integer
            ? SearchParameter.Integer(option.Name, Whole(option.Name, minimum), Whole(option.Name, maximum), logarithmic)
            : SearchParameter.Number(option.Name, minimum, maximum, logarithmic);
        TunableOptions.Check(option, parameter.At(0));
        TunableOptions.Check(option, parameter.At(1));
        return parameter;
    }

    /// <summary>Values of an option to choose from.</summary>
    public static SearchParameter List(OptionDescription option, IEnumerable<string> values)
    {
        var parameter = SearchParameter.Choice(option.Name, [.. values]);
        foreach (var value in parameter.Choices)
            TunableOptions.Check(option, value);
        return parameter;
    }

    static double Number(string name, string values, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : throw TuningErrors.Text($"{name}={values}");

    static int Whole(string name, double value) => value == Math.Floor(value) && Math.Abs(value) <= int.MaxValue
        ? (int)value
        : throw TuningErrors.Range(name, string.Create(CultureInfo.InvariantCulture, $"begins or ends at {value}"), "whole numbers");
}
