using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Compatibility;

/// <summary>One JSON format: what version 0.1.0 wrote, how this version reads it and writes it again, and what a missing property means.</summary>
/// <param name="Name">Of the format.</param>
/// <param name="Written">By version 0.1.0.</param>
/// <param name="Reread">Reads a document and writes what was read.</param>
/// <param name="Missing">
/// What is written again where a property was missing, by pattern of its place: JSON, or one of <see cref="Required"/>, <see cref="Same"/> and <see cref="Absent"/>.
/// </param>
sealed record OldFormat(string Name, JsonNode Written, Func<JsonNode, JsonNode> Reread, Func<string, string> Missing)
{
    /// <summary>Reading fails and names the property.</summary>
    public const string Required = "required";

    /// <summary>The property follows from others, or is that of the file by chance.</summary>
    public const string Same = "same";

    /// <summary>The property is left out again.</summary>
    public const string Absent = "absent";

    /// <summary>Places that belong to another format, which has its own tests.</summary>
    public string? Foreign { get; init; }

    public static OldFormat Preprocess { get; } = new(
        "preprocessing", Description("every-layer")["preprocess"]!, json => Parse(PreprocessSpec.FromJson(json.ToJsonString()).ToJson()),
        place => place switch
        {
            "version" => Same,
            "scaled_decoding_version" => Absent,
            _ => JsonWalk.Find(Parse(new PreprocessSpec().ToJson()), place)!.ToJsonString(),
        });

    public static OldFormat Model { get; } = new("model", Description("every-layer"), RereadModel, place => place switch
    {
        "network" or "classes" or "normalization" or "normalization.mean" or "normalization.std" => Required,
        "history[].epoch" or "history[].train_loss" or "history[].train_accuracy" => Required,
        "calibration.temperature" or "calibration.conformalQuantile" => Required,
        "format_version" or "weights_sha256" => Same,
        "preprocess" => new PreprocessSpec { Width = 20, Height = 16 }.ToJson(),
        "history" => "[]",
        "training" => "\"\"",
        "best_epoch" or "history[].learning_rate" or "history[].images_per_second" or "history[].seconds" => "0",
        "history[].validation_loss" or "history[].validation_accuracy" => "null",
        "calibration" or "calibration.views" or "calibration.features" or "calibration.texture" => Absent,
        "calibration.logLossBefore" or "calibration.logLossAfter" or "calibration.abstainAccuracy" => "\"NaN\"",
        "calibration.abstainAccuracyLower" or "calibration.abstainAccuracyUpper" or "calibration.abstainAccuracyLevel" => "\"NaN\"",
        "calibration.conformalMethod" => "\"Threshold\"",
        "calibration.conformalCoverage" => "0.9",
        "calibration.abstainThreshold" => "0",
        "calibration.abstainCoverage" => "1",
        "calibration.energyThreshold" => "\"Infinity\"",
        _ when place.StartsWith("calibration.", StringComparison.Ordinal) => Required,
        _ => throw new ArgumentException(place),
    })
    {
        Foreign = "preprocess.",
    };

    public static OldFormat Checkpoint { get; } = new("checkpoint", Parse(Encoding.UTF8.GetString(Header("small"))), RereadHeader, place => place switch
    {
        "network" or "options" or "data" or "state" => Required,
        "written" => "\"0001-01-01T00:00:00+00:00\"",
        "lane_bits" or "data.validation_count" => "0",
        "data.validation_labels_sha256" or "state.validation_seconds" or "state.patience_score" => "null",
        "state.history" => "[]",
        "state.best_score" => "\"-Infinity\"",
        "state.history[].epoch" or "state.history[].train_loss" or "state.history[].train_accuracy" => Required,
        "state.history[].validation_loss" or "state.history[].validation_accuracy" => "null",
        _ when place.StartsWith("data.", StringComparison.Ordinal) => Required,
        _ => "0",
    });

    public static OldFormat Options { get; } = new(
        "options", Parse(Checkpoint.Written["options"]!.GetValue<string>()), json => Parse(TrainingOptions.FromJson(json.ToJsonString(), Origin(json)).ToJson()),
        place => JsonWalk.Find(Parse(new TrainingOptions().ToJson()), place)?.ToJsonString() ?? "null");

    public static OldFormat Manifest { get; } = new("manifest", Parse(File.ReadAllText(OldFiles.At("shards", "bytes", "train", "manifest.json"))), RereadManifest, place => place switch
    {
        "version" or "count" or "histogram" or "dtype" or "shape" or "mean" or "std" or "preprocess_sha256" => Same,
        "parts[].key" or "parts[].bad_files[].code" or "parts[].bad_files[].reason" => "\"\"",
        "parts[].bad_files" => "[]",
        _ => Required,
    })
    {
        Foreign = "preprocess.",
    };

    public static OldFormat Normalized { get; } = Manifest with
    {
        Name = "manifest of normalised pictures",
        Written = Parse(File.ReadAllText(OldFiles.At("shards", "floats", "train", "manifest.json"))),
        Missing = place => place switch
        {
            "normalized_by" => Absent,
            "dtype" or "normalized_by.mean" or "normalized_by.std" => Required,
            _ => Manifest.Missing(place),
        },
    };

    public static OldFormat Part { get; } = new(
        "part", Manifest.Written["parts"]![1]!, json => Parse(ShardPartInfo.FromJson(json.ToJsonString()).ToJson()), place => Manifest.Missing($"parts[].{place}"));

    /// <summary>Their names, as test data.</summary>
    public static IEnumerable<object[]> Names => s_all.Select(format => new object[] { format.Name });

    public static OldFormat Of(string name) => s_all.Single(format => format.Name == name);

    static readonly OldFormat[] s_all = [Preprocess, Model, Checkpoint, Options, Manifest, Normalized, Part];

    static JsonNode Parse(string json) => JsonNode.Parse(json)!;

    static FileOrigin Origin(JsonNode json) => FileOrigin.Of(JsonSerializer.SerializeToElement(json), "options");

    static byte[] Header(string name)
    {
        using var stream = File.OpenRead(OldFiles.At("checkpoints", name, "last.ckpt"));
        return CheckpointFile.Verify(stream);
    }

    static JsonNode RereadHeader(JsonNode json) =>
        JsonSerializer.SerializeToNode(CheckpointHeader.Read(Encoding.UTF8.GetBytes(json.ToJsonString()), "last.ckpt"), CheckpointJson.Default.CheckpointHeader)!;

    static JsonNode Description(string name) => Description(File.ReadAllBytes(OldFiles.At("models", $"{name}.safetensors")));

    static JsonNode Description(byte[] file) => Parse(SafeTensors.Read(file, "model").Metadata["mlnetcifar"]);

    static JsonNode RereadModel(JsonNode json)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "model.safetensors");
        var (tensors, _) = SafeTensors.Read(File.ReadAllBytes(OldFiles.At("models", "every-layer.safetensors")), path);
        using (var stream = File.Create(path))
            SafeTensors.Write(stream, tensors, new Dictionary<string, string> { ["mlnetcifar"] = json.ToJsonString() });
        using var model = ImageClassifier.Load(path);
        model.Save(path);
        return Description(File.ReadAllBytes(path));
    }

    static JsonNode RereadManifest(JsonNode json)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, ShardManifest.FileName);
        File.WriteAllText(path, json.ToJsonString());
        ShardManifest.Read(LocalFileStore.Instance, folder.Path).Write(LocalFileStore.Instance, folder.Path);
        return Parse(File.ReadAllText(path));
    }
}
