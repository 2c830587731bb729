using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MlNetCifar.MLNet;

/// <summary>
/// A trained image classifier as a transform of ML.NET: adds probabilities and the most probable label. What it gives is bit for bit what <see cref="Model"/> answers.
/// </summary>
public sealed class ImageNetworkTransformer : PictureTransformer, IPredictionTransformer<ImageClassifier>
{
    internal const string LoaderName = "UseMlNetCifar.Network";

    readonly ClassifierEngine _engine;

    internal ImageNetworkTransformer(ClassifierEngine engine)
        : base(engine) => _engine = engine;

    /// <summary>The model, for everything else that the library does with it: explaining, exporting, saving as one file. Its classes are in the library's order.</summary>
    public ImageClassifier Model => _engine.Model;

    /// <summary>The values of the label, in the order of the scores.</summary>
    public IReadOnlyList<string> Labels => _engine.Labels.Names;

    /// <summary>
    /// Writes the model for other programs, preprocessing and labels with it. To be used instead of <c>ConvertToOnnx</c>, which leaves out transforms that are not of
    /// ML.NET itself without saying so. Classes are in the order of <see cref="Model"/>.
    /// </summary>
    /// <param name="path">Usually ends in <c>.onnx</c>.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="MlNetCifarException">The model cannot be exported or the file not written (MNC41xx).</exception>
    public void ExportOnnx(string path, OnnxExportOptions? options = null) => Model.ExportOnnx(path, options);

    /// <inheritdoc/>
    public override void Save(ModelSaveContext ctx) => Save(ctx, LoaderName, Model.Save, WriteOutputs);

    internal static ImageNetworkTransformer Load(IHostEnvironment environment, object context) => Load(context, ImageClassifier.Load, (model, json, input, policy) =>
    {
        var names = json.GetProperty("outputs");
        var labels = LabelValues.Of([.. json.GetProperty("labels").EnumerateArray().Select(value => value.GetString()!)], Text(json, "labelType"));
        var outputs = new OutputNames(
            Text(names, "score")!, Text(names, "predictedLabel")!, Text(names, "features"), Text(names, "isUnknown"), Text(names, "labelSet"),
            names.TryGetProperty("gradCam", out var map) ? map.GetString() : null);
        return new ImageNetworkTransformer(new ClassifierEngine(model, labels, outputs) { Environment = environment, Input = input, OnBadImage = policy });
    });

    void WriteOutputs(Utf8JsonWriter json)
    {
        json.WriteStartObject("outputs");
        json.WriteString("score", _engine.Names.Score);
        json.WriteString("predictedLabel", _engine.Names.PredictedLabel);
        json.WriteString("features", _engine.Names.Features);
        json.WriteString("isUnknown", _engine.Names.IsUnknown);
        json.WriteString("labelSet", _engine.Names.LabelSet);
        json.WriteString("gradCam", _engine.Names.GradCam);
        json.WriteEndObject();
        json.WriteString("labelType", _engine.Labels.TypeName);
        json.WriteStartArray("labels");
        foreach (var name in _engine.Labels.Names)
            json.WriteStringValue(name);
        json.WriteEndArray();
    }

    static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}

/// <summary>What loads models, as ML.NET asks for it.</summary>
internal static class ImageNetworkLoader
{
    /// <summary>Called by ML.NET.</summary>
    /// <param name="env">Of the context that loads.</param>
    /// <param name="ctx">The model's place in its archive.</param>
    public static ImageNetworkTransformer Create(IHostEnvironment env, object ctx) => ImageNetworkTransformer.Load(env, ctx);
}
