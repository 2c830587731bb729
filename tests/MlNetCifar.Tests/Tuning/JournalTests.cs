using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class JournalTests
{
    static readonly SearchSpace s_space = new(SearchParameter.Number("x", 0, 1), SearchParameter.Number("y", 0, 1));

    [TestMethod]
    public void Search_GoesOnFromWhereItStopped()
    {
        using var folder = new TestFolder();
        var whole = Search(folder["whole"], 12);
        Search(folder["parts"], 5);
        var ran = new List<int>();
        var parts = Search(folder["parts"], 12, s => { lock (ran) ran.Add(s.TrialId); return Bowl(s); });
        CollectionAssert.AreEqual(Enumerable.Range(5, 7).ToArray(), ran);
        Assert.AreEqual(Text(whole), Text(parts));
    }

    /// <summary>However much of the last line was written: what was finished before stays, and the rest is done again, to the same end.</summary>
    [TestMethod]
    public void TornLastLine_IsToldAndDoneAgain()
    {
        using var folder = new TestFolder();
        var whole = Text(Search(folder["whole"], 4));
        var bytes = File.ReadAllBytes(Path.Combine(folder["whole"], SweepJournal.FileName));
        var start = bytes.AsSpan(0, bytes.Length - 1).LastIndexOf((byte)'\n') + 1;

        // Without its end of line alone it is whole.
        for (var length = start; length < bytes.Length - 1; length += 7)
        {
            folder.Write(Path.Combine($"torn{length}", SweepJournal.FileName), bytes[..length]);
            var warnings = new Warnings();
            Assert.AreEqual(whole, Text(Search(folder[$"torn{length}"], 4, monitor: warnings)), $"{length} of {bytes.Length} bytes");
            Assert.HasCount(length == start ? 0 : 1, warnings.Seen);
            Assert.AreEqual(whole, Text(Search(folder[$"torn{length}"], 4)), "and once more");
        }
    }

    [TestMethod]
    public void ChangedLine_IsToldAndDoneAgain()
    {
        using var folder = new TestFolder();
        var whole = Text(Search(folder["s"], 3));
        var path = Path.Combine(folder["s"], SweepJournal.FileName);
        var lines = File.ReadAllLines(path);
        lines[^1] = lines[^1].Replace("Completed", "Completes", StringComparison.Ordinal);
        File.WriteAllLines(path, lines);
        var warnings = new Warnings();
        Assert.AreEqual(whole, Text(Search(folder["s"], 3, monitor: warnings)));
        StringAssert.Contains(warnings.Seen.Single(), $"line {lines.Length} ");
    }

    [TestMethod]
    public void OtherSweep_IsRefused()
    {
        using var folder = new TestFolder();
        Search(folder["s"], 2);
        var experiment = Experiment(folder["s"], 2, Bowl).SetTuner(TuningAlgorithm.Random, 8);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => experiment.Run());
        Assert.AreEqual("MNC3210", error.Code);
        StringAssert.Contains(error.Message, "tpe");
        Assert.AreEqual("MNC3211", Assert.ThrowsExactly<MlNetCifarException>(() => Experiment(folder["s"], 2, Bowl).SetCheckpoint(folder["s"], resume: false).Run()).Code);
    }

    [TestMethod]
    public void ForeignFile_IsRefused()
    {
        using var folder = new TestFolder();
        folder.Write(Path.Combine("s", SweepJournal.FileName), "something else\n");
        Assert.AreEqual("MNC3208", Assert.ThrowsExactly<MlNetCifarException>(() => Search(folder["s"], 2)).Code);
    }

    /// <summary>Two sweeps of one process stand for two processes: each has its own view of the file and an owner of its own.</summary>
    [TestMethod]
    public async Task TwoSweeps_ShareTheWork()
    {
        using var folder = new TestFolder();
        var ran = new List<int>[] { [], [] };
        using var meeting = new Barrier(2);
        var both = await Task.WhenAll(Enumerable.Range(0, 2).Select(i => Task.Run(() => Experiment(folder["s"], 30, s =>
        {
            ran[i].Add(s.TrialId);

            // The first of each waits for that of the other, so that neither does all.
            if (ran[i].Count == 1)
                Assert.IsTrue(meeting.SignalAndWait(TimeSpan.FromMinutes(1)));
            return Bowl(s);
        }).SearchAsync(CancellationToken.None))));
        CollectionAssert.AreEqual(Enumerable.Range(0, 30).ToArray(), ran[0].Concat(ran[1]).Order().ToArray(), "each once");
        Assert.AreEqual(Text(both[0]), Text(both[1]), "both see all");
        Assert.IsTrue(ran.All(trials => trials.Count > 0));
    }

    [TestMethod]
    public void TrialOfTheDead_IsGoneOnWith_AndGivenUpAfterFour()
    {
        using var folder = new TestFolder();
        for (var death = 0; death < 4; death++)
        {
            // A claim without an end is what a process leaves that dies.
            using var journal = SweepJournal.Open(folder["s"], Header(), resume: true, _ => { });
            using var board = new TrialBoard(journal, Tuners.Create(TuningAlgorithm.Tpe, s_space, 3), 5);
            var look = board.Take();
            Assert.AreEqual((0, death + 1), (look.Claim!.Trial.Id, look.Claim.Attempt));
        }

        var results = Search(folder["s"], 5);
        Assert.AreEqual(TrialState.Failed, results[0].State);
        StringAssert.StartsWith(results[0].Error, "The process ended 4 times");
        Assert.IsTrue(results.Skip(1).All(result => result.State == TrialState.Completed));
    }

    [TestMethod]
    public void TrialThatGotOn_IsNotGivenUp()
    {
        using var folder = new TestFolder();
        for (var death = 0; death < 8; death++)
        {
            using var journal = SweepJournal.Open(folder["s"], Header(), resume: true, _ => { });
            using var board = new TrialBoard(journal, Tuners.Create(TuningAlgorithm.Tpe, s_space, 3), 5);
            var look = board.Take();
            Assert.IsTrue(board.Step(look.Claim!, death + 1, 0.5, PruningRule.None));
        }

        var results = Search(folder["s"], 2);
        Assert.AreEqual(TrialState.Completed, results[0].State);
        Assert.HasCount(8, results[0].Curve);
    }

    [TestMethod]
    public void OvertakenAttempt_SaysNothing()
    {
        using var folder = new TestFolder();
        using var journal = SweepJournal.Open(folder["s"], Header(), resume: true, _ => { });
        var late = new TrialBoard(journal, Tuners.Create(TuningAlgorithm.Tpe, s_space, 3), 1);
        var claim = late.Take().Claim!;
        late.Dispose();
        using var other = new TrialBoard(journal, Tuners.Create(TuningAlgorithm.Tpe, s_space, 3), 1);
        var again = other.Take().Claim!;
        Assert.IsNull(late.End(claim, TunerTests.Result(0, claim.Trial.Parameters, 1)));
        Assert.AreEqual(2, other.End(again, TunerTests.Result(0, claim.Trial.Parameters, 2))!.Loss);
        Assert.IsNull(other.End(again, TunerTests.Result(0, claim.Trial.Parameters, 3)), "an end is written once");
    }

    static Dictionary<string, string> Header() => new() { ["space"] = s_space.ToString(), ["tuner"] = "tpe", ["pruning"] = "none", ["seed"] = "3" };

    static double Bowl(TrialSettings s) => -Math.Pow(s.Number("x") - 0.3, 2) - Math.Pow(s.Number("y") - 0.6, 2);

    static TuningExperiment Experiment(string folder, int trials, Func<TrialSettings, double> run) =>
        new TuningExperiment().SetSearchSpace(s_space).SetTuner(TuningAlgorithm.Tpe, 3).SetMaxModelToExplore(trials).SetTrialRunner(run).SetCheckpoint(folder);

    static IReadOnlyList<TrialResult> Search(string folder, int trials, Func<TrialSettings, double>? run = null, IMonitor? monitor = null) =>
        Experiment(folder, trials, run ?? Bowl).SetMonitor(monitor ?? new Warnings()).SearchAsync(CancellationToken.None).GetAwaiter().GetResult();

    static string Text(IEnumerable<TrialResult> results) =>
        string.Join('\n', results.Select(r => FormattableString.Invariant($"{r.TrialSettings.TrialId} {r.State} {r.Loss:R} {string.Join(' ', r.TrialSettings.Parameters)}")));

    sealed class Warnings : IMonitor
    {
        public List<string> Seen { get; } = [];

        public void ReportWarning(string warning) => Seen.Add(warning);
    }
}
