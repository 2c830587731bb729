using static System.FormattableString;

namespace MlNetCifar.Data;

/// <summary>What was asked of shards and neither their pictures nor their labels tell, as words in the manifest: so that other settings are told from other images.</summary>
internal static class ShardSettings
{
    public static string[] Of(ShardOptions options) =>
    [
        options.Parts is { } parts ? Invariant($"parts {parts}") : Invariant($"parts of {options.TargetBytes} bytes"),
        Invariant($"seed {options.Seed}"), Invariant($"validation share {options.ValidationFraction}"), Invariant($"test share {options.TestFraction}"),
        Invariant($"pictures of at most {options.Decode.MaxPixels} pixels, {options.Decode.MaxDimension} a side, {options.Decode.MaxFileBytes} bytes"),
        options.Decode.AllowTruncated ? "with files that end early" : "without files that end early",
    ];

    /// <summary>In what shards differ from those that are asked for, other than in their images; of those of earlier versions, which did not keep the settings, as far as it shows.</summary>
    public static List<string> Differences(ShardManifest found, ShardOptions options, IReadOnlyList<string> classes)
    {
        var differences = new List<string>();
        if (ClassNames.Difference(found.Classes, classes) is { } other)
            differences.Add(other);
        if (found.Spec.DifferencesTo(options.Spec) is { Length: > 0 } picture)
            differences.Add(picture);
        var isNormalized = options.Normalize || options.NormalizedBy is not null;
        if (found.Float32 != options.Float32 || (found.NormalizedBy is not null) != isNormalized || (options.NormalizedBy is { } by && !by.Equals(found.NormalizedBy)))
            differences.Add($"{Pixels(found.Float32, found.NormalizedBy is not null)} instead of {Pixels(options.Float32, isNormalized)}");
        var wanted = Of(options);
        for (var i = 0; i < Math.Min(found.Settings.Length, wanted.Length); i++)
        {
            if (found.Settings[i] != wanted[i])
                differences.Add($"{found.Settings[i]} instead of {wanted[i]}");
        }

        return differences;
    }

    static string Pixels(bool isFloat, bool isNormalized) => isNormalized ? "normalized float32" : isFloat ? "float32" : "bytes";
}
