using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using MlNetCifar.App.Cli;
using MlNetCifar.Distributed;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Executors;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Tests.Distributed;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Spark.Executors;

/// <summary>Workers as tasks of a real cluster's executors: the weights of one process, also when workers and executors are killed; and what is said where they cannot work.</summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class ExecutorTrainingTests
{
    /// <summary>How the command line of a worker begins.</summary>
    static readonly string s_workers = $"{StageFiles.Worker}\0train\0";

    static ExecutorFixture s_fixture = null!;

    [ClassInitialize]
    public static async Task OpenAsync(TestContext context) => s_fixture = await ExecutorFixture.OpenAsync("training");

    [ClassCleanup]
    public static void Close() => s_fixture?.Dispose();

    [TestMethod]
    [DataRow("--slices 8")]
    [DataRow("--slices 2 --distributed-mode averaged --update-frequency 3")]
    public void Train_OnExecutors_GivesTheWeightsOfOneProcess(string mode)
    {
        var expected = ExecutorFixture.Hash(s_fixture.Run(s_fixture.Training("one", mode.Split(' '))).Good().Out);
        var run = s_fixture.Run([.. s_fixture.Training("executors", mode.Split(' ')), "--workers", "2", .. s_fixture.Master]).Good();
        Assert.AreEqual(expected, ExecutorFixture.Hash(run.Out));
        StringAssert.Contains(run.Error, $"2 on Spark, {s_fixture.Cluster.Connect}");
    }

    [TestMethod]
    public void Train_Asynchronous_TakesEveryBatchOnce()
    {
        s_fixture.Run([.. s_fixture.Training("asynchronous", "--distributed-mode", "asynchronous", "--exist-ok"), "--workers", "2", .. s_fixture.Master]).Good();
        using var workers = System.Text.Json.JsonDocument.Parse(File.ReadAllText(s_fixture.Folder["runs/train/asynchronous/workers.json"]));
        var each = workers.RootElement.GetProperty("workers").EnumerateArray().Select(worker => worker.GetProperty("slices").GetInt64()).ToArray();
        Assert.HasCount(2, each);
        Assert.AreEqual(workers.RootElement.GetProperty("staleness").EnumerateArray().Sum(count => count.GetInt64()), each.Sum());
    }

    [TestMethod]
    [DataRow("worker")]
    [DataRow("executor")]
    public async Task Train_WithOneKilled_GivesTheSameWeights(string which)
    {
        var expected = ExecutorFixture.Hash(s_fixture.Run(s_fixture.Training("whole", "--slices", "8", "--epochs", "12", "--exist-ok")).Good().Out);
        var name = $"killed-{which}";
        using var run = new ProgramProcess([.. s_fixture.Training(name, "--slices", "8", "--epochs", "12"), "--workers", "2", .. s_fixture.Master], [.. s_fixture.Variables.Select(v => (v.Key, v.Value))]);
        run.Until(() => File.Exists(s_fixture.Folder[$"runs/train/{name}/results.csv"]) && File.ReadLines(s_fixture.Folder[$"runs/train/{name}/results.csv"]).Count() > 1, "an epoch");
        var victims = which == "worker" ? await ProcessList.WaitForAsync(2, s_workers) : ProcessList.Find("CoarseGrainedExecutorBackend", s_fixture.Cluster.Folder);
        ProcessList.Kill(victims[0]);
        Assert.AreEqual(0, run.Exit(), run.Log);
        Assert.AreEqual(expected, ExecutorFixture.Hash(run.Log), run.Log);
        if (which == "worker")
            StringAssert.Contains(run.Log, "was lost at step");
        await NobodyIsLeftAsync();
    }

    [TestMethod]
    public async Task Train_KilledItself_TakesItsWorkersAlong_AndGoesOnWithoutACluster()
    {
        var expected = ExecutorFixture.Hash(s_fixture.Run(s_fixture.Training("whole", "--slices", "8", "--epochs", "12", "--exist-ok")).Good().Out);
        using (var run = new ProgramProcess([.. s_fixture.Training("driver", "--slices", "8", "--epochs", "12"), "--workers", "2", .. s_fixture.Master], [.. s_fixture.Variables.Select(v => (v.Key, v.Value))]))
        {
            run.Until(() => File.Exists(s_fixture.Folder["runs/train/driver/results.csv"]), "an epoch");
            run.Signal("KILL");
            run.Exit();
        }

        await NobodyIsLeftAsync();
        Assert.AreEqual(expected, ExecutorFixture.Hash(s_fixture.Run("train", "--json", "--resume", s_fixture.Folder["runs/train/driver"]).Good().Out));
    }

    [TestMethod]
    public void ARehearsal_OnExecutors_GivesTheSameWeights()
    {
        var run = s_fixture.Run([.. s_fixture.Training("chaos", "--chaos", "kill:w1@step4,delay:w2:50ms,drop:5%"), "--workers", "2", .. s_fixture.Master]).Good();
        using var workers = System.Text.Json.JsonDocument.Parse(File.ReadAllText(s_fixture.Folder["runs/train/chaos/workers.json"]));
        Assert.IsTrue(workers.RootElement.GetProperty("rehearsal").GetProperty("same").GetBoolean(), run.Error);
        Assert.Contains("was lost at step", run.Error);
    }

    [TestMethod]
    public void Train_OnFewerExecutorsThanWorkers_WaitsAndNamesTheMissing()
    {
        var run = s_fixture.Run([.. s_fixture.Training("few"), "--workers", "3", "--join-timeout", "3s", .. s_fixture.Master]).Bad(ExitCodes.Failure, "MNC6090");
        StringAssert.Contains(run.Error, "2 tasks at once, and 3 workers have to: waiting for executors");
        StringAssert.Contains(run.Error, "worker 3 found no place within 3 s");
    }

    [TestMethod]
    public void AWrongToken_IsRefused()
    {
        var error = Begin((workers, worker, address, token) => workers.Start(worker, address, new string('0', token.Length)));
        Assert.AreEqual("MNC6023", error.Code, error.Message);
        StringAssert.Contains(error.Message, "MNC3305");
    }

    [TestMethod]
    public void AnAddressThatExecutorsDoNotReach_IsNamed()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var address = (IPEndPoint)closed.LocalEndpoint;
        closed.Stop();
        var error = Begin((workers, worker, _, token) => workers.Start(worker, address, token));
        Assert.AreEqual("MNC6091", error.Code, error.Message);
        StringAssert.Contains(error.Message, "--listen");
    }

    [TestMethod]
    public async Task AToken_IsNotShownBySpark()
    {
        using var workers = new SparkWorkers(Options());
        workers.Prepare(1, TimeSpan.FromSeconds(30), _ => { }, CancellationToken.None);
        var token = new string('a', 64);
        StringAssert.Contains(await workers.ExplainAsync(new(IPAddress.Loopback, 1), token), "ScriptTransformation");
        Assert.DoesNotContain(token, await workers.ExplainAsync(new(IPAddress.Loopback, 1), token));
    }

    [TestMethod]
    public async Task Train_OnYarn_GivesTheWeightsOfOneProcess()
    {
        using var yarn = await ExecutorFixture.OpenAsync("yarn", ClusterManager.Yarn);
        await using var cluster = yarn.Cluster;
        var expected = ExecutorFixture.Hash(yarn.Run(yarn.Training("one", "--slices", "8")).Good().Out);
        Assert.AreEqual(expected, ExecutorFixture.Hash(yarn.Run([.. yarn.Training("executors"), "--workers", "2", .. yarn.Master]).Good().Out));
    }

    static SparkExecutorOptions Options() => new()
    {
        Master = s_fixture.Cluster.Connect!, WorkerPath = StageFiles.Worker, Hadoop = HadoopConfiguration.Load(s_fixture.Cluster.HadoopConfiguration),
    };

    /// <summary>Begins a run with workers that are started in another way than they should be, and gives what that ends with.</summary>
    static MlNetCifarException Begin(Action<SparkWorkers, int, IPEndPoint, string> start)
    {
        using var workers = new SparkWorkers(Options());
        using var group = new WorkerGroup(new Meddler(workers, start), new() { Workers = 2, JoinTime = TimeSpan.FromSeconds(60) });
        return Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(SmallRun.Network, new() { Slices = 4, BatchSize = 16, Epochs = 1 }) { Workers = group }.Fit(SmallRun.Train));
    }

    /// <summary>Workers end with their run.</summary>
    static async Task NobodyIsLeftAsync()
    {
        for (var i = 0; ProcessList.Find(s_workers).Count > 0; i++)
        {
            Assert.IsLessThan(300, i, "workers outlive their run");
            await Task.Delay(100);
        }
    }

    sealed class Meddler(SparkWorkers workers, Action<SparkWorkers, int, IPEndPoint, string> start) : IWorkerLauncher
    {
        public void Prepare(int count, TimeSpan limit, Action<string> say, CancellationToken cancellation) => workers.Prepare(count, limit, say, cancellation);

        public void Start(int worker, IPEndPoint address, string token) => start(workers, worker, address, token);

        public Exception? Ended(int worker) => workers.Ended(worker);

        public void End(int worker) => workers.End(worker);

        public void Dispose() => workers.Dispose();
    }
}
