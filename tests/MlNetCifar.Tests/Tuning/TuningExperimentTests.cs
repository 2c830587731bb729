using System.Diagnostics;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class TuningExperimentTests
{
    [TestMethod]
    public void Run_GivesTheLeastLoss()
    {
        var monitor = new Seen();
        var best = Experiment(s => -Math.Abs(s.Number("x") - 0.25)).SetMaxModelToExplore(30).SetMonitor(monitor).Run();
        Assert.AreEqual(0.25, best.TrialSettings.Number("x"), 0.05);
        Assert.AreEqual(-best.Metric, best.Loss);
        Assert.AreEqual((30, 30, 0), (monitor.Running, monitor.Completed.Count, monitor.Failed.Count));
        Assert.AreEqual(best.TrialSettings.TrialId, monitor.Best[^1].TrialSettings.TrialId);
        Assert.IsTrue(monitor.Best.Zip(monitor.Best.Skip(1), (a, b) => b.Loss < a.Loss).All(better => better));
    }

    /// <summary>One that throws, one that gives no number, one that hangs and heeds its limit, one that hangs and does not.</summary>
    [TestMethod]
    public void TrialsThatFail_AreRecorded_AndTheSearchEnds()
    {
        using var folder = new TestFolder();
        var monitor = new Seen();
        var best = new TuningExperiment { Grace = TimeSpan.FromSeconds(1) }.SetSearchSpace(new(SearchParameter.Number("x", 0, 1))).SetTuner(TuningAlgorithm.Random).SetTrialRunner(new Bad()).SetMaxModelToExplore(10)
            .SetTrialTimeout(TimeSpan.FromMilliseconds(300)).SetMonitor(monitor).SetCheckpoint(folder["s"]).Run();
        Assert.AreEqual(9, best.TrialSettings.TrialId);
        CollectionAssert.AreEqual(new[] { 1, 3, 5, 7 }, monitor.Failed.Select(r => r.TrialSettings.TrialId).ToArray());
        string[] errors = ["InvalidOperationException: it broke", "MNC3214 ", "MNC3215 ", "MNC3215 "];
        foreach (var (result, error) in monitor.Failed.Zip(errors))
            StringAssert.StartsWith(result.Error, error);
        StringAssert.Contains(monitor.Failed[3].Error, "it is left behind");
        Assert.AreEqual(6, monitor.Completed.Count);
    }

    [TestMethod]
    public void AllTrialsFailing_IsAnErrorThatSaysWhy()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Experiment(_ => throw new InvalidOperationException("no such thing")).SetMaxModelToExplore(3).Run());
        Assert.AreEqual("MNC3207", error.Code);
        StringAssert.Contains(error.Message, "3 failed. The first: InvalidOperationException: no such thing");
    }

    [TestMethod]
    public void Cancelling_GivesTheBestSoFar_AndTheRestIsGoneOnWith()
    {
        using var folder = new TestFolder();
        using var stop = new CancellationTokenSource();
        double Run(TrialSettings s)
        {
            if (s.TrialId == 5)
                stop.Cancel();
            return -s.TrialId;
        }

        Assert.AreEqual(0, Experiment(Run).SetMaxModelToExplore(100).SetCheckpoint(folder["s"]).Run(stop.Token).TrialSettings.TrialId);
        var monitor = new Seen();
        Experiment(s => -s.TrialId).SetMaxModelToExplore(8).SetCheckpoint(folder["s"]).SetMonitor(monitor).Run();
        Assert.IsGreaterThanOrEqualTo(2, monitor.Completed.Count);
        Assert.IsTrue(monitor.Completed.All(r => r.TrialSettings.TrialId >= 5), "none twice");
    }

    [TestMethod]
    public void Budget_EndsTheSearch_AndTrialsThatRun()
    {
        var watch = Stopwatch.StartNew();
        var results = new TuningExperiment().SetSearchSpace(new(SearchParameter.Number("x", 0, 1))).SetTrialRunner(new Slow()).SetTrainingTimeInSeconds(1.5).SearchAsync(default).Result;
        Assert.IsTrue(watch.Elapsed < TimeSpan.FromSeconds(20), $"{watch.Elapsed}");
        Assert.IsNotEmpty(results);
        Assert.IsTrue(results.All(r => r.State == TrialState.Completed), "what was cut short is none");
    }

    [TestMethod]
    public void Parallel_RunsEachTrialOnce()
    {
        // The first two wait for each other: did trials not run side by side, they would wait in vain.
        using var meeting = new Barrier(2);
        var (now, most) = (0, 0);
        var ids = new System.Collections.Concurrent.ConcurrentBag<int>();
        var results = Experiment(s =>
        {
            InterlockedMax(ref most, Interlocked.Increment(ref now));
            ids.Add(s.TrialId);
            if (s.TrialId < 2)
                Assert.IsTrue(meeting.SignalAndWait(TimeSpan.FromMinutes(1)));
            Interlocked.Decrement(ref now);
            return s.Number("x");
        }).SetMaxModelToExplore(24).SetMaximumConcurrentTrials(4).SearchAsync(default).Result;
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 24).ToArray(), ids.ToArray());
        Assert.IsTrue(results is { Count: 24 } && results.All(r => r.State == TrialState.Completed));
        Assert.IsTrue(most is >= 2 and <= 4, $"{most} at a time");
    }

    [TestMethod]
    public void Pruned_TrialsAreNotTheBest()
    {
        // Later trials do worse at each step, and are ended; the first three cannot be judged.
        var experiment = new TuningExperiment().SetSearchSpace(new(SearchParameter.Number("x", 0, 1))).SetPruning(PruningRule.Asha).SetTrialRunner(new Steps()).SetMaxModelToExplore(9);
        var results = experiment.SearchAsync(default).Result;
        Assert.IsTrue(results.Skip(3).All(r => r is { State: TrialState.Pruned, Curve.Length: 1 }), string.Join(' ', results.Select(r => $"{r.State} {r.Curve.Length}")));
        Assert.AreEqual(0, TuningExperiment.Best(results).TrialSettings.TrialId);
    }

    [TestMethod]
    public void Grid_EndsByItself() =>
        Assert.HasCount(5, Experiment(s => s.Number("x")).SetTuner(TuningAlgorithm.Grid).SearchAsync(default).Result);

    [TestMethod]
    public void OwnTuner_IsAsked()
    {
        var best = Experiment(s => s.Number("x")).SetTuner(new Own()).Run();
        Assert.AreEqual("0.75", best.TrialSettings.Text("x"));
    }

    [TestMethod]
    public void WhatIsMissing_IsNamed()
    {
        Assert.AreEqual("MNC3218", Assert.ThrowsExactly<MlNetCifarException>(() => new TuningExperiment().Run()).Code);
        Assert.AreEqual("MNC3218", Assert.ThrowsExactly<MlNetCifarException>(() => new TuningExperiment().SetSearchSpace(new(SearchParameter.Number("x", 0, 1))).Run()).Code);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new TuningExperiment().SetTrainingTimeInSeconds(0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new TuningExperiment().SetMaxModelToExplore(0));
        Assert.ThrowsExactly<KeyNotFoundException>(() => new TrialSettings(0, []).Text("x"));
    }

    static TuningExperiment Experiment(Func<TrialSettings, double> run) => new TuningExperiment().SetSearchSpace(new(SearchParameter.Number("x", 0, 1))).SetTrialRunner(run);

    static void InterlockedMax(ref int target, int value)
    {
        for (var seen = target; value > seen; seen = target)
            Interlocked.CompareExchange(ref target, value, seen);
    }

    sealed class Bad : ITrialRunner
    {
        public async Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
        {
            switch (settings.TrialId)
            {
                case 1:
                    throw new InvalidOperationException("it broke");
                case 3:
                    return new() { TrialSettings = settings, Metric = double.NaN };
                case 5:
                    await Task.Delay(Timeout.Infinite, cancellation);
                    break;
                case 7:
                    await Task.Delay(TimeSpan.FromMinutes(2), CancellationToken.None);
                    break;
            }

            return new() { TrialSettings = settings, Metric = settings.TrialId };
        }
    }

    sealed class Slow : ITrialRunner
    {
        public async Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
        {
            await Task.Delay(settings.TrialId < 2 ? TimeSpan.FromMilliseconds(100) : TimeSpan.FromMinutes(5), cancellation);
            return new() { TrialSettings = settings, Metric = 1 };
        }
    }

    sealed class Steps : ITrialRunner
    {
        public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
        {
            var metric = 0.0;
            var goesOn = true;
            for (var step = 1; step <= 3 && goesOn; step++)
                goesOn = settings.Report(step, metric = step - (0.01 * settings.TrialId));
            return Task.FromResult(new TrialResult { TrialSettings = settings, Metric = metric, State = goesOn ? TrialState.Completed : TrialState.Pruned });
        }
    }

    sealed class Own : ITuner
    {
        int _told;

        public System.Collections.Immutable.ImmutableArray<KeyValuePair<string, string>>? Propose(int trialId) =>
            trialId == 3 ? null : [new("x", trialId == 0 ? "0.5" : _told > 0 && trialId == 1 ? "0.75" : "0.1")];

        public void Update(TrialResult result) => _told++;
    }

    sealed class Seen : IMonitor
    {
        public int Running { get; private set; }

        public List<TrialResult> Completed { get; } = [];

        public List<TrialResult> Best { get; } = [];

        public List<TrialResult> Failed { get; } = [];

        public void ReportRunningTrial(TrialSettings settings) => Running++;

        public void ReportCompletedTrial(TrialResult result) => Completed.Add(result);

        public void ReportBestTrial(TrialResult result) => Best.Add(result);

        public void ReportFailTrial(TrialResult result) => Failed.Add(result);
    }
}
