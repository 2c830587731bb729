namespace MlNetCifar.Onnx;

/// <summary>
/// What of a graph does not depend on the picture: its initialisers, and what Constant, Identity, Cast, Transpose, Reshape, Squeeze, Unsqueeze and DequantizeLinear make
/// of them. Elements are read when a layer asks for them, and only as many in all as the file has bytes.
/// </summary>
internal sealed class ImportConstants
{
    readonly Dictionary<string, OnnxTensor> _tensors = [];
    readonly Dictionary<string, OnnxNode> _nodes = [];
    readonly string _path;
    long _budget;

    public ImportConstants(IReadOnlyList<OnnxTensor> initializers, string path, long budget)
    {
        (_path, _budget) = (path, budget);
        foreach (var tensor in initializers)
        {
            if (tensor.Name.Length == 0 || !_tensors.TryAdd(tensor.Name, tensor))
                throw OnnxErrors.Graph(path, $"it has two constants '{tensor.Name}', or one without a name");
        }
    }

    /// <summary>Names of the initialisers.</summary>
    public IEnumerable<string> Names => _tensors.Keys;

    public bool Has(string name) => _tensors.ContainsKey(name);

    /// <summary>Notes a node all of whose inputs are constant.</summary>
    public void Add(OnnxNode node)
    {
        foreach (var output in node.Outputs.Where(o => o.Length > 0))
            _nodes.Add(output, node);
    }

    /// <summary>A constant as 32-bit floats.</summary>
    /// <param name="reader">The node that reads it, named in errors.</param>
    /// <param name="input">Which of its inputs.</param>
    public (float[] Values, int[] Shape) Floats(OnnxNode reader, int input)
    {
        var tensor = Tensor(reader, input);
        return (Read(reader, tensor, t => t.ToFloats()), Shape(reader, tensor));
    }

    /// <summary>A constant as whole numbers.</summary>
    /// <param name="reader">The node that reads it, named in errors.</param>
    /// <param name="input">Which of its inputs.</param>
    public long[] Ints(OnnxNode reader, int input) => Read(reader, Tensor(reader, input), t => t.ToInts());

    /// <summary>The single number in a constant.</summary>
    public float Number(OnnxNode reader, int input)
    {
        var (values, shape) = Floats(reader, input);
        return values.Length == 1 ? values[0] : throw Wrong(reader, $"input {input} has the shape [{string.Join(", ", shape)}]", "one number");
    }

    /// <summary>Whether the node has that input.</summary>
    public static bool HasInput(OnnxNode node, int input) => input < node.Inputs.Count && node.Inputs[input].Length > 0;

    OnnxTensor Tensor(OnnxNode reader, int input)
    {
        if (!HasInput(reader, input))
            throw Wrong(reader, $"input {input} is missing", "a constant");
        return Find(reader.Inputs[input], reader, depth: 0);
    }

    OnnxTensor Find(string name, OnnxNode reader, int depth)
    {
        if (_tensors.TryGetValue(name, out var tensor))
            return tensor;
        if (!_nodes.TryGetValue(name, out var node))
            throw Wrong(reader, $"it reads '{name}', which depends on the picture", "a constant");
        return depth < 32 ? _tensors[name] = Evaluate(node, name, depth + 1) : throw Wrong(node, "it stands behind 32 others", "constants of few steps");
    }

    OnnxTensor Evaluate(OnnxNode node, string name, int depth)
    {
        if (node.Op == "Constant")
            return Constant(node) with { Name = name };
        if (node.Inputs.Count == 0 || node.Outputs.Count != 1)
            throw Wrong(node, "it computes constants in a way of its own", "Constant, Identity, Cast, Transpose, Reshape, Squeeze, Unsqueeze or DequantizeLinear");
        var x = Find(node.Inputs[0], node, depth);
        return node.Op switch
        {
            "Identity" => x,
            "Cast" when node.Find("to")?.Int is (long)ElementType.Float or (long)ElementType.Float16 or (long)ElementType.Double or (long)ElementType.BFloat16 =>
                OnnxTensor.Of(name, x.Dimensions, Read(node, x, t => t.ToFloats())),
            "Cast" when node.Find("to")?.Int is (long)ElementType.Int64 or (long)ElementType.Int32 => OnnxTensor.Of(name, x.Dimensions, Read(node, x, t => t.ToInts())),
            "Transpose" => Transposed(node, name, x),
            "Reshape" => Reshaped(node, x, Ints(node, 1)),
            "Squeeze" or "Unsqueeze" => Reshaped(node, x, Squeezed(node, x)),
            "DequantizeLinear" => Dequantized(node, name, x, depth),
            _ => throw Wrong(node, "it computes constants", "Constant, Identity, Cast, Transpose, Reshape, Squeeze, Unsqueeze or DequantizeLinear"),
        };
    }

    OnnxTensor Constant(OnnxNode node) => node.Attributes switch
    {
        [{ Name: "value", Tensor: { } tensor }] => tensor,
        [{ Name: "value_float" } a] => OnnxTensor.Of("", [], [a.Real]),
        [{ Name: "value_int" } a] => OnnxTensor.Of("", [], [a.Int]),
        [{ Name: "value_floats" } a] => OnnxTensor.Of("", [a.Reals.Count], [.. a.Reals]),
        [{ Name: "value_ints" } a] => OnnxTensor.Of("", [a.Ints.Count], [.. a.Ints]),
        _ => throw Wrong(node, $"it has the attributes {string.Join(", ", node.Attributes.Select(a => a.Name))}", "value, value_float, value_int, value_floats or value_ints"),
    };

    OnnxTensor Transposed(OnnxNode node, string name, OnnxTensor x)
    {
        var (values, shape) = (Read(node, x, t => t.ToFloats()), Shape(node, x));
        var order = node.Find("perm")?.Ints.Select(i => (int)Math.Clamp(i, -1, 99)).ToArray() ?? [.. Enumerable.Range(0, shape.Length).Reverse()];
        if (!order.Order().SequenceEqual(Enumerable.Range(0, shape.Length)))
            throw Wrong(node, $"the order [{string.Join(", ", order)}] of {shape.Length} sides", "each of them once");
        var strides = new int[shape.Length];
        for (int i = shape.Length - 1, stride = 1; i >= 0; stride *= shape[i--])
            strides[i] = stride;
        int[] sides = [.. order.Select(i => shape[i])], steps = [.. order.Select(i => strides[i])], at = new int[shape.Length];
        var result = new float[values.Length];
        for (int i = 0, from = 0; i < result.Length; i++)
        {
            result[i] = values[from];
            for (var side = sides.Length - 1; side >= 0; side--)
            {
                from += steps[side];
                if (++at[side] < sides[side])
                    break;
                from -= steps[side] * sides[side];
                at[side] = 0;
            }
        }

        return OnnxTensor.Of(name, [.. sides.Select(s => (long)s)], result);
    }

    OnnxTensor Reshaped(OnnxNode node, OnnxTensor x, long[] shape)
    {
        var count = Checked(node, () => x.Count());
        var sides = shape.Select((side, i) => side == 0 && i < x.Dimensions.Count ? x.Dimensions[i] : side).ToArray();
        var open = Array.IndexOf(sides, -1);
        if (sides.Length > 16 || sides.Count(s => s == -1) > 1 || sides.Any(s => s < -1))
            throw Wrong(node, $"the shape [{string.Join(", ", shape)}]", "sizes, one of them open at most");
        if (open >= 0)
            sides[open] = sides.Where(s => s != -1).Aggregate((UInt128)1, (a, b) => a > int.MaxValue ? a : a * (ulong)b) is var rest && rest > 0 ? (long)((ulong)count / rest) : 0;
        var result = x with { Dimensions = sides };
        return Checked(node, () => result.Count()) == count ? result : throw Wrong(node, $"the shape [{string.Join(", ", shape)}] for {count} elements", "as many elements");
    }

    long[] Squeezed(OnnxNode node, OnnxTensor x)
    {
        var axes = HasInput(node, 1) ? Ints(node, 1) : node.Find("axes")?.Ints.ToArray();
        var rank = x.Dimensions.Count + (node.Op == "Unsqueeze" ? axes?.Length ?? 0 : 0);
        if (axes is null || rank > 16 || axes.Any(a => a < -rank || a >= rank))
            throw Wrong(node, "axes that are missing or out of range", "axes of the tensor");
        var at = axes.Select(a => a < 0 ? a + rank : a).ToHashSet();
        if (at.Count != axes.Length)
            throw Wrong(node, "an axis given twice", "each once");
        if (node.Op == "Squeeze")
            return [.. x.Dimensions.Where((_, i) => !at.Contains(i))];
        var rest = new Queue<long>(x.Dimensions);
        return [.. Enumerable.Range(0, rank).Select(i => at.Contains(i) ? 1 : rest.Dequeue())];
    }

    /// <summary>(x − zero point) · scale, one scale or one a slice along an axis.</summary>
    OnnxTensor Dequantized(OnnxNode node, string name, OnnxTensor x, int depth)
    {
        var values = Read(node, x, t => t.ToInts());
        var shape = Shape(node, x);
        var scales = Read(node, Find(node.Inputs.ElementAtOrDefault(1) ?? "", node, depth), t => t.ToFloats());
        var zeros = HasInput(node, 2) ? Read(node, Find(node.Inputs[2], node, depth), t => t.ToInts()) : new long[scales.Length];
        var axis = node.Find("axis")?.Int ?? 1;
        axis = axis < 0 ? axis + shape.Length : axis;
        if (node.Find("block_size")?.Int is not (null or 0))
            throw Wrong(node, "scales for blocks", "one scale, or one a slice");
        if (zeros.Length != scales.Length || (scales.Length != 1 && (axis < 0 || axis >= shape.Length || scales.Length != shape[axis])))
            throw Wrong(node, $"{scales.Length} scales and {zeros.Length} zero points for the shape [{string.Join(", ", shape)}] along {axis}", "one of each, or one a slice");
        var inner = scales.Length == 1 ? 1 : shape.Skip((int)axis + 1).Aggregate(1, (a, b) => a * b);
        var result = new float[values.Length];
        for (var i = 0; i < result.Length; i++)
        {
            var slice = i / inner % scales.Length;
            result[i] = (values[i] - zeros[slice]) * scales[slice];
        }

        return OnnxTensor.Of(name, x.Dimensions, result);
    }

    int[] Shape(OnnxNode reader, OnnxTensor tensor)
    {
        Checked(reader, () => tensor.Count());
        return tensor.Dimensions.Count <= 16 && tensor.Dimensions.All(d => d <= int.MaxValue)
            ? [.. tensor.Dimensions.Select(d => (int)d)]
            : throw Wrong(reader, $"the tensor '{tensor.Name}' has {tensor.Dimensions.Count} sides", "at most 16");
    }

    T[] Read<T>(OnnxNode reader, OnnxTensor tensor, Func<OnnxTensor, T[]> read)
    {
        if (tensor.IsExternal)
            throw OnnxErrors.External(_path, tensor.Name);
        var count = Checked(reader, () => tensor.Count());
        _budget -= count;
        return _budget >= 0
            ? Checked(reader, () => read(tensor))
            : throw OnnxErrors.Graph(_path, $"at node {reader.Label} its constants have more elements in all than the file has bytes");
    }

    T Checked<T>(OnnxNode reader, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException e)
        {
            throw Wrong(reader, e.Message, "a whole tensor of numbers");
        }
    }

    MlNetCifarException Wrong(OnnxNode node, string found, string expected) => OnnxErrors.Node(_path, node, found, expected);
}
