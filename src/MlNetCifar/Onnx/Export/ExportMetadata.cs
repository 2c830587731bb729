using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MlNetCifar.Inference;

namespace MlNetCifar.Onnx;

/// <summary>What an exported file says of itself beside its graph.</summary>
internal static class ExportMetadata
{
    /// <summary>Where the choices of the export stand.</summary>
    public const string Export = "mlnetcifar_export";

    static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Names and texts.</summary>
    /// <param name="model">What is written, its weights rounded already.</param>
    /// <param name="options">The choices.</param>
    public static IReadOnlyList<(string Name, string Value)> Of(ImageClassifier model, OnnxExportOptions options)
    {
        var (preprocess, scaling) = (model.Preprocess, model.Normalization);
        var list = new List<(string, string)>
        {
            ("names", Json(json => Names(json, model))),
            ("classes", Json(json => Texts(json, model.Classes))),
            ("preprocess", preprocess.ToJson()),
            ("preprocess_sha256", preprocess.Hash()),
            ("mean", Json(json => Numbers(json, scaling.Mean))),
            ("std", Json(json => Numbers(json, scaling.Std))),
            ("Image.BitmapPixelFormat", preprocess.Channels == 3 || options.Input == OnnxInput.Pictures ? "Rgb8" : "Gray8"),
            ("Image.ColorSpaceGamma", "SRGB"),
            ("Image.NominalPixelRange", options.Input == OnnxInput.Normalized ? "Normalized_0_1" : "NominalRange_0_255"),
            ("weights_sha256", model.WeightsSha256),
            (Export, Json(json => Choices(json, options))),
            (ModelFile.Key, ModelFile.Describe(model)),
        };
        if (options.Proof is { Count: > 0 } pictures)
            list.Add((ProofRecord.Key, ProofRecord.Of(model, pictures).ToJson(model)));
        if (model.TrainingSettings.Length > 0)
            list.Insert(0, ("training_sha256", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(model.TrainingSettings)))));
        if (options.License.Length > 0)
            list.Insert(0, ("license", options.License));
        if (model.Calibration is { Views: > 1 } calibration)
            list.Insert(0, ("note", string.Create(CultureInfo.InvariantCulture, $"Calibrated on the mean of {calibration.Views} views of each picture; this graph looks at one.")));
        return list;
    }

    /// <summary>The choices of an export.</summary>
    /// <returns>Null where the text says none that are known.</returns>
    public static OnnxExportOptions? Read(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            var options = new OnnxExportOptions
            {
                Opset = root.GetProperty("opset").GetInt32(),
                Input = Enum.Parse<OnnxInput>(root.GetProperty("input").GetString()!),
                Weights = Enum.Parse<OnnxWeights>(root.GetProperty("weights").GetString()!),
            };
            return Enum.IsDefined(options.Input) && Enum.IsDefined(options.Weights) ? options : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    static void Choices(Utf8JsonWriter json, OnnxExportOptions options)
    {
        json.WriteStartObject();
        json.WriteNumber("opset", options.Version);
        json.WriteString("input", options.Input.ToString());
        json.WriteString("weights", options.Weights.ToString());
        json.WriteBoolean("fold_batch_norm", options.FoldBatchNorm);
        json.WriteEndObject();
    }

    static void Names(Utf8JsonWriter json, ImageClassifier model)
    {
        json.WriteStartObject();
        for (var i = 0; i < model.Classes.Length; i++)
            json.WriteString(i.ToString(CultureInfo.InvariantCulture), model.Classes[i]);
        json.WriteEndObject();
    }

    static void Texts(Utf8JsonWriter json, IEnumerable<string> texts)
    {
        json.WriteStartArray();
        foreach (var text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
    }

    static void Numbers(Utf8JsonWriter json, IEnumerable<float> numbers)
    {
        json.WriteStartArray();
        foreach (var number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    static string Json(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, s_json))
            write(json);
        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
