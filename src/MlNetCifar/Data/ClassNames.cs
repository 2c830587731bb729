namespace MlNetCifar.Data;

/// <summary>The names of classes. Labels are numbers: where two sources call them otherwise, figures over both mean nothing.</summary>
internal static class ClassNames
{
    const int Named = 5;

    /// <summary>What sets a source apart from another, in words; null where both have the same size, channels and classes.</summary>
    public static string? Difference(ImageSource found, ImageSource expected)
    {
        var (own, other) = (Size(found), Size(expected));
        return own == other ? Difference(found.Classes, expected.Classes) : $"found images of {own}; expected {other}";
    }

    /// <summary>What sets names apart from others, in words; null where both are the same in the same order.</summary>
    public static string? Difference(IReadOnlyList<string> found, IReadOnlyList<string> expected)
    {
        if (found.SequenceEqual(expected, StringComparer.Ordinal))
            return null;
        if (found.SequenceEqual(expected, StringComparer.OrdinalIgnoreCase))
            return FormattableString.Invariant($"the class '{FirstOther(found, expected)}' is called '{FirstOther(expected, found)}' there: names differ in case");
        string[] more = [.. found.Except(expected, StringComparer.Ordinal)], missing = [.. expected.Except(found, StringComparer.Ordinal)];
        if (more.Length + missing.Length == 0 && found.Count == expected.Count)
            return FormattableString.Invariant($"the same classes in another order: found {Listed(found)}; expected {Listed(expected)}");
        return FormattableString.Invariant($"found {found.Count} classes, expected {expected.Count}{Part("; unknown", more)}{Part("; missing", missing)}");
    }

    /// <summary>The known name that differs from one in case alone; null for none.</summary>
    public static string? InOtherCase(string name, IReadOnlyList<string> known) => known.FirstOrDefault(k => string.Equals(k, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Names, the first few of many.</summary>
    public static string Listed(IReadOnlyList<string> names) => names.Count <= Named
        ? string.Join(", ", names)
        : FormattableString.Invariant($"{string.Join(", ", names.Take(Named - 1))} and {names.Count - Named + 1:N0} more");

    /// <summary>The classes without an image, in words; null for none.</summary>
    public static string? Absent(IReadOnlyList<string> classes, Predicate<int> present)
    {
        string[] absent = [.. classes.Where((_, i) => !present(i))];
        return absent.Length switch
        {
            0 => null,
            1 => $"class '{absent[0]}'",
            _ => FormattableString.Invariant($"{absent.Length:N0} classes ({Listed(absent)})"),
        };
    }

    /// <summary>The names, if there are some, each once.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    public static IReadOnlyList<string> Checked(IReadOnlyList<string> names, string parameter)
    {
        if (names.Any(string.IsNullOrEmpty))
            throw new ArgumentException("A class has no name.", parameter);
        return Twice(names) is { } name ? throw new ArgumentException($"Two classes are called '{name}'.", parameter) : names;
    }

    /// <summary>A name that stands twice; null for none.</summary>
    public static string? Twice(IReadOnlyList<string> names) => names.GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.Key;

    static string Size(ImageSource source) => FormattableString.Invariant($"{source.Width}×{source.Height}×{source.Channels}");

    static string FirstOther(IReadOnlyList<string> names, IReadOnlyList<string> others) => names.Where((name, i) => name != others[i]).First();

    static string Part(string what, string[] names) => names.Length == 0 ? "" : $"{what}: {Listed(names)}";
}
