using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MlNetCifar.App.Cli;

/// <summary>Values from and to text, the same way on the command line, in variables and in files. Readers throw <see cref="FormatException"/> with what is expected.</summary>
internal static partial class Texts
{
    public static bool Bool(string text) => text.ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "on" => true,
        "false" or "0" or "no" or "off" => false,
        _ => throw new FormatException("true or false"),
    };

    public static int Int(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : throw new FormatException("a whole number");

    public static int Positive(string text) => Int(text) is >= 1 and var value ? value : throw new FormatException("a whole number, at least 1");

    public static int? IntOrNone(string text) => IsNone(text) ? null : Int(text);

    public static ulong Seed(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : throw new FormatException("a whole number, at least 0");

    public static float Number(string text) =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && float.IsFinite(value) ? value : throw new FormatException("a number");

    public static float? NumberOrNone(string text) => IsNone(text) ? null : Number(text);

    public static double Fraction(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0 and < 1
            ? value
            : throw new FormatException("a number from 0 to 1, 1 excluded");

    /// <summary>Bytes, with an optional k, m or g (of 1,024).</summary>
    public static long? Bytes(string text)
    {
        if (text.Length == 0 || IsNone(text))
            return null;
        var shift = char.ToLowerInvariant(text[^1]) switch { 'k' => 10, 'm' => 20, 'g' => 30, _ => 0 };
        return long.TryParse(shift == 0 ? text : text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= long.MaxValue >> shift
            ? number << shift
            : throw new FormatException("a size, for example 512m or 2g");
    }

    /// <summary>A duration such as 90s, 15m, 1h30m or 00:15:00.</summary>
    public static TimeSpan? Duration(string text)
    {
        if (IsNone(text))
            return null;
        var match = DurationPattern().Match(text);
        if (text.Length > 0 && match.Success)
            return TimeSpan.FromSeconds((3600 * Part(match, "h")) + (60 * Part(match, "m")) + Part(match, "s"));
        return text.Contains(':') && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var span) ? span : throw new FormatException("a duration such as 90s, 15m or 1h30m");

        static double Part(Match match, string name) =>
            match.Groups[name].Success ? double.Parse(match.Groups[name].ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>One side, or width and height: 64 or 64x48.</summary>
    public static (int Width, int Height) Size(string text)
    {
        var parts = text.Split('x', 'X', '×');
        if (parts.Length is 1 or 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var width)
            && int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var height) && width is >= 1 and <= 4096 && height is >= 1 and <= 4096)
            return (width, height);
        throw new FormatException("a size such as 64 or 64x48, up to 4096");
    }

    public static T Choice<T>(string text)
        where T : struct, Enum
    {
        var plain = text.Replace("-", "", StringComparison.Ordinal);
        foreach (var value in Enum.GetValues<T>())
        {
            if (value.ToString().Equals(plain, StringComparison.OrdinalIgnoreCase))
                return value;
        }

        throw new FormatException("one of " + Choices<T>());
    }

    public static string Choices<T>()
        where T : struct, Enum
        => string.Join(", ", Enum.GetValues<T>().Select(v => Kebab(v.ToString())));

    /// <summary>A value as text that its reader takes back.</summary>
    public static string Of(object? value) => value switch
    {
        null => "none",
        bool flag => flag ? "true" : "false",
        TimeSpan span => Of(span),
        Enum choice => Kebab(choice.ToString()),
        ValueTuple<int, int> size => size.Item1 == size.Item2 ? Invariant($"{size.Item1}") : Invariant($"{size.Item1}x{size.Item2}"),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    public static string Of(TimeSpan span)
    {
        var text = new StringBuilder();
        if (span.TotalHours >= 1)
            text.Append(Invariant($"{(int)span.TotalHours}h"));
        if (span.Minutes > 0)
            text.Append(Invariant($"{span.Minutes}m"));
        var seconds = span.TotalSeconds - (60 * Math.Floor(span.TotalMinutes));
        if (seconds > 0 || text.Length == 0)
            text.Append(Invariant($"{seconds:0.###}s"));
        return text.ToString();
    }

    public static string Kebab(string name)
    {
        var text = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsUpper(name[i]) && i + 1 < name.Length && char.IsLower(name[i + 1]))
                text.Append('-');
            text.Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }

    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    static bool IsNone(string text) => text.Equals("none", StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"^(?:(?<h>\d+(?:\.\d+)?)h)?(?:(?<m>\d+(?:\.\d+)?)m)?(?:(?<s>\d+(?:\.\d+)?)s)?$", RegexOptions.CultureInvariant)]
    private static partial Regex DurationPattern();
}
