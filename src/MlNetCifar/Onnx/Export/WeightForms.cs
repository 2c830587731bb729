using System.Runtime.InteropServices;
using MlNetCifar.Inference;
using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>Filters and matrices as a file holds them: whole, as 16-bit floats, or as 8-bit numbers with one scale an output; biases and statistics are always whole.</summary>
/// <param name="precision">Which.</param>
internal sealed class WeightForms(OnnxWeights precision)
{
    const int Largest = 127;

    readonly Dictionary<string, (sbyte[] Values, float[] Scales)> _quantized = [];

    /// <summary>Weights rounded to what the file will hold; those given stay as they are.</summary>
    /// <returns>A copy; the caller disposes it.</returns>
    public NetworkWeights Round(NetworkWeights weights)
    {
        var rounded = weights.Clone();
        foreach (var tensor in rounded.Tensors.Where(IsReduced))
        {
            if (precision == OnnxWeights.Float16)
                foreach (ref var value in tensor.Values)
                    value = (float)(Half)value;
            else
                Quantize(tensor);
        }

        rounded.Changed();
        return rounded;
    }

    /// <summary>Adds a rounded tensor to a graph.</summary>
    /// <returns>The name of the value that has its elements as 32-bit floats.</returns>
    public string Add(WeightTensor tensor, GraphBuilder graph)
    {
        var file = WeightLayout.ToFile(tensor, half: false);
        long[] shape = [.. file.Dimensions.Select(d => (long)d)];
        if (!IsReduced(tensor))
            return graph.Constant(tensor.Name, shape, file.Values);
        if (precision == OnnxWeights.Float16)
        {
            Half[] halves = [.. file.Values.Select(value => (Half)value)];
            var constant = graph.Constant(new OnnxTensor($"{tensor.Name}_float16", ElementType.Float16, shape) { Raw = MemoryMarshal.AsBytes(halves.AsSpan()).ToArray() });
            return graph.Add(tensor.Name, "Cast", [constant], ("to", (long)ElementType.Float));
        }

        var (values, scales) = _quantized.GetValueOrDefault(tensor.Name);
        if (values is null)
            throw new InvalidDataException($"the tensor '{tensor.Name}' is not there as 8-bit numbers");
        var numbers = graph.Constant(new OnnxTensor($"{tensor.Name}_int8", ElementType.Int8, shape) { Raw = MemoryMarshal.AsBytes(values.AsSpan()).ToArray() });
        return graph.Add(tensor.Name, "DequantizeLinear", [numbers, graph.Constant($"{tensor.Name}_scale", [scales.Length], scales)], ("axis", 0L));
    }

    /// <summary>Takes 8-bit numbers from a file, [K, …] by K scales.</summary>
    /// <returns>What they stand for.</returns>
    public float[] Keep(string name, long[] numbers, float[] scales)
    {
        if (scales.Length == 0 || numbers.Length % scales.Length != 0)
            throw new InvalidDataException($"the tensor '{name}' has {numbers.Length} elements and {scales.Length} scales");
        var length = numbers.Length / scales.Length;
        _quantized[name] = ([.. numbers.Select(n => (sbyte)n)], scales);
        return [.. numbers.Select((n, i) => n * scales[i / length])];
    }

    bool IsReduced(WeightTensor tensor) => precision != OnnxWeights.Float32 && tensor.Dimensions.Length > 1;

    /// <summary>Each output's weights by a scale of their own, symmetric about 0.</summary>
    void Quantize(WeightTensor tensor)
    {
        var file = WeightLayout.ToFile(tensor, half: false).Values;
        var outputs = tensor.Dimensions[^1];
        var length = file.Length / outputs;
        var (values, scales) = (new sbyte[file.Length], new float[outputs]);
        for (var k = 0; k < outputs; k++)
        {
            var row = file.AsSpan(k * length, length);
            var most = 0f;
            foreach (var value in row)
                most = Math.Max(most, Math.Abs(value));
            scales[k] = most > 0 && float.IsFinite(most) ? most / Largest : 1;
            for (var i = 0; i < row.Length; i++)
            {
                var number = (sbyte)Math.Clamp(MathF.Round(row[i] / scales[k]), -Largest, Largest);
                (values[(k * length) + i], row[i]) = (number, number * scales[k]);
            }
        }

        _quantized[tensor.Name] = (values, scales);
        WeightLayout.FromFile(tensor, file);
    }
}
