using MlNetCifar.Nn;
using MlNetCifar.Transfer;

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

    public static FeatureExtractor Create(ulong seed = 1)
    {
        using var model = Classifier(seed);
        return FeatureExtractor.Of(model);
    }

    public static ImageClassifier Classifier(ulong seed = 1, string name = "random") =>
        new(NetworkWeights.Initialize(Spec with { Name = name }, seed), ["a", "b", "c", "d", "e"], Preprocess, Normalization);

    /// <summary>Features as a training makes them.</summary>
    public static float[] Features(this FeatureExtractor backbone, ImageSource images, TransferOptions options, bool flipped = false, Action<int>? progress = null) =>
        new FeaturePass(backbone, options, progress is null ? null : new Count(progress), CancellationToken.None).Run(images, flipped);

    sealed class Count(Action<int> tell) : IProgress<int>
    {
        public void Report(int value) => tell(value);
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
