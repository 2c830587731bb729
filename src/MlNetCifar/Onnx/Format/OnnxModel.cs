namespace MlNetCifar.Onnx;

/// <summary>An ONNX file: what of its messages this library reads and writes.</summary>
internal sealed record OnnxModel
{
    /// <summary>Version of the format (IR).</summary>
    public long IrVersion { get; init; }

    /// <summary>The program that wrote it.</summary>
    public string Producer { get; init; } = "";

    /// <summary>That program's version.</summary>
    public string ProducerVersion { get; init; } = "";

    /// <summary>Whose the model is, in reverse DNS notation.</summary>
    public string Domain { get; init; } = "";

    /// <summary>What it is, in words.</summary>
    public string Description { get; init; } = "";

    /// <summary>Sets of operators by domain; the standard one is "".</summary>
    public IReadOnlyList<(string Domain, long Version)> Opsets { get; init; } = [];

    /// <summary>Texts by name.</summary>
    public IReadOnlyList<(string Name, string Value)> Metadata { get; init; } = [];

    /// <summary>The computation.</summary>
    public required OnnxGraph Graph { get; init; }
}

/// <summary>A graph: nodes in the order of computation, and what they read.</summary>
internal sealed record OnnxGraph
{
    public string Name { get; init; } = "";

    public IReadOnlyList<OnnxNode> Nodes { get; init; } = [];

    public IReadOnlyList<OnnxTensor> Initializers { get; init; } = [];

    public IReadOnlyList<OnnxValue> Inputs { get; init; } = [];

    public IReadOnlyList<OnnxValue> Outputs { get; init; } = [];
}

/// <summary>One operation.</summary>
/// <param name="Name">May be empty.</param>
/// <param name="Op">The operator, for example <c>Conv</c>.</param>
/// <param name="Inputs">Names of values; "" where one that may be left out is.</param>
/// <param name="Outputs">Names of values.</param>
/// <param name="Attributes">Its parameters.</param>
internal sealed record OnnxNode(
    string Name, string Op, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyList<OnnxAttribute> Attributes)
{
    /// <summary>The set the operator belongs to; "" is the standard one.</summary>
    public string Domain { get; init; } = "";

    /// <summary>How errors name it.</summary>
    public string Label => Name.Length > 0 ? $"'{Name}' ({Op})" : $"'{(Outputs.Count > 0 ? Outputs[0] : "")}' ({Op})";

    /// <summary>The attribute of that name; null where there is none.</summary>
    public OnnxAttribute? Find(string name) => Attributes.FirstOrDefault(a => a.Name == name);
}

/// <summary>What an attribute holds.</summary>
internal enum AttributeKind
{
    Undefined = 0,
    Real = 1,
    Int = 2,
    Text = 3,
    Tensor = 4,
    Reals = 6,
    Ints = 7,
}

/// <summary>A parameter of a node.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Which of the values counts.</param>
internal sealed record OnnxAttribute(string Name, AttributeKind Kind)
{
    public float Real { get; init; }

    public long Int { get; init; }

    public string Text { get; init; } = "";

    public OnnxTensor? Tensor { get; init; }

    public IReadOnlyList<float> Reals { get; init; } = [];

    public IReadOnlyList<long> Ints { get; init; } = [];

    public static OnnxAttribute Of(string name, long value) => new(name, AttributeKind.Int) { Int = value };

    public static OnnxAttribute Of(string name, float value) => new(name, AttributeKind.Real) { Real = value };

    public static OnnxAttribute Of(string name, string value) => new(name, AttributeKind.Text) { Text = value };

    public static OnnxAttribute Of(string name, params long[] values) => new(name, AttributeKind.Ints) { Ints = values };
}

/// <summary>A value that goes into a graph or comes out of it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Of its elements.</param>
/// <param name="Dimensions">Its shape; null where it states none.</param>
internal sealed record OnnxValue(string Name, ElementType Type, IReadOnlyList<OnnxDimension>? Dimensions)
{
    /// <summary>What it is, in words.</summary>
    public string Description { get; init; } = "";

    /// <summary>What kind of value it is, in ONNX's words, for example <c>IMAGE</c>.</summary>
    public string Denotation { get; init; } = "";
}

/// <summary>One side of a shape.</summary>
/// <param name="Size">Its length; null where it is not fixed.</param>
/// <param name="Symbol">Its name where it is not fixed; may be empty.</param>
/// <param name="Denotation">What it means, in ONNX's words, for example <c>DATA_BATCH</c>; may be empty.</param>
internal readonly record struct OnnxDimension(long? Size, string Symbol = "", string Denotation = "");

/// <summary>Types of elements, by ONNX's numbers.</summary>
internal enum ElementType
{
    Undefined = 0,
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    BFloat16 = 16,
}
