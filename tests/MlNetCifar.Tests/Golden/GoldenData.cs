using System.Collections.Immutable;
using MlNetCifar.Nn;

namespace MlNetCifar.Tests.Golden;

/// <summary>The weights, images and labels of golden.py, from the same integer hash.</summary>
internal static class GoldenData
{
    public const int Steps = 10;
    public const int Batch = 8;
    public const int Classes = 10;
    public const int Samples = 24;
    const int Channels = 3;
    const int Side = 16;

    /// <summary>A number in [0, 1) with 24 bits: the murmur3 finaliser of index and stream.</summary>
    public static double Uniform(int stream, long index)
    {
        var h = (uint)(((ulong)index * 0x9E3779B1) + ((ulong)stream * 0x85EBCA77) + 0x27D4EB2F);
        h = (h ^ (h >> 16)) * 0x85EBCA6B;
        h = (h ^ (h >> 13)) * 0xC2B2AE35;
        h ^= h >> 16;
        return (h >> 8) / 16777216.0;
    }

    public static double Sign(int stream, long index) => Uniform(stream, index) < 0.5 ? -1 : 1;

    public static float[] ClassWeights() => [.. Enumerable.Range(0, Classes).Select(k => (float)(0.5 + Uniform(6000, k)))];

    public static int[] Labels(int data, int step) => [.. Enumerable.Range(0, Batch).Select(i => (int)(Uniform(1000000 + Stream(data, step), i) * Classes))];

    /// <summary>The images of a step, NHWC.</summary>
    public static float[] Images(int data, int step)
    {
        var labels = Labels(data, step);
        var pixels = new float[Batch * Side * Side * Channels];
        const int Plane = Side * Side;
        for (var image = 0; image < Batch; image++)
            for (var at = 0; at < Plane; at++)
                for (var c = 0; c < Channels; c++)
                {
                    var noise = Uniform(Stream(data, step), (((long)image * Channels) + c) * Plane + at);
                    var pattern = Uniform(7000, (((long)labels[image] * Channels) + c) * Plane + at);
                    pixels[(((image * Plane) + at) * Channels) + c] = (float)((1.5 * ((2 * noise) - 1)) + ((2 * pattern) - 1));
                }

        return pixels;
    }

    /// <summary>A preset with its dropout switched off.</summary>
    public static NetworkSpec Network(string preset)
    {
        var spec = Architectures.Create(preset, Side, Side, Channels, Classes);
        return spec with { Layers = [.. spec.Layers.Select(layer => layer is Dropout ? new Dropout(0) : layer)] };
    }

    /// <summary>Sets the first weights.</summary>
    public static void Fill(NetworkWeights weights)
    {
        var trained = Trained(weights);
        for (var stream = 0; stream < trained.Length; stream++)
        {
            var tensor = trained[stream];
            var order = TorchOrder(tensor);
            for (var i = 0; i < tensor.Length; i++)
                tensor.Values[i] = (float)First(tensor, (2 * Uniform(100 + stream, order[i])) - 1);
        }

        weights.Changed();
    }

    public static ImmutableArray<WeightTensor> Trained(NetworkWeights weights) => [.. weights.Tensors.Where(t => t.Role != ParameterRole.Statistic)];

    /// <summary>For each element of ours, its position in PyTorch's tensor: [K, C, R, S] for filters, [K, C·H·W] for matrices.</summary>
    public static int[] TorchOrder(WeightTensor tensor) => tensor.Dimensions.ToArray() switch
    {
        [var r, var s, var c, var k] => Order(r * s, c, k, (tap, channel, output) => (((output * c) + channel) * r * s) + tap),

        // Both presets flatten a 2×2 picture of 128 channels before their first dense layer.
        [512, var k] => Order(4, 128, k, (pixel, channel, output) => (output * 512) + (channel * 4) + pixel),
        [var c, var k] => Order(1, c, k, (_, channel, output) => (output * c) + channel),
        _ => [.. Enumerable.Range(0, tensor.Length)],
    };

    static int Stream(int data, int step) => 8000 + (20 * data) + step;

    static int[] Order(int taps, int channels, int outputs, Func<int, int, int, int> position) =>
    [
        .. from tap in Enumerable.Range(0, taps)
           from channel in Enumerable.Range(0, channels)
           from output in Enumerable.Range(0, outputs)
           select position(tap, channel, output),
    ];

    static double First(WeightTensor tensor, double u)
    {
        if (tensor.Dimensions.Length > 1)
            return Math.Sqrt((tensor.Name == "fc2.weight" ? 1.0 : 6.0) / (tensor.Length / tensor.Dimensions[^1])) * u;
        return tensor.Role == ParameterRole.Gain ? 1 + (0.2 * u) : 0.1 * u;
    }
}
