using MlNetCifar.Nn;

namespace MlNetCifar.Tests.Training;

/// <summary>Pictures that a small network learns in seconds, and such a network.</summary>
internal static class TinyData
{
    public const int Side = 8;

    /// <summary>Noise around a brightness and a direction per class.</summary>
    /// <param name="counts">Pictures of each class.</param>
    /// <param name="seed">Of the noise.</param>
    public static ImageSet Images(int[] counts, int seed = 1)
    {
        var labels = counts.SelectMany((count, k) => Enumerable.Repeat(k, count)).ToArray();
        var random = new Random(seed);
        var pixels = new byte[labels.Length * Side * Side * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            int label = labels[i / (Side * Side * 3)], row = i / (Side * 3) % Side, column = i / 3 % Side;
            var stripe = (label % 2 == 0 ? row : column) / 2 % 2 * 60;
            pixels[i] = (byte)(random.Next(100) + stripe + (label / 2 * 40));
        }

        return new ImageSet(pixels, labels, Side, Side, 3, [.. counts.Select((_, k) => $"class{k}")]);
    }

    /// <summary>Equal counts.</summary>
    public static ImageSet Balanced(int classes, int each, int seed = 1) => Images([.. Enumerable.Repeat(each, classes)], seed);

    public static NetworkSpec Network(int classes, params LayerSpec[] hidden) => new()
    {
        Name = "tiny", Height = Side, Width = Side, Channels = 3, Classes = classes,
        Layers =
        [
            new Conv2d(8, 3), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2), .. hidden,
            new Flatten(), new Linear(classes) { Initializer = Initializer.GlorotUniform },
        ],
    };
}
