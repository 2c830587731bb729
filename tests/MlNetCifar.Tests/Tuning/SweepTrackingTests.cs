using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Training.Observability;
using Cli = MlNetCifar.Tests.App.Cli;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class SweepTrackingTests
{
    static readonly string[] s_small =
    [
        "--preset", "elephas-mlp", "--size", "8", "--batch-size", "8", "--epochs", "2", "--threads", "1", "--val-split", "0.25", "--final-seeds", "0", "--pruning", "none",
        "--param", "learning-rate=1e-4..1e-2:log",
    ];

    [TestMethod]
    public void Trials_AreRunsBelowTheSweeps()
    {
        using var folder = new Pictures();
        using var server = new MlflowServer();
        var data = folder.Splits(train: 16, test: 4);
        Cli.Run(["tune", data, .. s_small, "--trials", "2", "--output", folder.Runs, "--name", "s", "--mlflow", server.Address.OriginalString]).Good();
        Cli.Run("tune", "--resume", Path.Combine(folder.Runs, "tune", "s"), "--trials", "3").Good();
        var (parent, sweep) = server.Runs.Single(pair => pair.Value.Name == "s");
        Assert.AreEqual("FINISHED", sweep.Status);
        Assert.AreEqual("learning-rate=0.0001..0.01:log", sweep.Parameters["space.learning-rate"]);
        Assert.AreEqual(3, sweep.Metrics.Last(metric => metric.Key == "trials").Value);
        var trials = server.Runs.Where(pair => pair.Key != parent).Select(pair => pair.Value).OrderBy(run => run.Tags["trial"]).ToArray();
        Assert.HasCount(3, trials);
        foreach (var (trial, i) in trials.Select((trial, i) => (trial, i)))
        {
            Assert.AreEqual(($"s-{i}", "FINISHED", parent, $"{i}"), (trial.Name, trial.Status, trial.Tags["mlflow.parentRunId"], trial.Tags["trial"]));
            Assert.IsTrue(trial.Tags.ContainsKey("searched.learning-rate"));
            Assert.IsNotEmpty(trial.Metrics);
        }
    }

    [TestMethod]
    public void ServerThatIsAway_CostsNoTrial()
    {
        using var folder = new Pictures();
        using var server = new MlflowServer(start: false);
        var data = folder.Splits(train: 16, test: 4);
        var tuned = Cli.Run(["tune", data, .. s_small, "--trials", "1", "--output", folder.Runs, "--name", "s", "--mlflow", server.Address.OriginalString]).Good();
        StringAssert.Contains(tuned.Error, "has no run of the sweep itself");
        Assert.HasCount(2, File.ReadAllLines(Path.Combine(folder.Runs, "tune", "s", "trials.csv")));
    }
}
