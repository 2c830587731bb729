using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>A layer of a checked network.</summary>
/// <param name="Layer">The description.</param>
/// <param name="Position">Place in the network in words: <c>3 (conv2d)</c>, in residual blocks <c>3.1 (conv2d)</c>.</param>
/// <param name="WeightName">Beginning of its tensors' names in weight files, for example <c>layer1.conv2</c>; null for layers without.</param>
/// <param name="Input">Shape of one image before it.</param>
/// <param name="Output">Shape of one image after it.</param>
/// <param name="FlattenedFrom">Where the input is a flattened picture: that picture's shape. Weight files order such inputs channels first.</param>
/// <param name="Parameters">Its tensors, in the order of the weight file.</param>
/// <param name="Paths">The layers inside it: a residual block's main path and its shortcut.</param>
internal sealed record LayerNode(
    LayerSpec Layer, string Position, string? WeightName, Shape Input, Shape Output, Shape? FlattenedFrom, ImmutableArray<ParameterSpec> Parameters,
    ImmutableArray<ImmutableArray<LayerNode>> Paths)
{
    /// <summary>Operations of one image's forward pass, those of layers inside it left out.</summary>
    public double OwnFlops => Paths.IsEmpty ? Layer.Flops(Input) : 0;

    /// <summary>This node and those inside it, in the order of computation, a residual block after its paths.</summary>
    public IEnumerable<LayerNode> Flat() => Paths.SelectMany(path => path.SelectMany(node => node.Flat())).Append(this);
}

/// <summary>Walks a description once, checking shapes and giving names.</summary>
internal sealed class LayerResolver
{
    /// <summary>Of one image anywhere in a network; with it a batch of one still fits the kernels' indices.</summary>
    const int MostElements = 1 << 29;

    readonly Dictionary<string, int> _counts = [];
    readonly HashSet<string> _taken = [];

    /// <summary>Resolves one path.</summary>
    /// <param name="layers">The path.</param>
    /// <param name="input">Shape of one image before it.</param>
    /// <param name="position">Prefix of positions.</param>
    /// <param name="prefix">Prefix of weight names.</param>
    public ImmutableArray<LayerNode> Resolve(ImmutableArray<LayerSpec> layers, Shape input, string position = "", string prefix = "")
    {
        var nodes = ImmutableArray.CreateBuilder<LayerNode>();
        Shape? flattenedFrom = null;
        for (var i = 0; i < layers.Length; i++)
        {
            var place = $"{position}{i + 1}";
            var layer = layers[i] ?? throw NetworkErrors.Option(place, "null", "a layer");
            var node = Resolve(layer, input, flattenedFrom, place, prefix);
            flattenedFrom = layer.FlattenedFrom(input, flattenedFrom);
            nodes.Add(node);
            input = node.Output;
        }

        return nodes.ToImmutable();
    }

    LayerNode Resolve(LayerSpec layer, Shape input, Shape? flattenedFrom, string position, string prefix)
    {
        var place = $"{position} ({layer.Kind})";
        var name = Name(layer, prefix, place);
        var paths = layer.Paths.Select(path => Resolve(path.Layers, input, position + path.Position, name + path.Name)).ToImmutableArray();
        var output = Output(layer, Counted(input, place), position);
        ImmutableArray<ParameterSpec> parameters = [.. layer.Parameters(input) ?? throw NetworkErrors.Declaration(place, "null for its parameters", "a list")];
        if (Fault(layer, input, output, parameters) is var (found, expected))
            throw NetworkErrors.Declaration(place, found, expected);
        if (!parameters.IsEmpty && !_taken.Add(name!))
            throw NetworkErrors.Option(place, $"the weight name '{name}'", "one that no other layer has");
        return new LayerNode(layer, place, parameters.IsEmpty ? null : name, input, output, flattenedFrom, parameters, paths);
    }

    /// <summary>What a layer from elsewhere may have got wrong.</summary>
    static (string Found, string Expected)? Fault(LayerSpec layer, Shape input, Shape output, ImmutableArray<ParameterSpec> parameters)
    {
        if (output.N != input.N || output.H < 1 || output.W < 1 || output.C < 1)
            return ($"the output {output} for the input {input}", "the same N, and every side at least 1");
        if (!parameters.IsEmpty && (layer.WeightPrefix is not { Length: > 0 } prefix || !prefix.All(c => char.IsAsciiLetter(c) || c == '_')))
            return ($"the weight prefix '{layer.WeightPrefix}'", "ASCII letters and underscores");
        foreach (var parameter in parameters)
        {
            if (parameter is null || string.IsNullOrEmpty(parameter.Name) || parameter.Name.Contains('.') || parameters.Count(p => p?.Name == parameter.Name) > 1)
                return ($"a parameter named '{parameter?.Name}'", "names without a dot, each once");
            if (parameter.Dimensions.IsDefaultOrEmpty || parameter.Dimensions.Any(d => d < 1))
                return ($"parameter '{parameter.Name}' of shape [{(parameter.Dimensions.IsDefault ? "" : string.Join(", ", parameter.Dimensions))}]", "every dimension at least 1");
            if (!Enum.IsDefined(parameter.Initializer))
                return ($"the initializer {parameter.Initializer} of parameter '{parameter.Name}'", $"one of {string.Join(", ", Enum.GetNames<Initializer>())}");
            if (parameter.FollowsInput && parameter.Dimensions[0] != input.C)
                return ($"parameter '{parameter.Name}' of shape [{string.Join(", ", parameter.Dimensions)}] that follows the input", $"{input.C} as its first dimension");
        }

        return null;
    }

    /// <summary>Elements are counted in 32 bits; what is flattened has as many.</summary>
    static Shape Counted(Shape input, string place) => (double)input.H * input.W * input.C <= MostElements
        ? input
        : throw NetworkErrors.Shape(place, $"input {input}", $"at most {MostElements:N0} elements an image");

    static Shape Output(LayerSpec layer, Shape input, string position)
    {
        try
        {
            return layer.OutputShape(input);
        }
        catch (MlNetCifarException e)
        {
            // The layer knows its kind; only the walk knows where it stands.
            throw new MlNetCifarException(e.Code, e.Kind, e.Reason.Replace($"Layer {layer.Kind}:", $"Layer {position} ({layer.Kind}):", StringComparison.Ordinal), e.Action);
        }
    }

    string? Name(LayerSpec layer, string prefix, string place)
    {
        if (layer.WeightName is not { } own)
            return layer.WeightPrefix is { } kind ? Next(prefix, kind) : null;
        var isName = own.Split('.').All(part => part.Length > 0 && part.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'));
        return isName && layer.WeightPrefix is not null
            ? prefix + own
            : throw NetworkErrors.Option(place, $"the weight name '{own}'", isName ? "none, for it has no weights" : "ASCII letters, digits and underscores, with dots between");
    }

    string Next(string prefix, string kind)
    {
        var key = prefix + kind;
        _counts[key] = _counts.GetValueOrDefault(key) + 1;
        return $"{key}{_counts[key]}";
    }
}
