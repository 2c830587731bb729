using System.Diagnostics;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.Spark.Executors;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>The worker as users publish it: one file that runs installed on an executor and sent to it, and writes the same bytes.</summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class PublishedWorkerTests
{
    [TestMethod]
    public async Task PublishedWorker_RunsInstalledAndSent()
    {
        var cluster = await SparkFixture.ClusterAsync();
        using var store = SparkFixture.Store(cluster);
        using var folder = new TestFolder();
        var worker = Publish(folder);
        StageFiles.Unpack(folder["input"], 12, 0);
        await StageFiles.CopyAsync(folder["input"], cluster, "published/input");
        var options = StageFiles.Options($"{cluster.FileSystem}/published/input", "", cluster.Connect!) with
        {
            Hadoop = HadoopConfiguration.Load(cluster.HadoopConfiguration),
            WorkerPath = worker,
        };
        await SparkPrepare.RunAsync(options with { Input = folder["input"], Output = folder["one"], Master = "local[1]" });
        foreach (var ship in new[] { false, true })
        {
            var output = $"{cluster.FileSystem}/published/ship-{ship}";
            await SparkPrepare.RunAsync(options with { Output = output, ShipWorker = ship });
            StageFiles.AreSame(StageFiles.Hashes(LocalFileStore.Instance, folder["one"]), StageFiles.Hashes(store, output));
        }
    }

    [TestMethod]
    public async Task PublishedWorker_Sent_TrainsAndPredicts()
    {
        using var fixture = await ExecutorFixture.OpenAsync("published-training");
        string[] master = ["--master", fixture.Cluster.Connect!, "--worker-path", Publish(fixture.Folder), "--ship-worker", "true"];
        var expected = ExecutorFixture.Hash(fixture.Run(fixture.Training("one", "--slices", "8")).Good().Out);
        Assert.AreEqual(expected, ExecutorFixture.Hash(fixture.Run([.. fixture.Training("sent"), "--workers", "2", .. master]).Good().Out));
        var model = fixture.Folder["runs/train/one"];
        StringAssert.Contains(fixture.Run(["predict", fixture.Shards, "--model", model, "--to", fixture.Hdfs("answers"), .. master]).Good().Out, "answers for 750 pictures");
    }

    // Publishing takes minutes on a busy machine: one made before can be named.
    static string Publish(TestFolder folder)
    {
        if (Environment.GetEnvironmentVariable("MLNETCIFAR_PUBLISHED_WORKER") is { Length: > 0 } made)
            return made;
        var start = new ProcessStartInfo("dotnet", ["publish", "-c", "Release", "-r", "linux-x64", Repository.File("src", "MlNetCifar.Worker"), "-o", folder["worker"],
            "-p:NuGetLockFilePath=obj/publish.lock.json"])
        { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (output.Contains("NU1101", StringComparison.Ordinal) || output.Contains("NU1301", StringComparison.Ordinal))
            Assert.Inconclusive($"The packs to publish with cannot be restored: {output}");
        Assert.AreEqual(0, process.ExitCode, output);
        return folder["worker/mlnetcifar-worker"];
    }
}
