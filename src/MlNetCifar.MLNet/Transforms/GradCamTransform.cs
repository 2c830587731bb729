using Microsoft.ML;
using Microsoft.ML.Runtime;
using MlNetCifar.Explain;
using MlNetCifar.Imaging;

namespace MlNetCifar.MLNet;

/// <summary>Shows where a classifier looked. Nothing is trained.</summary>
public sealed class GradCamEstimator : IEstimator<GradCamTransformer>
{
    readonly GradCamEngine _engine;

    internal GradCamEstimator(GradCamEngine engine) => _engine = engine;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => _engine.GetOutputSchema(inputSchema);

    /// <summary>Gives the transform.</summary>
    /// <param name="input">Only its schema is looked at.</param>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public GradCamTransformer Fit(IDataView input)
    {
        _engine.Check(input);
        return new(_engine);
    }
}

/// <summary>
/// Adds a column of pictures (<c>MLImage</c>): the input of the network as it sees it, and beside it the same under the Grad-CAM map of its most probable class, as
/// <see cref="HeatmapOverlay.Draw(Heatmap, ReadOnlySpan{byte}, int, int)"/> draws them. A picture that cannot be read has none.
/// </summary>
public sealed class GradCamTransformer : PictureTransformer
{
    internal const string LoaderName = "UseMlNetCifar.GradCam";

    readonly GradCamEngine _engine;

    internal GradCamTransformer(GradCamEngine engine)
        : base(engine) => _engine = engine;

    /// <summary>The classifier that is looked into.</summary>
    public ImageClassifier Model => _engine.Model;

    /// <inheritdoc/>
    public override void Save(ModelSaveContext ctx) => Save(ctx, LoaderName, Model.Save, json =>
    {
        json.WriteString("output", _engine.Outputs[0].Column.Name);
        json.WriteString("layer", _engine.Layer);
    });

    internal static GradCamTransformer Load(IHostEnvironment environment, object context) => Load(
        context, ImageClassifier.Load,
        (model, json, input, policy) => new GradCamTransformer(
            new GradCamEngine(model, json.GetProperty("output").GetString()!, json.GetProperty("layer").GetString()) { Environment = environment, Input = input, OnBadImage = policy }));
}

/// <summary>Explains pictures.</summary>
internal sealed class GradCamEngine : PictureEngine
{
    readonly GradCamMaps _maps;

    /// <summary>Prepares.</summary>
    /// <exception cref="MlNetCifarException">The network has no such convolution (MNC55xx), or the package of image columns is not there (MNC7010).</exception>
    public GradCamEngine(ImageClassifier model, string output, string? layer)
    {
        // Asked here, so that a wrong name is found before rows are read.
        new GradCam(model, layer, batchSize: 1, threads: 1).Dispose();
        (Model, Layer, _maps, Preprocessor) = (model, layer, new GradCamMaps(model, layer), new Preprocessor(model.Preprocess));
        Outputs = [ImageColumn.Maps(output, model.Preprocess)];
    }

    public ImageClassifier Model { get; }

    public string? Layer { get; }

    public override IReadOnlyList<OutputColumn> Outputs { get; }

    public override Preprocessor Preprocessor { get; }

    protected override Answer[] Answers(byte[] pixels, int count, bool[] isActive)
    {
        Answer[] answers = [.. Enumerable.Range(0, count).Select(_ => new Answer())];
        _maps.AddTo(pixels, answers);
        return answers;
    }
}

/// <summary>What loads them, as ML.NET asks for it.</summary>
internal static class GradCamLoader
{
    /// <summary>Called by ML.NET.</summary>
    /// <param name="env">Of the context that loads.</param>
    /// <param name="ctx">The model's place in its archive.</param>
    public static GradCamTransformer Create(IHostEnvironment env, object ctx) => GradCamTransformer.Load(env, ctx);
}
