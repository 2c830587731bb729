using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Training;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Training.Groups;

/// <summary>A network with every kind of layer that has tensors, and a session that trains it on one batch.</summary>
internal sealed class GroupNetwork : IDisposable
{
    const int Batch = 12;

    readonly BatchLoader _loader;

    public GroupNetwork(TrainingOptions options, NetworkSpec? spec = null)
    {
        var images = TinyData.Balanced(3, 4);
        var normalization = Normalization.Compute(images);
        Session = new TrainingSession(spec ?? Spec, options with { BatchSize = Batch, Threads = 2 }, images, normalization);
        _loader = new BatchLoader(images, normalization, new BatchLoaderOptions { BatchSize = Batch });
        _loader.Start(0);
        Images = _loader.Next()!;
    }

    /// <summary>Convolutions with and without bias, normalisations with and without scale, a residual block with a projection, dense layers.</summary>
    public static NetworkSpec Spec { get; } = new()
    {
        Name = "groups", Height = 8, Width = 8, Channels = 3, Classes = 3,
        Layers =
        [
            new Conv2d(6, 2) { Padding = Padding.Valid, FixedFilter = true, BiasInitializer = Initializer.FanInUniform }, new Activation(ActivationKind.Gelu),
            new Conv2d(8, 3), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2),
            new Residual([new Conv2d(8, 3) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu)], [new Conv2d(8, 1) { Bias = false }, new BatchNorm { Scale = false }]),
            new Flatten(), new Linear(10) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new Dropout(0.2f),
            new Linear(3) { Initializer = Initializer.GlorotUniform },
        ],
    };

    public TrainingSession Session { get; }

    public Batch Images { get; }

    public NetworkWeights Weights => Session.Weights;

    public double Step(double progress = 0) => Session.Step(Images, progress, out _);

    /// <summary>Bits of every tensor.</summary>
    public Dictionary<string, float[]> Values() => Weights.Tensors.ToDictionary(t => t.Name, t => t.Values.ToArray());

    public void Dispose()
    {
        _loader.Dispose();
        Session.Dispose();
    }
}
