using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class EarlyStoppingTests
{
    /// <summary>What Keras' EarlyStopping(min_delta=0.05, patience=3) holds after each epoch, in percent: wait += 1; where value − min_delta &gt; best: best, wait = value, 0.</summary>
    [TestMethod]
    public void Finish_OfSmallGains_LetsThemAddUpUntilTheyCount()
    {
        var state = new LoopState();
        foreach (var (score, counted, since, isBest) in new[]
        {
            (0.20, 0.20, 0, true), (0.23, 0.20, 1, false), (0.24, 0.20, 2, false), (0.26, 0.26, 0, true), (0.25, 0.26, 1, false), (0.29, 0.26, 2, false), (0.26, 0.26, 3, false),
        })
        {
            Assert.AreEqual(isBest, Finish(state, score, 0.05), $"{score}");
            Assert.AreEqual(counted, state.PatienceScore);
            Assert.AreEqual(since, state.SinceBest);
        }

        Assert.AreEqual((0.26, 4), (state.BestScore, state.BestEpoch));
    }

    [TestMethod]
    public void Finish_WithoutADelta_CountsEveryGainAndNoEqual()
    {
        var state = new LoopState();
        Assert.IsTrue(Finish(state, 0.5, 0));
        Assert.IsFalse(Finish(state, 0.5, 0));
        Assert.AreEqual(1, state.SinceBest);
        Assert.IsTrue(Finish(state, 0.51, 0));
        Assert.AreEqual(0, state.SinceBest);
    }

    /// <summary>Twenty images, of which the first epochs get one right by chance: the loss tells them apart.</summary>
    [TestMethod]
    public void Finish_OfEqualScores_PrefersTheLeastLoss_ButPatienceGoesOn()
    {
        var state = new LoopState();
        foreach (var (score, loss, since, isBest) in new[] { (0.05, 3.0, 0, true), (0.05, 2.9, 1, true), (0.05, 2.95, 2, false), (0.05, 2.5, 3, true), (0.0, 0.1, 4, false), (0.1, 9, 0, true) })
        {
            Assert.AreEqual(isBest, Finish(state, score, 0, loss), $"{loss}");
            Assert.AreEqual(since, state.SinceBest);
        }

        Assert.AreEqual(6, state.BestEpoch);
    }

    [TestMethod]
    public void Finish_WithoutValidation_KeepsTheLastEpoch_WhateverTheDelta()
    {
        var state = new LoopState();
        for (var epoch = 1; epoch <= 3; epoch++)
        {
            Assert.IsTrue(state.Finish(new EpochRecord(epoch, 1, 0.5, null, null, 0.1, 100, 1), 5));
            Assert.AreEqual(epoch, state.BestEpoch);
        }
    }

    static bool Finish(LoopState state, double score, double minimumDelta, double loss = 1) =>
        state.Finish(new EpochRecord(state.Epoch + 1, 1, 0.5, loss, score, 0.1, 100, 1), minimumDelta);
}
