namespace MlNetCifar;

/// <summary>Finds the name that somebody meant who typed another. Thread-safe.</summary>
internal static class Spelling
{
    const int LongestSlip = 3;

    /// <summary>The name nearest to what was typed; case and leading dashes do not matter.</summary>
    /// <param name="typed">As typed.</param>
    /// <param name="names">All names there are.</param>
    /// <returns>
    /// The name with the fewest slips (a letter left out, added, changed, or two exchanged), at most one in three letters and three in all; else the first that
    /// begins with what was typed, or has it as a word; null where none is like it.
    /// </returns>
    public static string? Closest(string typed, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(typed);
        ArgumentNullException.ThrowIfNull(names);
        var plain = Plain(typed);
        if (plain.Length == 0)
            return null;
        string[] known = [.. names];
        var allowed = Math.Clamp(plain.Length / 3, 1, LongestSlip);
        var best = known.Select(name => (Name: name, Slips: Slips(plain, Plain(name)))).Where(found => found.Slips <= Math.Min(allowed, Plain(found.Name).Length - 1))
            .OrderBy(found => found.Slips).FirstOrDefault();
        return best.Name ?? (plain.Length < 3 ? null : known.FirstOrDefault(name => Plain(name).StartsWith(plain, StringComparison.Ordinal))
            ?? known.FirstOrDefault(name => Plain(name).Split('-').Contains(plain)));
    }

    /// <summary>A question to end an error with: <c>Did you mean 'train'?</c> with a blank before it; empty where no name is like what was typed.</summary>
    /// <param name="typed">As typed.</param>
    /// <param name="names">All names there are.</param>
    public static string Question(string typed, IEnumerable<string> names) => Closest(typed, names) is { } name ? $" Did you mean '{name}'?" : "";

    static string Plain(string text) => text.TrimStart('-').ToLowerInvariant().Replace('_', '-');

    /// <summary>Distance of Damerau and Levenshtein in its restricted form: no part is changed twice.</summary>
    static int Slips(string a, string b)
    {
        var (before, last, now) = (new int[b.Length + 1], new int[b.Length + 1], new int[b.Length + 1]);
        for (var j = 0; j <= b.Length; j++)
            last[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            now[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                now[j] = Math.Min(Math.Min(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    now[j] = Math.Min(now[j], before[j - 2] + 1);
            }

            (before, last, now) = (last, now, before);
        }

        return last[b.Length];
    }
}
