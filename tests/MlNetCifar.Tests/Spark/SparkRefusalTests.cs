using System.Diagnostics;
using MlNetCifar.App.Cli;
using MlNetCifar.Files;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>Clusters that say no: each time the reason, soon, and nothing is taken for what it is not. Real daemons, with permissions.</summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class SparkRefusalTests
{
    static LocalCluster s_cluster = null!;
    static TestFolder s_folder = null!;

    static Dictionary<string, string> Variables => new() { ["HADOOP_CONF_DIR"] = s_cluster.HadoopConfiguration };

    [ClassInitialize]
    public static async Task StartAsync(TestContext context)
    {
        s_cluster = await SparkFixture.StartAsync(ClusterManager.Standalone, o => o with
        {
            HadoopProperties = new Dictionary<string, string> { ["dfs.permissions.enabled"] = "true", ["fs.permissions.umask-mode"] = "027", ["dfs.client.use.datanode.hostname"] = "true" },
        });
        s_folder = new TestFolder();
        StageFiles.Unpack(s_folder["wrapped/photos"], 12, 0);
        await StageFiles.CopyAsync(s_folder["wrapped"], s_cluster, "files");
    }

    [ClassCleanup]
    public static async Task StopAsync()
    {
        s_folder?.Dispose();
        if (s_cluster is not null)
            await s_cluster.DisposeAsync();
    }

    static SparkPrepareOptions Options(string input, string output) =>
        StageFiles.Options($"{s_cluster.FileSystem}/{input}", $"{s_cluster.FileSystem}/{output}", s_cluster.Connect!) with { Hadoop = HadoopConfiguration.Load(s_cluster.HadoopConfiguration) };

    [TestMethod]
    public async Task WrappingFolder_IsTreatedAlike_AsFilesAndPacked()
    {
        await HdfsImport.RunAsync(new()
        {
            Source = s_folder["wrapped"],
            Target = $"{s_cluster.FileSystem}/packed",
            PackParquet = true,
            Hadoop = HadoopConfiguration.Load(s_cluster.HadoopConfiguration),
        });
        await SparkPrepare.RunAsync(Options("files", "of-files"));
        await SparkPrepare.RunAsync(Options("packed", "of-packed"));
        using var store = HdfsFileStore.Open(s_cluster.FileSystem!, WebHdfsOptions.For(new(s_cluster.FileSystem!), HadoopConfiguration.Load(s_cluster.HadoopConfiguration)));
        StageFiles.AreSame(StageFiles.Hashes(store, $"{s_cluster.FileSystem}/of-files"), StageFiles.Hashes(store, $"{s_cluster.FileSystem}/of-packed"));

        // The mask of Hadoop's files counts for what driver and workers write.
        var files = StageFiles.Names(store, $"{s_cluster.FileSystem}/of-files");
        Assert.IsTrue(files.Any(file => file.EndsWith(".npy", StringComparison.Ordinal)) && files.Any(file => file.EndsWith("manifest.json", StringComparison.Ordinal)), string.Join(' ', files));
        foreach (var file in files)
            StringAssert.Contains(await StatusAsync($"/of-files/{file}"), "\"permission\":\"640\"", file);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public async Task ImageThatMayNotBeRead_EndsTheRun_AndIsNoBadImage(bool onSpark)
    {
        foreach (var folder in new[] { "", "files", "files/photos", "files/photos/train" })
            await PutAsync($"/{folder}", "op=SETPERMISSION&permission=777");
        using (var store = SparkFixture.Store(s_cluster))
        {
            foreach (var name in StageFiles.Names(store, $"{s_cluster.FileSystem}/files/photos/train"))
            {
                // Not the empty one: it has no block, so the name node would be asked.
                var isDenied = name.StartsWith("cat/", StringComparison.Ordinal) && !name.EndsWith("empty.jpg", StringComparison.Ordinal);
                var permission = !name.Contains('/') ? "755" : isDenied ? "600" : "644";
                await PutAsync($"/files/photos/train/{Uri.EscapeDataString(name).Replace("%2F", "/")}", $"op=SETPERMISSION&permission={permission}");
            }
        }

        // By addresses, which reach the data node: it gives blocks to everybody, so it is for the reader to keep to what the name node allows.
        var options = Options("files", $"denied-{onSpark}") with
        {
            User = "stranger",
            Hadoop = new(new Dictionary<string, string> { ["fs.defaultFS"] = s_cluster.FileSystem!, ["dfs.namenode.http-address"] = s_cluster.NameNode!.Authority }),
        };
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(onSpark ? options : options with { Master = "local[2]" }));
        Assert.AreEqual(onSpark ? "MNC6023" : "MNC6004", error.Code);
        StringAssert.Contains(error.Message, "stranger");
    }

    [TestMethod]
    public void SafeMode_IsToldWithinSeconds()
    {
        using var folder = new Pictures();
        Admin("-safemode", "enter");
        try
        {
            var watch = Stopwatch.StartNew();
            var run = Cli.Run(["prepare", $"{s_cluster.FileSystem}/files", "--to", $"{s_cluster.FileSystem}/safe", "--size", "16", "--master", s_cluster.Connect!, "--worker-path", StageFiles.Worker], Variables);
            run.Bad(ExitCodes.Failure, "MNC6005");
            Assert.IsLessThan(TimeSpan.FromSeconds(25), watch.Elapsed);
            Cli.Run(["dataset", "import", folder.Classes("red"), "--to", $"{s_cluster.FileSystem}/safe"], Variables).Bad(ExitCodes.Failure, "MNC6005");
        }
        finally
        {
            Admin("-safemode", "leave");
        }
    }

    [TestMethod]
    public void WrongAddress_IsToldWithinSeconds()
    {
        using var folder = new Pictures();
        foreach (var (args, code) in new[]
        {
            (new[] { "prepare", "hdfs://127.0.0.1:1/photos", "--to", folder["shards"], "--size", "16" }, "MNC6001"),
            (["prepare", folder.Classes("red"), "--to", folder["shards"], "--size", "16", "--master", "sc://127.0.0.1:1", "--worker-path", StageFiles.Worker], "MNC6021"),
            (["train", "--data", "hdfs://127.0.0.1:1/shards", "--output", folder.Runs], "MNC6001"),
        })
        {
            var watch = Stopwatch.StartNew();
            Cli.Run(args, []).Bad(ExitCodes.Failure, code);
            Assert.IsLessThan(TimeSpan.FromSeconds(20), watch.Elapsed, string.Join(' ', args));
        }
    }

    [TestMethod]
    public void TargetThatIsAFile_IsSaidToBeOne()
    {
        using var folder = new Pictures();
        var file = $"{s_cluster.FileSystem}/a-file";
        using (var store = SparkFixture.Store(s_cluster))
            store.Write(file, stream => stream.WriteByte(1));
        foreach (var args in new string[][]
        {
            ["dataset", "import", folder.Classes("red"), "--to", file],
            ["dataset", "import", folder.Classes("red"), "--to", file, "--pack", "parquet"],
            ["prepare", folder.Classes("red"), "--to", file, "--size", "16"],
        })
        {
            var run = Cli.Run(args, Variables);
            Assert.AreNotEqual(ExitCodes.Ok, run.ExitCode);
            StringAssert.Contains(run.Error, "file", string.Join(' ', args));
            Assert.DoesNotContain("   at ", run.Error);
        }

        foreach (var args in new string[][]
        {
            ["dataset", "import", folder.Classes("red"), "--to", file],
            ["dataset", "import", folder.Classes("red"), "--to", $"{file}/below", "--pack", "parquet"],
            ["prepare", folder.Classes("red"), "--to", $"{file}/below", "--size", "16"],
        })
            Cli.Run(args, Variables).Bad(ExitCodes.Usage, "MNC6019");
    }

    [TestMethod]
    public async Task ExecutorsThatComeAsTheyAreNeeded_MakeTheSameShards()
    {
        await using var cluster = await SparkFixture.StartAsync(ClusterManager.Standalone, o => o with
        {
            Hdfs = false,
            SparkProperties = new Dictionary<string, string>
            {
                ["spark.dynamicAllocation.enabled"] = "true",
                ["spark.dynamicAllocation.shuffleTracking.enabled"] = "true",
                ["spark.dynamicAllocation.maxExecutors"] = "4",
            },
        });
        var options = Options("files", "dynamic") with { Master = cluster.Connect! };
        options = options with { Shards = options.Shards with { Parts = 20 } };
        long tasks = 0;
        await SparkPrepare.RunAsync(options, new Told(p => tasks = Math.Max(tasks, p.Tasks)));
        // Three cores of the four that may come are of use to 20 parts; of the two that Spark counts on at first there would be four processes.
        Assert.AreEqual(3, tasks);
        await SparkPrepare.RunAsync(options with { Master = "local[1]", Output = s_folder["one"] });
        using var store = SparkFixture.Store(s_cluster);
        StageFiles.AreSame(StageFiles.Hashes(LocalFileStore.Instance, s_folder["one"]), StageFiles.Hashes(store, $"{s_cluster.FileSystem}/dynamic"));
    }

    sealed class Told(Action<SparkPrepareProgress> tell) : IProgress<SparkPrepareProgress>
    {
        public void Report(SparkPrepareProgress value) => tell(value);
    }

    static async Task PutAsync(string path, string query)
    {
        using var http = new HttpClient();
        using var response = await http.PutAsync(new Uri(s_cluster.NameNode!, $"/webhdfs/v1{path}?{query}&user.name={Environment.UserName}"), null);
        Assert.IsTrue(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    static async Task<string> StatusAsync(string path)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri(s_cluster.NameNode!, $"/webhdfs/v1{path}?op=GETFILESTATUS&user.name={Environment.UserName}"));
    }

    static void Admin(params string[] args)
    {
        var runtime = SparkRuntime.Find();
        var start = new ProcessStartInfo(Path.Combine(runtime.HadoopHome!, "bin", "hdfs"), ["--config", s_cluster.HadoopConfiguration, "dfsadmin", .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["JAVA_HOME"] = runtime.JavaHome;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, output + error.Result);
    }
}
