using MlNetCifar.Files;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>
/// Processes are killed and disks fill up while the stage runs: it finishes, or fails with a named error and a rerun finishes;
/// in the end every byte is that of an undisturbed run, and there is no other file.
/// </summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class SparkChaosTests
{
    static LocalCluster s_cluster = null!;
    static HdfsFileStore s_store = null!;
    static TestFolder s_folder = null!;
    static string[] s_expected = [];

    static string Hdfs(string path) => $"{s_cluster.FileSystem}/{path}";

    static SparkPrepareOptions Options(string output, string? worker = null) =>
        StageFiles.Options(Hdfs("input"), output, s_cluster.Connect!) with
        {
            Hadoop = HadoopConfiguration.Load(s_cluster.HadoopConfiguration),
            WorkerPath = worker ?? StageFiles.Worker,
            WorkerTimeout = TimeSpan.FromSeconds(40),
            StallTimeout = TimeSpan.FromSeconds(90),
        };

    [ClassInitialize]
    public static async Task StartAsync(TestContext context)
    {
        s_cluster = await SparkFixture.StartAsync(ClusterManager.Standalone);
        s_store = SparkFixture.Store(s_cluster);
        s_folder = new TestFolder();
        StageFiles.Unpack(s_folder["input"], 12, 0);
        await StageFiles.CopyAsync(s_folder["input"], s_cluster, "input");
        await SparkPrepare.RunAsync(Options(s_folder["expected"]) with { Input = s_folder["input"], Master = "local[1]" });
        s_expected = StageFiles.Hashes(LocalFileStore.Instance, s_folder["expected"]);
    }

    [ClassCleanup]
    public static async Task StopAsync()
    {
        s_store?.Dispose();
        s_folder?.Dispose();
        if (s_cluster is not null)
            await s_cluster.DisposeAsync();
    }

    /// <summary>A worker that waits before it begins, as long as a file is there: time to be killed in.</summary>
    static string SlowWorker(string gate) => Script($"""
        #!/bin/bash
        for i in $(seq 300); do [ -e '{gate}' ] || break; sleep 0.1; done
        exec '{StageFiles.Worker}' "$@"
        """);

    static string Script(string text)
    {
        var path = s_folder[$"{Guid.NewGuid():N}.sh"];
        File.WriteAllText(path, text.ReplaceLineEndings("\n") + "\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    static void AssertUndisturbed(string output)
    {
        StageFiles.AreSame(s_expected, StageFiles.Hashes(s_store, output));
        Assert.IsFalse(StageFiles.Names(s_store, output).Any(n => n.Contains("_temporary", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow("worker")]
    [DataRow("executor")]
    public async Task KilledProcess_ChangesNothing(string which)
    {
        var gate = s_folder.Add($"gate-{which}", [])[$"gate-{which}"];
        var worker = SlowWorker(gate);
        var output = Hdfs($"killed-{which}");
        var run = SparkPrepare.RunAsync(Options(output, worker));
        var workers = await ProcessList.WaitForAsync(1, "/bin/bash", worker);
        var victims = which == "worker" ? workers : ProcessList.Find("CoarseGrainedExecutorBackend", s_cluster.Folder);
        Assert.IsNotEmpty(victims);
        ProcessList.Kill(victims[0]);
        File.Delete(gate);
        await run;
        AssertUndisturbed(output);
    }

    [TestMethod]
    [DataRow(40, DisplayName = "workers wait")]
    [DataRow(6, DisplayName = "workers give up and are tried again")]
    public async Task StoppedDataNode_IsWaitedFor(int workerSeconds)
    {
        var gate = s_folder.Add($"gate-dn{workerSeconds}", [])[$"gate-dn{workerSeconds}"];
        var worker = SlowWorker(gate);
        var output = Hdfs($"datanode{workerSeconds}");
        var run = SparkPrepare.RunAsync(Options(output, worker) with { WorkerTimeout = TimeSpan.FromSeconds(workerSeconds) });
        await ProcessList.WaitForAsync(1, "/bin/bash", worker);
        var dataNode = s_cluster.Daemons.Single(d => d.Name == "datanode");
        dataNode.Signal(ClusterDaemon.Pause);
        File.Delete(gate);
        await Task.Delay(TimeSpan.FromSeconds(20));
        dataNode.Signal(ClusterDaemon.Continue);
        try
        {
            await run;
        }
        catch (MlNetCifarException e)
        {
            StringAssert.StartsWith(e.Code, "MNC60");
            await SparkPrepare.RunAsync(Options(output));
        }

        AssertUndisturbed(output);
    }

    /// <summary>As many as MLNETCIFAR_KILLS says, at random moments.</summary>
    [TestMethod]
    public async Task RandomKills_ChangeNothing()
    {
        var kills = int.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_KILLS"), out var wanted) ? wanted : 8;
        var random = new Random(23);
        for (var killed = 0; killed < kills;)
        {
            var output = Hdfs($"random-{killed}");
            var run = SparkPrepare.RunAsync(Options(output));
            await Task.Delay(random.Next(200, 1800));
            var victims = random.Next(2) == 0 ? ProcessList.Find("CoarseGrainedExecutorBackend", s_cluster.Folder) : ProcessList.Find(StageFiles.Worker);
            if (victims.Count > 0)
            {
                ProcessList.Kill(victims[random.Next(victims.Count)]);
                killed++;
            }

            try
            {
                await run;
            }
            catch (MlNetCifarException e)
            {
                StringAssert.StartsWith(e.Code, "MNC60");
                await SparkPrepare.RunAsync(Options(output));
            }

            AssertUndisturbed(output);
            s_store.DeleteFolder(output);
        }
    }

    [TestMethod]
    public async Task WorkerThatIsLost_IsCounted()
    {
        // The first to come does its first part and ends as if killed.
        var worker = Script($"""
            #!/bin/bash
            mkdir '{s_folder["first"]}' 2>/dev/null || exec '{StageFiles.Worker}' "$@"
            head -n 1 | '{StageFiles.Worker}' "$@"
            exit 137
            """);
        var output = Hdfs("counted");
        var seen = 0;
        var report = await SparkPrepare.RunAsync(Options(output, worker), new Seen(p => seen = Math.Max(seen, p.Restarts)));
        Assert.AreEqual(1, seen);
        StringAssert.Contains(string.Join('\n', report.Warnings), "1 worker process was started again");
        AssertUndisturbed(output);
    }

    sealed class Seen(Action<SparkPrepareProgress> tell) : IProgress<SparkPrepareProgress>
    {
        public void Report(SparkPrepareProgress value) => tell(value);
    }

    [TestMethod]
    public async Task FullDisk_IsNamed_AndARerunFinishes()
    {
        // The file size limit of the shell stands in for a full disk on the executors' side; without the setting the runtime itself would want a larger file to start with.
        var worker = Script($"""
            #!/bin/bash
            export DOTNET_EnableWriteXorExecute=0
            ulimit -f 1
            trap '' XFSZ
            exec '{StageFiles.Worker}' "$@"
            """);
        var output = s_folder["full"];
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(Options(output, worker)));
        Assert.AreEqual("MNC6023", error.Code);
        StringAssert.Contains(error.Message, $"Workers gave up: {Environment.MachineName}, executor ");
        Assert.IsFalse(Directory.Exists(Path.Combine(output, "_mlnetcifar_temporary")));
        await SparkPrepare.RunAsync(Options(output));
        StageFiles.AreSame(s_expected, StageFiles.Hashes(LocalFileStore.Instance, output));
    }

    [TestMethod]
    public async Task FullHdfs_IsNamed_AndARerunFinishes()
    {
        var gate = s_folder.Add("gate-quota", [])["gate-quota"];
        var worker = SlowWorker(gate);
        var output = Hdfs("quota");
        await s_store.Client.MakeFolderAsync("/quota");
        var run = SparkPrepare.RunAsync(Options(output, worker));
        await ProcessList.WaitForAsync(1, "/bin/bash", worker);
        await SetQuotaAsync("/quota", 1);
        File.Delete(gate);
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => run);
        Assert.AreEqual("MNC6023", error.Code);
        StringAssert.Contains(error.Message, "quota");
        await SetQuotaAsync("/quota", -1);
        await SparkPrepare.RunAsync(Options(output));
        AssertUndisturbed(output);
    }

    /// <summary>Limits a folder's bytes; −1 for no limit.</summary>
    static async Task SetQuotaAsync(string folder, long bytes)
    {
        using var http = new HttpClient();
        var address = new Uri(s_cluster.NameNode!, $"/webhdfs/v1{folder}?op=SETQUOTA&namespacequota={long.MaxValue}&storagespacequota={bytes}&user.name={Environment.UserName}");
        using var response = await http.PutAsync(address, null);
        Assert.IsTrue(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    [TestMethod]
    public async Task HangingWorker_IsNamed_AndARerunFinishes()
    {
        var gate = s_folder.Add("gate-hang", [])["gate-hang"];
        var worker = SlowWorker(gate);
        var output = Hdfs("hang");
        var run = SparkPrepare.RunAsync(Options(output, worker) with { StallTimeout = TimeSpan.FromSeconds(20) });
        var stopped = (await ProcessList.WaitForAsync(1, "/bin/bash", worker))[0];
        // A stopped process cannot even watch itself.
        Signal(stopped, ClusterDaemon.Pause);
        try
        {
            File.Delete(gate);
            var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => run);
            Assert.AreEqual("MNC6045", error.Code);
            await SparkPrepare.RunAsync(Options(output));
            AssertUndisturbed(output);
        }
        finally
        {
            ProcessList.Kill(stopped);
        }
    }

    static void Signal(int process, int signal) => new ClusterDaemon("worker", process, 0, "").Signal(signal);

    [TestMethod]
    public async Task KilledServer_IsNamed_AndARerunOnAnotherFinishes()
    {
        var output = Hdfs("server");
        await using var cluster = await SparkFixture.StartAsync(ClusterManager.Standalone, o => o with { Hdfs = false });
        var gate = s_folder.Add("gate-server", [])["gate-server"];
        var worker = SlowWorker(gate);
        var options = Options(output, worker) with { Master = $"{cluster.Connect}/;user_id=chaos" };
        var run = SparkPrepare.RunAsync(options);
        await ProcessList.WaitForAsync(1, "/bin/bash", worker);
        cluster.Daemons.Single(d => d.Name == "connect").Signal(ClusterDaemon.KillNow);
        File.Delete(gate);
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => run);
        CollectionAssert.Contains(new[] { "MNC6021", "MNC6024" }, error.Code);
        await SparkPrepare.RunAsync(Options(output));
        AssertUndisturbed(output);
    }
}
