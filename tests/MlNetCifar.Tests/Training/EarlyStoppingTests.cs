using MlNetCifar.Evaluation;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class EarlyStoppingTests
{
    /// <summary>Small gains add up against the last score that counted, as in Keras; the best weights follow every gain.</summary>
    [TestMethod]
    public void Fit_WithAMinimumDelta_StopsWhereKerasWould()
    {
        var told = 0;
        foreach (var seed in new ulong[] { 1, 2, 3, 4 })
        {
            var options = SmallRun.Adam with { Epochs = 25, Seed = seed, EmaDecay = 0.99f, Schedule = ScheduleKind.Constant };
            var history = SmallRun.Fit(SmallRun.Trainer(options)).History;
            foreach (var (patience, delta) in new[] { (2, 0.04), (3, 0.04), (3, 0.07), (5, 0.1) })
            {
                var result = SmallRun.Fit(SmallRun.Trainer(options with { Patience = patience, MinimumDelta = delta }));
                Assert.AreEqual(Keras(history, patience, delta), result.History.Count, $"seed {seed}, patience {patience}, delta {delta}");
                Assert.AreEqual(result.History.Max(r => r.ValidationAccuracy), result.History[result.BestEpoch - 1].ValidationAccuracy);
                told += Drifting(history, patience, delta) != result.History.Count ? 1 : 0;
            }
        }

        Assert.IsTrue(told > 0, "no case tells the rule from one that compares with the best score");
    }

    /// <summary>keras/src/callbacks/early_stopping.py: wait += 1; if value − min_delta &gt; best: best, wait = value, 0; elif wait ≥ patience: stop.</summary>
    static int Keras(IReadOnlyList<EpochRecord> history, int patience, double delta)
    {
        var (best, wait) = (double.NegativeInfinity, 0);
        foreach (var record in history)
        {
            wait++;
            if (record.ValidationAccuracy!.Value - delta > best)
                (best, wait) = (record.ValidationAccuracy.Value, 0);
            else if (wait >= patience)
                return record.Epoch;
        }

        return history.Count;
    }

    static int Drifting(IReadOnlyList<EpochRecord> history, int patience, double delta)
    {
        var (best, wait) = (double.NegativeInfinity, 0);
        foreach (var record in history)
        {
            wait = record.ValidationAccuracy!.Value > best + delta ? 0 : wait + 1;
            best = Math.Max(best, record.ValidationAccuracy.Value);
            if (wait >= patience)
                return record.Epoch;
        }

        return history.Count;
    }
}
