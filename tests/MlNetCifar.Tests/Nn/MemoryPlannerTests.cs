using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Nn;

/// <summary>Sharing memory changes nothing: over random networks and random intervals.</summary>
[TestClass]
public sealed class MemoryPlannerTests
{
    const int Networks = 120;

    static readonly Config s_config = Config.QuickThrowOnFailure.WithReplay(20261121, 7).WithMaxTest(Networks);

    [TestMethod]
    public void Place_NeverLetsLiveBuffersOverlap()
    {
        var buffer = from length in Gen.Choose(0, 100) from first in Gen.Choose(0, 20) from duration in Gen.Choose(0, 8) select (length, first, duration);
        Prop.ForAll(buffer.ListOf().ToArbitrary(), list =>
        {
            var buffers = list.Select((b, i) =>
            {
                var planned = new PlannedBuffer($"{i}", b.length);
                planned.Touch(b.first);
                planned.Touch(b.first + b.duration);
                return planned;
            }).ToArray();
            AssertDisjoint(buffers, MemoryPlanner.Place(buffers));
        }).Check(s_config);
    }

    [TestMethod]
    public void Place_ReusesWhatIsFree()
    {
        PlannedBuffer[] buffers = [new("a", 32), new("b", 32), new("c", 32), new("unused", 1000)];
        for (var i = 0; i < 3; i++)
        {
            buffers[i].Touch(i);
            buffers[i].Touch(i + 1);
        }

        Assert.AreEqual(64, MemoryPlanner.Place(buffers));
        Assert.AreEqual(buffers[0].Offset, buffers[2].Offset);
    }

    [TestMethod]
    public void Networks_HaveDisjointLiveBuffers() => ForAllNetworks(spec =>
    {
        using var pool = new WorkerPool(1);
        using var weights = NetworkWeights.Initialize(spec, 0);
        foreach (var training in new[] { true, false })
        {
            using var network = new Network(weights, 4, training, pool);
            AssertDisjoint(network.Buffers, network.PlannedBytes / sizeof(float));
        }
    });

    [TestMethod]
    public void Networks_ComputeTheSameWithMemoryOfTheirOwn() => ForAllNetworks(spec =>
    {
        using var planned = new ReferenceCheck(spec, 3, 4, SimdLevel.Active);
        using var apart = new ReferenceCheck(spec, 3, 4, SimdLevel.Active, apart: true);
        CollectionAssert.AreEqual(apart.Logits, planned.Logits);
        Assert.AreEqual(apart.Loss, planned.Loss);
        CollectionAssert.AreEqual(apart.Gradients, planned.Gradients);
        Assert.AreEqual(apart.Trained.Sha256(), planned.Trained.Sha256());
    });

    [TestMethod]
    public void Networks_HaveTheGradientsOfTheReference() => ForAllNetworks(spec =>
    {
        using var check = new ReferenceCheck(spec, 3, 4, SimdLevel.Active);
        check.Check(samples: 2);
    });

    [TestMethod]
    public void Networks_InferTheSameAsTheTrainingPlan() => ForAllNetworks(spec =>
    {
        using var pool = new WorkerPool(2);
        using var weights = ReferenceCheck.Weights(spec);
        using var training = new Network(weights, 4, training: true, pool);
        using var inference = new Network(weights, 4, training: false, pool);
        var images = TestKit.LaneCases.Draw(3, spec.InputShape(3).Length);
        foreach (var network in new[] { training, inference })
        {
            images.CopyTo(network.Input(3));
            network.Forward(3);
        }

        var scale = 1e-3 + training.Logits(3).ToArray().Max(Math.Abs);
        for (var i = 0; i < 9; i++)
            TestKit.LaneCases.AssertClose(training.Logits(3)[i], inference.Logits(3)[i], 1e-5 * scale, $"{spec.Name}: logit {i}");
    });

    static void ForAllNetworks(Action<NetworkSpec> body) =>
        Prop.ForAll(Gen.Choose(0, 1_000_000).ToArbitrary(), seed => body(RandomNetworks.Create(seed))).Check(s_config);

    static void AssertDisjoint(IReadOnlyList<PlannedBuffer> buffers, long length)
    {
        var live = buffers.Where(b => b.Last >= 0).ToArray();
        foreach (var a in live)
        {
            Assert.IsTrue(a.Offset >= 0 && a.Offset % Arena.Alignment == 0 && a.Offset + a.Length <= length, $"{a.Name} at {a.Offset}");
            foreach (var b in live.Where(b => b != a && b.Overlaps(a) && b.Length > 0 && a.Length > 0))
                Assert.IsTrue(a.Offset + a.Length <= b.Offset || b.Offset + b.Length <= a.Offset, $"{a.Name} and {b.Name}");
        }
    }
}
