using System.Text.Json;
using System.Text.Json.Serialization;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Nn;

namespace MlNetCifar.Inference;

/// <summary>One file holds a model: weights as safetensors, everything else as JSON in the file's metadata.</summary>
internal static class ModelFile
{
    const int FormatVersion = 1;
    const string Key = "mlnetcifar";

    public static void Save(ImageClassifier model, string path)
    {
        var metadata = new Dictionary<string, string> { ["format"] = "pt", [Key] = Describe(model) };
        try
        {
            LocalFileStore.Instance.Write(path, stream => SafeTensors.Write(stream, [.. model.Weights.Tensors.Select(t => WeightLayout.ToFile(t, model.IsHalfPrecision))], metadata));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ModelErrors.Unwritable(path, e);
        }
    }

    public static ImageClassifier Load(string path, IFileStore store)
    {
        byte[] file;
        try
        {
            using var stream = store.OpenRead(path);
            using var copy = new MemoryStream();
            stream.CopyTo(copy, 1 << 20);
            file = copy.ToArray();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException || store.FolderExists(path))
        {
            throw ModelErrors.Missing(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ModelErrors.Unreadable(path, e);
        }

        var (tensors, metadata) = SafeTensors.Read(file, path);
        if (!metadata.TryGetValue(Key, out var description))
            throw ModelErrors.Foreign(path);
        try
        {
            using var json = JsonDocument.Parse(description);
            return JsonFields.Read(json.RootElement, FileOrigin.Of(json.RootElement, path), fields => Read(fields, tensors, path));
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            throw ModelErrors.Damaged(path, $"its description cannot be read: {e.Message.TrimEnd('.')}");
        }
    }

    static string Describe(ImageClassifier model)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("format_version", FormatVersion);
            json.WriteString(FileOrigin.Property, FileOrigin.Current);
            json.WritePropertyName("network");
            NetworkJson.Write(json, model.Network);
            json.WriteStartArray("classes");
            foreach (var name in model.Classes)
                json.WriteStringValue(name);
            json.WriteEndArray();
            json.WritePropertyName("preprocess");
            json.WriteRawValue(model.Preprocess.ToJson());
            json.WritePropertyName("normalization");
            JsonSerializer.Serialize(json, new NormalizationJson(model.Normalization.Mean, model.Normalization.Std), ModelJson.Default.NormalizationJson);
            json.WritePropertyName("history");
            JsonSerializer.Serialize(json, model.History, ModelJson.Default.IReadOnlyListEpochRecord);
            json.WriteNumber("best_epoch", model.BestEpoch);
            json.WriteString("training", model.TrainingSettings);
            if (model.Calibration is { } calibration)
            {
                json.WritePropertyName("calibration");
                CalibrationJson.Write(json, calibration);
            }

            json.WriteString("weights_sha256", model.WeightsSha256);
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    static ImageClassifier Read(JsonFields fields, IReadOnlyList<FileTensor> tensors, string path)
    {
        var version = fields.Int("format_version", 1);
        if (version is < 1 or > FormatVersion)
            throw ModelErrors.Version(path, version, FormatVersion);
        var network = fields.Value("network", json => json);
        var weights = new NetworkWeights(NetworkJson.Read(network, path));
        Fill(weights, tensors, path);
        var normalization = fields.Record("normalization", ModelJson.Default.NormalizationJson);
        var model = new ImageClassifier(
            weights,
            fields.List("classes", name => name.GetString()!),
            fields.ObjectOrNull("preprocess", PreprocessSpecJson.Read) ?? SpecOf(weights.Spec),
            new Normalization(normalization.Mean, normalization.Std))
        {
            History = fields.Record("history", ModelJson.Default.IReadOnlyListEpochRecord, []),
            BestEpoch = fields.Int("best_epoch", 0),
            TrainingSettings = fields.Text("training", ""),
            IsHalfPrecision = tensors.Any(t => t.Half),
            Calibration = fields.ObjectOrNull("calibration", CalibrationJson.Read),
        };
        return model.WeightsSha256 == fields.Text("weights_sha256", model.WeightsSha256)
            ? model
            : throw ModelErrors.Damaged(path, "the SHA-256 of the weights is not the recorded one");
    }

    static PreprocessSpec SpecOf(NetworkSpec network) => new() { Width = network.Width, Height = network.Height, Channels = network.Channels };

    static void Fill(NetworkWeights weights, IReadOnlyList<FileTensor> tensors, string path)
    {
        var byName = tensors.ToDictionary(t => t.Name);
        foreach (var tensor in weights.Tensors)
        {
            var expected = WeightLayout.FileDimensions(tensor);
            if (!byName.Remove(tensor.Name, out var found))
                throw NetworkErrors.Weights($"no tensor '{tensor.Name}'", $"one of shape [{string.Join(", ", expected)}]", path);
            if (!found.Dimensions.SequenceEqual(expected))
                throw NetworkErrors.Weights($"'{tensor.Name}' of shape [{string.Join(", ", found.Dimensions)}]", $"[{string.Join(", ", expected)}]", path);
            WeightLayout.FromFile(tensor, found.Values);
        }

        if (byName.Count > 0)
            throw NetworkErrors.Weights($"a tensor '{byName.Keys.Order(StringComparer.Ordinal).First()}'", "only the network's own", path);
        weights.Changed();
    }
}

/// <summary>The normalisation in a model file.</summary>
internal sealed record NormalizationJson(IReadOnlyList<float> Mean, IReadOnlyList<float> Std);

/// <summary>Source-generated JSON of the model file's records.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(NormalizationJson))]
[JsonSerializable(typeof(IReadOnlyList<EpochRecord>))]
internal sealed partial class ModelJson : JsonSerializerContext;
