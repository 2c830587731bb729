using System.Collections.Immutable;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>
/// One layer of a network description: hyper-parameters, shape inference and the shapes of its parameters. Immutable; holds no weights.
/// What <c>summary</c> and the model file read. All that is known about a kind of layer lies in its file.
/// </summary>
public abstract record LayerSpec
{
    private protected LayerSpec()
    {
    }

    /// <summary>The kind in the JSON description, for example <c>conv2d</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>
    /// Beginning of the layer's name in weight files, for example <c>conv</c>, a number behind it; letters and underscores. Null for layers without parameters.
    /// </summary>
    public virtual string? WeightPrefix => null;

    /// <summary>
    /// The layer's name in weight files in place of <see cref="WeightPrefix"/> and number, for networks whose files others wrote: letters, digits and underscores,
    /// with dots between, for example <c>layer1.0</c>. Inside a residual block it stands behind the block's. The default is null.
    /// </summary>
    public string? WeightName { get; init; }

    /// <summary>The hyper-parameters in words, for <c>summary</c>.</summary>
    public virtual string Details => "";

    /// <summary>Shape of the result.</summary>
    /// <param name="input">Shape of the input.</param>
    /// <exception cref="MlNetCifarException">The input does not fit (MNC2001) or an option is out of range (MNC2002).</exception>
    public abstract Shape OutputShape(Shape input);

    /// <summary>Parameters and running statistics, in the order of the weight file. The default is none.</summary>
    /// <param name="input">Shape of the input.</param>
    public virtual IReadOnlyList<ParameterSpec> Parameters(Shape input) => [];

    /// <summary>Floating-point operations of the forward pass for one image: two per multiply-add by the direct method, one per comparison or addition.</summary>
    /// <param name="input">Shape of the input.</param>
    public abstract double Flops(Shape input);

    /// <summary>Whether the result's channels are pictures of the input that Grad-CAM can show, as those of a convolution are. The default is false.</summary>
    public virtual bool MakesFeatureMaps => false;

    /// <summary>Writes the hyper-parameters as properties of the layer's JSON object. The default is none.</summary>
    /// <param name="json">Inside the object; <c>kind</c> is written already.</param>
    public virtual void Write(Utf8JsonWriter json)
    {
    }

    /// <summary>The layers inside it, path by path. None for all but residual blocks and ensembles.</summary>
    internal virtual ImmutableArray<InnerPath> Paths => [];

    /// <summary>The layer with other layers inside it.</summary>
    /// <param name="paths">As many as <see cref="Paths"/>.</param>
    internal virtual LayerSpec WithPaths(ImmutableArray<ImmutableArray<LayerSpec>> paths) => this;

    /// <summary>Operations of a path of layers.</summary>
    private protected static double Flops(ImmutableArray<LayerSpec> layers, Shape input)
    {
        var flops = 0.0;
        foreach (var layer in layers)
        {
            flops += layer.Flops(input);
            input = layer.OutputShape(input);
        }

        return flops;
    }

    /// <summary>Where the result is a flattened picture, that picture's shape; null else.</summary>
    /// <param name="input">Shape of the input.</param>
    /// <param name="flattenedFrom">The same of the input.</param>
    internal virtual Shape? FlattenedFrom(Shape input, Shape? flattenedFrom) => null;

    /// <summary>Adds the layer's ops to a network.</summary>
    /// <param name="compiler">Gives memory; takes ops.</param>
    /// <param name="node">Where the layer stands.</param>
    /// <param name="input">What it reads.</param>
    /// <returns>Its result; where layers behind it were taken along, theirs.</returns>
    internal abstract Value Emit(NetworkCompiler compiler, LayerNode node, Value input);

    /// <summary>Writes the layer as operators of ONNX.</summary>
    /// <param name="graph">Takes nodes.</param>
    /// <param name="node">Where the layer stands.</param>
    /// <param name="input">Name of what it reads.</param>
    /// <returns>Name of its result.</returns>
    /// <exception cref="MlNetCifarException">The layer has no such form, as layers from outside have none (MNC2009).</exception>
    internal virtual string Export(IOperatorGraph graph, LayerNode node, string input) => throw NetworkErrors.NotExportable(node.Position);
}

/// <summary>Layers inside a layer.</summary>
/// <param name="Position">What stands before their numbers in positions, for example <c>.s</c>.</param>
/// <param name="Name">What stands before their names in weight files, for example <c>.downsample.</c></param>
/// <param name="Layers">First to last.</param>
internal readonly record struct InnerPath(string Position, string Name, ImmutableArray<LayerSpec> Layers);

/// <summary>What a tensor of the weights is for; decides decay and training.</summary>
public enum ParameterRole
{
    /// <summary>Filter or matrix: trained, decayed.</summary>
    Weight,

    /// <summary>Added: trained, not decayed.</summary>
    Bias,

    /// <summary>Multiplied channel by channel: trained, not decayed.</summary>
    Gain,

    /// <summary>A running statistic: saved, not trained.</summary>
    Statistic,

    /// <summary>A filter that keeps its first values: saved, not trained.</summary>
    Fixed,
}

/// <summary>One tensor of a layer, before it has memory.</summary>
/// <param name="Name">Last part of its name in weight files: <c>weight</c>, <c>bias</c>, <c>running_mean</c>, <c>running_var</c>.</param>
/// <param name="Dimensions">[R, S, C, K] of a filter, [C, K] of a matrix, [C] of a vector; files hold the first two as [K, C, R, S] and [K, C].</param>
/// <param name="Role">What it is for.</param>
/// <param name="Initializer">Its first values.</param>
public sealed record ParameterSpec(string Name, ImmutableArray<int> Dimensions, ParameterRole Role, Initializer Initializer)
{
    /// <summary>Inputs of one output of the layer, for the initializer. The default follows from the dimensions: R·S·C, C, or the vector's length.</summary>
    public int FanIn { get; init; } = Fans(Dimensions).In;

    /// <summary>Outputs of one input of the layer, for the initializer. The default follows from the dimensions: R·S·K, K, or the vector's length.</summary>
    public int FanOut { get; init; } = Fans(Dimensions).Out;

    /// <summary>
    /// Whether the first dimension of a matrix or vector runs over the elements of the layer's flat input. Where that is a flattened picture, files order it
    /// channels first. The default is false.
    /// </summary>
    public bool FollowsInput { get; init; }

    /// <summary>Number of elements.</summary>
    public int Length => Dimensions.Aggregate(1, (a, b) => checked(a * b));

    /// <summary>Whether it may have a gradient.</summary>
    internal bool IsTrained => Role is not (ParameterRole.Statistic or ParameterRole.Fixed);

    static (int In, int Out) Fans(ImmutableArray<int> dimensions) => dimensions switch
    {
        { IsDefault: true } => (1, 1),
        [var r, var s, var c, var k] => (r * s * c, r * s * k),
        [var c, var k] => (c, k),
        [var c, ..] => (c, c),
        _ => (1, 1),
    };
}
