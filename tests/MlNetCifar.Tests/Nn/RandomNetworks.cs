using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Nn;

/// <summary>Small networks of every kind of layer in every order, residual blocks inside residual blocks included.</summary>
internal static class RandomNetworks
{
    public static NetworkSpec Create(int seed)
    {
        var random = new Random(seed);
        var layers = new List<LayerSpec>();
        var channels = random.Next(2) == 0 ? 1 : 3;
        var spec = new NetworkSpec
        {
            Name = $"random {seed}", Height = random.Next(4, 9), Width = random.Next(4, 9), Channels = channels, Classes = 3, Layers = [],
        };
        for (var i = random.Next(1, 7); i > 0; i--)
        {
            var next = random.Next(5) switch { 0 => Narrowing(random), 1 => Block(random, channels, 2), _ => Keeping(random, random.Next(2, 6)) };
            if (Fits(spec, [.. layers, next]))
                layers.Add(next);
            channels = next is Conv2d conv && layers.Contains(next) ? conv.Filters : channels;
        }

        layers.Add(random.Next(3) switch { 0 => new GlobalPool(PoolKind.Max), 1 => new GlobalPool(PoolKind.Average), _ => new Flatten() });
        for (var i = random.Next(3); i > 0; i--)
            layers.AddRange([new Linear(random.Next(2, 6)) { Bias = random.Next(2) == 0 }, Pointwise(random)]);
        layers.Add(new Linear(3));
        if (random.Next(3) == 0)
            layers.Add(new Scale(0.5f));
        return spec with { Layers = [.. layers] };
    }

    static bool Fits(NetworkSpec spec, LayerSpec[] layers)
    {
        try
        {
            (spec with { Layers = [.. layers, new Flatten(), new Linear(3)] }).Validate();
            return true;
        }
        catch (MlNetCifarException)
        {
            return false;
        }
    }

    static LayerSpec Keeping(Random random, int channels) => random.Next(3) switch
    {
        0 => Pointwise(random),
        1 => new Pool2d((PoolKind)random.Next(2), 3) { Stride = 1, Pad = 1 },
        _ => Convolution(random, channels),
    };

    static Conv2d Convolution(Random random, int channels) => new(channels, random.Next(1, 4)) { Bias = random.Next(2) == 0, Initializer = Initializer.GlorotUniform };

    static LayerSpec Narrowing(Random random) => random.Next(3) switch
    {
        0 => new Conv2d(random.Next(2, 6), random.Next(1, 4)) { Stride = 2, Padding = (Padding)random.Next(2) },
        1 => new Pool2d((PoolKind)random.Next(2), 2),
        _ => new Pool2d((PoolKind)random.Next(2), random.Next(2, 4)) { Stride = random.Next(1, 3), Pad = 1 },
    };

    // A generous ε keeps channels of almost no variance from magnifying their rounding.
    static LayerSpec Pointwise(Random random) => random.Next(5) switch
    {
        0 => new BatchNorm { Epsilon = 0.01f, Scale = random.Next(2) == 0 },
        1 => new Dropout(random.Next(2) * 0.25f),
        2 => new Scale(0.75f),
        3 => new Activation(ActivationKind.Relu),
        _ => new Activation((ActivationKind)random.Next(6)),
    };

    static Residual Block(Random random, int channels, int depth)
    {
        var shortcut = random.Next(3) switch
        {
            0 => new LayerSpec[] { new Conv2d(channels, 1), new BatchNorm { Epsilon = 0.01f } },
            1 => [Pointwise(random)],
            _ => [],
        };
        return new Residual([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => depth > 0 && random.Next(5) == 0 ? Block(random, channels, depth - 1) : Keeping(random, channels))], [.. shortcut]);
    }
}
