using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>Dense layers, what flattens pictures for them, and the softmax at the end.</summary>
internal static class DenseNodes
{
    public static void ReadGemm(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node, "alpha", "beta", "transA", "transB");
        path.Require(node, "transA", 0);
        if (node.Find("alpha")?.Real is not (null or 1) || node.Find("beta")?.Real is not (null or 1))
            throw path.Wrong(node, "factors alpha and beta", "1 for both");
        var hasBias = ImportConstants.HasInput(node, 2);
        var added = Read(node, path, node.Find("transB")?.Int == 1, hasBias);
        if (!hasBias)
            return;
        var units = ((Linear)added.Layer).Units;
        var bias = path.Constants.Floats(node, 2).Values;
        if (bias.Length != units && bias.Length != 1)
            throw path.Wrong(node, $"a bias of {bias.Length} numbers", $"{units}");
        added.Tensors["bias"] = bias.Length == units ? bias : [.. Enumerable.Repeat(bias[0], units)];
    }

    public static void ReadMatMul(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node);
        Read(node, path, transposed: false, bias: false);
    }

    public static void ReadFlatten(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node, "axis");
        var axis = node.Find("axis")?.Int ?? 1;
        if (axis != 1 && axis != (path.IsFlat ? -1 : -3))
            throw path.Wrong(node, $"axis {axis}", "1");
        Flatten(node, path);
    }

    public static void ReadReshape(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node, "allowzero");
        path.Require(node, "allowzero", 0);
        var shape = path.Constants.Ints(node, 1);
        var (height, width, channels) = (path.Shape.H, path.Shape.W, path.Shape.C);
        var batch = path.Graph.Input.Dimensions is [{ Size: { } size }, ..] ? size : 1;
        var fits = shape.Length > 1 && (shape[0] is -1 or 0 or 1 || shape[0] == batch) && shape.Count(s => s == -1) <= 1;
        if (fits && shape is [_, var all] && (all == -1 || all == path.Shape.ImageLength))
            Flatten(node, path);
        else if (!fits || path.IsFlat || shape is not [_, var c, var h, var w] || !Is(c, channels) || !Is(h, height) || !Is(w, width))
            throw path.Wrong(node, $"the shape [{string.Join(", ", shape)}] for [N, {channels}, {height}, {width}]", $"[N, {path.Shape.ImageLength}], or the same as before");

        static bool Is(long side, int expected) => side == expected || side is 0 or -1;
    }

    /// <summary>Takes height and width of 1 away.</summary>
    public static void ReadSqueeze(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequirePicture(node);
        path.RequireOnly(node, "axes");
        var axes = node.Find("axes")?.Ints ?? (ImportConstants.HasInput(node, 1) ? path.Constants.Ints(node, 1) : []);
        if (!axes.Select(a => a < 0 ? a + 4 : a).Order().SequenceEqual([2, 3]) || path.Shape is not { H: 1, W: 1 })
            throw path.Wrong(node, $"axes [{string.Join(", ", axes)}] of [N, {path.Shape.C}, {path.Shape.H}, {path.Shape.W}]", "[2, 3], both of size 1");
        path.IsFlat = true;
    }

    public static void ReadSoftmax(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireFlat(node);
        path.RequireOnly(node, "axis");
        if (node.Find("axis")?.Int is not (null or 1 or -1) || path.Pixels is null)
            throw path.Wrong(node, path.Pixels is null ? "a place within a residual block" : $"axis {node.Find("axis")!.Int}", "the classes, at the end");
        path.Ending = node;
    }

    /// <summary>A picture of one pixel is flat already.</summary>
    static void Flatten(OnnxNode node, ImportPath path)
    {
        if (!path.IsFlat && path.Shape is not { H: 1, W: 1 })
            path.Add(node, new Flatten());
        else
            path.RequirePlanar(node);

        path.IsFlat = true;
    }

    static ImportedLayer Read(OnnxNode node, ImportPath path, bool transposed, bool bias)
    {
        path.RequireFlat(node);
        var (values, shape) = path.Constants.Floats(node, 1);
        if (shape is not [var rows, var columns] || (transposed ? columns : rows) != path.Shape.C || values.Length == 0)
            throw path.Wrong(node, $"a matrix of shape [{string.Join(", ", shape)}]", transposed ? $"[K, {path.Shape.C}]" : $"[{path.Shape.C}, K]");
        var units = transposed ? rows : columns;
        var added = path.Add(node, new Linear(units) { Bias = bias });
        added.Tensors["weight"] = transposed ? values : Transposed(values, rows, columns);
        return added;
    }

    static float[] Transposed(float[] values, int rows, int columns)
    {
        var result = new float[values.Length];
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                result[(column * rows) + row] = values[(row * columns) + column];
        return result;
    }
}
