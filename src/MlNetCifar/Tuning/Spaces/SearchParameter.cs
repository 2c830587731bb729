using System.Collections.Immutable;
using System.Globalization;

namespace MlNetCifar.Tuning;

/// <summary>One axis of a search space: a range of numbers, of whole numbers, or names to choose from. Immutable. Algorithms see it as the interval [0, 1].</summary>
public sealed class SearchParameter
{
    const int Digits = 4;

    SearchParameter(string name, double minimum, double maximum, bool isLogarithmic, bool isInteger, ImmutableArray<string> choices)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        (Name, Minimum, Maximum, IsLogarithmic, IsInteger, Choices) = (name, minimum, maximum, isLogarithmic, isInteger, choices);
    }

    /// <summary>What it is called: of a sweep, the name of an option without dashes, for example <c>learning-rate</c>.</summary>
    public string Name { get; }

    /// <summary>Least value; 0 where there are <see cref="Choices"/>.</summary>
    public double Minimum { get; }

    /// <summary>Largest value; 0 where there are <see cref="Choices"/>.</summary>
    public double Maximum { get; }

    /// <summary>Whether ratios count rather than differences.</summary>
    public bool IsLogarithmic { get; }

    /// <summary>Whether values are whole numbers.</summary>
    public bool IsInteger { get; }

    /// <summary>Names to choose from, at least two; empty for a range.</summary>
    public ImmutableArray<string> Choices { get; }

    /// <summary>Whether it is a choice of names.</summary>
    internal bool IsChoice => !Choices.IsEmpty;

    /// <summary>How many values there are; ∞ for a range of numbers.</summary>
    internal double Count => IsChoice ? Choices.Length : IsInteger ? Maximum - Minimum + 1 : double.PositiveInfinity;

    /// <summary>A range of numbers.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="minimum">Least value; above 0 where ratios count.</param>
    /// <param name="maximum">Largest value, above the least.</param>
    /// <param name="logarithmic">Whether ratios count rather than differences.</param>
    /// <exception cref="MlNetCifarException">The range is empty, inverted, infinite, or logarithmic and not above 0 (MNC3202).</exception>
    public static SearchParameter Number(string name, double minimum, double maximum, bool logarithmic = false) =>
        new(name, Low(name, minimum, maximum, logarithmic), maximum, logarithmic, false, []);

    /// <summary>A range of whole numbers.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="minimum">Least value; above 0 where ratios count.</param>
    /// <param name="maximum">Largest value, above the least.</param>
    /// <param name="logarithmic">Whether ratios count rather than differences.</param>
    /// <exception cref="MlNetCifarException">The range is empty, inverted, or logarithmic and not above 0 (MNC3202).</exception>
    public static SearchParameter Integer(string name, int minimum, int maximum, bool logarithmic = false) =>
        new(name, Low(name, minimum, maximum, logarithmic), maximum, logarithmic, true, []);

    /// <summary>Names to choose from.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="choices">At least two, none twice.</param>
    /// <exception cref="MlNetCifarException">There are fewer than two, or one is there twice (MNC3202).</exception>
    public static SearchParameter Choice(string name, params ImmutableArray<string> choices)
    {
        if (choices.Length < 2)
            throw TuningErrors.Range(name, FormattableString.Invariant($"has {choices.Length} value{(choices.Length == 1 ? "" : "s")}"), "at least two; a value that stays is an option of the sweep itself");
        if (choices.GroupBy(choice => choice, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw TuningErrors.Range(name, $"has '{twice.Key}' twice", "each value once");
        return new(name, 0, 0, false, false, choices);
    }

    /// <summary>The values in words: <c>0.0001 … 0.01, by ratio</c>.</summary>
    public override string ToString() => IsChoice
        ? $"{Name}={string.Join(',', Choices)}"
        : string.Create(CultureInfo.InvariantCulture, $"{Name}={Minimum}..{Maximum}{(IsLogarithmic ? ":log" : "")}");

    /// <summary>The value at a place of the interval, as text that an option reads: by ratio with five significant digits, else to a ten-thousandth of the range or finer.</summary>
    /// <param name="unit">0 … 1.</param>
    internal string At(double unit)
    {
        // A 0 is added to a result, for -0 is no text of an option.
        unit = Math.Clamp(unit, 0, 1);
        if (IsChoice)
            return Choices[CellOf(unit)];
        if (IsInteger)
            return (Math.Clamp(Math.Round(Between(Minimum - 0.4999999, Maximum + 0.4999999, unit)), Minimum, Maximum) + 0.0).ToString("0", CultureInfo.InvariantCulture);
        var value = Between(Minimum, Maximum, unit);
        value = IsLogarithmic
            ? double.Parse(value.ToString("G5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
            : Math.Round(value, Math.Clamp(Digits - (int)Math.Floor(Math.Log10(Maximum - Minimum)), 0, 15));
        return (Math.Clamp(value, Minimum, Maximum) + 0.0).ToString("R", CultureInfo.InvariantCulture);
    }

    /// <summary>Which of the names a place of the interval stands for.</summary>
    /// <param name="unit">0 … 1.</param>
    internal int CellOf(double unit) => Math.Min((int)(unit * Choices.Length), Choices.Length - 1);

    /// <summary>The place of a value in the interval: the middle of its cell where there are finitely many.</summary>
    /// <param name="text">As <see cref="At"/> gives it.</param>
    /// <exception cref="FormatException">It is no value of the parameter.</exception>
    internal double UnitOf(string text)
    {
        if (IsChoice)
            return Choices.IndexOf(text, StringComparer.Ordinal) is >= 0 and var index ? (index + 0.5) / Choices.Length : throw Foreign(text);
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !(value >= Minimum && value <= Maximum))
            throw Foreign(text);
        return Math.Clamp(IsInteger ? Share(Minimum - 0.4999999, Maximum + 0.4999999, value) : Share(Minimum, Maximum, value), 0, 1);
    }

    FormatException Foreign(string text) => new($"'{text}' is no value of {this}");

    // A range of whole numbers from 1 on has its logarithm at the cells' edges, too: 0.5 is above 0.
    double Between(double low, double high, double unit) =>
        IsLogarithmic ? Math.Exp(Math.Log(low) + (unit * (Math.Log(high) - Math.Log(low)))) : low + (unit * (high - low));

    double Share(double low, double high, double value) =>
        IsLogarithmic ? (Math.Log(value) - Math.Log(low)) / (Math.Log(high) - Math.Log(low)) : (value - low) / (high - low);

    static double Low(string name, double minimum, double maximum, bool logarithmic)
    {
        if (!double.IsFinite(minimum) || !double.IsFinite(maximum))
            throw TuningErrors.Range(name, Span(minimum, maximum), "two finite numbers");
        if (minimum >= maximum)
            throw TuningErrors.Range(name, Span(minimum, maximum), "a least value below the largest");
        if (logarithmic && minimum <= 0)
            throw TuningErrors.Range(name, $"{Span(minimum, maximum)}:log", "values above 0, for only these have logarithms");
        return minimum;
    }

    static string Span(double minimum, double maximum) => string.Create(CultureInfo.InvariantCulture, $"is {minimum}..{maximum}");
}
