using System.Diagnostics;
using System.Globalization;
using MlNetCifar.App.Cli;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Executors;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark.Executors;

/// <summary>Evaluation and prediction by a real cluster's executors, against this process alone.</summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class ExecutorScoringTests
{
    static ExecutorFixture s_fixture = null!;

    [ClassInitialize]
    public static async Task OpenAsync(TestContext context)
    {
        s_fixture = await ExecutorFixture.OpenAsync("scoring");
        s_fixture.Run(s_fixture.Training("model")).Good();
    }

    [ClassCleanup]
    public static void Close() => s_fixture?.Dispose();

    static string Model => s_fixture.Folder["runs/train/model"];

    [TestMethod]
    [DataRow("")]
    [DataRow("--subset train --views flip")]
    [DataRow("--subset validation")]
    public void Evaluate_OnExecutors_GivesTheSameFiles(string options)
    {
        string[] more = options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var here = Evaluate("here", more);
        var there = Evaluate("there", [.. more, .. s_fixture.Master]);
        Assert.AreEqual(string.Join('\n', Warnings(here.Error)), string.Join('\n', Warnings(there.Error)));
        foreach (var file in new[] { "predictions.csv", "per_class.csv", "confusion.csv", "roc.csv" })
            Assert.AreEqual(File.ReadAllText(s_fixture.Folder[$"runs/evaluate/here/{file}"]), File.ReadAllText(s_fixture.Folder[$"runs/evaluate/there/{file}"]), file);
        Assert.AreEqual(Figures(here), Figures(there));

        Cli Evaluate(string name, params string[] given) =>
            s_fixture.Run(["evaluate", "--json", "--data", s_fixture.Shards, "--model", Model, "--cache", s_fixture.Folder["cache"], "--output", s_fixture.Folder["runs"], "--name", name, "--exist-ok", .. given]).Good();
    }

    [TestMethod]
    public void Evaluate_OfNoShards_SaysSo()
    {
        StageFiles.Unpack(s_fixture.Folder["files"], 2, 2);
        s_fixture.Run(["evaluate", "--data", s_fixture.Folder["files"], "--model", Model, .. s_fixture.Master]).Bad(ExitCodes.Usage, "MNC9023");
    }

    [TestMethod]
    public async Task Predict_OnExecutors_WritesTheAnswersOfOneProcess()
    {
        StageFiles.Unpack(s_fixture.Folder["pictures"], 3, 2);
        s_fixture.Run("dataset", "import", s_fixture.Folder["pictures"], "--to", s_fixture.Hdfs("pictures")).Good();
        foreach (var (input, code) in new[] { (s_fixture.Shards, ExitCodes.Ok), (s_fixture.Hdfs("pictures"), ExitCodes.DataRejected) })
        {
            var csv = s_fixture.Folder["answers.csv"];
            Assert.AreEqual(code, s_fixture.Run("predict", input, "--model", Model, "--csv", csv).ExitCode);
            var to = s_fixture.Hdfs($"answers/{Path.GetFileName(input)}");
            var run = s_fixture.Run(["predict", input, "--model", Model, "--to", to, "--json", .. s_fixture.Master]);
            Assert.AreEqual(code, run.ExitCode, run.Error);
            var expected = File.ReadAllLines(csv).Skip(1).Order(StringComparer.Ordinal).ToArray();
            CollectionAssert.AreEqual(expected, await ReadAsync(to));
            Assert.AreEqual(expected.Length, run.Lines[0].GetProperty("pictures").GetInt32());
            Assert.AreEqual(expected.Length, run.Lines[0].GetProperty("answers").EnumerateObject().Sum(a => a.Value.GetInt32()) + run.Lines[0].GetProperty("failed").GetInt32());
            s_fixture.Run(["predict", input, "--model", Model, "--to", to, .. s_fixture.Master]).Bad(ExitCodes.Usage, "MNC6096");
        }

        Assert.IsFalse(StageFiles.Names(SparkFixture.Store(s_fixture.Cluster), s_fixture.Hdfs("answers")).Any(name => name.Contains("_temporary", StringComparison.Ordinal)));
    }

    [TestMethod]
    public async Task Predict_WithAWorkerKilled_WritesEachAnswerOnce()
    {
        // The first process to come ends as if killed, in the middle of its answers.
        var worker = s_fixture.Folder.Add("worker.sh", System.Text.Encoding.ASCII.GetBytes($"""
            #!/bin/bash
            mkdir '{s_fixture.Folder["first"]}' 2>/dev/null || exec '{StageFiles.Worker}' "$@"
            '{StageFiles.Worker}' "$@" | head -n 100
            exit 137

            """.ReplaceLineEndings("\n")))["worker.sh"];
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(worker, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var to = s_fixture.Hdfs("answers-killed");
        s_fixture.Run("predict", s_fixture.Shards, "--model", Model, "--to", to, "--master", s_fixture.Cluster.Connect!, "--worker-path", worker).Good();
        Assert.IsTrue(Directory.Exists(s_fixture.Folder["first"]));
        var answers = await ReadAsync(to);
        Assert.HasCount(answers.Distinct().Count(), answers);
    }

    [TestMethod]
    public void Predict_OfWhatClustersCannotDo_SaysSo()
    {
        s_fixture.Run(["predict", s_fixture.Hdfs("nothing"), "--model", Model, "--to", s_fixture.Hdfs("n"), .. s_fixture.Master]).Bad(ExitCodes.DataRejected, "MNC6098");
        s_fixture.Run(["predict", StageFiles.Sample, "--model", Model, "--to", s_fixture.Hdfs("n"), .. s_fixture.Master]).Bad(ExitCodes.DataRejected, "MNC6099");
        s_fixture.Run("predict", s_fixture.Shards, "--model", Model, "--to", s_fixture.Hdfs("n")).Bad(ExitCodes.Usage, "MNC9002");
        StringAssert.Contains(s_fixture.Run("predict", s_fixture.Shards, "--model", Model, "--master", s_fixture.Cluster.Connect!).Error, "--master has no effect");
    }

    /// <summary>The script of the documents, on a few pictures.</summary>
    [TestMethod]
    public async Task ElephasRecipe_GoesFromPicturesToAnswersOnHdfs()
    {
        StageFiles.Unpack(s_fixture.Folder["recipe"], 12, 0);
        var start = new ProcessStartInfo("/bin/bash", [Repository.File("src", "MlNetCifar.Spark", "elephas.sh"), s_fixture.Folder["recipe"], "2", "--threads", "2", "--cache", s_fixture.Folder["cache"]])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = s_fixture.Folder.Root,
        };
        foreach (var (name, value) in new[]
        {
            ("HADOOP_CONF_DIR", s_fixture.Cluster.HadoopConfiguration), ("MLNETCIFAR_MASTER", s_fixture.Cluster.Connect!), ("MLNETCIFAR_WORKER", StageFiles.Worker),
            ("MLNETCIFAR", $"dotnet {Path.Combine(AppContext.BaseDirectory, "MlNetCifar.App.dll")}"), ("ROOT", s_fixture.Hdfs("elephas")), ("EPOCHS", "1"),
        })
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.AreEqual(0, process.ExitCode, $"{output}\n{await error}");
        StringAssert.Contains(await error, "2 on Spark, sc://");
        StringAssert.Contains(output, "answers for 120 pictures in ");
        Assert.HasCount(120, await ReadAsync(s_fixture.Hdfs("elephas/answers")));
        using var store = SparkFixture.Store(s_fixture.Cluster);
        CollectionAssert.Contains(StageFiles.Names(store, s_fixture.Hdfs("elephas/runs")), "evaluate/elephas/report.html");
    }

    [TestMethod]
    public void AnExecutorThatDoesNotSeeAPath_SaysWhere()
    {
        using var stores = MlNetCifar.Spark.Hdfs.HdfsAccess.Local.Open(MlNetCifar.Spark.RetryPolicy.None);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new ExecutorStorage(stores).Normalize("/nowhere/shards"));
        Assert.AreEqual("MNC6093", error.Code);
        StringAssert.Contains(error.Message, "hdfs://");
    }

    /// <summary>Answers as the table of one process has them, in order.</summary>
    static async Task<string[]> ReadAsync(string folder)
    {
        await using var session = await SparkSession.ConnectAsync(s_fixture.Cluster.Connect!);
        await session.Read("parquet", [folder]).CreateTempViewAsync("answers");
        var columns = string.Join(", ", Enumerable.Range(0, 3).Select(i => $"labels[{i}] l{i}, probabilities[{i}] p{i}"));
        var rows = await session.Sql($"SELECT path, answer, probability, unknown, array_join(label_set, ' ') s, code, error, {columns} FROM answers").CollectAsync();
        return [.. rows.Select(row => string.Join(',', Enumerable.Range(0, row.Count).Select(i => Cell(row[i])))).Order(StringComparer.Ordinal)];
    }

    static string Cell(object? value)
    {
        var text = value switch { null => "", bool flag => flag ? "true" : "false", double number => ((float)number).ToString("0.######", CultureInfo.InvariantCulture), _ => value.ToString()! };
        return text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    static IEnumerable<string> Warnings(string error) => error.Split('\n').Where(line => line.StartsWith("warning", StringComparison.Ordinal));

    static string Figures(Cli run) => string.Join('\n', run.Lines[^1].EnumerateObject().Where(p => p.Name is not ("run" or "report" or "folder" or "copy")).Select(p => $"{p.Name} {p.Value}"));
}
