using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Tests.Server;

/// <summary>The statistics of candidates: promised rates are measured.</summary>
[TestClass]
public sealed class PairTallyTests
{
    [TestMethod]
    public void AtLeast_IsTheSumOfItsTerms()
    {
        // Sums of exact binomial terms (Python's math.comb).
        Assert.AreEqual(0.0546875, TwoSample.AtLeast(8, 10, 0.5), 1e-12);
        Assert.AreEqual(0.05792, TwoSample.AtLeast(3, 5, 0.2), 1e-12);
        Assert.AreEqual(0.02844396682049039, TwoSample.AtLeast(60, 100, 0.5), 1e-11);
        Assert.AreEqual((1.0, 1.0, 0.0, 1.0), (TwoSample.AtLeast(0, 10, 0), TwoSample.AtLeast(2, 10, 0.2), TwoSample.AtLeast(1, 10, 0), TwoSample.AtLeast(10, 10, 1)));
    }

    /// <summary>At most 1 % of candidates that deserve it not may go, of both tests together; of 4,000 that is 40, and more than 65 has a probability below 1e-4.</summary>
    [TestMethod]
    public void EqualModels_AreRarelyRolledBack()
    {
        var random = new Random(11);
        var gone = 0;
        for (var run = 0; run < 4000; run++)
        {
            var tally = new PairTally("m", 10, 0.2, rollsBack: true);
            for (var i = 0; i < 2048 && tally.RolledBack is null; i++)
            {
                // They differ as often as is just accepted, and where they do, each is right equally often.
                var differ = random.NextDouble() < 0.2;
                var (stable, candidate) = (0, differ ? 1 : 0);
                tally.Add(stable, candidate);
                if (i % 4 == 0)
                    tally.Told(random.NextDouble() < 0.5 ? 0 : 1, stable, candidate);
            }

            gone += tally.RolledBack is null ? 0 : 1;
        }

        Console.WriteLine($"{gone} of 4000 equal candidates rolled back");
        Assert.IsLessThanOrEqualTo(65, gone);
    }

    [TestMethod]
    public void WorseModels_Go_AndBetterOnesStay()
    {
        var random = new Random(12);
        var labels = new List<int>();
        for (var run = 0; run < 200; run++)
        {
            var (worse, better) = (new PairTally("m", 2, 1, rollsBack: true), new PairTally("m", 2, 1, rollsBack: true));
            for (var i = 0; i < 4000 && worse.RolledBack is null; i++)
            {
                // 94 % against 84 %, as independent as models of one data set are at most.
                var (good, bad) = (random.NextDouble() < 0.94 ? 0 : 1, random.NextDouble() < 0.84 ? 0 : 1);
                worse.Told(0, good, bad);
                better.Told(0, bad, good);
                if (worse.RolledBack is not null)
                    labels.Add(i + 1);
            }

            Assert.IsNull(better.RolledBack);
        }

        Console.WriteLine($"94 % to 84 %: rolled back in {labels.Count} of 200 runs, after {labels.Order().ElementAt(labels.Count / 2)} labels in the middle run, {labels.Max()} at most");
        Assert.HasCount(200, labels);
    }

    [TestMethod]
    public void Shadows_AreCounted_AndNeverGo()
    {
        var tally = new PairTally("m", 3, 0, rollsBack: false);
        for (var i = 0; i < 200; i++)
        {
            Assert.IsNull(tally.Add(0, 1));
            Assert.IsNull(tally.Told(0, 0, 1));
            Assert.IsNull(tally.Failed());
        }

        var reading = tally.Read();
        Assert.AreEqual((200L, 200L, 200L, 200L, 0L, (string?)null), (reading.Pictures, reading.Disagreements, reading.Failures, reading.OnlyStableRight, reading.OnlyCandidateRight, reading.RolledBack));
        Assert.IsLessThan(1e-50, reading.ClassesP, "one says class 0 throughout, the other class 1");
    }

    [TestMethod]
    public void ClassesP_IsMcNemarsOfTheWorstClass()
    {
        // Class 0: 6 by the stable model alone, none by the candidate alone: p = 2 ÷ 2⁶, times three classes.
        var tally = new PairTally("m", 3, 1, rollsBack: false);
        foreach (var (stable, candidate) in new[] { (0, 1), (0, 1), (0, 1), (0, 2), (0, 2), (0, 2), (1, 1) })
            tally.Add(stable, candidate);
        Assert.AreEqual(3 * 2 / 64.0, tally.Read().ClassesP, 1e-12);
    }
}
