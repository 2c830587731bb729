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
    /// <summary>Name of the description in the metadata of a file.</summary>
    public const string Key = "mlnetcifar";

    const int LongestReason = 500;

    /// <summary>What a stream is called in errors.</summary>
    const string InMemory = "model";

    public static void Save(ImageClassifier model, string path, string? proof) => Save(path, stream => Save(model, stream, proof));

    public static void Save(ImageClassifier model, Stream stream, string? proof) => Write(stream, model.Weights, Describe(model), model.IsHalfPrecision, proof);

    /// <summary>All of a model but its weights, as JSON.</summary>
    public static string Describe(ImageClassifier model) =>
        Describe(model.Weights, model.Classes, model.Preprocess, model.Normalization, json => WriteTraining(json, model));

    /// <summary>Puts a model together of what <see cref="Describe(ImageClassifier)"/> wrote and its tensors.</summary>
    public static ImageClassifier Restore(string description, TensorFile tensors, string path) => Read(description, tensors, path, Classifier);

    public static void Save(FeatureExtractor model, string path) => Save(path, stream => Save(model, stream));

    public static void Save(FeatureExtractor model, Stream stream) =>
        Write(stream, model.Weights, Describe(model.Weights, [], model.Preprocess, model.Normalization, static _ => { }), half: false, proof: null);

    static void Write(Stream stream, NetworkWeights weights, string description, bool half, string? proof)
    {
        var metadata = new Dictionary<string, string> { ["format"] = "pt", [Key] = description };
        if (proof is not null)
            metadata.Add(ProofRecord.Key, proof);
        SafeTensors.Write(stream, [.. weights.Tensors.Select(t => WeightLayout.ToFile(t, half))], metadata);
    }

    static void Save(string path, Action<Stream> write)
    {
        try
        {
            LocalFileStore.Instance.Write(path, write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ModelErrors.Unwritable(path, e);
        }
    }

    public static ImageClassifier Load(string path, IFileStore store) => Read(Content(path, store), path, Classifier);

    public static ImageClassifier Load(Stream stream) => Read(Content(stream, InMemory), InMemory, Classifier);

    /// <summary>Reads a file of features, or of a classifier, whose features are those before its last dense layer.</summary>
    public static FeatureExtractor LoadFeatures(string path, IFileStore store) => Read(Content(path, store), path, Features);

    public static FeatureExtractor LoadFeatures(Stream stream) => Read(Content(stream, InMemory), InMemory, Features);

    static T Read<T>(ReadOnlyMemory<byte> content, string path, Func<JsonFields, NetworkWeights, TensorFile, string, T> read)
    {
        var file = SafeTensors.Read(content, path);
        return file.Metadata.TryGetValue(Key, out var description) ? Read(description, file, path, read) : throw ModelErrors.Foreign(path);
    }

    static T Read<T>(string description, TensorFile file, string path, Func<JsonFields, NetworkWeights, TensorFile, string, T> read)
    {
        using var json = Json(description, path);
        try
        {
            return JsonFields.Read(json.RootElement, FileOrigin.Of(json.RootElement, path), fields => Read(fields, file, path, read));
        }
        catch (InvalidOperationException)
        {
            throw Undescribed(path, "a text in it is no Unicode");
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            throw Undescribed(path, e is ArgumentException { ParamName: not null } ? e.Message[..e.Message.LastIndexOf(" (Parameter", StringComparison.Ordinal)] : e.Message);
        }
    }

    /// <summary>A whole file.</summary>
    public static ReadOnlyMemory<byte> Content(string path, IFileStore store)
    {
        try
        {
            using var stream = store.OpenRead(path);
            return Content(stream, path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException || store.FolderExists(path))
        {
            throw ModelErrors.Missing(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ModelErrors.Unreadable(path, e);
        }
    }

    static ReadOnlyMemory<byte> Content(Stream stream, string path)
    {
        if (stream.CanSeek && stream.Length > Array.MaxLength)
            throw ModelErrors.NotSafeTensors(path, $"it has {stream.Length:N0} bytes, more than {Array.MaxLength:N0}");
        using var copy = new MemoryStream();
        stream.CopyTo(copy, 1 << 20);
        return copy.GetBuffer().AsMemory(0, (int)copy.Length);
    }

    static JsonDocument Json(string description, string path)
    {
        try
        {
            return JsonDocument.Parse(description);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw Undescribed(path, "it is no JSON");
        }
    }

    static MlNetCifarException Undescribed(string path, string reason)
    {
        var shown = reason.Length <= LongestReason ? reason.TrimEnd('.') : reason[..LongestReason] + "…";
        return ModelErrors.Damaged(path, $"its description cannot be read: {shown}");
    }

    static string Describe(
        NetworkWeights weights, IReadOnlyList<string> classes, PreprocessSpec preprocess, Normalization normalization, Action<Utf8JsonWriter> writeTraining)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("format_version", FormatVersion);
            json.WriteString(FileOrigin.Property, FileOrigin.Current);
            json.WritePropertyName("network");
            NetworkJson.Write(json, weights.Spec);
            json.WriteStartArray("classes");
            foreach (var name in classes)
                json.WriteStringValue(name);
            json.WriteEndArray();
            json.WritePropertyName("preprocess");
            json.WriteRawValue(preprocess.ToJson());
            json.WritePropertyName("normalization");
            JsonSerializer.Serialize(
                json, new NormalizationJson(normalization.Mean, normalization.Std, normalization.MeanImageText), ModelJson.Default.NormalizationJson);
            writeTraining(json);
            json.WriteString("weights_sha256", weights.Sha256());
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    static void WriteTraining(Utf8JsonWriter json, ImageClassifier model)
    {
        json.WritePropertyName("history");
        JsonSerializer.Serialize(json, model.History, ModelJson.Default.IReadOnlyListEpochRecord);
        json.WriteNumber("best_epoch", model.BestEpoch);
        json.WriteString("training", model.TrainingSettings);
        if (model.Calibration is { } calibration)
        {
            json.WritePropertyName("calibration");
            CalibrationJson.Write(json, calibration);
        }
    }

    static T Read<T>(JsonFields fields, TensorFile file, string path, Func<JsonFields, NetworkWeights, TensorFile, string, T> read)
    {
        var version = fields.Int("format_version", 1);
        if (version is < 1 or > FormatVersion)
            throw ModelErrors.Version(path, version, FormatVersion);
        var network = fields.Object("network", NetworkJson.Read);
        CheckTensors(network, file, path);
        var weights = new NetworkWeights(network);
        try
        {
            Fill(weights, file.Tensors);
            return read(fields, weights, file, path);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    static FeatureExtractor Features(JsonFields fields, NetworkWeights weights, TensorFile file, string path)
    {
        if (weights.Spec.Loss != LossKind.None)
        {
            using var classifier = Classifier(fields, weights, file, path);
            return FeatureExtractor.Of(classifier);
        }

        fields.Ignore("classes");
        return Checked(new FeatureExtractor(weights, Preprocess(fields, weights), Scaling(fields)), model => model.WeightsSha256, fields, path);
    }

    static ImageClassifier Classifier(JsonFields fields, NetworkWeights weights, TensorFile file, string path)
    {
        if (weights.Spec.Loss == LossKind.None)
            throw ModelErrors.FeaturesOnly(path, weights.Spec.Name);
        var model = new ImageClassifier(weights, Classes(fields), Preprocess(fields, weights), Scaling(fields))
        {
            History = History(fields),
            BestEpoch = fields.Int("best_epoch", 0) is var best and >= 0 ? best : throw fields.Wrong("best_epoch", "is below 0"),
            TrainingSettings = fields.Text("training", ""),
            IsHalfPrecision = file.Tensors.Any(t => t.Half),
            Proof = file.Metadata.GetValueOrDefault(ProofRecord.Key),
            Calibration = fields.ObjectOrNull("calibration", inner => Calibration(inner, weights)),
        };
        return Checked(model, m => m.WeightsSha256, fields, path);
    }

    static T Checked<T>(T model, Func<T, string> sha256, JsonFields fields, string path) => sha256(model) == fields.Text("weights_sha256", sha256(model))
        ? model
        : throw ModelErrors.Damaged(path, "the SHA-256 of the weights is not the recorded one");

    static PreprocessSpec Preprocess(JsonFields fields, NetworkWeights weights) =>
        fields.ObjectOrNull("preprocess", PreprocessSpecJson.Read) ?? SpecOf(weights.Spec);

    static Normalization Scaling(JsonFields fields)
    {
        var scaling = fields.Record("normalization", ModelJson.Default.NormalizationJson);
        return Normalization.Restore(scaling.Mean, scaling.Std, scaling.MeanImage);
    }

    static string[] Classes(JsonFields fields)
    {
        var names = fields.List("classes", name => name.GetString() ?? throw new FormatException());
        if (names.Any(string.IsNullOrWhiteSpace))
            throw fields.Wrong("classes", "has an empty name");
        return names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { Key: var twice }
            ? throw fields.Wrong("classes", $"has the name '{twice}' twice")
            : names;
    }

    static IReadOnlyList<EpochRecord> History(JsonFields fields)
    {
        var epochs = fields.Record("history", ModelJson.Default.IReadOnlyListEpochRecord, []);
        return epochs.Any(epoch => epoch is null) ? throw fields.Wrong("history", "holds an epoch that is null") : epochs;
    }

    static CalibrationModel Calibration(JsonFields fields, NetworkWeights weights)
    {
        var calibration = CalibrationJson.Read(fields);
        if (calibration.Views < 1)
            throw fields.Wrong("views", "is below 1");
        if (calibration.Features is { } features && features.Distance.Dimension != LastFeatures.Of(weights)?.Length)
            throw fields.Wrong("features", $"is for {features.Distance.Dimension} features, which this network does not have");
        return calibration.Texture is { } texture && texture.Distance.Dimension != PictureTexture.Length
            ? throw fields.Wrong("texture", $"is for {texture.Distance.Dimension} numbers of a picture instead of {PictureTexture.Length}")
            : calibration;
    }

    static PreprocessSpec SpecOf(NetworkSpec network) => new() { Width = network.Width, Height = network.Height, Channels = network.Channels };

    /// <summary>Compares what the network needs with what is there, before memory is taken for it.</summary>
    public static void CheckTensors(NetworkSpec network, TensorFile file, string path)
    {
        var byName = file.Tensors.ToDictionary(t => t.Name);
        foreach (var node in network.Resolve().SelectMany(n => n.Flat()))
            foreach (var parameter in node.Parameters)
            {
                var (name, expected) = ($"{node.WeightName}.{parameter.Name}", WeightLayout.FileDimensions(parameter));
                if (!byName.Remove(name, out var found))
                    throw NetworkErrors.Weights(
                        file.Skipped.FirstOrDefault(s => s.Name == name) is { Type: { } type } ? $"'{name}' of type {type}" : $"no tensor '{name}'",
                        $"one of shape [{string.Join(", ", expected)}] of F32, F16 or BF16",
                        path);
                if (!found.Dimensions.SequenceEqual(expected))
                    throw NetworkErrors.Weights($"'{name}' of shape [{string.Join(", ", found.Dimensions)}]", $"[{string.Join(", ", expected)}]", path);
            }

        if (byName.Count > 0)
            throw NetworkErrors.Weights($"a tensor '{byName.Keys.Order(StringComparer.Ordinal).First()}'", "only the network's own", path);
    }

    /// <summary>Takes over tensors that were compared with what the network needs.</summary>
    public static void Fill(NetworkWeights weights, IReadOnlyList<FileTensor> tensors)
    {
        var byName = tensors.ToDictionary(t => t.Name);
        foreach (var tensor in weights.Tensors)
            WeightLayout.FromFile(tensor, byName[tensor.Name].Values);
        weights.Changed();
    }
}

/// <summary>The normalisation in a model file.</summary>
internal sealed record NormalizationJson(IReadOnlyList<float> Mean, IReadOnlyList<float> Std, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? MeanImage = null);

/// <summary>Source-generated JSON of the model file's records.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(NormalizationJson))]
[JsonSerializable(typeof(IReadOnlyList<EpochRecord>))]
internal sealed partial class ModelJson : JsonSerializerContext;
