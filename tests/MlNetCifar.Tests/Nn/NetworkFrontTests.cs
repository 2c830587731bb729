using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Nn;

/// <summary>Layers of large maps take a few images at a time: the same bits in less memory.</summary>
[TestClass]
public sealed class NetworkFrontTests
{
    const int Batch = 11;

    // The front ends behind a pooling, behind a layer that works in the place of the one before, behind a residual block, and nowhere: all maps are large.
    static readonly LayerSpec[][] s_networks =
    [
        [new Conv2d(32, 3), new BatchNorm(), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 3) { Stride = 2, Pad = 1 }, new Conv2d(16, 3) { Stride = 2 }, new GlobalPool(PoolKind.Average)],
        [new Conv2d(40, 5), new Activation(ActivationKind.Gelu), new Activation(ActivationKind.Silu), new Pool2d(PoolKind.Average, 8), new Activation(ActivationKind.Gelu), new Flatten()],
        [
            new Conv2d(40, 3), new Residual(new Conv2d(40, 3), new BatchNorm(), new Activation(ActivationKind.Relu), new Conv2d(40, 3)), new Activation(ActivationKind.Relu),
            new Residual([new Conv2d(24, 3) { Stride = 2 }], [new Conv2d(24, 1) { Stride = 2 }]), new Activation(ActivationKind.Relu), new Conv2d(8, 3) { Stride = 2 }, new GlobalPool(PoolKind.Max),
        ],
        [new Conv2d(40, 3), new Activation(ActivationKind.Relu), new Conv2d(35, 3)],
    ];

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void Forward_OfAnImage_HasTheSameBitsInAnyBatch(int index)
    {
        using var weights = NetworkWeights.Initialize(Spec(index), seed: 3);
        var random = new Random(index);
        var images = Enumerable.Range(0, Batch * weights.Spec.InputShape(1).Length).Select(_ => (float)random.NextDouble() - 0.5f).ToArray();
        using var one = new WorkerPool(1);
        using var alone = new Network(weights, 1, training: false, one);
        var expected = Enumerable.Range(0, Batch).SelectMany(i => Run(alone, images, i, 1)).ToArray();
        foreach (var threads in new[] { 1, 2 })
        {
            using var pool = new WorkerPool(threads);
            using var network = new Network(weights, Batch, training: false, pool);
            Assert.IsLessThan(Batch * 96 * 100 * 32, (int)network.Buffers.Single(buffer => buffer.Name == network.Ops[0].Name).Length, "there is a front");
            CollectionAssert.AreEqual(expected, Run(network, images, 0, Batch), $"{threads} threads");
            CollectionAssert.AreEqual(expected[..(7 * expected.Length / Batch)], Run(network, images, 0, 7), $"seven images, {threads} threads");

            using var cancelled = new CancellationTokenSource();
            cancelled.Cancel();
            Assert.ThrowsExactly<OperationCanceledException>(() => network.Forward(Batch, cancellation: cancelled.Token));
            network.Forward(Batch, training: false, new long[network.Ops.Length]);
            CollectionAssert.AreEqual(expected, Run(network, images, 0, Batch), $"after other passes, {threads} threads");
        }
    }

    /// <summary>A layer that inference leaves out has no ops to take.</summary>
    [TestMethod]
    public void LargePictures_BeforeSmallMaps_HaveNoFront()
    {
        var spec = Spec(0) with { Height = 300, Width = 300, Layers = [new MlNetCifar.Nn.Dropout(0.1f), new Conv2d(4, 7) { Stride = 7 }, new GlobalPool(PoolKind.Average), new Linear(5)] };
        using var weights = NetworkWeights.Initialize(spec, seed: 3);
        using var pool = new WorkerPool(1);
        using var network = new Network(weights, 3, training: false, pool);
        network.Input(3).Fill(0.5f);
        network.Forward(3);
        CollectionAssert.AreEqual(network.Logits(1).ToArray(), network.Logits(3)[10..].ToArray());
    }

    [TestMethod]
    public void Maps_OfAWholeBatch_AreHeldBehindTheFrontAlone()
    {
        using var weights = NetworkWeights.Initialize(Spec(0), seed: 3);
        using var pool = new WorkerPool(1);
        using var network = new Network(weights, Batch, training: false, pool);
        var (input, map) = (weights.Spec.InputShape(1).ImageLength, 96 * 100 * 32);
        Assert.IsLessThan(3 * map, (int)network.Buffers.Single(buffer => buffer.Name == network.Ops[0].Name).Length - map, "three images at most");
        Assert.IsLessThan((Batch * (input + (map / 4))) + (4 * map), network.OwnBytes / sizeof(float));
        using var training = new Network(weights, Batch, training: true, pool);
        Assert.IsGreaterThanOrEqualTo(Batch * map, training.OwnBytes / sizeof(float));
    }

    static NetworkSpec Spec(int index) => new()
    {
        Name = "front", Height = 96, Width = 100, Channels = 3, Classes = 5, Layers = [.. s_networks[index], .. index == 3 ? (LayerSpec[])[new GlobalPool(PoolKind.Average)] : [], new Linear(5)],
    };

    static float[] Run(Network network, float[] images, int first, int count)
    {
        var input = network.Input(count);
        images.AsSpan(first * input.Length / count, input.Length).CopyTo(input);
        network.Forward(count);
        return network.Logits(count).ToArray();
    }
}
