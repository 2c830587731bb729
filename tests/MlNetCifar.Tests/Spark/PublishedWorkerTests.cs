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
    public Task PublishedWorker_RunsInstalledAndSent() => RunsInstalledAndSentAsync(native: false);

    [TestMethod]
    [TestCategory("Long")]
    public Task NativeWorker_RunsInstalledAndSent() => RunsInstalledAndSentAsync(native: true);

    static async Task RunsInstalledAndSentAsync(bool native)
    {
        var cluster = await SparkFixture.ClusterAsync();
        using var store = SparkFixture.Store(cluster);
        using var folder = new TestFolder();
        var worker = Publish(native);
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
            var output = $"{cluster.FileSystem}/published/{(native ? "native" : "file")}-{ship}";
            await SparkPrepare.RunAsync(options with { Output = output, ShipWorker = ship });
            StageFiles.AreSame(StageFiles.Hashes(LocalFileStore.Instance, folder["one"]), StageFiles.Hashes(store, output));
        }
    }

    [TestMethod]
    public async Task PublishedWorker_Sent_TrainsAndPredicts()
    {
        using var fixture = await ExecutorFixture.OpenAsync("published-training");
        string[] master = ["--master", fixture.Cluster.Connect!, "--worker-path", Publish(native: false), "--ship-worker", "true"];
        var expected = ExecutorFixture.Hash(fixture.Run(fixture.Training("one", "--slices", "8")).Good().Out);
        Assert.AreEqual(expected, ExecutorFixture.Hash(fixture.Run([.. fixture.Training("sent"), "--workers", "2", .. master]).Good().Out));
        var model = fixture.Folder["runs/train/one"];
        StringAssert.Contains(fixture.Run(["predict", fixture.Shards, "--model", model, "--to", fixture.Hdfs("answers"), .. master]).Good().Out, "answers for 750 pictures");
    }

    // No such package, no source, no linker.
    static readonly string[] s_lacks = ["NU1101", "NU1301", "not found in PATH"];
    static readonly TestFolder s_folder = new();
    static readonly Dictionary<bool, string> s_published = [];

    [ClassCleanup]
    public static void Clean() => s_folder.Dispose();

    static string Publish(bool native)
    {
        // Publishing takes minutes on a busy machine: one made before can be named.
        if (!native && Environment.GetEnvironmentVariable("MLNETCIFAR_PUBLISHED_WORKER") is { Length: > 0 } made)
            return made;
        if (s_published.TryGetValue(native, out var published))
            return published;
        var folder = s_folder[native ? "native" : "file"];
        var start = new ProcessStartInfo("dotnet", ["publish", "-c", "Release", "-r", "linux-x64", Repository.File("src", "MlNetCifar.Worker"), "-o", folder,
            $"-p:NativeWorker={(native ? "true" : "false")}", $"-p:NuGetLockFilePath=obj/publish-{Path.GetFileName(folder)}.lock.json", "--artifacts-path", $"{folder}-artifacts"])
        { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (s_lacks.Any(lack => output.Contains(lack, StringComparison.Ordinal)))
            Assert.Inconclusive($"The packs or the linker to publish with cannot be had: {output}");
        Assert.AreEqual(0, process.ExitCode, output);
        return s_published[native] = Path.Combine(folder, "mlnetcifar-worker");
    }
}
