using System.Diagnostics;
using System.Text;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Observability;

[TestClass]
public sealed class MlflowTests
{
    [TestMethod]
    public void Run_WithAServer_IsLoggedWhole()
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer();
        using var observer = new MlflowObserver(Options(server.Address, folder));
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        Assert.AreEqual(0, result.Warnings.Count, string.Join("; ", result.Warnings));
        Assert.AreEqual("run1", observer.RunId);
        AssertWhole(server.Runs["run1"], result);
    }

    [TestMethod]
    public void Run_WithNoServer_EndsAsWithout_AndIsSentLater()
    {
        using var folder = new TestFolder();
        var checkpoints = Path.Combine(folder.Root, "run");
        using var server = new MlflowServer(start: false);
        TrainingResult first;
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
        {
            first = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints, observers: observer));
            Assert.AreEqual(7, observer.Waiting);
            Assert.IsNull(observer.RunId);
        }

        AssertTold(first, "takes no entries now", "7 entries", "the next run with this folder");
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam)), first);
        server.Start();
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
        {
            var again = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints, resume: true, observers: observer));
            Assert.AreEqual(0, observer.Waiting);
            AssertWhole(server.Runs.Single().Value, again);
        }
    }

    [TestMethod]
    public void Run_WithAServerThatFailsNowAndThen_LosesNothing()
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer { FailEvery = 3 };
        using var observer = new MlflowObserver(Options(server.Address, folder));
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        Assert.AreEqual(0, observer.Waiting);
        AssertWhole(server.Runs.Single().Value, result);
    }

    [TestMethod]
    public void Server_ThatFailsForEver_IsAskedABoundedNumberOfTimes_AndLosesNothing()
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer { FailEvery = 1 };
        using var weights = NetworkWeights.Initialize(SmallRun.Network, 1);
        var run = new TrainingRun(SmallRun.Network, SmallRun.Adam, 5) { BestWeights = weights };
        using (var observer = new MlflowObserver(Options(server.Address, folder) with { Backoff = TimeSpan.FromMilliseconds(1), FinalWait = TimeSpan.FromMinutes(1) }))
        {
            observer.OnFitStart(run);
            Assert.IsTrue(SpinWait.SpinUntil(() => server.Headers.Count >= MlflowSender.Attempts, TimeSpan.FromSeconds(30)));
            Thread.Sleep(500);
            Assert.IsInRange(MlflowSender.Attempts, MlflowSender.Attempts + 2, server.Headers.Count);
            var clock = Stopwatch.StartNew();
            for (var epoch = 1; epoch <= 3; epoch++)
                observer.OnEpochEnd(run, new EpochRecord(epoch, 1, 0.5, null, null, 0.1f, 10, 1));
            observer.OnFitEnd(run);
            Assert.IsLessThan(20.0, clock.Elapsed.TotalSeconds);
            Assert.AreEqual(7, observer.Waiting);
        }

        Assert.IsLessThanOrEqualTo(MlflowSender.Attempts + 10, server.Headers.Count);
        Assert.AreEqual(1, run.Warnings.Count(w => w.Contains("takes no entries now", StringComparison.Ordinal)), string.Join('\n', run.Warnings));
        Assert.AreEqual(1, run.Warnings.Count(w => w.Contains("7 entries", StringComparison.Ordinal)), string.Join('\n', run.Warnings));
        Assert.AreEqual(2, run.Warnings.Count);
        Assert.AreEqual(7, File.ReadAllLines(Path.Combine(folder.Root, "mlflow", "spool.jsonl")).Length);
    }

    [TestMethod]
    public void Run_ThatFails_IsMarkedSo()
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer();
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
        {
            var breaker = new AfterStep(run =>
            {
                if (run.Step == 7)
                    throw new InvalidOperationException();
            });
            Assert.ThrowsExactly<InvalidOperationException>(() => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: [observer, breaker])));
        }

        Assert.AreEqual("FAILED", server.Runs.Single().Value.Status);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void NewRun_InAReusedFolder_IsARunOfItsOwn(bool wasAway)
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer(start: !wasAway);
        TrainingResult Fit(TrainingOptions options)
        {
            using var observer = new MlflowObserver(Options(server.Address, folder));
            return SmallRun.Fit(SmallRun.Trainer(options, observers: observer));
        }

        var first = Fit(SmallRun.Adam);
        if (wasAway)
            server.Start();
        var second = Fit(SmallRun.Adam with { LearningRate = 0.005f });
        Assert.AreEqual(0, second.Warnings.Count, string.Join("; ", second.Warnings));
        Assert.AreEqual(2, server.Runs.Count);
        AssertWhole(server.Runs["run1"], first);
        AssertWhole(server.Runs["run2"], second);
    }

    [TestMethod]
    public void Resumed_ByAServerThatLostTheRun_IsLoggedFromItsBeginning()
    {
        using var folder = new TestFolder();
        var checkpoints = Path.Combine(folder.Root, "run");
        using var server = new MlflowServer();
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
            SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints, observers: observer)).Weights.Dispose();
        server.Forget();
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
        {
            var again = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints, resume: true, observers: observer));
            Assert.AreEqual(0, again.Warnings.Count, string.Join("; ", again.Warnings));
            AssertWhole(server.Runs.Single().Value, again);
        }
    }

    [TestMethod]
    public void Resumed_WithoutAnEarlierLog_IsARun()
    {
        using var folder = new TestFolder();
        var checkpoints = Path.Combine(folder.Root, "run");
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints)).Weights.Dispose();
        using var server = new MlflowServer();
        using var observer = new MlflowObserver(Options(server.Address, folder));
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Epochs = 4 }, checkpoints, resume: true, observers: observer)).Weights.Dispose();
        var run = server.Runs.Single().Value;
        Assert.AreEqual("16", run.Parameters["batch_size"]);
        Assert.AreEqual(20, run.Metrics.Single(m => m.Key == "train/loss").Step);
        Assert.AreEqual("FINISHED", run.Status);
    }

    [TestMethod]
    public void Spool_CutInTheMiddleOfALine_GoesOn()
    {
        using var folder = new TestFolder();
        var checkpoints = Path.Combine(folder.Root, "run");
        using var server = new MlflowServer(start: false);
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
            SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints, observers: observer)).Weights.Dispose();
        File.AppendAllText(Path.Combine(folder.Root, "mlflow", "spool.jsonl"), """{"call":"runs/log-batch","body":{"metr""");
        server.Start();
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
        {
            var again = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints, resume: true, observers: observer));
            AssertWhole(server.Runs.Single().Value, again);
        }

        Assert.IsTrue(File.ReadAllLines(Path.Combine(folder.Root, "mlflow", "spool.jsonl")).All(l => l.EndsWith('}')));
    }

    [TestMethod]
    public void Folder_ThatCannotBeWritten_IsTold_AndTheServerGetsAll()
    {
        using var folder = new TestFolder();
        File.WriteAllText(Path.Combine(folder.Root, "mlflow"), "in the way");
        using var server = new MlflowServer();
        using var observer = new MlflowObserver(Options(server.Address, folder));
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        AssertTold(result, "cannot be kept in");
        AssertWhole(server.Runs.Single().Value, result);
    }

    [TestMethod]
    public void Entry_ThatIsRefused_IsTold_AndTheRestIsLogged()
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer { Unwanted = "batch_size" };
        using var observer = new MlflowObserver(Options(server.Address, folder));
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        AssertTold(result, "refused an entry", "INVALID_PARAMETER_VALUE");
        Assert.AreEqual(1, result.Warnings.Count);
        Assert.AreEqual("FINISHED", server.Runs.Single().Value.Status);
    }

    [TestMethod]
    [DataRow("", "ann", "s3cret", null, "Basic YW5uOnMzY3JldA==")]
    [DataRow("", "ann", "s3cret", "t0ken", "Basic YW5uOnMzY3JldA==")]
    [DataRow("", null, null, "t0ken", "Bearer t0ken")]
    [DataRow("", "ann", null, "t0ken", "Bearer t0ken")]
    [DataRow("bob:p%3Aw%2F%40@", "ann", "s3cret", "t0ken", "Basic Ym9iOnA6dy9A")]
    [DataRow("b%C3%B6b:pw@", null, null, null, "Basic YsO2Yjpwdw==")]
    [DataRow("***@", "ann", "s3cret", null, "Basic YW5uOnMzY3JldA==")]
    public void Login_IsThatOfMlflowsOwnClient(string inAddress, string? name, string? password, string? token, string header)
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer { Authorization = header };
        using var observer = new MlflowObserver(Options(server.At(inAddress), folder) with { UserName = name, Password = password, Token = token });
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        Assert.AreEqual(0, result.Warnings.Count, string.Join("; ", result.Warnings));
        AssertWhole(server.Runs.Single().Value, result);
        Assert.IsTrue(server.Headers.All(h => h == header));
    }

    [TestMethod]
    [DataRow("", "MLFLOW_TRACKING_USERNAME")]
    [DataRow("ann:wr0ng@", "refuses the login")]
    public void Login_ThatIsMissingOrWrong_IsTold_WithoutIt(string inAddress, string told)
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer { Authorization = "Basic YW5uOnMzY3JldA==" };
        using (var observer = new MlflowObserver(Options(server.At(inAddress), folder)))
        {
            var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
            AssertTold(result, told, "401");
            Assert.DoesNotContain("wr0ng", string.Join('\n', result.Warnings) + Options(server.At(inAddress), folder));
            Assert.AreEqual(7, observer.Waiting);
        }

        Assert.IsFalse(Directory.GetFiles(Path.Combine(folder.Root, "mlflow")).Any(f => File.ReadAllText(f).Contains("wr0ng", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow("/tracking")]
    [DataRow("/a/b%20c/")]
    public void Path_OfTheAddress_IsKept(string path)
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer { Path = Uri.UnescapeDataString(path.TrimEnd('/')) };
        using var observer = new MlflowObserver(Options(server.Address, folder));
        AssertWhole(server.Runs, SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer)));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Certificate_OfAStranger_IsTakenWhereAskedFor(bool insecure)
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer(start: false) { Tls = true };
        server.Start();
        using var observer = new MlflowObserver(Options(server.At("ann:s3cret@"), folder) with { InsecureTls = insecure });
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        if (insecure)
        {
            AssertWhole(server.Runs, result);
            return;
        }

        AssertTold(result, "MLFLOW_TRACKING_INSECURE_TLS");
        Assert.AreEqual(0, server.Headers.Count, "nothing was sent to a stranger");
    }

    [TestMethod]
    public void Address_OfSomethingElse_IsTold()
    {
        using var folder = new TestFolder();
        using var foreign = new MlflowServer { IsForeign = true };
        AssertTold(Logged(foreign), "no MLflow server");
        using var moved = new MlflowServer { RedirectsTo = "https://ann:s3cret@elsewhere/login?token=abc" };
        AssertTold(Logged(moved), "redirects to https://***@elsewhere/login?token=***");
        using var lower = new MlflowServer { Path = "/tracking" };
        AssertTold(Logged(lower, new Uri(lower.Address, "/")), "status 404");
        using var deleted = new MlflowServer();
        Logged(deleted);
        deleted.ExperimentsAreDeleted = true;
        AssertTold(Logged(deleted), "is deleted there");
        Assert.ThrowsExactly<ArgumentException>(() => new MlflowObserver(Options(new Uri("ftp://elsewhere"), folder)));

        TrainingResult Logged(MlflowServer server, Uri? address = null)
        {
            using var own = new TestFolder();
            using var observer = new MlflowObserver(Options(address ?? server.Address, own));
            return SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        }
    }

    [TestMethod]
    public void End_OfManyRuns_IsAlwaysSent()
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer();
        using var weights = NetworkWeights.Initialize(SmallRun.Network, 1);
        for (var i = 1; i <= 50; i++)
        {
            using var observer = new MlflowObserver(Options(server.Address, folder) with { FinalWait = TimeSpan.FromSeconds(30) });
            var run = new TrainingRun(SmallRun.Network, SmallRun.Adam, 5) { BestWeights = weights };
            observer.OnFitStart(run);
            if (i % 2 == 0)
                SpinWait.SpinUntil(() => observer.Waiting == 0, 100);
            observer.OnFitEnd(run);
            Assert.AreEqual(0, observer.Waiting, $"run {i}");
            Assert.AreEqual("FINISHED", server.Runs[$"run{i}"].Status, $"run {i}");
        }
    }

    [TestMethod]
    [DataRow(true, null, 3.0)]
    [DataRow(false, null, 1.0)]
    [DataRow(true, 8.0, 1.5)]
    public void End_WithAServerThatIsAway_DoesNotWaitForIt(bool silent, double? budget, double most)
    {
        using var folder = new TestFolder();
        using var server = new MlflowServer(start: silent) { IsSilent = true };
        using var weights = NetworkWeights.Initialize(SmallRun.Network, 1);
        var options = SmallRun.Adam with { TimeBudget = budget is { } seconds ? TimeSpan.FromSeconds(seconds) : null };
        var run = new TrainingRun(SmallRun.Network, options, 5) { BestWeights = weights };
        var observer = new MlflowObserver(Options(server.Address, folder) with { FinalWait = TimeSpan.FromSeconds(10), Timeout = TimeSpan.FromSeconds(2) });
        observer.OnFitStart(run);
        var clock = Stopwatch.StartNew();
        observer.OnFitEnd(run);
        observer.Dispose();
        Assert.IsLessThan(most, clock.Elapsed.TotalSeconds);
        StringAssert.Contains(run.Warnings[^1], "4 entries");
    }

    static MlflowOptions Options(Uri server, TestFolder folder) => new()
    {
        Server = server, Experiment = "pets & more", RunName = "first", Folder = Path.Combine(folder.Root, "mlflow"), Backoff = TimeSpan.FromMilliseconds(20),
        FinalWait = TimeSpan.FromSeconds(10), Timeout = TimeSpan.FromSeconds(5), UserName = null, Password = null, Token = null, InsecureTls = false,
    };

    static void AssertTold(TrainingResult result, params string[] parts)
    {
        var warnings = string.Join('\n', result.Warnings);
        foreach (var part in parts)
            StringAssert.Contains(warnings, part);
        Assert.DoesNotContain("()", warnings);
    }

    static void AssertWhole(IReadOnlyDictionary<string, MlflowServer.Run> runs, TrainingResult result) => AssertWhole(runs.Single().Value, result);

    static void AssertWhole(MlflowServer.Run run, TrainingResult result)
    {
        Assert.AreEqual("pets & more", run.Experiment);
        Assert.AreEqual("first", run.Name);
        Assert.AreEqual("16", run.Parameters["batch_size"]);
        Assert.AreEqual("small", run.Parameters["network"]);
        Assert.AreEqual(result.Options.LearningRate, float.Parse(run.Parameters["learning_rate"], System.Globalization.CultureInfo.InvariantCulture));
        var losses = run.Metrics.Where(m => m.Key == "train/loss").ToArray();
        CollectionAssert.AreEqual(result.History.Select(h => h.TrainLoss).ToArray(), losses.Select(m => m.Value).ToArray());
        CollectionAssert.AreEqual(new long[] { 5, 10, 15 }, losses.Select(m => m.Step).ToArray());
        Assert.AreEqual(result.WeightsSha256, run.Tags["weights_sha256"]);
        Assert.AreEqual("FINISHED", run.Status);
    }
}
