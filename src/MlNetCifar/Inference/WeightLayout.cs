using MlNetCifar.Nn;

namespace MlNetCifar.Inference;

/// <summary>
/// Translates between our layout and that of PyTorch's files: filters [R, S, C, K] ↔ [K, C, R, S], matrices [C, K] ↔ [K, C]; the inputs of a matrix or normalisation after
/// a flattened picture are ordered H, W, C here and C, H, W there.
/// </summary>
internal static class WeightLayout
{
    // A line of the cache.
    const int OutputsAtOnce = 16;

    /// <param name="tensor">What to write.</param>
    /// <param name="half">Whether filters and matrices are written as 16-bit floats; biases and statistics never are.</param>
    public static FileTensor ToFile(WeightTensor tensor, bool half)
    {
        var values = new float[tensor.Length];
        var source = tensor.Values;
        foreach (var (ours, file, stride, count) in Runs(tensor))
            for (var i = 0; i < count; i++)
                values[file + (i * stride)] = source[ours + i];
        return new FileTensor(tensor.Name, FileDimensions(tensor), values, half && tensor.Spec.Dimensions.Length > 1);
    }

    public static void FromFile(WeightTensor tensor, ReadOnlySpan<float> content)
    {
        var values = tensor.Values;
        foreach (var (ours, file, stride, count) in Runs(tensor))
            for (var i = 0; i < count; i++)
                values[ours + i] = content[file + (i * stride)];
    }

    public static int[] FileDimensions(WeightTensor tensor) => FileDimensions(tensor.Spec);

    public static int[] FileDimensions(ParameterSpec parameter) => parameter.Dimensions switch
    {
        [var r, var s, var c, var k] => [k, c, r, s],
        [var c, var k] => [k, c],
        var other => [.. other],
    };

    /// <summary>
    /// All elements: those that are side by side in our order from <c>Ours</c> on, and in the file <c>Stride</c> apart from <c>File</c> on. They come a line of the cache at a time, so that neither side is read or
    /// written anew for each of them.
    /// </summary>
    static IEnumerable<(int Ours, int File, int Stride, int Count)> Runs(WeightTensor tensor)
    {
        var (taps, inputs, outputs) = tensor.Spec.Dimensions switch
        {
            [var r, var s, var c, var k] => (r * s, c, k),
            [var c, var k] => (1, c, k),
            _ => (1, tensor.Length, 1),
        };
        var isFilter = tensor.Spec.Dimensions.Length == 4;
        for (var output = 0; output < outputs; output += OutputsAtOnce)
            for (var input = 0; input < inputs; input++)
                for (var tap = 0; tap < taps; tap++)
                {
                    var file = (((output * inputs) + (isFilter ? input : FileInput(tensor, input))) * taps) + tap;
                    yield return ((((tap * inputs) + input) * outputs) + output, file, inputs * taps, Math.Min(OutputsAtOnce, outputs - output));
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
