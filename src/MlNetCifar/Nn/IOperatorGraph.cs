using System.Collections.Immutable;

namespace MlNetCifar.Nn;

/// <summary>
/// Where a network is written as operators of ONNX: each layer adds its own nodes. Values are named; pictures are [N, C, H, W] there, and flat values [N, C].
/// </summary>
internal interface IOperatorGraph
{
    /// <summary>Version of the operators.</summary>
    int Opset { get; }

    /// <summary>Adds a node.</summary>
    /// <param name="node">The layer.</param>
    /// <param name="op">The operator.</param>
    /// <param name="inputs">Names of values; that of the first says whether the result is flat.</param>
    /// <param name="attributes">Each a <see cref="long"/>, an array of these, a <see cref="float"/> or a <see cref="string"/>.</param>
    /// <returns>The name of its result.</returns>
    string Add(LayerNode node, string op, IReadOnlyList<string> inputs, params ReadOnlySpan<(string Name, object Value)> attributes);

    /// <summary>Adds the nodes of a path of layers.</summary>
    /// <param name="path">First to last.</param>
    /// <param name="input">Name of what the first reads.</param>
    /// <returns>The name of the last one's result.</returns>
    string Add(ImmutableArray<LayerNode> path, string input);

    /// <summary>The name of one of a layer's tensors, in PyTorch's order of its elements.</summary>
    string Weight(LayerNode node, string parameter);

    /// <summary>The name of a constant number.</summary>
    string Number(float value);

    /// <summary>A value as [N, C]: where it is [N, C, H, W], it is flattened.</summary>
    string Flat(LayerNode node, string value);

    /// <summary>A value as [N, C, H, W]: where it is [N, C], with height and width 1.</summary>
    string Picture(LayerNode node, string value);
}
