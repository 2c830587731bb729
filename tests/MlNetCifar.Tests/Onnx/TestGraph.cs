using MlNetCifar.Onnx;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Builds small ONNX files. Names of values are those of their nodes.</summary>
internal sealed class TestGraph
{
    readonly List<OnnxNode> _nodes = [];
    readonly List<OnnxTensor> _constants = [];
    readonly Random _random;

    public TestGraph(int seed = 1) => _random = new(seed);

    public long Opset { get; set; } = 13;

    public OnnxValue Input { get; set; } = new("x", ElementType.Float, [new(1), new(3), new(8), new(10)]);

    public List<string> Outputs { get; } = [];

    /// <summary>The last node's value; at first the picture.</summary>
    public string Last { get; set; } = "x";

    /// <summary>A node that reads the last value, and constants.</summary>
    public TestGraph Then(string op, string[] more, params OnnxAttribute[] attributes) => Add(op, [Last, .. more], attributes);

    public TestGraph Then(string op, params OnnxAttribute[] attributes) => Add(op, [Last], attributes);

    public TestGraph Add(string op, string[] inputs, params OnnxAttribute[] attributes)
    {
        var name = $"{op.ToLowerInvariant()}{_nodes.Count}";
        _nodes.Add(new(name, op, inputs, [name], attributes));
        Last = name;
        return this;
    }

    public TestGraph Add(OnnxNode node)
    {
        _nodes.Add(node);
        Last = node.Outputs[0];
        return this;
    }

    /// <summary>A constant of random numbers.</summary>
    public string Random(params long[] shape) => Numbers(shape, () => (2 * _random.NextSingle()) - 1);

    /// <summary>A constant of random numbers above 0.</summary>
    public string Positive(params long[] shape) => Numbers(shape, () => 0.5f + _random.NextSingle());

    public string Constant(long[] shape, params float[] values) => Constant(OnnxTensor.Of($"c{_constants.Count}", shape, values));

    public string Ints(params long[] values) => Constant(OnnxTensor.Of($"c{_constants.Count}", [values.Length], values));

    public string Constant(OnnxTensor tensor)
    {
        _constants.Add(tensor);
        return tensor.Name;
    }

    public OnnxModel Model() => new()
    {
        IrVersion = 8,
        Opsets = [("", Opset)],
        Graph = new()
        {
            Name = "test", Nodes = _nodes, Initializers = _constants, Inputs = [Input],
            Outputs = [.. (Outputs.Count > 0 ? Outputs : [Last]).Select(name => new OnnxValue(name, ElementType.Float, null))],
        },
    };

    public byte[] ToBytes() => OnnxWriter.Write(Model()).ToArray();

    string Numbers(long[] shape, Func<float> next)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        foreach (ref var value in values.AsSpan())
            value = next();
        return Constant(shape, values);
    }
}
