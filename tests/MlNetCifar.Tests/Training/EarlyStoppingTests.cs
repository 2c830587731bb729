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
            (0.20, 0.20, 0, true), (0.23, 0.20, 1, true), (0.24, 0.20, 2, true), (0.26, 0.26, 0, true), (0.25, 0.26, 1, false), (0.29, 0.26, 2, true), (0.26, 0.26, 3, false),
        })
        {
            Assert.AreEqual(isBest, Finish(state, score, 0.05), $"{score}");
            Assert.AreEqual(counted, state.PatienceScore);
            Assert.AreEqual(since, state.SinceBest);
        }

        Assert.AreEqual(0.29, state.BestScore);
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

    static bool Finish(LoopState state, double score, double minimumDelta) =>
        state.Finish(new EpochRecord(state.Epoch + 1, 1, 0.5, 1, score, 0.1, 100, 1), minimumDelta);
}
