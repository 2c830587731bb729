using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Nn;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Training.Groups;

/// <summary>Networks of which some tensors are frozen, against the reference in double precision.</summary>
[TestClass]
public sealed class FrozenGradientTests
{
    /// <summary>Every second tensor or so, the running statistics of a layer together.</summary>
    [TestMethod]
    public void RandomNetworks_WithRandomTensorsFrozen_HaveTheGradientsOfTheRest()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var part = random.NextDouble();
            var drawn = new Dictionary<string, bool>();
            using var check = new ReferenceCheck(
                RandomNetworks.Create(seed), count: 3, batchSize: 4, Width(seed),
                frozen: t => Draw(drawn, t.Role == ParameterRole.Statistic ? $"{t.Node.WeightName} statistics" : t.Name, random, part));
            check.Check(samples: 4);
        }
    }

    /// <summary>Whole layers, so that normalisations become part of the convolutions before them.</summary>
    [TestMethod]
    public void RandomNetworks_WithRandomLayersFrozen_HaveTheGradientsOfTheRest()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(1000 + seed);
            var drawn = new Dictionary<string, bool>();
            using var check = new ReferenceCheck(
                RandomNetworks.Create(seed), count: 3, batchSize: 4, Width(seed),
                frozen: t => Draw(drawn, t.Node.WeightName!, random, 0.6));
            check.Check(samples: 4);
        }
    }

    [TestMethod]
    public void TrainedTensors_HaveTheGradientsOfTheWholeNetwork()
    {
        var spec = TinyData.Network(3, new Conv2d(6, 3), new Activation(ActivationKind.Gelu), new Flatten(), new Linear(5), new Activation(ActivationKind.Relu));
        using var whole = new ReferenceCheck(spec, 4, 4, SimdLevel.Active);
        foreach (var first in new[] { "conv1", "conv2", "fc1" })
        {
            using var part = new ReferenceCheck(spec, 4, 4, SimdLevel.Active, frozen: t => t.Node.WeightName == first);
            foreach (var tensor in part.Trained.Tensors.Where(part.Network.Gradients!.Has))
            {
                var expected = whole.Network.Gradients!.Of(whole.Trained.Find(tensor.Name)!);
                var actual = part.Network.Gradients!.Of(tensor);
                for (var i = 0; i < actual.Length; i++)
                    LaneCases.AssertClose(expected[i], actual[i], 1e-5 * (1e-2 + Math.Abs(expected[i])), $"{tensor.Name}[{i}] without {first}");
            }
        }
    }

    static SimdWidth Width(int seed) => SimdLevel.Available.ElementAt(seed % SimdLevel.Available.Count());

    static bool Draw(Dictionary<string, bool> drawn, string key, Random random, double part)
    {
        if (!drawn.TryGetValue(key, out var frozen))
            drawn.Add(key, frozen = random.NextDouble() < part);
        return frozen;
    }
}
