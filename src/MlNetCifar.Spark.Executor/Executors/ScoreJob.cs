using System.Globalization;
using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Imaging;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>Pictures that executors score.</summary>
/// <param name="Path">Shards, a folder of image files, or one.</param>
/// <param name="Count">How many pictures it has.</param>
/// <param name="Split">Of shards; null for image files.</param>
sealed record ScoredSource(string Path, int Count, DatasetSplit? Split);

/// <summary>What a worker needs to know to score pictures.</summary>
sealed record ScoreJob
{
    /// <summary>The way to them.</summary>
    public required HdfsAccess Access { get; init; }

    /// <summary>Where they lie.</summary>
    public required IReadOnlyList<ScoredSource> Sources { get; init; }

    /// <summary>Most pictures of a task.</summary>
    public required int Length { get; init; }

    /// <summary>As at <see cref="ScoringJob.Views"/>.</summary>
    public TestTimeViews Views { get; init; }

    /// <summary>As at <see cref="ScoringJob.WithFeatures"/>.</summary>
    public bool WithFeatures { get; init; }

    /// <summary>As at <see cref="ScoringJob.WithHashes"/>.</summary>
    public bool WithHashes { get; init; }

    /// <summary>Classes that an answer names.</summary>
    public int Top { get; init; } = 1;

    /// <summary>Least probability of an answer; null leaves it to the model.</summary>
    public double? AbstainBelow { get; init; }

    /// <summary>How image files are decoded.</summary>
    public DecodeOptions Decode { get; init; } = new();

    /// <summary>As at <see cref="ExperimentOptions.CacheFolder"/>; null (the default) for none.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>As at <see cref="ExperimentOptions.CacheLimit"/>.</summary>
    public long? CacheLimit { get; init; }

    /// <summary>The tasks.</summary>
    public PictureRuns Runs => new([.. Sources.Select(s => s.Count)], Length);

    public string ToArgument()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            Access.Write(json);
            json.WriteStartArray("sources");
            foreach (var source in Sources)
            {
                json.WriteStartObject();
                json.WriteString("path", source.Path);
                json.WriteNumber("count", source.Count);
                json.WriteString("split", source.Split?.ToString());
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("length", Length);
            json.WriteNumber("views", (int)Views);
            json.WriteBoolean("features", WithFeatures);
            json.WriteBoolean("hashes", WithHashes);
            json.WriteNumber("top", Top);
            json.WriteString("abstain", AbstainBelow?.ToString("R", CultureInfo.InvariantCulture));
            json.WriteNumber("maxPixels", Decode.MaxPixels);
            json.WriteBoolean("allowTruncated", Decode.AllowTruncated);
            json.WriteString("cache", CacheFolder);
            json.WriteString("cacheLimit", CacheLimit?.ToString(CultureInfo.InvariantCulture));
            json.WriteEndObject();
        }

        return JobArgument.Encode(stream.ToArray());
    }

    /// <exception cref="FormatException">The text is something else.</exception>
    public static ScoreJob FromArgument(string text) => JobArgument.Decode(text, json => new ScoreJob
    {
        Access = HdfsAccess.Read(json),
        Sources = [.. json.GetProperty("sources").EnumerateArray().Select(s => new ScoredSource(
            s.GetProperty("path").GetString()!, s.GetProperty("count").GetInt32(), s.GetProperty("split").GetString() is { } split ? Enum.Parse<DatasetSplit>(split) : null))],
        Length = json.GetProperty("length").GetInt32(),
        Views = (TestTimeViews)json.GetProperty("views").GetInt32(),
        WithFeatures = json.GetProperty("features").GetBoolean(),
        WithHashes = json.GetProperty("hashes").GetBoolean(),
        Top = json.GetProperty("top").GetInt32(),
        AbstainBelow = json.GetProperty("abstain").GetString() is { } least ? double.Parse(least, CultureInfo.InvariantCulture) : null,
        Decode = new() { MaxPixels = json.GetProperty("maxPixels").GetInt64(), AllowTruncated = json.GetProperty("allowTruncated").GetBoolean() },
        CacheFolder = json.GetProperty("cache").GetString(),
        CacheLimit = json.GetProperty("cacheLimit").GetString() is { } limit ? long.Parse(limit, CultureInfo.InvariantCulture) : null,
    });
}
