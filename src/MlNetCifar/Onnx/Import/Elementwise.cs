using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>Sums and products with constants, and what does nothing in use.</summary>
internal static class Elementwise
{
    /// <summary>A constant that is added behind a convolution or matrix without a bias is its bias.</summary>
    public static void ReadAdd(OnnxNode node, ImportPath path)
    {
        path.RequireOnly(node);
        if (path.Graph.VaryingInputs(node) != 1 || node.Inputs.Count != 2)
            throw path.Wrong(node, "two inputs of one value that depends on the picture", "a constant, or another path of a residual block");
        var (values, shape) = path.Constants.Floats(node, path.Graph.IsVarying(node.Inputs[0]) ? 1 : 0);
        var last = path.Layers.LastOrDefault();
        var isVector = values.Length == path.Shape.C && (path.IsFlat ? shape is [_] or [1, _] : shape is [_, 1, 1] or [1, _, 1, 1]);
        if (!isVector || last?.Layer is not (Conv2d { Bias: false } or Linear { Bias: false }))
            throw path.Wrong(node, $"a constant of shape [{string.Join(", ", shape)}] is added", "one number a channel behind a Conv, Gemm or MatMul without a bias");
        last.Layer = last.Layer is Conv2d conv ? conv with { Bias = true } : (Linear)last.Layer with { Bias = true };
        last.Tensors["bias"] = values;
    }

    /// <summary>A product with one number, or a quotient.</summary>
    public static void ReadMul(OnnxNode node, ImportPath path)
    {
        path.RequireOnly(node);
        if (path.Graph.VaryingInputs(node) != 1 || node.Inputs.Count != 2 || (node.Op == "Div" && !path.Graph.IsVarying(node.Inputs[0])))
            throw path.Wrong(node, "a product or quotient of values that depend on the picture", "a constant");
        var number = path.Constants.Number(node, path.Graph.IsVarying(node.Inputs[0]) ? 1 : 0);
        path.Add(node, new Scale(node.Op == "Div" ? 1 / number : number));
    }

    public static void ReadDropout(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        path.RequireOnly(node, "is_test", "ratio", "seed");
        if (ImportConstants.HasInput(node, 2) && path.Constants.Ints(node, 2) is not [0])
            throw path.Wrong(node, "that it works in use too", "in training only");
        var ratio = ImportConstants.HasInput(node, 1) ? path.Constants.Number(node, 1) : node.Find("ratio")?.Real ?? 0.5f;
        path.Add(node, new Dropout(ratio));
    }

    public static void ReadCast(OnnxNode node, ImportPath path)
    {
        path.RequireFirst(node);
        if (node.Find("to")?.Int != (long)ElementType.Float)
            throw path.Wrong(node, $"a cast to the type {node.Find("to")?.Int}", "to 32-bit floats");
    }
}
