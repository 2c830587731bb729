using System.Diagnostics;
using MlNetCifar.App.Cli;
using MlNetCifar.Files;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>What a user types, with daemons that the commands start and stop themselves.</summary>
[TestClass]
[TestCategory("Spark")]
[DoNotParallelize]
public sealed class SparkCommandTests
{
    [TestMethod]
    public void SeedPipeline_OnYarn_EndsWithResultsOnHdfs()
    {
        SparkFixture.Runtime();
        using var folder = new Pictures();
        Cli.Run("dataset", "sample", StageFiles.Sample, folder["small.tar.gz"], "--train-per-class", "30", "--test-per-class", "10").Good();
        var (cluster, variables) = Start(folder, "yarn");
        try
        {
            Assert.HasCount(5, Cli.Run("cluster", "status", "--folder", cluster, "--json").Good().Lines[0].GetProperty("daemons").EnumerateArray().ToArray());
            StringAssert.Contains(Cli.Run("cluster", "status", "--folder", cluster).Good().Out, "export MLNETCIFAR_MASTER='sc://127.0.0.1:");
            Cli.Run("cluster", "start", "--folder", cluster).Bad(ExitCodes.Usage, "MNC6063");
            Pipeline(folder, variables);

            var store = new HdfsFileStore(new("hdfs:///"), new(WebHdfsOptions.For(new("hdfs:///"), HadoopConfiguration.Load(variables["HADOOP_CONF_DIR"]))));
            using (store)
            {
                var names = StageFiles.Names(store, "hdfs:///mlnetcifar/runs");
                foreach (var file in new[] { "train/seed-cnn/weights/best.safetensors", "train/seed-cnn/report.html", "evaluate/seed-cnn/report.html", "evaluate/seed-cnn/predictions.csv" })
                    CollectionAssert.Contains(names, file);
                Assert.IsFalse(names.Any(n => n.Contains("_temporary", StringComparison.Ordinal) || n.EndsWith(".tmp", StringComparison.Ordinal)), string.Join('\n', names));
                var local = Path.Combine(folder.Runs, "evaluate", "seed-cnn");
                StageFiles.AreSame(StageFiles.Hashes(LocalFileStore.Instance, local), StageFiles.Hashes(store, "hdfs:///mlnetcifar/runs/evaluate/seed-cnn"));
                using var predictions = new StreamReader(store.OpenRead("hdfs:///mlnetcifar/runs/evaluate/seed-cnn/predictions.csv"));
                Assert.HasCount(101, predictions.ReadToEnd().TrimEnd('\n').Split('\n'));

                SameShardsAsOneThread(folder, variables, store);
            }

            SecondRuns(folder, variables);
        }
        finally
        {
            Assert.AreEqual("5 daemons stopped\n", Cli.Run("cluster", "stop", "--folder", cluster).Good().Out);
        }

        Assert.IsFalse(Directory.Exists(cluster));
    }

    /// <summary>The script of the documents, as a process of its own.</summary>
    static void Pipeline(Pictures folder, Dictionary<string, string> variables)
    {
        var script = Repository.File("src", "MlNetCifar.Spark", "pipeline.sh");
        var start = new ProcessStartInfo("/bin/bash", [script, folder["small.tar.gz"], "--epochs", "2", "--threads", "1", "--cache", folder["cache"]])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder.Root,
        };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        start.Environment["MLNETCIFAR"] = Program;
        start.Environment["MLNETCIFAR_WORKER"] = StageFiles.Worker;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, $"{output}\n{error.Result}");
        StringAssert.Contains(output, "400 files in hdfs:///mlnetcifar/pictures");
        StringAssert.Contains(output, "300 images in 1 parts");
        StringAssert.Contains(output, "on 100 images");
        StringAssert.Contains(error.Result, "copy     hdfs:///mlnetcifar/runs/evaluate/seed-cnn");
        Assert.IsNotEmpty(Directory.EnumerateFiles(folder["cache"]));
    }

    static void SameShardsAsOneThread(Pictures folder, Dictionary<string, string> variables, HdfsFileStore store)
    {
        Cli.Run("dataset", "import", folder["small.tar.gz"], folder["small"]).Good();
        Cli.Run("prepare", "--data", folder["small"], "--size", "32", "--to", folder["shards"], "--master", "local[1]").Good();
        StageFiles.AreSame(StageFiles.Hashes(LocalFileStore.Instance, folder["shards"]), StageFiles.Hashes(store, "hdfs:///mlnetcifar/shards"));
        var again = Run(variables, "prepare", "--data", "hdfs:///mlnetcifar/pictures", "--size", "32", "--to", "hdfs:///mlnetcifar/shards", "--worker-path", StageFiles.Worker, "--json").Good();
        Assert.AreEqual(0, again.Lines[0].GetProperty("partsWritten").GetInt32());
    }

    /// <summary>The same names again: nothing is written over, unless asked for.</summary>
    static void SecondRuns(Pictures folder, Dictionary<string, string> variables)
    {
        var model = Path.Combine(folder.Runs, "train", "seed-cnn");
        string[] evaluate = ["evaluate", "--data", "hdfs:///mlnetcifar/shards", "--model", "hdfs:///mlnetcifar/runs/train/seed-cnn", "--cache", "none", "--output", "hdfs:///mlnetcifar/runs", "--name", "seed-cnn", "--exist-ok", "--json"];
        Assert.AreEqual("hdfs:///mlnetcifar/runs/evaluate/seed-cnn", Run(variables, evaluate).Good().Lines[^1].GetProperty("copy").GetString());
        Assert.AreEqual("hdfs:///mlnetcifar/runs/evaluate/seed-cnn2", Run(variables, [.. evaluate.Where(a => a != "--exist-ok")]).Good().Lines[^1].GetProperty("copy").GetString());
        Run(variables, [.. evaluate.Select(a => a == "hdfs:///mlnetcifar/runs" ? "hdfs:///mlnetcifar/shards/_SUCCESS" : a)]).Bad(ExitCodes.Usage, "MNC9002");
        Directory.Delete("runs", recursive: true);

        Run(variables, "dataset", "import", Path.Combine(folder["small"], "test", "cat"), "--to", "hdfs:///cats").Good();
        Assert.AreEqual("10 files in hdfs:///cats, 10 of them were there already\n", Run(variables, "dataset", "import", Path.Combine(folder["small"], "test", "cat"), "hdfs:///cats").Good().Out);
        var predictions = Run(variables, "predict", "hdfs:///cats", "--model", model, "--json").Good().Lines;
        Assert.HasCount(10, predictions);
        StringAssert.StartsWith(predictions[0].GetProperty("path").GetString(), "hdfs:///cats/");
        Run(variables, "predict", "hdfs:///dogs", "--model", model).Bad(ExitCodes.DataRejected, "MNC9011");
        Run(variables, "predict", "hdfs:///cats", "--model", "hdfs:///cats").Bad(ExitCodes.DataRejected, "MNC9007");
        Run(variables, "train", "--data", "hdfs:///dogs").Bad(ExitCodes.DataRejected, "MNC1001");
    }

    static (string Folder, Dictionary<string, string> Variables) Start(Pictures folder, string manager)
    {
        var started = Cli.Run(["cluster", "start", "--folder", folder["cluster"], "--manager", manager, "--json"], []).Good().Lines[0];
        return (folder["cluster"], started.GetProperty("variables").EnumerateObject().ToDictionary(v => v.Name, v => v.Value.GetString()!));
    }

    static Cli Run(Dictionary<string, string> variables, params string[] args) => Cli.Run(args, variables);

    static string Program
    {
        get
        {
            var configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
            return Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "MlNetCifar.App", configuration, "MlNetCifar.App"));
        }
    }
}
