using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Inference;

/// <summary>A small model with every kind of tensor, and pictures for it.</summary>
internal static class SmallModel
{
    public static NetworkSpec Spec { get; } = new()
    {
        Name = "small", Height = 8, Width = 6, Channels = 3, Classes = 3,
        Layers =
        [
            new Conv2d(5, 3), new BatchNorm(), new Activation(ActivationKind.Relu),
            new Conv2d(6, 3) { Bias = false }, new Pool2d(PoolKind.Max, 2), new BatchNorm { Scale = false }, new Activation(ActivationKind.Gelu),
            new Residual(new Conv2d(6, 3), new BatchNorm()),
            new Flatten(), new MlNetCifar.Nn.Dropout(0.2f), new Linear(7) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new Linear(3), new Scale(0.5f),
        ],
    };

    public static ImageClassifier Create(ulong seed = 1, PreprocessSpec? preprocess = null)
    {
        var weights = NetworkWeights.Initialize(Spec, seed);
        var random = new SplitRandom(seed, RandomPurpose.Shuffle);
        foreach (var tensor in weights.Tensors)
        {
            // Nothing may rest on the initial zeros and ones.
            foreach (ref var value in tensor.Values)
                value = tensor.Name.EndsWith("running_var", StringComparison.Ordinal) ? 0.5f + random.NextSingle() : value + (0.3f * (random.NextSingle() - 0.5f));
        }

        weights.Changed();
        return new ImageClassifier(weights, ["a", "b", "ç"], preprocess ?? new PreprocessSpec { Width = 6, Height = 8 }, new Normalization([0.4f, 0.5f, 0.6f], [0.2f, 0.3f, 0.25f]))
        {
            History = [new EpochRecord(1, 1.5, 0.4, 1.4, 0.5, 1e-3, 1000, 2.5)], BestEpoch = 1, TrainingSettings = "{\"epochs\":1}",
        };
    }

    public static ImageSet Images(int count, int seed = 0)
    {
        var pixels = new byte[count * 8 * 6 * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 3)], 6, 8, 3, ["a", "b", "ç"]);
    }
}
