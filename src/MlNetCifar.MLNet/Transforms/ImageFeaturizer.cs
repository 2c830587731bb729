using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MlNetCifar.Imaging;

namespace MlNetCifar.MLNet;

/// <summary>Describes pictures by the numbers of a trained network, for any trainer of ML.NET. Nothing is trained.</summary>
public sealed class ImageFeaturizingEstimator : IEstimator<ImageFeaturizingTransformer>
{
    readonly FeaturizerEngine _engine;

    internal ImageFeaturizingEstimator(FeaturizerEngine engine) => _engine = engine;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => _engine.GetOutputSchema(inputSchema);

    /// <summary>Gives the transform.</summary>
    /// <param name="input">Only its schema is looked at.</param>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public ImageFeaturizingTransformer Fit(IDataView input)
    {
        _engine.Check(input);
        return new(_engine);
    }
}

/// <summary>Adds a column of numbers that describe the picture of each row: bit for bit those of <see cref="FeatureExtractor"/>.</summary>
public sealed class ImageFeaturizingTransformer : PictureTransformer
{
    internal const string LoaderName = "UseMlNetCifar.Features";

    readonly FeaturizerEngine _engine;

    internal ImageFeaturizingTransformer(FeaturizerEngine engine)
        : base(engine) => _engine = engine;

    /// <summary>The network.</summary>
    public FeatureExtractor Model => _engine.Model;

    /// <inheritdoc/>
    public override void Save(ModelSaveContext ctx) => Save(ctx, LoaderName, Model.Save, json => json.WriteString("output", _engine.Outputs[0].Column.Name));

    internal static ImageFeaturizingTransformer Load(IHostEnvironment environment, object context) => Load(
        context, FeatureExtractor.Load,
        (model, json, input, policy) => new ImageFeaturizingTransformer(
            new FeaturizerEngine(model, json.GetProperty("output").GetString()!) { Environment = environment, Input = input, OnBadImage = policy }));
}

/// <summary>Describes pictures.</summary>
internal sealed class FeaturizerEngine(FeatureExtractor model, string output) : PictureEngine
{
    static readonly string[] s_one = ["picture", "none"];

    public FeatureExtractor Model => model;

    public override IReadOnlyList<OutputColumn> Outputs { get; } =
        [OutputColumn.Vector(new(output, new VectorDataViewType(NumberDataViewType.Single, model.Count)), answer => answer.Features)];

    public override Preprocessor Preprocessor { get; } = new(model.Preprocess);

    protected override Answer[] Answers(byte[] pixels, int count, bool[] isActive)
    {
        var spec = model.Preprocess;
        var features = model.Features(new ImageSet(pixels, new int[count], spec.Width, spec.Height, spec.Channels, s_one));
        return [.. Enumerable.Range(0, count).Select(i => new Answer { Features = features[(i * model.Count)..((i + 1) * model.Count)] })];
    }
}

/// <summary>What loads featurizers, as ML.NET asks for it.</summary>
internal static class ImageFeaturizerLoader
{
    /// <summary>Called by ML.NET.</summary>
    /// <param name="env">Of the context that loads.</param>
    /// <param name="ctx">The model's place in its archive.</param>
    public static ImageFeaturizingTransformer Create(IHostEnvironment env, object ctx) => ImageFeaturizingTransformer.Load(env, ctx);
}
