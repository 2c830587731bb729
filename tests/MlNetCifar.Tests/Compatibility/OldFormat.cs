using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Compatibility;

/// <summary>One JSON format: what version 0.1.0 wrote, how this version reads it and writes it again, and what a missing property means.</summary>
/// <param name="Name">Of the format.</param>
/// <param name="Written">By version 0.1.0.</param>
/// <param name="Reread">Reads a document and writes what was read.</param>
/// <param name="Missing">
/// What is written again where a property was missing, by its place: JSON, or one of <see cref="Required"/>, <see cref="Same"/>, <see cref="Unfit"/>
/// and <see cref="Absent"/>.
/// </param>
sealed record OldFormat(string Name, JsonNode Written, Func<JsonNode, JsonNode> Reread, Func<string, string> Missing)
{
    /// <summary>Reading fails and names the property.</summary>
    public const string Required = "required";

    /// <summary>The property follows from others, or is that of the file by chance.</summary>
    public const string Same = "same";

    /// <summary>The default does not fit the rest, so reading fails, whatever it names.</summary>
    public const string Unfit = "unfit";

    /// <summary>The property is left out again.</summary>
    public const string Absent = "absent";

    /// <summary>Properties that hold another format, which has its own tests.</summary>
    public string[] Foreign { get; init; } = [];

    public static OldFormat Preprocess { get; } = new(
        "preprocessing", Description("every-layer")["preprocess"]!, json => Parse(PreprocessSpec.FromJson(json.ToJsonString()).ToJson()),
        place => place switch
        {
            "version" => Same,
            "scaled_decoding_version" => Absent,
            _ => JsonWalk.Find(Parse(new PreprocessSpec().ToJson()), place)!.ToJsonString(),
        });

    public static OldFormat Model { get; } = new("model", Description("every-layer"), RereadModel, place => JsonWalk.Pattern(place) switch
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
        Foreign = ["network", "preprocess"],
    };

    public static OldFormat Network { get; } = new("network", Model.Written["network"]!, RereadNetwork, MissingOfNetwork);

    public static OldFormat Checkpoint { get; } = new("checkpoint", HeaderOf("small"), RereadHeader, place => JsonWalk.Pattern(place) switch
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
        "options", Parse(Checkpoint.Written["options"]!.GetValue<string>()),
        json => Parse(TrainingOptions.FromJson(json.ToJsonString(), Origin(json)).ToJson()),
        place => JsonWalk.Find(Parse(new TrainingOptions().ToJson()), place)?.ToJsonString() ?? "null");

    public static OldFormat Manifest { get; } = new("manifest", ManifestOf("bytes"), RereadManifest, place => JsonWalk.Pattern(place) switch
    {
        "version" or "count" or "histogram" or "dtype" or "shape" or "mean" or "std" or "preprocess_sha256" => Same,
        "parts[].key" or "parts[].bad_files[].code" or "parts[].bad_files[].reason" => "\"\"",
        "parts[].bad_files" => "[]",
        _ => Required,
    })
    {
        Foreign = ["preprocess"],
    };

    public static OldFormat Normalized { get; } = Manifest with
    {
        Name = "manifest of normalised pictures",
        Written = ManifestOf("floats"),
        Missing = place => place switch
        {
            "normalized_by" => Absent,
            "dtype" or "normalized_by.mean" or "normalized_by.std" => Required,
            _ => Manifest.Missing(place),
        },
    };

    public static OldFormat Part { get; } = new(
        "part", Manifest.Written["parts"]![1]!, json => Parse(ShardPartInfo.FromJson(json.ToJsonString()).ToJson()),
        place => Manifest.Missing($"parts[1].{place}"));

    /// <summary>Their names, as test data.</summary>
    public static IEnumerable<object[]> Names => s_all.Select(format => new object[] { format.Name });

    public static OldFormat Of(string name) => s_all.Single(format => format.Name == name);

    static readonly OldFormat[] s_all = [Preprocess, Model, Network, Checkpoint, Options, Manifest, Normalized, Part];

    static JsonNode Parse(string json) => JsonNode.Parse(json)!;

    static FileOrigin Origin(JsonNode json) => FileOrigin.Of(JsonSerializer.SerializeToElement(json), "options");

    static JsonNode ManifestOf(string name) => Parse(File.ReadAllText(OldFiles.At("shards", name, "train", "manifest.json")));

    static string MissingOfNetwork(string place)
    {
        var layer = JsonWalk.Find(Network!.Written, place[..Math.Max(0, place.LastIndexOf('.'))]);
        return (layer?["kind"]?.GetValue<string>(), place[(place.LastIndexOf('.') + 1)..]) switch
        {
            (null, "loss") => "\"SoftmaxCrossEntropy\"",
            ("conv2d", "stride") => "1",
            ("conv2d", "kernel_width") or ("max_pool" or "average_pool", "stride" or "pad") => "0",
            ("conv2d", "padding") => "\"Same\"",
            ("conv2d" or "linear", "bias") or ("batch_norm", "scale") => "true",
            ("conv2d", "frozen") => "false",
            ("conv2d" or "linear", "initializer") => "\"HeNormal\"",
            ("conv2d", "bias_initializer") => "\"Zeros\"",
            ("batch_norm", "epsilon") => "1E-05",
            ("batch_norm", "momentum") => "0.1",
            ("activation", "slope") => "0.01",
            ("residual", "body") => Unfit,
            ("residual", "shortcut") => layer!["shortcut"]!.AsArray().Count > 0 ? Unfit : "[]",
            _ => Required,
        };
    }

    static JsonNode RereadNetwork(JsonNode json)
    {
        var spec = NetworkJson.Read(JsonSerializer.SerializeToElement(json), Origin(json));
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
            NetworkJson.Write(writer, spec);
        return Parse(Encoding.UTF8.GetString(buffer.ToArray()));
    }

    static JsonNode HeaderOf(string name)
    {
        using var stream = File.OpenRead(OldFiles.At("checkpoints", name, "last.ckpt"));
        return Parse(Encoding.UTF8.GetString(CheckpointFile.Verify(stream)));
    }

    static JsonNode RereadHeader(JsonNode json)
    {
        var header = CheckpointHeader.Read(Encoding.UTF8.GetBytes(json.ToJsonString()), "last.ckpt");
        return JsonSerializer.SerializeToNode(header, CheckpointJson.Default.CheckpointHeader)!;
    }

    static JsonNode Description(string name) => Description(File.ReadAllBytes(OldFiles.At("models", $"{name}.safetensors")));

    static JsonNode Description(byte[] file) => Parse(SafeTensors.Read(file, "model").Metadata["mlnetcifar"]);

    static JsonNode RereadModel(JsonNode json)
    {
        using var folder = new TestFolder();
        var path = Path.Combine(folder.Root, "model.safetensors");
        var (tensors, _) = SafeTensors.Read(File.ReadAllBytes(OldFiles.At("models", "every-layer.safetensors")), path);
        using (var stream = File.Create(path))
            SafeTensors.Write(stream, tensors, new Dictionary<string, string> { ["mlnetcifar"] = json.ToJsonString() });
        using var model = ImageClassifier.Load(path);
        model.Save(path);
        return Description(File.ReadAllBytes(path));
    }

    static JsonNode RereadManifest(JsonNode json)
    {
        using var folder = new TestFolder();
        var path = Path.Combine(folder.Root, ShardManifest.FileName);
        File.WriteAllText(path, json.ToJsonString());
        ShardManifest.Read(LocalFileStore.Instance, folder.Root).Write(LocalFileStore.Instance, folder.Root);
        return Parse(File.ReadAllText(path));
    }
}
