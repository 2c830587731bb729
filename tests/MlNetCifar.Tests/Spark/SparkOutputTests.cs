using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.Files;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>What is written on a real cluster, and what is made of it: nothing mixed, nothing foreign touched, no figure of training images.</summary>
[TestClass]
[TestCategory("Spark")]
[DoNotParallelize]
public sealed class SparkOutputTests
{
    static LocalCluster s_cluster = null!;
    static HdfsFileStore s_store = null!;
    static TestFolder s_folder = null!;

    static Dictionary<string, string> Variables => new() { ["HADOOP_CONF_DIR"] = s_cluster.HadoopConfiguration };

    static string Hdfs(string path) => $"{s_cluster.FileSystem}/output/{path}";

    static SparkPrepareOptions Options(string output, ulong seed) =>
        StageFiles.Options(Hdfs("input"), output, s_cluster.Connect!) is var options
            ? options with { Hadoop = HadoopConfiguration.Load(s_cluster.HadoopConfiguration), Shards = options.Shards with { Seed = seed } }
            : throw new InvalidOperationException();

    [ClassInitialize]
    public static async Task StartAsync(TestContext context)
    {
        s_cluster = await SparkFixture.ClusterAsync();
        s_store = SparkFixture.Store(s_cluster);
        s_store.DeleteFolder(Hdfs(""));
        s_folder = new TestFolder();
        StageFiles.Unpack(s_folder["input"], 12, 4);
        await StageFiles.CopyAsync(s_folder["input"], s_cluster, "output/input");
        await StageFiles.CopyAsync(Path.Combine(s_folder["input"], "train"), s_cluster, "output/photos");
    }

    [ClassCleanup]
    public static void Close()
    {
        s_store?.Dispose();
        s_folder?.Dispose();
    }

    [TestMethod]
    public async Task TwoRuns_WithOtherSettings_LeaveTheShardsOfOne_AndTheFilesOfOthers()
    {
        var output = Hdfs("twice");
        s_store.Write($"{output}/train/_temporary/0/other_job.txt", stream => stream.Write("somebody's"u8));
        s_store.Write($"{output}/notes.txt", stream => stream.Write("somebody's"u8));
        var runs = new ulong[] { 7, 8 }.Select(seed => Task.Run(() => SparkPrepare.RunAsync(Options(output, seed)))).ToArray();
        await ((Task)Task.WhenAll(runs)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var refused = runs.Where(run => run.IsFaulted).Select(run => ((MlNetCifarException)run.Exception!.InnerException!).Code).ToArray();
        CollectionAssert.AreEqual(new[] { "MNC1035" }, refused);
        var winner = Array.FindIndex(runs, run => run.IsCompletedSuccessfully) == 0 ? 7UL : 8UL;
        await SparkPrepare.RunAsync(Options(Hdfs("alone"), winner));
        var loser = Options(output, 15 - winner);
        foreach (var master in new[] { loser.Master, "local[1]" })
        {
            var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(loser with { Master = master }));
            Assert.AreEqual("MNC1039", error.Code);
            StringAssert.Contains(error.Message, $"seed {winner} instead of seed {15 - winner}");
        }

        foreach (var name in new[] { "train/_temporary/0/other_job.txt", "notes.txt" })
        {
            Assert.IsTrue(s_store.FileExists($"{output}/{name}"), name);
            s_store.Delete($"{output}/{name}");
        }

        StageFiles.AreSame(StageFiles.Hashes(s_store, Hdfs("alone")), StageFiles.Hashes(s_store, output));
    }

    [TestMethod]
    public async Task ForeignParts_AreRefused()
    {
        var output = Hdfs("foreign");
        s_store.Write($"{output}/train/X_part_00000.npy", stream => stream.Write("somebody's"u8));
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(Options(output, 7)));
        Assert.AreEqual("MNC1037", error.Code);
        using var reader = new StreamReader(s_store.OpenRead($"{output}/train/X_part_00000.npy"));
        Assert.AreEqual("somebody's", reader.ReadToEnd());
        Assert.AreEqual("MNC1038", (await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(Options($"{output}/train/X_part_00000.npy", 7)))).Code);
    }

    [TestMethod]
    public async Task Input_UnderAnyName_OrAFolderInIt_IsNoOutput()
    {
        var input = StageFiles.Names(s_store, Hdfs("input"));
        var web = $"webhdfs://{s_cluster.NameNode!.Authority}/output/input";
        foreach (var output in new[] { Hdfs("input"), Hdfs("input/"), Hdfs("none/../input"), Hdfs("input/train/cat"), Hdfs("input/shards"), "hdfs:///output/input", web })
        {
            var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkPrepare.RunAsync(Options(output, 7)));
            Assert.AreEqual("MNC1038", error.Code, output);
        }

        CollectionAssert.AreEqual(input, StageFiles.Names(s_store, Hdfs("input")));
    }

    [TestMethod]
    public void Lock_OnHdfs_IsTakenByOne()
    {
        var path = Hdfs("lock/file");
        var won = 0;
        Parallel.For(0, 8, i => Interlocked.Add(ref won, s_store.TryCreate(path, new[] { (byte)i }) ? 1 : 0));
        Assert.AreEqual(1, won);
        Assert.AreEqual(1L, ((IFileStore)s_store).FindLength(path));
        CollectionAssert.AreEqual(new[] { "file" }, StageFiles.Names(s_store, Hdfs("lock")));
    }

    [TestMethod]
    public void RecipeOfTheDocuments_WithoutATestShare_EvaluatesOnNoTrainingImage_AndPredicts()
    {
        using var folder = new Pictures();
        var shards = Hdfs("recipe");
        Run("prepare", "--data", Hdfs("photos"), "--size", "32", "--to", shards, "--master", s_cluster.Connect!, "--worker-path", StageFiles.Worker);
        var trained = Run("train", "--data", shards, "--preset", "seed-cnn", "--epochs", "1", "--threads", "1", "--cache", "none", "--output", folder.Runs, "--json");
        var model = Path.Combine(folder.Runs, "train", "seed-cnn");
        var evaluated = Run("evaluate", "--data", shards, "--model", model, "--cache", "none", "--output", folder.Runs, "--json");
        StringAssert.Contains(evaluated.Error, "they are left out, as in the split of its run");
        Assert.AreEqual(trained.Lines[^1].GetProperty("images").GetInt64(), evaluated.Lines[^1].GetProperty("images").GetInt64());

        // Each picture of the shards, read from HDFS, is answered as the file it was made of.
        var predictions = Run("predict", shards, "--model", model, "--json").Lines;
        Assert.HasCount(120, predictions);
        var files = Run("predict", Path.Combine(s_folder["input"], "train"), "--model", model, "--json").Lines
            .Where(line => line.TryGetProperty("predictions", out _)).ToDictionary(Name, Best);
        foreach (var line in predictions)
            Assert.AreEqual(files[Name(line)], Best(line), Name(line));
        Run("predict", shards, "--model", model, "--csv", folder["answers.csv"]);
        Assert.HasCount(121, File.ReadAllLines(folder["answers.csv"]));

        static (string?, float) Best(JsonElement line) =>
            line.GetProperty("predictions")[0] is var best ? (best.GetProperty("label").GetString(), best.GetProperty("probability").GetSingle()) : default;

        static string Name(JsonElement line) => string.Join('/', line.GetProperty("path").GetString()!.Split('/')[^2..]);
    }

    static Cli Run(params string[] args)
    {
        var run = Cli.Run(args, Variables);
        Assert.IsTrue(run.ExitCode is ExitCodes.Ok or ExitCodes.DataRejected, run.Error);
        return run;
    }
}
