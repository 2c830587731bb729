using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Imaging;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>What every worker of a job needs to know; travels on its command line as base64 of JSON, so that no shell can touch it.</summary>
sealed record WorkerJob
{
    /// <summary>The folder in which attempts write.</summary>
    public required string JobFolder { get; init; }

    /// <summary>The folder the images' names are relative to; null where their content comes in the rows.</summary>
    public string? InputRoot { get; init; }

    /// <summary>The way to the input and the output. The default is the local disk alone.</summary>
    public HdfsAccess Access { get; init; } = HdfsAccess.Local;

    /// <summary>Number of classes.</summary>
    public required int Classes { get; init; }

    /// <summary>How shards are made.</summary>
    public required ShardOptions Options { get; init; }

    /// <summary>Whether parts are measured and not written.</summary>
    public bool MeasureOnly { get; init; }

    /// <summary>Largest image file, in bytes.</summary>
    public long MaxFileBytes { get; init; } = 256L << 20;

    /// <summary>A worker that gets no image done for this long ends with an error.</summary>
    public TimeSpan Watchdog { get; init; } = TimeSpan.FromMinutes(5);

    public string ToArgument()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("folder", JobFolder);
            json.WriteString("input", InputRoot);
            Access.Write(json);
            json.WriteNumber("classes", Classes);
            json.WriteNumber("maxFileBytes", MaxFileBytes);
            json.WriteNumber("watchdog", Watchdog.TotalSeconds);
            WriteDecode(json, Options.Decode);
            json.WriteBoolean("measure", MeasureOnly);
            json.WriteBoolean("float32", Options.Float32);
            if (Options.NormalizedBy is { } by)
            {
                WriteValues(json, "mean", by.Mean);
                WriteValues(json, "std", by.Std);
            }

            json.WriteBoolean("fail", Options.OnBadImage == OnBadImage.Fail);
            json.WriteNumber("threads", Options.Threads);
            json.WritePropertyName("preprocess");
            json.WriteRawValue(Options.Spec.ToJson());
            json.WriteEndObject();
        }

        return JobArgument.Encode(stream.ToArray());
    }

    static void WriteValues(Utf8JsonWriter json, string name, IReadOnlyList<float> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    static IReadOnlyList<float> ReadValues(JsonElement values) => [.. values.EnumerateArray().Select(v => v.GetSingle())];

    static void WriteDecode(Utf8JsonWriter json, DecodeOptions decode)
    {
        json.WriteStartObject("decode");
        json.WriteNumber("maxPixels", decode.MaxPixels);
        json.WriteNumber("maxDimension", decode.MaxDimension);
        json.WriteNumber("maxFileBytes", decode.MaxFileBytes);
        json.WriteBoolean("allowTruncated", decode.AllowTruncated);
        json.WriteBoolean("applyOrientation", decode.ApplyOrientation);
        json.WriteNumber("minWidth", decode.MinWidth);
        json.WriteNumber("minHeight", decode.MinHeight);
        json.WriteEndObject();
    }

    static DecodeOptions ReadDecode(JsonElement json) => new()
    {
        MaxPixels = json.GetProperty("maxPixels").GetInt64(),
        MaxDimension = json.GetProperty("maxDimension").GetInt32(),
        MaxFileBytes = json.GetProperty("maxFileBytes").GetInt64(),
        AllowTruncated = json.GetProperty("allowTruncated").GetBoolean(),
        ApplyOrientation = json.GetProperty("applyOrientation").GetBoolean(),
        MinWidth = json.GetProperty("minWidth").GetInt32(),
        MinHeight = json.GetProperty("minHeight").GetInt32(),
    };

    /// <exception cref="FormatException">The text is something else.</exception>
    public static WorkerJob FromArgument(string text) => JobArgument.Decode(text, Read);

    static WorkerJob Read(JsonElement json) => new()
    {
        JobFolder = json.GetProperty("folder").GetString()!,
        InputRoot = json.GetProperty("input").GetString(),
        Access = HdfsAccess.Read(json),
        Classes = json.GetProperty("classes").GetInt32(),
        MeasureOnly = json.GetProperty("measure").GetBoolean(),
        MaxFileBytes = json.GetProperty("maxFileBytes").GetInt64(),
        Watchdog = TimeSpan.FromSeconds(json.GetProperty("watchdog").GetDouble()),
        Options = new()
        {
            Spec = PreprocessSpec.FromJson(json.GetProperty("preprocess").GetRawText()),
            Decode = ReadDecode(json.GetProperty("decode")),
            Float32 = json.GetProperty("float32").GetBoolean(),
            NormalizedBy = json.TryGetProperty("mean", out var mean) ? new Normalization(ReadValues(mean), ReadValues(json.GetProperty("std"))) : null,
            OnBadImage = json.GetProperty("fail").GetBoolean() ? OnBadImage.Fail : OnBadImage.Skip,
            Threads = json.GetProperty("threads").GetInt32(),
        },
    };
}
