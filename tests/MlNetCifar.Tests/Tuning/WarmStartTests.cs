using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tuning;
using Cli = MlNetCifar.Tests.App.Cli;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class WarmStartTests
{
    static readonly SearchSpace s_space = new(SearchParameter.Number("x", 0, 1), SearchParameter.Choice("rule", "a", "b"));

    [TestMethod]
    public void KnownValues_AreTriedFirst_AndTheTunerGoesOn()
    {
        foreach (var algorithm in Enum.GetValues<TuningAlgorithm>())
        {
            var start = WarmStart.Of(["rule=b,x=0.25", "x=0.75,rule=a"], s_space, _ => { });
            var results = new TuningExperiment().SetSearchSpace(s_space).SetTuner(algorithm, 3).SetStart(start.Select(v => v.AsEnumerable())).SetTrialRunner(s => s.Number("x")).SetMaxModelToExplore(8).SearchAsync(default).Result;
            Assert.AreEqual("0.25 b", Text(results[0]));
            Assert.AreEqual("0.75 a", Text(results[1]));
            Assert.HasCount(8, results);
            if (algorithm == TuningAlgorithm.Grid)
                CollectionAssert.AreEqual(new[] { "0 a", "0 b", "0.25 a" }, results.Skip(2).Take(3).Select(Text).ToArray(), "every combination");
        }
    }

    [TestMethod]
    public void EarlierSweeps_GiveTheirBest()
    {
        using var folder = new TestFolder();
        new TuningExperiment().SetSearchSpace(s_space).SetTuner(TuningAlgorithm.Random).SetTrialRunner(s => s.TrialId == 3 ? double.NaN : s.Number("x")).SetMaxModelToExplore(12).SetCheckpoint(folder["a"]).Run();
        var known = SweepJournal.Peek(folder["a"]).Results.Where(r => r.State == TrialState.Completed).OrderBy(r => r.Loss).Take(5).Select(Text).ToArray();
        foreach (var path in new[] { folder["a"], Path.Combine(folder["a"], "trials.jsonl") })
            CollectionAssert.AreEqual(known, WarmStart.Of([path], s_space, Assert.Fail).Select(v => $"{v[0].Value} {v[1].Value}").ToArray());
        var warnings = new List<string>();
        var narrow = new SearchSpace(SearchParameter.Number("x", 0, 0.5), SearchParameter.Choice("rule", "a", "b"));
        Assert.IsTrue(WarmStart.Of([folder["a"]], narrow, warnings.Add).All(v => double.Parse(v[0].Value, System.Globalization.CultureInfo.InvariantCulture) <= 0.5));
        StringAssert.Contains(warnings.Single(), "left out");
        var start = WarmStart.Of([folder["a"], folder["a"]], s_space, _ => { });
        Assert.HasCount(5, start, "each once");
        Assert.AreEqual(WarmStart.Text(start), WarmStart.Text(WarmStart.OfText(WarmStart.Text(start), s_space)));
    }

    [TestMethod]
    public void WrongBeginnings_AreNamed()
    {
        using var folder = new TestFolder();
        foreach (var (text, expected) in new[] { ("x=0.5", "rule has no value"), ("x=2,rule=a", "no value of x"), ("x=0.5,rule=a,y=1", "'y' is not searched"), ("x=0.5,x=0.6,rule=a", "second") })
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => WarmStart.Of([text], s_space, _ => { }));
            Assert.AreEqual("MNC3222", error.Code);
            StringAssert.Contains(error.Reason, expected);
        }

        Assert.AreEqual("MNC3212", Assert.ThrowsExactly<MlNetCifarException>(() => WarmStart.Of([folder.Root], s_space, _ => { })).Code);
        var wrong = new TuningExperiment().SetSearchSpace(s_space).SetTrialRunner(_ => 0).SetStart([[new("x", "0.5")]]);
        Assert.AreEqual("MNC3222", Assert.ThrowsExactly<MlNetCifarException>(() => wrong.Run()).Code);
    }

    [TestMethod]
    public void Tune_BeginsWarm_AndGoesOnWithoutItsSources()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 16, test: 4);
        string[] small =
        [
            "tune", data, "--preset", "elephas-mlp", "--size", "8", "--batch-size", "8", "--epochs", "1", "--threads", "1", "--val-split", "0.25", "--final-seeds", "0",
            "--param", "learning-rate=1e-4..1e-2:log",
        ];
        Cli.Run([.. small, "--trials", "3", "--output", folder["a"]]).Good();
        var first = Path.Combine(folder["a"], "tune", "elephas-mlp");
        Cli.Run([.. small, "--trials", "2", "--output", folder["b"], "--warm-start", "learning-rate=0.00345", "--warm-start", first, "--second-objective", "parameters"]).Good();
        var second = Path.Combine(folder["b"], "tune", "elephas-mlp");
        Directory.Delete(first, true);
        Cli.Run("tune", "--resume", second, "--trials", "5").Good();
        var results = SweepJournal.Peek(second).Results.ToArray();
        Assert.HasCount(5, results);
        Assert.AreEqual("0.00345", results[0].TrialSettings.Text("learning-rate"));
        Assert.IsTrue(results.All(r => r.Cost is { Parameters: > 0, Milliseconds: > 0, Memory: > 0 }));
        var csv = File.ReadAllLines(Path.Combine(second, "trials.csv"));
        StringAssert.StartsWith(csv[0], "trial,state,accuracy,loss,steps,seconds,parameters,milliseconds,memory,front,learning-rate");
        Assert.IsTrue(csv[1..].Any(line => line.Contains(",true,", StringComparison.Ordinal)));
        StringAssert.Contains(File.ReadAllText(Path.Combine(second, "tune.html")), "Accuracy and cost");
        StringAssert.Contains(File.ReadAllText(Path.Combine(second, "trials.json")), "\"front\"");
    }

    static string Text(TrialResult result) => $"{result.TrialSettings.Parameters[0].Value} {result.TrialSettings.Parameters[1].Value}";
}

[TestClass]
public sealed class SpaceAttributeTests
{
    [TestMethod]
    public void OptionsClass_IsASpace_AndTrialsAreOptions()
    {
        var space = SearchSpace.Of<Options>();
        Assert.AreEqual("Rate=0.0001..0.1:log Units=8..64 Share=0..1 Kind=Random,Grid,Sobol,Tpe,Gp,Cfo Rule=a,b Batch=16,32 Flag=False,True", space.ToString());
        var seen = new List<Options>();
        new TuningExperiment().SetSearchSpace(space).SetTuner(TuningAlgorithm.Random, 2).SetMaxModelToExplore(20).SetTrialRunner(trial =>
        {
            seen.Add(trial.To<Options>());
            Assert.AreEqual(seen[^1].Rate, trial.Number("Rate"));
            Assert.AreEqual(seen[^1].Kind.ToString(), trial.Text("Kind"));
            return seen[^1].Share;
        }).Run();
        Assert.IsTrue(seen.All(o => o is { Rate: >= 1e-4 and <= 0.1, Units: >= 8 and <= 64, Batch: 16 or 32, Rule: "a" or "b", Kept: 7 }));
        Assert.AreEqual(2, seen.Select(o => o.Flag).Distinct().Count());
    }

    [TestMethod]
    public void WrongAttributes_AreNamed()
    {
        Assert.AreEqual("MNC3203", Assert.ThrowsExactly<MlNetCifarException>(SearchSpace.Of<object>).Code);
        Assert.AreEqual("MNC3202", Assert.ThrowsExactly<MlNetCifarException>(SearchSpace.Of<Wrong>).Code);
    }

    sealed class Options
    {
        [Range(1e-4, 0.1, logBase: true)]
        public double Rate { get; set; }

        [Range(8, 64)]
        public int Units { get; set; }

        [Range(0, 1)]
        public float Share { get; set; }

        [Choice]
        public TuningAlgorithm Kind { get; set; }

        [Choice("a", "b")]
        public string Rule { get; set; } = "";

        [Choice(16, 32)]
        public int Batch { get; set; }

        [Choice]
        public bool Flag { get; set; }

        public int Kept { get; set; } = 7;
    }

    sealed class Wrong
    {
        [Range(1, 2)]
        public string Name { get; set; } = "";
    }
}
