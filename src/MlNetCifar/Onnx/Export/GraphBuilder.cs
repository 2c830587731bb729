using System.Collections.Immutable;
using MlNetCifar.Inference;
using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>Collects the nodes and constants of a network.</summary>
/// <param name="weights">The weights.</param>
/// <param name="options">Opset and form of the weights.</param>
/// <param name="forms">The weights as the file holds them.</param>
internal sealed class GraphBuilder(NetworkWeights weights, OnnxExportOptions options, WeightForms forms) : IOperatorGraph
{
    readonly List<OnnxNode> _nodes = [];
    readonly Dictionary<string, OnnxTensor> _constants = [];
    readonly Dictionary<string, string> _values = [];
    readonly Dictionary<string, int> _names = [];

    /// <summary>Values that are [N, C].</summary>
    readonly HashSet<string> _flat = [];

    /// <summary>Flattened pictures, whose elements are ordered channels first here and channels last in the network.</summary>
    readonly HashSet<string> _flattened = [];

    /// <inheritdoc/>
    public int Opset => options.Version;

    /// <summary>The nodes, in the order of computation.</summary>
    public IReadOnlyList<OnnxNode> Nodes => _nodes;

    /// <summary>The constants.</summary>
    public IReadOnlyList<OnnxTensor> Constants => [.. _constants.Values];

    /// <summary>Adds a node that belongs to no layer.</summary>
    /// <param name="name">Of the node and its result.</param>
    /// <param name="op">The operator.</param>
    /// <param name="inputs">Names of values.</param>
    /// <param name="attributes">Its parameters.</param>
    public string Add(string name, string op, IReadOnlyList<string> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var list = new List<OnnxAttribute>();
        foreach (var (key, value) in attributes)
            list.Add(value switch
            {
                long number => OnnxAttribute.Of(key, number),
                float number => OnnxAttribute.Of(key, number),
                long[] numbers => OnnxAttribute.Of(key, numbers),
                _ => OnnxAttribute.Of(key, (string)value),
            });
        _nodes.Add(new(name, op, inputs, [name], list));
        return name;
    }

    /// <inheritdoc/>
    public string Add(LayerNode node, string op, IReadOnlyList<string> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var name = Add(NameOf(node, op), op, inputs, attributes);
        if (_flat.Contains(inputs[0]))
            _flat.Add(name);
        if (_flattened.Contains(inputs[0]) && node.Layer is not Linear)
            _flattened.Add(name);
        return name;
    }

    /// <inheritdoc/>
    public string Add(ImmutableArray<LayerNode> path, string input)
    {
        foreach (var node in path)
        {
            // The order of a flattened picture's elements is told by the node, or is nobody's; only some layers keep it.
            var known = node.FlattenedFrom;
            if (known is null == _flattened.Contains(input) || (known is not null && node.Layer is not Linear && node.Layer.FlattenedFrom(node.Input, known) != known))
                throw NetworkErrors.NotExportable(node.Position);
            input = node.Layer.Export(this, node, input);
        }

        return input;
    }

    /// <summary>Refuses a result whose elements are in another order than the network's.</summary>
    public string InOrder(string value, LayerNode last) => _flattened.Contains(value) ? throw NetworkErrors.NotExportable(last.Position) : value;

    /// <inheritdoc/>
    public string Weight(LayerNode node, string parameter)
    {
        var tensor = weights.Find($"{node.WeightName}.{parameter}")!;
        if (_values.TryGetValue(tensor.Name, out var known))
            return known;
        return _values[tensor.Name] = forms.Add(tensor, this);
    }

    /// <inheritdoc/>
    public string Number(float value) => Constant($"number_{BitConverter.SingleToUInt32Bits(value):x8}", [], [value]);

    /// <summary>The name of a constant of floats.</summary>
    public string Constant(string name, long[] shape, ReadOnlySpan<float> values) => Constant(OnnxTensor.Of(name, shape, values));

    /// <summary>The name of a constant.</summary>
    public string Constant(OnnxTensor tensor)
    {
        _constants.TryAdd(tensor.Name, tensor);
        return tensor.Name;
    }

    /// <inheritdoc/>
    public string Flat(LayerNode node, string value)
    {
        if (_flat.Contains(value))
            return value;
        var name = Add(NameOf(node, "Flatten"), "Flatten", [value], ("axis", 1L));
        _flat.Add(name);
        if (node.Layer is Flatten && node.Input is not { H: 1, W: 1 })
            _flattened.Add(name);
        return name;
    }

    /// <inheritdoc/>
    public string Picture(LayerNode node, string value)
    {
        if (!_flat.Contains(value))
            return value;
        return Add(NameOf(node, "Unsqueeze"), "Unsqueeze", [value, Constant(OnnxTensor.Of("axes_2_3", [2], [2L, 3L]))]);
    }

    /// <summary>A name that is used once: the layer's, with the operator.</summary>
    string NameOf(LayerNode node, string op)
    {
        var place = node.WeightName ?? $"layer_{node.Position.Split(' ')[0].Replace('.', '_')}";
        var name = $"{place}/{op}";
        var count = _names[name] = _names.GetValueOrDefault(name) + 1;
        return count == 1 ? name : $"{name}_{count}";
    }
}
