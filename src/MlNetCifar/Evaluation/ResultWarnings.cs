namespace MlNetCifar.Evaluation;

/// <summary>Findings that weaken a result, in words.</summary>
internal static class ResultWarnings
{
    public static IReadOnlyList<string> Of(Tallies tallies, IReadOnlyList<string> classes, ReadOnlySpan<long> actual)
    {
        List<string> warnings = [];
        if (tallies.Excluded > 0)
            warnings.Add($"{tallies.Excluded} of {tallies.Excluded + tallies.Count} images have scores that are NaN or infinite and are left out of every metric.");
        List<string> absent = [];
        for (var i = 0; i < actual.Length; i++)
            if (actual[i] == 0)
                absent.Add(classes[i]);
        if (absent.Count > 0)
            warnings.Add($"No image of {Name(absent)}: averages over classes leave {(absent.Count == 1 ? "it" : "them")} out.");
        if (actual.Length - absent.Count == 1)
            warnings.Add("All images are of one class; most metrics say nothing.");
        return warnings;
    }

    static string Name(List<string> names) => names.Count <= 5
        ? string.Join(", ", names)
        : string.Join(", ", names.Take(4)) + $" and {names.Count - 4} more classes";
}
