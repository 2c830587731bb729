using System.Collections.Immutable;
using System.Globalization;

namespace MlNetCifar;

/// <summary>The values that a number among options may have: declared once, for checks, help, documentation and search.</summary>
/// <typeparam name="TOptions">Options with defaults.</typeparam>
/// <param name="Name">Name of the property.</param>
/// <param name="Read">The property: an integer, a floating-point number or a duration; null for "not set", which is always allowed.</param>
/// <param name="Minimum">Least value, in seconds for a duration; −∞ for none.</param>
/// <param name="Maximum">Largest value, in seconds for a duration; ∞ for none.</param>
internal sealed record OptionRange<TOptions>(string Name, Func<TOptions, object?> Read, double Minimum, double Maximum = double.PositiveInfinity)
    where TOptions : new()
{
    /// <summary>Whether <see cref="Minimum"/> itself is out of range.</summary>
    public bool Above { get; init; }

    /// <summary>Whether <see cref="Maximum"/> itself is out of range.</summary>
    public bool Below { get; init; }

    /// <summary>The value where nothing is chosen; null for "not set".</summary>
    public object? Default => Read(new TOptions());

    /// <summary>The range in words, for example <c>above 0, at most 1</c>.</summary>
    public string Text => (double.IsFinite(Minimum), double.IsFinite(Maximum)) switch
    {
        (true, true) when !Above && !Below => string.Create(CultureInfo.InvariantCulture, $"{Minimum} … {Maximum}"),
        (true, true) => $"{Low}, {High}",
        (true, false) => Low,
        (false, true) => High,
        _ => "a finite number",
    };

    string Low => string.Create(CultureInfo.InvariantCulture, $"{(Above ? "above" : "at least")} {Minimum}");

    string High => string.Create(CultureInfo.InvariantCulture, $"{(Below ? "below" : "at most")} {Maximum}");

    /// <summary>Whether a value is in range; infinities and NaN never are.</summary>
    /// <param name="value">Of a kind that <see cref="Read"/> gives.</param>
    public bool Contains(object? value)
    {
        if (value is null)
            return true;
        var number = value is TimeSpan time ? time.TotalSeconds : Convert.ToDouble(value, CultureInfo.InvariantCulture);
        return double.IsFinite(number) && (Above ? number > Minimum : number >= Minimum) && (Below ? number < Maximum : number <= Maximum);
    }
}

/// <summary>Checks options against their ranges.</summary>
internal static class OptionRanges
{
    /// <summary>What is out of range, each in words: name, value and range.</summary>
    public static IEnumerable<string> Faults<TOptions>(this ImmutableArray<OptionRange<TOptions>> ranges, TOptions options)
        where TOptions : new()
    {
        foreach (var range in ranges)
        {
            if (range.Read(options) is var value && !range.Contains(value))
                yield return string.Create(CultureInfo.InvariantCulture, $"{range.Name} is {value}, expected {range.Text}");
        }
    }
}
