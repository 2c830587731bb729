using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>Conv and BatchNormalization.</summary>
internal static class Convolutions
{
    public static void ReadConv(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequirePicture(node);
        path.RequireOnly(node, "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides");
        path.Require(node, "group", 1);
        var (values, shape) = path.Constants.Floats(node, 1);
        if (shape is not [var filters, var channels, var rows, var columns] || values.Length == 0 || channels != path.Shape.C)
            throw path.Wrong(node, $"a filter of shape [{string.Join(", ", shape)}] for {path.Shape.C} channels", $"[K, {path.Shape.C}, R, S]");
        var window = Window.Of(node, path, (rows, columns));
        var layer = new Conv2d(filters, rows) { KernelWidth = columns == rows ? 0 : columns, Stride = window.Stride, Bias = ImportConstants.HasInput(node, 2) };
        var output = window.Output;
        var padding = Enum.GetValues<Padding>().Where(padding => Fits(layer with { Padding = padding }, path.Shape, window)).Select(p => (Padding?)p).FirstOrDefault()
            ?? throw path.Wrong(
                node, $"the padding {window} around {path.Shape.H}×{path.Shape.W} pixels",
                $"none, or [{(rows - 1) / 2}, {(columns - 1) / 2}, {rows / 2}, {columns / 2}], or one that gives the same at this size");
        var bias = layer.Bias ? path.Constants.Floats(node, 2).Values : null;
        if (bias is not null && bias.Length != filters)
            throw path.Wrong(node, $"a bias of {bias.Length} numbers", $"{filters}");
        var added = path.Add(node, layer with { Padding = padding });
        added.Tensors["weight"] = path.Pixels is { } pixels && path.Layers.Count == 1 ? pixels.Reorder(values, shape) : values;
        if (bias is not null)
            added.Tensors["bias"] = bias;
    }

    public static void ReadBatchNorm(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node, "epsilon", "momentum", "spatial", "training_mode");
        path.Require(node, "spatial", 1);
        path.Require(node, "training_mode", 0);
        var layer = new BatchNorm { Epsilon = node.Find("epsilon")?.Real ?? 1e-5f, Momentum = Math.Clamp(1 - (node.Find("momentum")?.Real ?? 0.9f), 0, 1) };
        var channels = path.Shape.C;
        var added = path.Add(node, layer);
        foreach (var (input, name) in new[] { (1, "weight"), (2, "bias"), (3, "running_mean"), (4, "running_var") })
        {
            var values = path.Constants.Floats(node, input).Values;
            added.Tensors[name] = values.Length == channels ? values : throw path.Wrong(node, $"{values.Length} numbers for input {input}", $"{channels}, one a channel");
        }
    }

    /// <summary>Whether a layer puts its windows where the node does. Zeros that no window reaches do not matter.</summary>
    static bool Fits(Conv2d layer, Shape input, Window window)
    {
        var geometry = layer.Geometry(input);
        return (geometry.PadTop, geometry.PadLeft) == (window.Top, window.Left)
            && input.H + geometry.PadTop + geometry.PadBottom >= geometry.R && input.W + geometry.PadLeft + geometry.PadRight >= geometry.S
            && (geometry.P, geometry.Q) == window.Output;
    }
}

/// <summary>Where the windows of a convolution or pooling stand.</summary>
/// <param name="Stride">Step in both directions.</param>
/// <param name="Top">Rows above the picture.</param>
/// <param name="Left">Columns to its left.</param>
/// <param name="Bottom">Rows below it.</param>
/// <param name="Right">Columns to its right.</param>
/// <param name="Output">Rows and columns of the result.</param>
internal readonly record struct Window(int Stride, int Top, int Left, int Bottom, int Right, (int P, int Q) Output)
{
    /// <summary>Any larger one would be outside every picture.</summary>
    const int Most = 1 << 15;

    /// <summary>Whether there are zeros around the picture.</summary>
    public bool HasPadding => (Top, Left, Bottom, Right) != (0, 0, 0, 0);

    /// <summary>Reads strides, padding and dilations.</summary>
    /// <param name="node">The node.</param>
    /// <param name="path">Where it stands.</param>
    /// <param name="kernel">Rows and columns of the window; <c>kernel_shape</c>, if given, must say the same.</param>
    public static Window Of(OnnxNode node, ImportPath path, (int Rows, int Columns) kernel)
    {
        if (Numbers(node, path, "dilations", 2, 1) is not [1, 1])
            throw path.Wrong(node, "dilations", "none");
        if (node.Find("kernel_shape") is { } given && !given.Ints.SequenceEqual([kernel.Rows, kernel.Columns]))
            throw path.Wrong(node, $"kernel_shape [{string.Join(", ", given.Ints)}]", $"[{kernel.Rows}, {kernel.Columns}], the filter's");
        var strides = Numbers(node, path, "strides", 2, 1);
        if (strides[0] != strides[1] || strides[0] < 1)
            throw path.Wrong(node, $"strides [{string.Join(", ", strides)}]", "one of at least 1 for both directions");
        var (stride, shape) = (strides[0], path.Shape);
        int[] pads;
        switch (node.Find("auto_pad")?.Text ?? "NOTSET")
        {
            case "NOTSET" or "":
                pads = Numbers(node, path, "pads", 4, 0);
                break;
            case "VALID":
                pads = [0, 0, 0, 0];
                break;
            case "SAME_UPPER":
                (int Rows, int Columns) half = (Missing(shape.H, kernel.Rows, stride), Missing(shape.W, kernel.Columns, stride));
                pads = [half.Rows / 2, half.Columns / 2, (half.Rows + 1) / 2, (half.Columns + 1) / 2];
                break;
            case "SAME_LOWER":
                (int Rows, int Columns) lower = (Missing(shape.H, kernel.Rows, stride), Missing(shape.W, kernel.Columns, stride));
                pads = [(lower.Rows + 1) / 2, (lower.Columns + 1) / 2, lower.Rows / 2, lower.Columns / 2];
                break;
            case var other:
                throw path.Wrong(node, $"auto_pad {other}", "NOTSET, VALID, SAME_UPPER or SAME_LOWER");
        }

        if (pads.Any(p => p < 0))
            throw path.Wrong(node, $"pads [{string.Join(", ", pads)}]", "none below 0");
        int height = shape.H + pads[0] + pads[2] - kernel.Rows, width = shape.W + pads[1] + pads[3] - kernel.Columns;
        if (height < 0 || width < 0)
            throw path.Wrong(node, $"a window of {kernel.Rows}×{kernel.Columns} for {shape.H}×{shape.W} pixels", "a smaller one");
        var up = node.Find("ceil_mode")?.Int == 1 ? stride - 1 : 0;
        return new(stride, pads[0], pads[1], pads[2], pads[3], (((height + up) / stride) + 1, ((width + up) / stride) + 1));
    }

    /// <inheritdoc/>
    public override string ToString() => $"[{Top}, {Left}, {Bottom}, {Right}]";

    /// <summary>Rows that must be added so that every stride has a window.</summary>
    static int Missing(int size, int kernel, int stride) => Math.Max((((size + stride - 1) / stride) - 1) * stride + kernel - size, 0);

    static int[] Numbers(OnnxNode node, ImportPath path, string name, int count, int missing)
    {
        if (node.Find(name) is not { } attribute)
            return [.. Enumerable.Repeat(missing, count)];
        return attribute.Ints.Count == count && attribute.Ints.All(i => i is >= -1 and <= Most)
            ? [.. attribute.Ints.Select(i => (int)i)]
            : throw path.Wrong(node, $"{name} [{string.Join(", ", attribute.Ints)}]", $"{count} numbers up to {Most}");
    }
}
