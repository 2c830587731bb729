using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MlNetCifar.Experiments;

/// <summary>
/// Values of options from and to text, the same way on the command line, in variables and in files. Readers throw <see cref="FormatException"/> whose message
/// says what is expected.
/// </summary>
public static partial class OptionText
{
    const string None = "none";

    /// <summary>A question to end an error with: <c>Did you mean 'train'?</c> with a blank before it; empty where no name is like what was typed.</summary>
    /// <param name="typed">As typed; case and leading dashes do not matter.</param>
    /// <param name="names">All names there are.</param>
    public static string DidYouMean(string typed, IEnumerable<string> names) => Spelling.Question(typed, names);

    /// <summary>True or false; also 1, yes, on and 0, no, off.</summary>
    /// <param name="text">Case does not matter.</param>
    public static bool Bool(string text) => text.ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "on" => true,
        "false" or "0" or "no" or "off" => false,
        _ => throw new FormatException("true or false"),
    };

    /// <summary>A whole number.</summary>
    /// <param name="text">Digits with an optional sign.</param>
    public static int Int(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : throw new FormatException("a whole number");

    /// <summary>A whole number, at least 1.</summary>
    /// <param name="text">Digits.</param>
    public static int Positive(string text) => Int(text) is >= 1 and var value ? value : throw new FormatException("a whole number, at least 1");

    /// <summary>A whole number, or null for <c>none</c>.</summary>
    /// <param name="text">Digits with an optional sign.</param>
    internal static int? IntOrNone(string text) => IsNone(text) ? null : Int(text);

    /// <summary>A whole number, at least 0, of 64 bits.</summary>
    /// <param name="text">Digits.</param>
    public static ulong Seed(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : throw new FormatException("a whole number, at least 0");

    /// <summary>A finite number.</summary>
    /// <param name="text">With a point for the fraction and an optional exponent.</param>
    public static float Number(string text) =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && float.IsFinite(value) ? value : throw new FormatException("a number");

    /// <summary>A finite number, or null for <c>none</c>.</summary>
    /// <param name="text">With a point for the fraction and an optional exponent.</param>
    internal static float? NumberOrNone(string text) => IsNone(text) ? null : Number(text);

    /// <summary>A number from 0 to 1, 1 excluded.</summary>
    /// <param name="text">With a point for the fraction.</param>
    public static double Fraction(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0 and < 1
            ? value
            : throw new FormatException("a number from 0 to 1, 1 excluded");

    /// <summary>Bytes, above 0, or null for <c>none</c>.</summary>
    /// <param name="text">Digits with an optional k, m or g (of 1,024).</param>
    public static long? Bytes(string text)
    {
        if (text.Length == 0 || IsNone(text))
            return null;
        var shift = char.ToLowerInvariant(text[^1]) switch { 'k' => 10, 'm' => 20, 'g' => 30, _ => 0 };
        return long.TryParse(shift == 0 ? text : text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= long.MaxValue >> shift
            ? number << shift
            : throw new FormatException("a size, for example 512m or 2g");
    }

    /// <summary>A number of pixels, above 0.</summary>
    /// <param name="text">Digits with an optional k, m or g (of 1,000).</param>
    public static long Pixels(string text)
    {
        var factor = text.Length == 0 ? 1 : char.ToLowerInvariant(text[^1]) switch { 'k' => 1_000, 'm' => 1_000_000, 'g' => 1_000_000_000, _ => 1L };
        return long.TryParse(factor == 1 ? text : text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= long.MaxValue / factor
            ? number * factor
            : throw new FormatException("a number of pixels, for example 89000000 or 200m");
    }

    /// <summary>A duration, or null for <c>none</c>.</summary>
    /// <param name="text">Such as 90s, 15m, 1h30m or 00:15:00.</param>
    internal static TimeSpan? Duration(string text)
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

    /// <summary>A duration above 0.</summary>
    /// <param name="text">Such as 90s, 15m, 1h30m or 00:15:00.</param>
    public static TimeSpan Limit(string text) => Duration(text) is { } time && time > TimeSpan.Zero ? time : throw new FormatException("a duration such as 90s, 15m or 1h30m");

    /// <summary>One side, or width and height, up to 4096.</summary>
    /// <param name="text">64 or 64x48.</param>
    public static ImageSize Size(string text)
    {
        var parts = text.Split('x', 'X', '×');
        if (parts.Length is 1 or 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var width)
            && int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var height) && width is >= 1 and <= 4096 && height is >= 1 and <= 4096)
            return new(width, height);
        throw new FormatException("a size such as 64 or 64x48, up to 4096");
    }

    /// <summary>An address of http or https, or null for <c>none</c>.</summary>
    /// <param name="text">Such as http://localhost:5000.</param>
    public static Uri? Address(string text)
    {
        if (IsNone(text))
            return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new FormatException("an address, for example http://localhost:5000; in a password / is written %2F, @ %40 and : %3A");
    }

    /// <summary>One of the names of an enumeration.</summary>
    /// <typeparam name="T">The enumeration.</typeparam>
    /// <param name="text">In kebab-case; case does not matter.</param>
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

    /// <summary>All names of an enumeration in kebab-case, separated by commas.</summary>
    /// <typeparam name="T">The enumeration.</typeparam>
    public static string Choices<T>()
        where T : struct, Enum
        => string.Join(", ", Enum.GetValues<T>().Select(v => Kebab(v.ToString())));

    /// <summary>A value as text that its reader takes back.</summary>
    /// <param name="value">Null is <c>none</c>.</param>
    public static string Of(object? value) => value switch
    {
        null => None,
        bool flag => flag ? "true" : "false",
        TimeSpan span => Of(span),
        Enum choice => Kebab(choice.ToString()),
        Uri address => address.OriginalString,
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    /// <summary>A duration as text: 1h30m, 1.5s.</summary>
    /// <param name="span">To the millisecond.</param>
    public static string Of(TimeSpan span)
    {
        var text = new StringBuilder();
        if (span.TotalHours >= 1)
            text.Append(CultureInfo.InvariantCulture, $"{(int)span.TotalHours}h");
        if (span.Minutes > 0)
            text.Append(CultureInfo.InvariantCulture, $"{span.Minutes}m");
        var seconds = span.TotalSeconds - (60 * Math.Floor(span.TotalMinutes));
        if (seconds > 0 || text.Length == 0)
            text.Append(CultureInfo.InvariantCulture, $"{seconds:0.###}s");
        return text.ToString();
    }

    /// <summary>A number of bytes for people: 1.5 MiB.</summary>
    /// <param name="bytes">How many.</param>
    public static string OfBytes(double bytes) => bytes switch
    {
        >= 1L << 30 => FormattableString.Invariant($"{bytes / (1L << 30):0.0} GiB"),
        >= 1L << 20 => FormattableString.Invariant($"{bytes / (1L << 20):0.0} MiB"),
        >= 1L << 10 => FormattableString.Invariant($"{bytes / (1L << 10):0.0} KiB"),
        _ => FormattableString.Invariant($"{bytes:0} B"),
    };

    /// <summary>A name of C# as a name of options: BatchSize is batch-size.</summary>
    /// <param name="name">In Pascal case.</param>
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

    static bool IsNone(string text) => text.Equals(None, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"^(?:(?<h>\d+(?:\.\d+)?)h)?(?:(?<m>\d+(?:\.\d+)?)m)?(?:(?<s>\d+(?:\.\d+)?)s)?$", RegexOptions.CultureInvariant)]
    private static partial Regex DurationPattern();
}
