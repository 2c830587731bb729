using System.Text.Json;
using MlNetCifar.Files;
using static System.FormattableString;

namespace MlNetCifar.Data;

/// <summary>What was asked of shards and neither their pictures nor their labels tell: kept in the manifest, so that other settings are told from other images.</summary>
internal static class ShardSettings
{
    static readonly string[] s_names = ["parts", "part_bytes", "seed", "validation_share", "test_share", "decoding"];

    public static string[] Of(ShardOptions options) =>
    [
        Invariant($"{options.Parts}"), Invariant($"{options.TargetBytes}"), Invariant($"{options.Seed}"), Invariant($"{options.ValidationFraction}"), Invariant($"{options.TestFraction}"),
        Invariant($"{options.Decode.MaxPixels} pixels, {options.Decode.MaxDimension} a side, {options.Decode.MaxFileBytes} bytes{(options.Decode.AllowTruncated ? ", also cut off" : "")}"),
    ];

    public static void Write(Utf8JsonWriter json, string[] settings)
    {
        json.WriteStartObject("settings");
        foreach (var (name, value) in s_names.Zip(settings))
            json.WriteString(name, value);
        json.WriteEndObject();
    }

    public static string[] Read(JsonFields fields) => [.. s_names.Select(name => fields.Text(name))];

    /// <summary>In what shards differ from those that are asked for, other than in their images; of those of earlier versions that did not keep the settings, as far as it shows.</summary>
    public static IEnumerable<string> Differences(ShardManifest found, ShardOptions options, IReadOnlyList<string> classes)
    {
        if (!found.Classes.SequenceEqual(classes))
            yield return $"the classes ({ClassNames.Difference(found.Classes, classes)})";
        if (found.Spec.DifferencesTo(options.Spec) is { Length: > 0 } picture)
            yield return picture;
        var isNormalized = options.Normalize || options.NormalizedBy is not null;
        if (found.Float32 != options.Float32 || (found.NormalizedBy is not null) != isNormalized || (options.NormalizedBy is { } by && !by.Equals(found.NormalizedBy)))
            yield return $"pixels are {Pixels(found.Float32, found.NormalizedBy is not null)} instead of {Pixels(options.Float32, isNormalized)}";
        foreach (var (name, (was, wanted)) in s_names.Zip((found.Settings ?? Of(options)).Zip(Of(options))))
        {
            if (was != wanted)
                yield return $"{name.Replace('_', ' ')} is {(was.Length > 0 ? was : "not given")} instead of {(wanted.Length > 0 ? wanted : "not given")}";
        }
    }

    static string Pixels(bool isFloat, bool isNormalized) => isNormalized ? "normalized float32" : isFloat ? "float32" : "bytes";
}
