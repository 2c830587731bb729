using System.Text.Encodings.Web;
using System.Text.Json;
using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.Data;

/// <summary>Manifests and their parts as JSON.</summary>
internal static class ManifestJson
{
    const string Format = "mlnetcifar-shards";
    const int Version = 1;

    public static JsonWriterOptions Options(bool indented) => new() { Indented = indented, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(Utf8JsonWriter json, ShardManifest manifest)
    {
        json.WriteStartObject();
        json.WriteString("format", Format);
        json.WriteNumber("version", Version);
        json.WriteString(FileOrigin.Property, FileOrigin.Current);
        json.WriteString("split", manifest.Split);
        json.WriteNumber("count", manifest.Count);
        Array(json, "classes", manifest.Classes, json.WriteStringValue);
        Array(json, "histogram", manifest.Histogram, json.WriteNumberValue);
        json.WriteString("dtype", manifest.Float32 ? "float32" : "uint8");
        if (manifest.NormalizedBy is { } applied)
        {
            json.WriteStartObject("normalized_by");
            Array(json, "mean", applied.Mean, json.WriteNumberValue);
            Array(json, "std", applied.Std, json.WriteNumberValue);
            json.WriteEndObject();
        }

        Array(json, "shape", [manifest.Spec.Height, manifest.Spec.Width, manifest.Spec.Channels], json.WriteNumberValue);
        Array(json, "mean", manifest.Normalization.Mean, json.WriteNumberValue);
        Array(json, "std", manifest.Normalization.Std, json.WriteNumberValue);
        json.WritePropertyName("preprocess");
        json.WriteRawValue(manifest.Spec.ToJson());
        json.WriteString("preprocess_sha256", manifest.Spec.Hash());
        Array(json, "settings", manifest.Settings, json.WriteStringValue);
        json.WriteStartArray("parts");
        foreach (var part in manifest.Parts)
            Write(json, part);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <param name="json">Stands where a value may be written.</param>
    /// <param name="part">The part.</param>
    /// <param name="alone">Whether it is no manifest's.</param>
    public static void Write(Utf8JsonWriter json, ShardPartInfo part, bool alone = false)
    {
        json.WriteStartObject();
        if (alone)
            json.WriteString(FileOrigin.Property, FileOrigin.Current);
        json.WriteNumber("part", part.Part);
        json.WriteString("key", part.Key);
        json.WriteNumber("count", part.Count);
        Array(json, "histogram", part.Histogram, json.WriteNumberValue);
        Array(json, "sum", part.Sum, json.WriteNumberValue);
        Array(json, "squares", part.Squares, json.WriteNumberValue);
        json.WriteStartArray("files");
        foreach (var file in part.Files)
        {
            json.WriteStartObject();
            json.WriteString("name", file.Name);
            json.WriteNumber("bytes", file.Length);
            json.WriteString("sha256", file.Sha256);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("bad_files");
        foreach (var bad in part.BadFiles)
        {
            json.WriteStartObject();
            json.WriteString("path", bad.Path);
            json.WriteString("code", bad.Code);
            json.WriteString("reason", bad.Reason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <exception cref="JsonException">Of another format or version, or wrong.</exception>
    /// <exception cref="MlNetCifarException">A property is unknown (MNC1101).</exception>
    public static ShardManifest Read(JsonFields fields)
    {
        if (fields.Text("format") is var format && format != Format)
            throw fields.Wrong("format", $"is '{format}', expected '{Format}'");
        if (fields.Int("version", 1) is var version && version != Version)
            throw fields.Wrong("version", $"is {version}, expected {Version}");

        // Follow from the rest; written for other programs.
        fields.Ignore("count", "histogram", "shape", "mean", "std", "preprocess_sha256");
        return new ShardManifest
        {
            Split = fields.Text("split"),
            Classes = fields.List("classes", e => e.GetString()!),
            Float32 = fields.Text("dtype", "uint8") == "float32",
            NormalizedBy = fields.ObjectOrNull("normalized_by", ReadNormalization),
            Spec = fields.Object("preprocess", PreprocessSpecJson.Read),
            Settings = fields.List("settings", e => e.GetString()!, []),
            Parts = fields.Objects("parts", ReadPart),
        };
    }

    /// <summary>Reads a part; one that does not say its key is no plan's, and so built again.</summary>
    public static ShardPartInfo ReadPart(JsonFields part) => new()
    {
        Part = part.Int("part"),
        Key = part.Text("key", ""),
        Count = part.Int("count"),
        Histogram = part.List("histogram", e => e.GetInt32()),
        Sum = part.List("sum", e => e.GetUInt64()),
        Squares = part.List("squares", e => e.GetUInt64()),
        Files = part.Objects("files", file => new ShardFile(file.Text("name"), file.Value("bytes", e => e.GetInt64()), file.Text("sha256"))),
        BadFiles = part.Objects("bad_files", bad => new BadFile(bad.Text("path"), bad.Text("code", ""), bad.Text("reason", "")), []),
    };

    static Normalization ReadNormalization(JsonFields fields) => new(fields.List("mean", e => e.GetSingle()), fields.List("std", e => e.GetSingle()));

    static void Array<T>(Utf8JsonWriter json, string name, IEnumerable<T> values, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            write(value);
        json.WriteEndArray();
    }
}
