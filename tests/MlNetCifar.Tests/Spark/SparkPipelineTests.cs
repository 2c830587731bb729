using MlNetCifar.Files;
using MlNetCifar.Spark;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>Import and stage on YARN, with the worker sent along: the way of the data from an archive on disk to shards on HDFS.</summary>
[TestClass]
[TestCategory("Spark")]
[DoNotParallelize]
public sealed class SparkPipelineTests
{
    /// <summary>What is asked is whether it works, beside whatever else a machine does.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    [TestMethod]
    public async Task Import_PackAndPrepare_OnYarn_WriteTheBytesOfOneThread()
    {
        using var folder = new TestFolder();
        StageFiles.Unpack(folder["input"], 10, 4);
        await SparkPrepare.RunAsync(StageFiles.Options(folder["input"], folder["one"], "local[1]"));
        var expected = StageFiles.Hashes(LocalFileStore.Instance, folder["one"]);

        await using var cluster = await SparkFixture.StartAsync(ClusterManager.Yarn);
        using var store = SparkFixture.Store(cluster);
        var hadoop = HadoopConfiguration.Load(cluster.HadoopConfiguration);
        var import = new HdfsImportOptions { Source = folder["input"], Target = $"{cluster.FileSystem}/loose", Hadoop = hadoop };

        var report = await HdfsImport.RunAsync(import);
        Assert.AreEqual(142, report.Files);
        StageFiles.AreSame(StageFiles.Hashes(LocalFileStore.Instance, folder["input"]), StageFiles.Hashes(store, import.Target));
        store.Delete($"{import.Target}/train/cat/empty.jpg");
        Assert.AreEqual(141, (await HdfsImport.RunAsync(import)).Skipped);

        await HdfsImport.RunAsync(import with { Target = $"{cluster.FileSystem}/packed", PackParquet = true, PackBytes = 60_000 });
        Assert.IsFalse(StageFiles.Names(store, cluster.FileSystem!).Any(n => n.Contains("staging", StringComparison.Ordinal)));

        foreach (var input in new[] { "loose", "packed" })
        {
            var options = StageFiles.Options($"{cluster.FileSystem}/{input}", $"{cluster.FileSystem}/shards-{input}", cluster.Connect!) with { Hadoop = hadoop };
            await SparkPrepare.RunAsync(options);
            StageFiles.AreSame(expected, StageFiles.Hashes(store, options.Output));
        }

        var checks = await SparkDoctor.RunAsync(new() { Master = cluster.Connect, HdfsFolder = cluster.FileSystem, WorkerPath = StageFiles.Worker, Hadoop = hadoop, Timeout = s_patience });
        Assert.IsTrue(checks.All(c => c.IsHealthy == true), string.Join("\n", checks));
        CollectionAssert.AreEqual(
            new[] { "runtime", "java", "worker", "hdfs", "spark", "executor", "program" }, checks.Select(c => c.Name).ToArray());
    }

    [TestMethod]
    public async Task Doctor_NamesTheCure_WhereNothingRuns()
    {
        var checks = await SparkDoctor.RunAsync(new()
        {
            Master = "sc://127.0.0.1:1",
            HdfsFolder = "hdfs://127.0.0.1:1/x",
            WorkerPath = "/nowhere/worker",
            Hadoop = HadoopConfiguration.Empty,
            Timeout = TimeSpan.FromSeconds(10),
        });
        foreach (var name in new[] { "worker", "hdfs", "spark" })
        {
            var check = checks.Single(c => c.Name == name);
            Assert.AreEqual(false, check.IsHealthy, check.ToString());
            Assert.IsNotNull(check.Cure, check.ToString());
        }
    }
}
