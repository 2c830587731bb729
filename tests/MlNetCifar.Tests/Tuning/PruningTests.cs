using System.Collections.Immutable;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class PruningTests
{
    [TestMethod]
    public void Median_EndsTrialsBelowIt()
    {
        ImmutableArray<double>[] others = [[0.1, 0.5], [0.1, 0.6], [0.1, 0.7], [0.1, 0.8], [0.1, 0.9]];
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Median, [0.2, 0.7], others));
        Assert.IsFalse(Pruning.GoesOn(PruningRule.Median, [0.2, 0.69], others));
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Median, [0.71, 0.1], others), "the best so far counts");
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Median, [0], others), "a first step says little");
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Median, [0, 0], others[1..]), "few curves say little");
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Median, [0, 0, 0], others), "none got so far");
    }

    [TestMethod]
    public void Asha_KeepsTheBestThirdOfEachRung()
    {
        ImmutableArray<double>[] others = [[0.1, 0.5, 0.50], [0.2, 0.6, 0.60], [0.3, 0.7, 0.70], [0.4, 0.8, 0.80], [0.5, 0.9, 0.90]];
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Asha, [0.45], others));
        Assert.IsFalse(Pruning.GoesOn(PruningRule.Asha, [0.35], others));
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Asha, [0.35, 0], others), "two is no rung");
        Assert.IsFalse(Pruning.GoesOn(PruningRule.Asha, [0.9, 0.9, 0.79], others));
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Asha, [0.9, 0.9, 0.81], others));
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Asha, [0], others[..1]), "fewer than three have no third");
    }

    [TestMethod]
    public void None_EndsNothing() => Assert.IsTrue(Pruning.GoesOn(PruningRule.None, [0, 0, 0], [[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]));
}
