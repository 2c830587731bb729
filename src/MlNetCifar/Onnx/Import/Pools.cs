using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>Poolings.</summary>
internal static class Pools
{
    public static void ReadMax(OnnxNode node, ImportPath path)
    {
        path.RequireOnly(node, "auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides");
        Read(node, path, PoolKind.Max);
    }

    public static void ReadAverage(OnnxNode node, ImportPath path)
    {
        path.RequireOnly(node, "auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides");
        Read(node, path, PoolKind.Average);
    }

    public static void ReadGlobal(OnnxNode node, ImportPath path, PoolKind kind)
    {
        path.RequireFirst(node);
        path.RequirePicture(node);
        path.RequireOnly(node);
        path.Add(node, new GlobalPool(kind));
    }

    /// <summary>The mean or maximum over height and width, which some programs write instead of a global pooling.</summary>
    public static void ReadReduced(OnnxNode node, ImportPath path, PoolKind kind)
    {
        path.RequireFirst(node);
        path.RequirePicture(node);
        path.RequireOnly(node, "axes", "keepdims", "noop_with_empty_axes");
        var axes = node.Find("axes")?.Ints ?? (ImportConstants.HasInput(node, 1) ? path.Constants.Ints(node, 1) : []);
        if (!axes.Select(a => a < 0 ? a + 4 : a).Order().SequenceEqual([2, 3]))
            throw path.Wrong(node, $"axes [{string.Join(", ", axes)}]", "[2, 3], height and width");
        path.Add(node, new GlobalPool(kind));
        path.IsFlat = node.Find("keepdims")?.Int == 0;
    }

    static void Read(OnnxNode node, ImportPath path, PoolKind kind)
    {
        path.RequireFirst(node);
        path.RequirePicture(node);
        var size = node.Find("kernel_shape")?.Ints ?? [];
        if (size is not [>= 1 and <= 1 << 15 and var rows, >= 1 and <= 1 << 15 and var columns])
            throw path.Wrong(node, $"kernel_shape [{string.Join(", ", size)}]", "two sizes");
        var window = Window.Of(node, path, ((int)rows, (int)columns));
        if (node.Find("count_include_pad")?.Int == 1 && window.HasPadding)
            throw path.Wrong(node, "padding that counts in the mean", "padding that does not");
        if (!window.HasPadding && (rows, columns) == (path.Shape.H, path.Shape.W))
        {
            path.Add(node, new GlobalPool(kind));
            return;
        }

        var layer = new Pool2d(kind, (int)rows) { Stride = window.Stride == rows ? 0 : window.Stride, Pad = window.Top };
        if (rows != columns || window.Top != window.Left || window.Top > rows / 2 || !Fits(layer, path.Shape, window))
            throw path.Wrong(
                node, $"windows of {rows}×{columns} with the padding {window} around {path.Shape.H}×{path.Shape.W} pixels",
                "square ones with the same padding on all sides, at most half the window, or a padding that gives the same at this size");
        path.Add(node, layer);
    }

    static bool Fits(Pool2d layer, Shape input, Window window)
    {
        var geometry = layer.Geometry(input);
        return input.H + (2 * layer.Pad) >= layer.Size && input.W + (2 * layer.Pad) >= layer.Size && (geometry.P, geometry.Q) == window.Output;
    }
}
