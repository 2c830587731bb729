using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Spark.Executors;

/// <summary>Trials as tasks of a real cluster's executors: the sweep of one process, also when an executor or the sweep itself is killed.</summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class ExecutorTrialTests
{
    /// <summary>How the command line of a trial's worker begins.</summary>
    static readonly string s_workers = $"{StageFiles.Worker}\0trial\0";

    static ExecutorFixture s_fixture = null!;
    static string s_expected = "";

    [ClassInitialize]
    public static async Task OpenAsync(TestContext context)
    {
        s_fixture = await ExecutorFixture.OpenAsync("trials");
        s_fixture.Run(Tune("here")).Good();
        s_expected = Rows("here");
    }

    [ClassCleanup]
    public static void Close() => s_fixture?.Dispose();

    [TestMethod]
    public void Sweep_OnExecutors_IsTheSweepOfOneProcess()
    {
        var run = s_fixture.Run([.. Tune("executors"), .. s_fixture.Master]).Good();
        Assert.AreEqual(s_expected, Rows("executors"));
        StringAssert.Contains(run.Error, $"2 side by side on Spark, {s_fixture.Cluster.Connect}");
        AssertOnce("executors");
    }

    [TestMethod]
    public void Pruning_OnExecutors_EndsTrials()
    {
        s_fixture.Run([.. Tune("pruned", "--pruning", "asha", "--trials", "5", "--parallel-trials", "1", "--tuner", "random"), .. s_fixture.Master]).Good();
        StringAssert.Contains(Rows("pruned"), "pruned");
    }

    [TestMethod]
    public async Task Sweep_WithAnExecutorKilled_IsTheSame()
    {
        using var run = new ProgramProcess([.. Tune("killed"), .. s_fixture.Master], [.. s_fixture.Variables.Select(v => (v.Key, v.Value))]);
        run.Until(() => Count("killed", "step") > 2, "some epochs");
        ProcessList.Kill(ProcessList.Find("CoarseGrainedExecutorBackend", s_fixture.Cluster.Folder)[0]);
        Assert.AreEqual(0, run.Exit(), run.Log);
        StringAssert.Contains(run.Log, "was lost with its worker");
        Assert.AreEqual(s_expected, Rows("killed"), run.Log);
        AssertOnce("killed");
        await NobodyIsLeftAsync();
    }

    [TestMethod]
    public async Task Sweep_KilledItself_TakesItsTrialsAlong_AndGoesOnWithoutACluster()
    {
        using (var run = new ProgramProcess([.. Tune("driver"), .. s_fixture.Master], [.. s_fixture.Variables.Select(v => (v.Key, v.Value))]))
        {
            run.Until(() => Count("driver", "step") > 2, "some epochs");
            run.Signal("KILL");
            run.Exit();
        }

        await NobodyIsLeftAsync();
        s_fixture.Run("tune", "--resume", Folder("driver")).Good();
        Assert.AreEqual(s_expected, Rows("driver"));
        AssertOnce("driver");
    }

    [TestMethod]
    public void Sweep_OnFewerSlotsThanTrials_WaitsAndNamesTheMissing()
    {
        var run = s_fixture.Run([.. Tune("few", "--parallel-trials", "3", "--join-timeout", "3s"), .. s_fixture.Master]).Bad(ExitCodes.Failure, "MNC6090");
        StringAssert.Contains(run.Error, "2 tasks at once, and 3 trials have to: waiting for executors");
        StringAssert.Contains(run.Error, "trial 3 found no place within 3 s");
        StringAssert.Contains(run.Error, "--parallel-trials 2");
    }

    static string[] Tune(string name, params string[] more) =>
    [
        "tune", s_fixture.Shards, "--preset", "seed-cnn", "--epochs", "4", "--batch-size", "32", "--threads", "2", "--param", "learning-rate=1e-3,3e-3", "--param", "filters=8,16", "--final-seeds", "0",
        "--cache", s_fixture.Folder["cache"], "--output", s_fixture.Folder[name],
        .. (more.Contains("--tuner") ? Array.Empty<string>() : ["--tuner", "grid", "--pruning", "none"]), .. (more.Contains("--parallel-trials") ? Array.Empty<string>() : ["--parallel-trials", "2"]), .. more,
    ];

    static string Folder(string name) => Path.Combine(s_fixture.Folder[name], "tune", "seed-cnn");

    static string Journal(string name) => Path.Combine(Folder(name), SweepJournal.FileName);

    static int Count(string name, string record) => !File.Exists(Journal(name)) ? 0 : ReadLines(name).Count(line => line.Contains($"\"record\":\"{record}\"", StringComparison.Ordinal));

    static string[] ReadLines(string name)
    {
        using var file = new StreamReader(new FileStream(Journal(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return file.ReadToEnd().Split('\n');
    }

    static void AssertOnce(string name) => CollectionAssert.AreEqual(
        new[] { 0, 1, 2, 3 },
        ReadLines(name).Where(line => line.Contains("\"record\":\"end\"", StringComparison.Ordinal)).Select(line => JsonDocument.Parse(line[9..]).RootElement.GetProperty("trial").GetInt32()).Order().ToArray());

    /// <summary>State, metric, curve and answers of each trial.</summary>
    static string Rows(string name) => string.Join('\n', SweepJournal.Peek(Folder(name)).Results.Select(r => FormattableString.Invariant(
        $"{r.TrialSettings.TrialId} {string.Join(' ', r.TrialSettings.Parameters)} {r.State.ToString().ToLowerInvariant()} {r.Metric:R} {string.Join(' ', r.Curve)} {Convert.ToHexString(r.Right.AsSpan())} {r.Error}")));

    /// <summary>Workers end with their sweep.</summary>
    static async Task NobodyIsLeftAsync()
    {
        for (var i = 0; ProcessList.Find(s_workers).Count > 0; i++)
        {
            Assert.IsLessThan(300, i, "workers outlive their sweep");
            await Task.Delay(100);
        }
    }
}
