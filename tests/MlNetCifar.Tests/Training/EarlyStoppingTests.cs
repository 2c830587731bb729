using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class EarlyStoppingTests
{
    /// <summary>What Keras' EarlyStopping(min_delta=0.05, patience=3) holds after each epoch, in percent: wait += 1; where value − min_delta &gt; best: best, wait = value, 0.</summary>
    [TestMethod]
    public void Add_OfSmallGains_LetsThemAddUpUntilTheyCount()
    {
        var best = new BestScore(0.05);
        foreach (var (score, counted, since, isBest) in new[]
        {
            (0.20, 0.20, 0, true), (0.23, 0.20, 1, true), (0.24, 0.20, 2, true), (0.26, 0.26, 0, true), (0.25, 0.26, 1, false), (0.29, 0.26, 2, true), (0.26, 0.26, 3, false),
        })
        {
            Assert.AreEqual(isBest, best.Add(score), $"{score}");
            Assert.AreEqual(counted, best.Counted);
            Assert.AreEqual(since, best.Since);
        }

        Assert.AreEqual(0.29, best.Best);
    }

    [TestMethod]
    public void Add_WithoutADelta_CountsEveryGainAndNoEqual()
    {
        var best = new BestScore(0);
        Assert.IsTrue(best.Add(0.5));
        Assert.IsFalse(best.Add(0.5));
        Assert.AreEqual(1, best.Since);
        Assert.IsTrue(best.Add(0.51));
        Assert.AreEqual(0, best.Since);
    }
}
