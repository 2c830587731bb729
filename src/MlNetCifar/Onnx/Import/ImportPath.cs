using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>How far a path of the graph has been read: its layers so far, and the shape of what they give.</summary>
/// <param name="graph">The graph.</param>
/// <param name="shape">Shape of one image before it, [1, H, W, C].</param>
/// <param name="isFlat">Whether the graph holds it as [N, C].</param>
internal sealed class ImportPath(ImportGraph graph, Shape shape, bool isFlat)
{
    /// <summary>The graph.</summary>
    public ImportGraph Graph => graph;

    /// <summary>What its nodes read beside the picture.</summary>
    public ImportConstants Constants => graph.Constants;

    /// <summary>The layers so far.</summary>
    public List<ImportedLayer> Layers { get; } = [];

    /// <summary>Shape of one image here.</summary>
    public Shape Shape { get; private set; } = shape;

    /// <summary>Whether the graph holds it as [N, C], not as [N, C, H, W].</summary>
    public bool IsFlat { get; set; } = isFlat;

    /// <summary>Whether its elements are those of a flattened picture, which the graph orders channels first.</summary>
    public bool HoldsPicture { get; private set; }

    /// <summary>The Softmax or Sigmoid that makes probabilities; nothing may follow it.</summary>
    public OnnxNode? Ending { get; set; }

    /// <summary>What happens to the pixels; null within residual blocks.</summary>
    public PixelSteps? Pixels { get; init; }

    /// <summary>Whether nothing but the scaling of pixels has been read.</summary>
    public bool IsAtPixels => Pixels is not null && Layers.Count == 0 && !IsFlat;

    /// <summary>Adds a layer, which checks its input.</summary>
    public ImportedLayer Add(OnnxNode node, LayerSpec layer)
    {
        RequirePlanar(node);

        // The filter of a convolution can take them in any order.
        if (layer is not Conv2d && IsAtPixels && Pixels!.IsReordered)
            throw Wrong(node, "channels in another order than red, green, blue", "a Conv as the first layer then");
        HoldsPicture = layer is Flatten || (HoldsPicture && layer is not Linear);
        try
        {
            Shape = layer.OutputShape(Shape);
        }
        catch (MlNetCifarException e) when (e.Code.StartsWith("MNC20", StringComparison.Ordinal))
        {
            throw graph.Wrong(node, e.Reason.TrimEnd('.'), "a layer that fits");
        }

        var added = new ImportedLayer(layer);
        Layers.Add(added);
        return added;
    }

    /// <summary>Refuses a residual block in a place where its layers could not know the order of what they read.</summary>
    public void RequireFork(OnnxNode first)
    {
        RequirePlanar(first);
        if (HoldsPicture || (IsAtPixels && Pixels!.IsReordered))
            throw Wrong(first, HoldsPicture ? "a residual block on a flattened picture" : "a residual block on channels in another order than red, green, blue", "a dense layer or a Conv before it");
    }

    /// <summary>Adds a residual block.</summary>
    public void Add(ImportedLayer block, Shape output)
    {
        Layers.Add(block);
        Shape = output;
    }

    /// <summary>An error that names a node.</summary>
    public MlNetCifarException Wrong(OnnxNode node, string found, string expected) => graph.Wrong(node, found, expected);

    /// <summary>Refuses an attribute that has another value than the one that means nothing special.</summary>
    public void Require(OnnxNode node, string attribute, long expected)
    {
        if (node.Find(attribute) is { } found && found.Int != expected)
            throw Wrong(node, $"{attribute} {found.Int}", $"{attribute} {expected}");
    }

    /// <summary>Refuses attributes that are not known.</summary>
    public void RequireOnly(OnnxNode node, params ReadOnlySpan<string> known)
    {
        foreach (var attribute in node.Attributes)
            if (!known.Contains(attribute.Name))
                throw Wrong(node, $"the attribute '{attribute.Name}'", known.Length == 0 ? "no attributes" : $"only {string.Join(", ", known.ToArray())}");
    }

    /// <summary>The only input that depends on the picture must be the first.</summary>
    public void RequireFirst(OnnxNode node)
    {
        if (graph.VaryingInputs(node) != 1 || !graph.IsVarying(node.Inputs[0]))
            throw Wrong(node, "inputs that depend on the picture in other places than the first", "one such input, the first");
    }

    /// <summary>Refuses a node that needs a picture, [N, C, H, W].</summary>
    public void RequirePicture(OnnxNode node)
    {
        RequirePlanar(node);
        if (IsFlat)
            throw Wrong(node, "an input [N, C]", "[N, C, H, W]");
    }

    /// <summary>Refuses a node that needs [N, C].</summary>
    public void RequireFlat(OnnxNode node)
    {
        RequirePlanar(node);
        if (!IsFlat)
            throw Wrong(node, $"an input [N, {Shape.C}, {Shape.H}, {Shape.W}]", "[N, C]; put Flatten before it");
    }

    /// <summary>Refuses a picture that is [N, H, W, C] here.</summary>
    public void RequirePlanar(OnnxNode node)
    {
        if (Pixels is { ChannelsLast: true } && Layers.Count == 0)
            throw Wrong(node, "an input [N, H, W, C]", "[N, C, H, W]; put Transpose before it");
    }
}
