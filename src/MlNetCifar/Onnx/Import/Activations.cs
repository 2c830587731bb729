using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>Element-wise functions.</summary>
internal static class Activations
{
    public static void Read(OnnxNode node, ImportPath path, ActivationKind kind)
    {
        path.RequireFirst(node);
        path.RequireOnly(node);
        path.Add(node, new Activation(kind));
    }

    public static void ReadLeakyRelu(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node, "alpha");
        path.Add(node, new Activation(ActivationKind.LeakyRelu) { Slope = node.Find("alpha")?.Real ?? 0.01f });
    }

    public static void ReadGelu(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node, "approximate");
        if (node.Find("approximate")?.Text is not (null or "none"))
            throw path.Wrong(node, "an approximation of GELU", "the exact function");
        path.Add(node, new Activation(ActivationKind.Gelu));
    }

    /// <summary>At the end of a network of one output it makes its probability; elsewhere it is a layer.</summary>
    public static void ReadSigmoid(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node);
        if (path.Pixels is not null && path.IsFlat && path.Shape.C == 1 && node.Outputs[0] == path.Graph.Output)
            path.Ending = node;
        else
            path.Add(node, new Activation(ActivationKind.Sigmoid));
    }

    /// <summary>Finds x · σ(x), and x · Φ(x) as x · (1 + erf(x ÷ √2)) ÷ 2, where a value is read by two nodes.</summary>
    public static (LayerSpec Layer, OnnxNode Last)? FindGate(ImportGraph graph, string value, IReadOnlyList<OnnxNode> readers)
    {
        var product = readers.FirstOrDefault(n => n.Op == "Mul" && graph.VaryingInputs(n) == 2);
        if (product is null || product.Inputs.Count != 2)
            return null;
        var gate = ReferenceEquals(product, readers[0]) ? readers[1] : readers[0];
        var other = product.Inputs[0] == value ? product.Inputs[1] : product.Inputs[0];
        if (gate.Op == "Sigmoid" && gate.Outputs[0] == other && IsRead(graph, other, product))
            return (new Activation(ActivationKind.Silu), product);
        return FindGelu(graph, gate, product, other);
    }

    static (LayerSpec Layer, OnnxNode Last)? FindGelu(ImportGraph graph, OnnxNode scale, OnnxNode product, string other)
    {
        var root = scale.Op is "Div" or "Mul" && graph.VaryingInputs(scale) == 1 ? Number(graph, scale) : null;
        if (root is not { } r || MathF.Abs((scale.Op == "Div" ? r : 1 / r) - MathF.Sqrt(2)) > 1e-5f || (scale.Op == "Div" && !graph.IsVarying(scale.Inputs[0])))
            return null;
        return Only(graph, scale, "Erf") is { } erf && Only(graph, erf, "Add") is { } sum && Number(graph, sum) == 1 && sum.Outputs[0] == other && IsRead(graph, other, product)
            && Only(graph, product, "Mul") is { } half && Number(graph, half) == 0.5f
            ? (new Activation(ActivationKind.Gelu), half)
            : null;
    }

    static bool IsRead(ImportGraph graph, string value, OnnxNode by) => graph.Readers(value) is [var reader] && ReferenceEquals(reader, by);

    static OnnxNode? Only(ImportGraph graph, OnnxNode node, string op) => graph.Readers(node.Outputs[0]) is [var reader] && reader.Op == op ? reader : null;

    /// <summary>The number that a node combines with what depends on the picture; null where there is none.</summary>
    static float? Number(ImportGraph graph, OnnxNode node)
    {
        if (node.Inputs.Count != 2 || graph.VaryingInputs(node) != 1)
            return null;
        var (values, _) = graph.Constants.Floats(node, graph.IsVarying(node.Inputs[0]) ? 1 : 0);
        return values.Length == 1 ? values[0] : null;
    }
}
