using System.Text.Json;
using MlNetCifar.Files;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>The stage on a real standalone cluster over a real HDFS: the same bytes as in process, exactly once.</summary>
[TestClass]
[TestCategory("Spark")]
[DoNotParallelize]
public sealed class SparkPrepareTests
{
    static LocalCluster s_cluster = null!;
    static HdfsFileStore s_store = null!;
    static TestFolder s_folder = null!;
    static string[] s_expected = [];

    static string Hdfs(string path) => $"{s_cluster.FileSystem}/{path}";

    static SparkPrepareOptions Options(string input, string output, string? master = null) =>
        StageFiles.Options(input, output, master ?? s_cluster.Connect!) with { Hadoop = HadoopConfiguration.Load(s_cluster.HadoopConfiguration) };

    static string Script(string text)
    {
        var path = s_folder[$"{Guid.NewGuid():N}.sh"];
        File.WriteAllText(path, text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    [ClassInitialize]
    public static async Task StartAsync(TestContext context)
    {
        s_cluster = await SparkFixture.ClusterAsync();
        s_store = SparkFixture.Store(s_cluster);
        s_store.DeleteFolder(Hdfs("stage"));
        s_folder = new TestFolder();
        StageFiles.Unpack(s_folder["input"], 12, 4);
        await StageFiles.CopyAsync(s_folder["input"], s_cluster, "stage/input");
        await SparkPrepare.RunAsync(Options(s_folder["input"], s_folder["one"], "local[1]"));
        s_expected = StageFiles.Hashes(LocalFileStore.Instance, s_folder["one"]);
    }

    [ClassCleanup]
    public static void Close()
    {
        s_store?.Dispose();
        s_folder?.Dispose();
    }

    [TestMethod]
    public async Task Local_WritesTheSameBytesWithTwoThreads_AndToHdfs()
    {
        await SparkPrepare.RunAsync(Options(s_folder["input"], s_folder["two"], "local[2]"));
        StageFiles.AreSame(s_expected, StageFiles.Hashes(LocalFileStore.Instance, s_folder["two"]));
        await SparkPrepare.RunAsync(Options(Hdfs("stage/input"), Hdfs("stage/local"), "local[2]"));
        StageFiles.AreSame(s_expected, StageFiles.Hashes(s_store, Hdfs("stage/local")));
    }

    [TestMethod]
    public async Task Standalone_WritesTheSameBytes_FromHdfsToHdfs()
    {
        var report = await SparkPrepare.RunAsync(Options(Hdfs("stage/input"), Hdfs("stage/spark")));
        Assert.AreEqual(10, report.PartsWritten);
        Assert.AreEqual(2, report.BadFiles.Count);
        StageFiles.AreSame(s_expected, StageFiles.Hashes(s_store, Hdfs("stage/spark")));
        Assert.IsFalse(StageFiles.Names(s_store, Hdfs("stage/spark")).Any(n => n.Contains("_temporary", StringComparison.Ordinal)));
    }

    [TestMethod]
    public async Task Workers_AskNobodyWhereTheImagesLie()
    {
        var before = await AskedAsync();
        var report = await SparkPrepare.RunAsync(Options(Hdfs("stage/input"), Hdfs("stage/places")));
        var images = report.Splits.Values.Sum(s => s.Count);
        // What was asked for: the tasks, and the lock at each commit.
        Assert.IsLessThan(3 * report.PartsWritten, await AskedAsync() - before, $"{images} images");
        StageFiles.AreSame(s_expected, StageFiles.Hashes(s_store, Hdfs("stage/places")));

        static async Task<long> AskedAsync()
        {
            var text = await LocalCluster.TryGetAsync(new(s_cluster.NameNode!, "/jmx?qry=Hadoop:service=NameNode,name=NameNodeActivity"), default);
            using var json = JsonDocument.Parse(text!);
            return json.RootElement.GetProperty("beans")[0].GetProperty("GetBlockLocations").GetInt64();
        }
    }

    [TestMethod]
    public async Task Standalone_WritesTheSameBytes_OnLocalFiles()
    {
        await SparkPrepare.RunAsync(Options(s_folder["input"], $"file://{s_folder["spark"]}"));
        StageFiles.AreSame(s_expected, StageFiles.Hashes(LocalFileStore.Instance, s_folder["spark"]));
    }

    [TestMethod]
    public async Task Standalone_WritesTheSameBytes_FromParquet()
    {
        await HdfsImport.RunAsync(new()
        {
            Source = s_folder["input"],
            Target = Hdfs("stage/packed"),
            PackParquet = true,
            PackBytes = 100_000,
            Hadoop = HadoopConfiguration.Load(s_cluster.HadoopConfiguration),
        });
        await SparkPrepare.RunAsync(Options(Hdfs("stage/packed"), Hdfs("stage/fromparquet")));
        StageFiles.AreSame(s_expected, StageFiles.Hashes(s_store, Hdfs("stage/fromparquet")));
    }

    [TestMethod]
    public async Task Standalone_WritesTheSameBytes_Normalised()
    {
        SparkPrepareOptions Normalised(SparkPrepareOptions options) => options with { Shards = options.Shards with { Float32 = true, Normalize = true } };
        await SparkPrepare.RunAsync(Normalised(Options(s_folder["input"], s_folder["normalised"], "local[2]")));
        var expected = StageFiles.Hashes(LocalFileStore.Instance, s_folder["normalised"]);
        var phases = new HashSet<string>();
        var output = Hdfs("stage/normalised");
        var report = await SparkPrepare.RunAsync(Normalised(Options(Hdfs("stage/input"), output)), new CallBack(p => phases.Add(p.Phase)));
        Assert.AreEqual(0, report.PartsKept);
        CollectionAssert.IsSubsetOf(new[] { "measure", "run" }, phases.ToArray());
        StageFiles.AreSame(expected, StageFiles.Hashes(s_store, output));

        // An earlier run of the same images knows their mean: only what is missing is built.
        s_store.Delete($"{output}/test/X_part_00000.npy");
        phases.Clear();
        report = await SparkPrepare.RunAsync(Normalised(Options(Hdfs("stage/input"), output)), new CallBack(p => phases.Add(p.Phase)));
        Assert.AreEqual(1, report.PartsWritten);
        Assert.IsFalse(phases.Contains("measure"));
        StageFiles.AreSame(expected, StageFiles.Hashes(s_store, output));
    }

    [TestMethod]
    public async Task Rerun_BuildsOnlyWhatIsMissingOrDamaged()
    {
        var output = Hdfs("stage/rerun");
        await SparkPrepare.RunAsync(Options(Hdfs("stage/input"), output));
        s_store.Delete($"{output}/train/X_part_00001.npy");
        s_store.Write($"{output}/train/y_part_00003.npy", s => s.Write("damaged"u8));
        s_store.Delete($"{output}/test/_SUCCESS");
        var report = await SparkPrepare.RunAsync(Options(Hdfs("stage/input"), output));
        Assert.AreEqual(2, report.PartsWritten);
        Assert.AreEqual(8, report.PartsKept);
        StageFiles.AreSame(s_expected, StageFiles.Hashes(s_store, output));
        // Nothing left to do: no connection is made at all.
        report = await SparkPrepare.RunAsync(Options(Hdfs("stage/input"), output, "sc://127.0.0.1:1"));
        Assert.AreEqual(0, report.PartsWritten);
    }

    [TestMethod]
    public async Task Cancel_StopsTheJobAndLeavesNoLitter()
    {
        var output = Hdfs("stage/cancelled");
        using var source = new CancellationTokenSource();
        var progress = new CallBack(p =>
        {
            if (p.Phase == "run" && p.Tasks > 0)
                source.Cancel();
        });
        await Assert.ThrowsAsync<OperationCanceledException>(() => SparkPrepare.RunAsync(Options(Hdfs("stage/input"), output), progress, source.Token));
        Assert.IsFalse(s_store.FolderExists($"{output}/_mlnetcifar_temporary"));
        Assert.IsFalse(s_store.FileExists($"{output}/_SUCCESS"));
        await SparkPrepare.RunAsync(Options(Hdfs("stage/input"), output));
        StageFiles.AreSame(s_expected, StageFiles.Hashes(s_store, output));
    }

    [TestMethod]
    public async Task HangingWorker_IsStoppedWithANamedError()
    {
        var script = Script("#!/bin/bash\nexec sleep 600\n");
        var output = Hdfs("stage/hanging");
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(
            Options(Hdfs("stage/input"), output) with { WorkerPath = script, StallTimeout = TimeSpan.FromSeconds(4) }));
        Assert.AreEqual("MNC6045", error.Code);
        Assert.IsFalse(s_store.FolderExists($"{output}/_mlnetcifar_temporary"));
    }

    [TestMethod]
    public async Task FailingWorker_IsNamedWithItsLastWords()
    {
        var script = Script("#!/bin/bash\ncat >/dev/null\necho 'the disk is full' >&2\nsleep 1\nexit 9\n");
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(
            Options(Hdfs("stage/input"), Hdfs("stage/failing")) with { WorkerPath = script }));
        Assert.AreEqual("MNC6023", error.Code);
        StringAssert.Contains(error.Message, "the disk is full");
    }

    [TestMethod]
    public async Task AllSplits_AreOneJob()
    {
        var starts = s_folder["starts"];
        var script = Script($"#!/bin/bash\necho $$ >> '{starts}'\nexec '{StageFiles.Worker}' \"$@\"\n");
        var output = Hdfs("stage/onejob");
        // What an earlier version, killed, has left in the folder of a split.
        s_store.Write($"{output}/test/_mlnetcifar_temporary/old/task_00000.jsonl", s => s.Write("{}"u8));
        await SparkPrepare.RunAsync(Options(Hdfs("stage/input"), output) with { WorkerPath = script });
        Assert.HasCount(2, File.ReadAllLines(starts), "ten parts of two splits, on two cores");
        StageFiles.AreSame(s_expected, StageFiles.Hashes(s_store, output));
        Assert.IsFalse(StageFiles.Names(s_store, output).Any(n => n.Contains("_temporary", StringComparison.Ordinal)));
    }

    [TestMethod]
    public async Task SilentWorker_IsNotTakenForADoneOne()
    {
        var script = Script("#!/bin/bash\nexit 0\n");
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(
            Options(Hdfs("stage/input"), Hdfs("stage/silent")) with { WorkerPath = script }));
        Assert.AreEqual("MNC6043", error.Code);
        StringAssert.Contains(error.Message, "parts 0, 1, 2, 3, 4 of train; 0, 1, 2, 3, 4 of test");
    }

    [TestMethod]
    public async Task BadImage_FailsTheJobByName_WhenAsked()
    {
        var options = Options(Hdfs("stage/input"), Hdfs("stage/strict"));
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(
            options with { Shards = options.Shards with { OnBadImage = MlNetCifar.OnBadImage.Fail } }));
        Assert.AreEqual(ErrorKind.Data, error.Kind);
        StringAssert.Contains(error.Message, ".jpg");
    }

    sealed class CallBack(Action<SparkPrepareProgress> action) : IProgress<SparkPrepareProgress>
    {
        public void Report(SparkPrepareProgress value) => action(value);
    }
}
