using MlNetCifar.Nn;

namespace MlNetCifar.Tests.Transfer;

/// <summary>A backbone that tells colours and patterns apart, its features being those of random filters.</summary>
internal static class SmallBackbone
{
    public const int Side = 16;

    public static NetworkSpec Spec { get; } = new()
    {
        Name = "random", Height = Side, Width = Side, Channels = 3, Classes = 5,
        Layers =
        [
            new Conv2d(8, 3), new BatchNorm(), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2),
            new Residual([new Conv2d(12, 3)], [new Conv2d(12, 1)]), new Activation(ActivationKind.Relu),
            new GlobalPool(PoolKind.Average), new Linear(5), new Scale(0.5f),
        ],
    };

    public static PreprocessSpec Preprocess { get; } = new() { Width = Side, Height = Side };

    public static Normalization Normalization { get; } = new([0.4f, 0.5f, 0.6f], [0.2f, 0.3f, 0.25f]);

    public static Backbone Create(ulong seed = 1)
    {
        using var weights = NetworkWeights.Initialize(Spec, seed);
        return new Backbone(weights, Preprocess, Normalization) { Licence = "none" };
    }

    /// <summary>Pictures of one colour a class, with noise.</summary>
    public static ImageSet Images(int perClass, int classes = 3, int seed = 0, int noise = 60)
    {
        var random = new Random(seed);
        var pixels = new byte[perClass * classes * Side * Side * 3];
        var labels = new int[perClass * classes];
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = i % classes;
            for (var p = 0; p < Side * Side * 3; p++)
                pixels[(i * Side * Side * 3) + p] = (byte)Math.Clamp((p % 3 == labels[i] % 3 ? 150 : 100) + (20 * (labels[i] / 3)) + random.Next(-noise, noise), 0, 255);
        }

        return new ImageSet(pixels, labels, Side, Side, 3, [.. Enumerable.Range(0, classes).Select(k => $"class{k}")]);
    }
}
