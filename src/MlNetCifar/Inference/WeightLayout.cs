using MlNetCifar.Nn;

namespace MlNetCifar.Inference;

/// <summary>
/// Translates between our layout and that of PyTorch's files: filters [R, S, C, K] ↔ [K, C, R, S], matrices [C, K] ↔ [K, C]; the inputs of a matrix or normalisation after
/// a flattened picture are ordered H, W, C here and C, H, W there.
/// </summary>
internal static class WeightLayout
{
    /// <param name="tensor">What to write.</param>
    /// <param name="half">Whether filters and matrices are written as 16-bit floats; biases and statistics never are.</param>
    public static FileTensor ToFile(WeightTensor tensor, bool half)
    {
        var values = new float[tensor.Length];
        var source = tensor.Values;
        for (var i = 0; i < values.Length; i++)
            values[FileIndex(tensor, i)] = source[i];
        return new FileTensor(tensor.Name, FileDimensions(tensor), values, half && tensor.Spec.Dimensions.Length > 1);
    }

    public static void FromFile(WeightTensor tensor, ReadOnlySpan<float> file)
    {
        var values = tensor.Values;
        for (var i = 0; i < values.Length; i++)
            values[i] = file[FileIndex(tensor, i)];
    }

    public static int[] FileDimensions(WeightTensor tensor) => FileDimensions(tensor.Spec);

    public static int[] FileDimensions(ParameterSpec parameter) => parameter.Dimensions switch
    {
        [var r, var s, var c, var k] => [k, c, r, s],
        [var c, var k] => [k, c],
        var other => [.. other],
    };

    /// <summary>Where in the file's order the element lies that is at <paramref name="index"/> in ours.</summary>
    static int FileIndex(WeightTensor tensor, int index)
    {
        switch (tensor.Spec.Dimensions)
        {
            case [var r, var s, var c, var k]:
                var (tap, inOut) = Math.DivRem(index, c * k);
                return (((index % k * c) + (inOut / k)) * r * s) + tap;
            case [var inputs, var k]:
                return (index % k * inputs) + FileInput(tensor, index / k);
            default:
                return FileInput(tensor, index);
        }
    }

    /// <summary>Where the file has what belongs to one element of the layer's input.</summary>
    static int FileInput(WeightTensor tensor, int input)
    {
        if (!tensor.Spec.FollowsInput || tensor.Node.FlattenedFrom is not { } picture)
            return input;
        var (pixel, channel) = Math.DivRem(input, picture.C);
        return (channel * picture.H * picture.W) + pixel;
    }
}
