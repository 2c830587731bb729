using MlNetCifar.Files;

namespace MlNetCifar.Onnx;

/// <summary>
/// Reads the messages of an ONNX file. Weights stay where they are, in the file's bytes; everything else is limited in number, so that a small file takes little memory.
/// </summary>
internal static class OnnxReader
{
    /// <summary>Nodes, constants and the like that a graph may have; the largest networks that can be imported have some hundreds.</summary>
    const int MostItems = 20_000;

    /// <summary>Inputs, outputs, attributes, dimensions and numbers of an attribute.</summary>
    const int MostParts = 4_096;

    /// <summary>Reads a file.</summary>
    /// <param name="file">The whole file.</param>
    /// <exception cref="InvalidDataException">It is no ONNX file; the message says why.</exception>
    public static OnnxModel Read(ReadOnlyMemory<byte> file)
    {
        var model = new OnnxModel { Graph = new() };
        var (opsets, metadata) = (new List<(string, long)>(), new List<(string, string)>());
        var found = false;
        for (var reader = new ProtoReader(file); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: model = model with { IrVersion = reader.Int() }; break;
                case 2: model = model with { Producer = reader.Text() }; break;
                case 3: model = model with { ProducerVersion = reader.Text() }; break;
                case 4: model = model with { Domain = reader.Text() }; break;
                case 6: model = model with { Description = reader.Text() }; break;
                case 7:
                    if (found)
                        throw new InvalidDataException("it has two graphs");
                    found = true;
                    model = model with { Graph = Graph(reader.Message()) };
                    break;
                case 8: Add(opsets, Opset(reader.Message()), MostParts); break;
                case 14: Add(metadata, Pair(reader.Message()), MostItems); break;
                case 25: throw new InvalidDataException("it defines functions of its own");
            }
        }

        return found ? model with { Opsets = opsets, Metadata = metadata } : throw new InvalidDataException("it has no graph");
    }

    static void Add<T>(List<T> list, T item, int most)
    {
        if (list.Count == most)
            throw new InvalidDataException($"it has more than {most:N0} items of one kind");
        list.Add(item);
    }

    static OnnxGraph Graph(ReadOnlyMemory<byte> message)
    {
        var name = "";
        var (nodes, constants, inputs, outputs) = (new List<OnnxNode>(), new List<OnnxTensor>(), new List<OnnxValue>(), new List<OnnxValue>());
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: Add(nodes, Node(reader.Message()), MostItems); break;
                case 2: name = reader.Text(); break;
                case 5: Add(constants, Tensor(reader.Message()), MostItems); break;
                case 11: Add(inputs, Value(reader.Message()), MostItems); break;
                case 12: Add(outputs, Value(reader.Message()), MostItems); break;
                case 15: throw new InvalidDataException("it has sparse constants");
            }
        }

        return new() { Name = name, Nodes = nodes, Initializers = constants, Inputs = inputs, Outputs = outputs };
    }

    static OnnxNode Node(ReadOnlyMemory<byte> message)
    {
        var (name, op, domain) = ("", "", "");
        var (inputs, outputs, attributes) = (new List<string>(1), new List<string>(1), new List<OnnxAttribute>());
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: Add(inputs, reader.Text(), MostParts); break;
                case 2: Add(outputs, reader.Text(), MostParts); break;
                case 3: name = reader.Text(); break;
                case 4: op = reader.Text(); break;
                case 5: Add(attributes, Attribute(reader.Message()), MostParts); break;
                case 7: domain = reader.Text(); break;
            }
        }

        return new(name, op, inputs, outputs, attributes) { Domain = domain == "ai.onnx" ? "" : domain };
    }

    static OnnxAttribute Attribute(ReadOnlyMemory<byte> message)
    {
        var (name, text) = ("", "");
        var (kind, integer, real) = (0L, 0L, 0f);
        OnnxTensor? tensor = null;
        var (integers, reals) = (new List<long>(0), new List<float>(0));
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: name = reader.Text(); break;
                case 2: real = reader.Real(); break;
                case 3: integer = reader.Int(); break;
                case 4: text = Printable(reader.Message()); break;
                case 5: tensor = Tensor(reader.Message()); break;
                case 7: AddReals(ref reader, reals); break;
                case 8: reader.AddInts(integers, MostParts); break;
                case 20: kind = reader.Int(); break;
            }
        }

        return new(name, (AttributeKind)kind) { Int = integer, Real = real, Text = text, Tensor = tensor, Reals = reals, Ints = integers };
    }

    static void AddReals(ref ProtoReader reader, List<float> reals)
    {
        if (reader.Kind != WireKind.Bytes)
        {
            Add(reals, reader.Real(), MostParts);
            return;
        }

        var bytes = reader.Content.Span;
        if (bytes.Length % sizeof(float) != 0)
            throw new InvalidDataException($"field {reader.Field} has {bytes.Length} bytes of 32-bit numbers");
        for (var i = 0; i < bytes.Length; i += sizeof(float))
            Add(reals, System.Buffers.Binary.BinaryPrimitives.ReadSingleLittleEndian(bytes[i..]), MostParts);
    }

    /// <summary>A text that may be any bytes; those that are no ASCII become question marks.</summary>
    static string Printable(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.ASCII.GetString(bytes.Span[..Math.Min(bytes.Length, MostParts)]);

    static OnnxTensor Tensor(ReadOnlyMemory<byte> message)
    {
        var (name, type, external) = ("", 0L, false);
        var dimensions = new List<long>();
        ReadOnlyMemory<byte> raw = default;
        var (parts, texts) = (new List<ReadOnlyMemory<byte>>(0), new List<string>(0));
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: reader.AddInts(dimensions, MostParts); break;
                case 2: type = reader.Int(); break;
                case 4 or 5 or 7 or 10: parts.Add(reader.Content); break;
                case 6: Add(texts, reader.Text(), MostItems); break;
                case 8: name = reader.Text(); break;
                case 9: raw = reader.Message(); break;
                case 13: external = true; break;
                case 14: external |= reader.Int() == 1; break;
            }
        }

        return new(name, (ElementType)type, dimensions) { Raw = raw, Parts = parts, Texts = texts, IsExternal = external };
    }

    static OnnxValue Value(ReadOnlyMemory<byte> message)
    {
        var (name, type, description) = ("", ElementType.Undefined, "");
        List<OnnxDimension>? dimensions = null;
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: name = reader.Text(); break;
                case 2:
                    if (Inner(reader.Message(), 1) is { } tensor)
                        (type, dimensions) = TensorType(tensor);
                    break;
                case 3: description = reader.Text(); break;
            }
        }

        return new(name, type, dimensions) { Description = description };
    }

    static (ElementType Type, List<OnnxDimension>? Dimensions) TensorType(ReadOnlyMemory<byte> message)
    {
        var type = ElementType.Undefined;
        List<OnnxDimension>? dimensions = null;
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: type = (ElementType)reader.Int(); break;
                case 2:
                    dimensions = [];
                    for (var shape = new ProtoReader(reader.Message()); shape.Next();)
                        if (shape.Field == 1)
                            Add(dimensions, Dimension(shape.Message()), MostParts);
                    break;
            }
        }

        return (type, dimensions);
    }

    static OnnxDimension Dimension(ReadOnlyMemory<byte> message)
    {
        var dimension = default(OnnxDimension);
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: dimension = new(reader.Int()); break;
                case 2: dimension = new(null, reader.Text()); break;
            }
        }

        return dimension with { Symbol = dimension.Symbol ?? "", Denotation = "" };
    }

    static ReadOnlyMemory<byte>? Inner(ReadOnlyMemory<byte> message, int field)
    {
        for (var reader = new ProtoReader(message); reader.Next();)
            if (reader.Field == field)
                return reader.Message();
        return null;
    }

    static (string Domain, long Version) Opset(ReadOnlyMemory<byte> message)
    {
        var (domain, version) = ("", 0L);
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: domain = reader.Text(); break;
                case 2: version = reader.Int(); break;
            }
        }

        return (domain == "ai.onnx" ? "" : domain, version);
    }

    static (string Name, string Value) Pair(ReadOnlyMemory<byte> message)
    {
        var (name, value) = ("", "");
        for (var reader = new ProtoReader(message); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: name = reader.Text(); break;
                case 2: value = reader.Text(); break;
            }
        }

        return (name, value);
    }
}
