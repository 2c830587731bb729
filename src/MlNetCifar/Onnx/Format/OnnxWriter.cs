using MlNetCifar.Files;

namespace MlNetCifar.Onnx;

/// <summary>Writes the messages of an ONNX file, each weight once.</summary>
internal static class OnnxWriter
{
    /// <summary>Bytes that a file may have: protobuf counts them in 31 bits.</summary>
    public const long Most = int.MaxValue;

    /// <summary>The whole file.</summary>
    /// <param name="model">The model.</param>
    public static ReadOnlyMemory<byte> Write(OnnxModel model)
    {
        var file = new ProtoWriter();
        file.Int(1, model.IrVersion);
        file.TextIfAny(2, model.Producer);
        file.TextIfAny(3, model.ProducerVersion);
        file.TextIfAny(4, model.Domain);
        file.TextIfAny(6, model.Description);
        file.Message(7, graph => Write(graph, model.Graph));
        foreach (var (domain, version) in model.Opsets)
            file.Message(8, opset =>
            {
                opset.Text(1, domain);
                opset.Int(2, version);
            });
        foreach (var (name, value) in model.Metadata)
            file.Message(14, pair =>
            {
                pair.Text(1, name);
                pair.Text(2, value);
            });
        return file.Content;
    }

    static void Write(ProtoWriter message, OnnxGraph graph)
    {
        foreach (var node in graph.Nodes)
            message.Message(1, inner => Write(inner, node));
        message.Text(2, graph.Name);
        foreach (var tensor in graph.Initializers)
            message.Message(5, inner => Write(inner, tensor));
        foreach (var value in graph.Inputs)
            message.Message(11, inner => Write(inner, value));
        foreach (var value in graph.Outputs)
            message.Message(12, inner => Write(inner, value));
    }

    static void Write(ProtoWriter message, OnnxNode node)
    {
        foreach (var input in node.Inputs)
            message.Text(1, input);
        foreach (var output in node.Outputs)
            message.Text(2, output);
        message.TextIfAny(3, node.Name);
        message.Text(4, node.Op);
        foreach (var attribute in node.Attributes)
            message.Message(5, inner => Write(inner, attribute));
        message.TextIfAny(7, node.Domain);
    }

    static void Write(ProtoWriter message, OnnxAttribute attribute)
    {
        message.Text(1, attribute.Name);
        switch (attribute.Kind)
        {
            case AttributeKind.Real:
                message.Real(2, attribute.Real);
                break;
            case AttributeKind.Int:
                message.Int(3, attribute.Int);
                break;
            case AttributeKind.Text:
                message.Text(4, attribute.Text);
                break;
            case AttributeKind.Tensor:
                message.Message(5, inner => Write(inner, attribute.Tensor!));
                break;
            case AttributeKind.Reals:
                foreach (var value in attribute.Reals)
                    message.Real(7, value);
                break;
            case AttributeKind.Ints:
                foreach (var value in attribute.Ints)
                    message.Int(8, value);
                break;
        }

        message.Int(20, (long)attribute.Kind);
    }

    static void Write(ProtoWriter message, OnnxTensor tensor)
    {
        message.Ints(1, [.. tensor.Dimensions]);
        message.Int(2, (long)tensor.Type);
        foreach (var text in tensor.Texts)
            message.Text(6, text);
        message.TextIfAny(8, tensor.Name);
        if (tensor.Type != ElementType.String)
            message.Bytes(9, tensor.Raw.Span);
    }

    static void Write(ProtoWriter message, OnnxValue value)
    {
        message.Text(1, value.Name);
        message.Message(2, type =>
        {
            type.Message(1, tensor =>
            {
                tensor.Int(1, (long)value.Type);
                if (value.Dimensions is { } dimensions)
                    tensor.Message(2, shape =>
                    {
                        foreach (var dimension in dimensions)
                            shape.Message(1, side => Write(side, dimension));
                    });
            });
            type.TextIfAny(6, value.Denotation);
        });
        message.TextIfAny(3, value.Description);
    }

    static void Write(ProtoWriter message, OnnxDimension dimension)
    {
        if (dimension.Size is { } size)
            message.Int(1, size);
        else
            message.TextIfAny(2, dimension.Symbol);
        message.TextIfAny(3, dimension.Denotation ?? "");
    }
}
