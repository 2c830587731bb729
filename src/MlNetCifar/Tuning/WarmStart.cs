using System.Collections.Immutable;

namespace MlNetCifar.Tuning;

/// <summary>
/// Where a sweep begins: known good values, and the best of earlier sweeps. They are tried first, as trials of this sweep: what they gave elsewhere, on other images or with other options, says nothing here, and what they give
/// here the tuner learns from.
/// </summary>
internal static class WarmStart
{
    /// <summary>Of each earlier sweep.</summary>
    const int BestOfEach = 5;

    const char BetweenValues = ',';
    const char BetweenTrials = ' ';

    /// <summary>Reads sources.</summary>
    /// <param name="sources">Folders of sweeps, or values such as <c>learning-rate=0.003,dropout=0.2</c>, one for each parameter of the space.</param>
    /// <param name="space">What is searched.</param>
    /// <param name="warn">Told of earlier trials that this space does not have.</param>
    /// <returns>Each once, in the order given, those of a sweep the best first.</returns>
    /// <exception cref="MlNetCifarException">A source is neither (MNC3212, MNC3208), or its values are none of the space's (MNC3222).</exception>
    public static IReadOnlyList<ImmutableArray<KeyValuePair<string, string>>> Of(IEnumerable<string> sources, SearchSpace space, Action<string> warn) =>
        [.. sources.SelectMany(source => source.Contains('=', StringComparison.Ordinal) && !Directory.Exists(source) ? [Values(source, space)] : OfSweep(source, space, warn)).DistinctBy(Text)];

    /// <summary>Values as <see cref="Of"/> takes them.</summary>
    public static string Text(IEnumerable<ImmutableArray<KeyValuePair<string, string>>> start) => string.Join(BetweenTrials, start.Select(Text));

    /// <summary>Reads what <see cref="Text(IEnumerable{ImmutableArray{KeyValuePair{string, string}}})"/> gave.</summary>
    public static IReadOnlyList<ImmutableArray<KeyValuePair<string, string>>> OfText(string text, SearchSpace space) =>
        [.. text.Split(BetweenTrials, StringSplitOptions.RemoveEmptyEntries).Select(values => Values(values, space))];

    static string Text(ImmutableArray<KeyValuePair<string, string>> values) => string.Join(BetweenValues, values.Select(pair => $"{pair.Key}={pair.Value}"));

    static ImmutableArray<KeyValuePair<string, string>> Values(string text, SearchSpace space)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in text.Split(BetweenValues, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || !given.TryAdd(pair[..at], pair[(at + 1)..]))
                throw TuningErrors.Start(text, $"'{pair}' is no value of a parameter, or its second");
        }

        if (given.Keys.FirstOrDefault(name => space.Parameters.All(p => p.Name != name)) is { } unknown)
            throw TuningErrors.Start(text, $"'{unknown}' is not searched");
        try
        {
            return Ordered(given, space);
        }
        catch (FormatException e)
        {
            throw TuningErrors.Start(text, e.Message);
        }
    }

    static IEnumerable<ImmutableArray<KeyValuePair<string, string>>> OfSweep(string path, SearchSpace space, Action<string> warn)
    {
        var folder = Path.GetFileName(path) == SweepJournal.FileName ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        if (!SweepJournal.IsIn(folder))
            throw TuningErrors.NoSweep(path);
        var (usable, left) = (new List<ImmutableArray<KeyValuePair<string, string>>>(), 0);
        foreach (var result in SweepJournal.Peek(folder).Results.Where(r => r.State == TrialState.Completed).OrderBy(r => r.Loss).ThenBy(r => r.TrialSettings.TrialId))
        {
            try
            {
                usable.Add(Ordered(result.TrialSettings.Parameters.ToDictionary(StringComparer.Ordinal), space));
            }
            catch (FormatException)
            {
                left++;
            }
        }

        if (left > 0)
            warn(FormattableString.Invariant($"{left} of {left + usable.Count} trials of {path} have values that are not searched here, or lack one, and are left out"));
        return usable.DistinctBy(Text).Take(BestOfEach);
    }

    /// <summary>A value for each parameter, in the order of the space.</summary>
    /// <exception cref="FormatException">One is missing, or none of its parameter's.</exception>
    static ImmutableArray<KeyValuePair<string, string>> Ordered(Dictionary<string, string> given, SearchSpace space)
    {
        space.PointOf(given);
        return [.. space.Parameters.Select(p => new KeyValuePair<string, string>(p.Name, given[p.Name]))];
    }
}
