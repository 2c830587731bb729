using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Inference;

namespace MlNetCifar.Tests.Nn;

[TestClass]
public sealed class PackedWeightsTests
{
    [TestMethod]
    public void Networks_OverTheSameWeights_ShareWhatTheyPackAlike()
    {
        using var weights = NetworkWeights.Initialize(SmallModel.Spec, 1);
        using var pool = new WorkerPool(1);
        Assert.AreEqual(0, weights.Packed.Bytes);
        using (var one = new Network(weights, 1, false, pool))
        {
            var bytes = weights.Packed.Bytes;
            Assert.IsTrue(bytes >= one.SharedBytes && one.SharedBytes > 0);
            using (var two = new Network(weights, 1, false, pool))
                Assert.AreEqual(bytes, weights.Packed.Bytes);
            Assert.AreEqual(bytes, weights.Packed.Bytes);

            // Nothing is folded in training, and the backward passes have copies of their own.
            using var training = new Network(weights, 1, true, pool);
            Assert.IsTrue(weights.Packed.Bytes >= bytes + training.SharedBytes && training.SharedBytes > one.SharedBytes);
        }

        Assert.AreEqual(0, weights.Packed.Bytes);
    }

    [TestMethod]
    public void Plan_TellsWhatANetworkTakes_AndTakesNothing()
    {
        using var weights = NetworkWeights.Initialize(SmallModel.Spec, 1);
        using var pool = new WorkerPool(2);
        var planned = Network.Plan(weights, 5, null, pool);
        Assert.AreEqual(0, weights.Packed.Bytes);
        using var network = new Network(weights, 5, false, pool);
        Assert.AreEqual(network.PlannedBytes, planned);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Forward_PacksAgainWhatChanged_AndNothingElse(bool training)
    {
        using var weights = NetworkWeights.Initialize(SmallModel.Spec, 1);
        using var pool = new WorkerPool(1);
        using var network = new Network(weights, 1, training, pool);
        WeightTensor first = weights.Find("conv1.weight")!, last = weights.Find("fc2.weight")!;
        var before = Logits(network);

        // Neither is marked: both copies are still the old ones.
        foreach (var tensor in new[] { first, last })
            foreach (ref var value in tensor.Values)
                value *= 1.5f;
        CollectionAssert.AreEqual(before, Logits(network));
        last.Changed();
        var lastOnly = Logits(network);
        CollectionAssert.AreNotEqual(before, lastOnly);
        first.Changed();
        CollectionAssert.AreNotEqual(lastOnly, Logits(network));
        using var fresh = new Network(weights, 1, training, pool);
        CollectionAssert.AreEqual(Logits(fresh), Logits(network));
    }

    [TestMethod]
    public void Forward_SeesTheStatisticsThatATrainingStepMoved()
    {
        using var weights = NetworkWeights.Initialize(SmallModel.Spec, 1);
        using var pool = new WorkerPool(1);
        using var training = new Network(weights, 4, true, pool);
        using var use = new Network(weights, 1, false, pool);
        var before = Logits(use);
        Fill(training.Input(4));
        training.Forward(4, training: true);
        var after = Logits(use);
        CollectionAssert.AreNotEqual(before, after);
        using var fresh = new Network(weights.Clone(), 1, false, pool);
        CollectionAssert.AreEqual(Logits(fresh), after);
    }

    [TestMethod]
    public void Forward_OfManyNetworksAtOnce_PacksOnce()
    {
        using var weights = NetworkWeights.Initialize(SmallModel.Spec, 1);
        using var caller = new WorkerPool(1);
        using var alone = new Network(weights.Clone(), 1, false, caller);
        var expected = Logits(alone);
        var pools = Enumerable.Range(0, 8).Select(_ => new WorkerPool(2)).ToArray();
        var networks = pools.Select(pool => new Network(weights, 1, false, pool)).ToArray();
        var bytes = weights.Packed.Bytes;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => CollectionAssert.AreEqual(expected, Logits(networks[i])));
        Assert.AreEqual(bytes, weights.Packed.Bytes);
        foreach (var network in networks)
            network.Dispose();
        foreach (var pool in pools)
            pool.Dispose();
        Assert.AreEqual(0, weights.Packed.Bytes);
    }

    static float[] Logits(Network network)
    {
        Fill(network.Input(1));
        network.Forward(1);
        return network.Logits(1).ToArray();
    }

    static void Fill(Span<float> input)
    {
        var random = new Random(3);
        foreach (ref var value in input)
            value = random.NextSingle() - 0.5f;
    }
}
