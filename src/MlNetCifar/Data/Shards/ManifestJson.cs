using System.Text.Encodings.Web;
using System.Text.Json;

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
        json.WriteStartArray("parts");
        foreach (var part in manifest.Parts)
            Write(json, part);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter json, ShardPartInfo part)
    {
        json.WriteStartObject();
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

    /// <exception cref="JsonException">Not JSON, or of another format or version.</exception>
    public static ShardManifest Read(JsonElement root)
    {
        if (Text(root, "format") != Format)
            throw new JsonException($"The format is '{Text(root, "format")}', expected '{Format}'.");
        if (root.GetProperty("version").GetInt32() is var version && version != Version)
            throw new JsonException($"The version is {version}, expected {Version}.");
        return new ShardManifest
        {
            Split = Text(root, "split"),
            Classes = List(root, "classes", e => e.GetString()!),
            Float32 = Text(root, "dtype") == "float32",
            NormalizedBy = root.TryGetProperty("normalized_by", out var applied)
                ? new Normalization(List(applied, "mean", e => e.GetSingle()), List(applied, "std", e => e.GetSingle()))
                : null,
            Spec = PreprocessSpec.FromJson(root.GetProperty("preprocess").GetRawText()),
            Parts = List(root, "parts", ReadPart),
        };
    }

    public static ShardPartInfo ReadPart(JsonElement part) => new()
    {
        Part = part.GetProperty("part").GetInt32(),
        Key = Text(part, "key"),
        Count = part.GetProperty("count").GetInt32(),
        Histogram = List(part, "histogram", e => e.GetInt32()),
        Sum = List(part, "sum", e => e.GetUInt64()),
        Squares = List(part, "squares", e => e.GetUInt64()),
        Files = List(part, "files", e => new ShardFile(Text(e, "name"), e.GetProperty("bytes").GetInt64(), Text(e, "sha256"))),
        BadFiles = List(part, "bad_files", e => new BadFile(Text(e, "path"), Text(e, "code"), Text(e, "reason"))),
    };

    static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    static T[] List<T>(JsonElement element, string name, Func<JsonElement, T> read) => [.. element.GetProperty(name).EnumerateArray().Select(read)];

    static void Array<T>(Utf8JsonWriter json, string name, IEnumerable<T> values, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            write(value);
        json.WriteEndArray();
    }
}
