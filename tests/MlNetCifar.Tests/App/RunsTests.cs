using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;

namespace MlNetCifar.Tests.App;

/// <summary>Looking at batches and runs, and answers as files.</summary>
[TestClass]
public sealed class RunsTests
{
    static readonly Pictures s_folder = new();
    static string s_data = "";
    static string s_run = "";

    [ClassInitialize]
    public static void Train(TestContext _)
    {
        s_data = s_folder.Splits();
        s_run = Cli.Run("train", s_data, "--size", "16", "--epochs", "3", "--batch-size", "4", "--output", s_folder.Runs, "--json").Good().Lines[^1].GetProperty("run").GetString()!;
    }

    [ClassCleanup]
    public static void CleanUp() => s_folder.Dispose();

    [TestMethod]
    public void Runs_ListsDataAccuracyAndTime()
    {
        var table = Cli.Run("runs", "--output", s_folder.Runs).Good().Out;
        StringAssert.Contains(table, "seed-cnn");
        var line = Cli.Run("runs", "--output", s_folder.Runs, "--json").Good().Lines.Single(l => l.GetProperty("run").GetString() == s_run);
        Assert.AreEqual(s_data, line.GetProperty("data").GetString());
        Assert.AreEqual(3, line.GetProperty("epochs").GetInt32());
        Assert.IsTrue(line.GetProperty("done").GetBoolean());
        Assert.AreEqual(1, line.GetProperty("accuracy").GetDouble(), 0.5);
        Assert.AreEqual("", Cli.Run("runs", "--output", s_folder["nowhere"]).Good().Out);
    }

    [TestMethod]
    public void Runs_LeavesOutWhatIsNoRun_AndKeepsDamagedOnes()
    {
        using var folder = new Pictures();
        folder.Text("runs/train/none/x.txt", "x");
        folder.Text("runs/train/bad/args.json", "{");
        folder.Text("runs/train/bad/results.csv", "epoch,seconds\n1,2\n2,x\n");
        var line = Cli.Run("runs", "--output", folder.Runs, "--json").Good().Lines.Single();
        Assert.AreEqual(2, line.GetProperty("epochs").GetInt32());
        Assert.IsFalse(line.GetProperty("done").GetBoolean());
    }

    [TestMethod]
    public void Runs_OfASweep_EndsWithItsPage_AndHasTheFiguresOfTheTrainingAtItsEnd()
    {
        using var folder = new Pictures();
        Cli.Run("tune", s_data, "--preset", "seed-cnn", "--size", "16", "--epochs", "1", "--batch-size", "4", "--trials", "2", "--output", folder.Runs).Good();
        var line = Line();
        Assert.IsTrue(line.GetProperty("done").GetBoolean());
        var sweep = line.GetProperty("run").GetString()!;
        using var report = JsonDocument.Parse(File.ReadAllText(Path.Combine(Directory.GetDirectories(sweep, "best-*").Single(), "report.json")));
        Assert.AreEqual(report.RootElement.GetProperty("metrics").GetProperty("microAccuracy").GetProperty("value").GetDouble(), line.GetProperty("accuracy").GetDouble());

        StringAssert.Contains(Cli.Run("watch", sweep).Good().Out, Path.Combine(sweep, "tune.html"));
        StringAssert.Contains(Cli.Run("predict", Path.Combine(s_data, "test"), "--model", sweep).Bad(ExitCodes.DataRejected, "MNC9007").Error, "best-");

        // What another command made is refused before anything in it changes.
        var record = File.ReadAllText(Path.Combine(sweep, "args.json"));
        StringAssert.Contains(Cli.Run("train", "--resume", sweep).Bad(ExitCodes.DataRejected, "MNC9013").Error, "tune --resume");
        Cli.Run("tune", "--resume", s_run).Bad(ExitCodes.DataRejected, "MNC9013");
        Cli.Run("automl", "--resume", sweep).Bad(ExitCodes.DataRejected, "MNC9013");
        Cli.Run("tune", s_data, "--preset", "seed-cnn", "--size", "16", "--trials", "5", "--exist-ok", "--output", folder.Runs).Bad(ExitCodes.Usage, "MNC3211");
        Assert.AreEqual(record, File.ReadAllText(Path.Combine(sweep, "args.json")));

        // It goes on.
        File.SetLastWriteTimeUtc(Path.Combine(sweep, "trials.jsonl"), DateTime.UtcNow.AddSeconds(1));
        Assert.IsFalse(Line().GetProperty("done").GetBoolean());

        JsonElement Line() => Cli.Run("runs", "--output", folder.Runs, "--json").Good().Lines.Single(l => l.GetProperty("command").GetString() == "tune");
    }

    [TestMethod]
    public void Watch_OfARunThatIsDone_ShowsAllAndEnds()
    {
        using var folder = new Pictures();
        var run = Cli.Run("watch", s_run, "--html", folder["live.html"]).Good();
        Assert.AreEqual(3, run.Out.Split('\n').Count(line => line.StartsWith("epoch ", StringComparison.Ordinal)));
        StringAssert.Contains(run.Out, "done: accuracy");
        StringAssert.Contains(run.Out, "  best");
        Assert.DoesNotContain("refresh", File.ReadAllText(folder["live.html"]));
    }

    [TestMethod]
    public void Watch_FollowsARunFromAnotherThread()
    {
        using var folder = new Pictures();
        folder.Text("runs/train/r/args.json", """{"epochs": 3}""");
        var run = folder["runs/train/r"];
        WatchCommand.Interval = TimeSpan.FromMilliseconds(20);
        var watching = Task.Run(() => Cli.Run("watch", run, "--html", folder["live.html"], "--json"));
        const string head = "epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate,images_per_second,seconds\n";
        var text = head;
        for (var epoch = 1; epoch <= 3; epoch++)
        {
            // Whole or not at all, as a run writes it: half a file is a run that was begun again.
            folder.Text("results.csv", text += $"{epoch},1,0.5,1,0.5,0.1,10,1\n");
            File.Move(folder["results.csv"], folder["runs/train/r/results.csv"], overwrite: true);
            Thread.Sleep(60);
        }

        Assert.IsTrue(SpinWait.SpinUntil(() => File.Exists(folder["live.html"]) && File.ReadAllText(folder["live.html"]).Contains("refresh", StringComparison.Ordinal), TimeSpan.FromSeconds(30)));
        Assert.IsFalse(watching.IsCompleted);
        folder.Text("runs/train/r/report.json", """{"metrics": {"microAccuracy": {"value": 0.75}}}""");
        Assert.IsTrue(watching.Wait(TimeSpan.FromSeconds(30)));
        var lines = watching.Result.Good().Lines;
        CollectionAssert.AreEqual(new[] { 1, 2, 3 }, lines.Take(3).Select(line => (int)line.GetProperty("epoch").GetDouble()).ToArray());
        Assert.AreEqual(0.75, lines[3].GetProperty("accuracy").GetDouble());
    }

    [TestMethod]
    public void Watch_WithoutRuns_SaysSo()
    {
        Cli.Run("watch", "--output", s_folder["nowhere"]).Bad(ExitCodes.Usage, "MNC9019");
        Cli.Run("watch", s_folder["nowhere"]).Bad(ExitCodes.DataRejected, "MNC9011");
    }

    [TestMethod]
    public void ShowBatch_WritesPageAndPicture()
    {
        using var folder = new Pictures();
        var run = Cli.Run("show-batch", s_data, "--size", "16", "--images", "9", "--out", folder["b.html"], "--json").Good();
        Assert.HasCount(9, run.Lines);
        var page = File.ReadAllText(folder["b.html"]);
        Assert.AreEqual(18, page.Split("data:image/png").Length - 1);
        StringAssert.Contains(page, $"<b>{run.Lines[0].GetProperty("label").GetString()}</b>");
        var picture = RgbImage.Load(folder["b.png"]);
        Assert.AreEqual((4 + (3 * 100), 4 + (3 * 100)), (picture.Width, picture.Height));
        Cli.Run("show-batch", s_data, "--out", folder["b.pdf"]).Bad(ExitCodes.Usage, "MNC9018");
    }

    [TestMethod]
    public void Predict_WritesATableAndSortsPictures()
    {
        using var folder = new Pictures();
        var test = Path.Combine(s_data, "test");
        folder.Text("in/broken.jpg", "x");
        var run = Cli.Run("predict", "--model", s_run, test, folder["in"], "--csv", folder["a.csv"], "--save", folder["sorted"], "--top", "2", "--json");
        Assert.AreEqual(ExitCodes.DataRejected, run.ExitCode);
        var rows = File.ReadAllLines(folder["a.csv"]);
        Assert.AreEqual("path,answer,probability,unknown,label_set,code,error,label_1,probability_1,label_2,probability_2", rows[0]);
        Assert.HasCount(14, rows);
        foreach (var (line, row) in run.Lines.Zip(rows.Skip(1)).Take(12))
        {
            var cells = row.Split(',');
            Assert.AreEqual(line.GetProperty("path").GetString(), cells[0]);
            Assert.AreEqual(line.GetProperty("predictions")[0].GetProperty("label").GetString(), cells[1]);
            Assert.AreEqual(line.GetProperty("predictions")[1].GetProperty("label").GetString(), cells[9]);
            CollectionAssert.Contains(
                Directory.GetFiles(Path.Combine(folder["sorted"], cells[1])).Select(File.ReadAllBytes).Select(Convert.ToHexString).ToArray(), Convert.ToHexString(File.ReadAllBytes(cells[0])));
        }

        StringAssert.Contains(rows[13], "MNC12");
        Assert.HasCount(12, Directory.GetFiles(folder["sorted"], "*", SearchOption.AllDirectories));
        Cli.Run("predict", "--model", s_run, test, "--csv", folder["a.xlsx"]).Bad(ExitCodes.Usage, "MNC9018");
        Cli.Run("predict", "--model", s_run, test, "--parquet", folder["a.csv"]).Bad(ExitCodes.Usage, "MNC9018");
    }

    [TestMethod]
    public void Answers_AsParquet_AreThoseOfTheCsv()
    {
        using var folder = new Pictures();
        var test = Path.Combine(s_data, "test");
        folder.Text("in/broken.jpg", "x");
        Cli.Run("predict", "--model", s_run, test, folder["in"], "--csv", folder["a.csv"], "--parquet", folder["a.parquet"], "--top", "2");
        AreSame(folder["a.csv"], folder["a.parquet"]);
        var run = Cli.Run("evaluate", s_data, "--model", s_run, "--output", folder.Runs, "--parquet", folder["b.parquet"], "--json").Good().Lines[^1].GetProperty("run").GetString()!;
        AreSame(Path.Combine(run, "predictions.csv"), folder["b.parquet"]);
        Cli.Run("evaluate", s_data, "--model", s_run, "--output", folder.Runs, "--parquet", folder["b.csv"]).Bad(ExitCodes.Usage, "MNC9018");

        static void AreSame(string csv, string parquet)
        {
            using var text = new StringReader(File.ReadAllText(csv));
            var table = new MlNetCifar.Files.CsvReader(text);
            var names = table.Read()!;
            using var stream = File.OpenRead(parquet);
            var rows = global::Parquet.Serialization.ParquetSerializer.DeserializeUntypedAsync(stream).GetAwaiter().GetResult().Data;
            foreach (var row in rows)
                foreach (var (name, cell) in names.Zip(table.Read()!))
                    Assert.AreEqual(cell, Text(row.TryGetValue(name, out var value) ? value : null, name), name);
            Assert.IsNull(table.Read());
        }

        static string Text(object? value, string name) => value switch
        {
            null => "",
            bool truth => name == "correct" ? (truth ? "1" : "0") : truth ? "true" : "false",
            double number when name.StartsWith("probability", StringComparison.Ordinal) => ((float)number).ToString("0.######", System.Globalization.CultureInfo.InvariantCulture),
            double number => ((float)number).ToString("R", System.Globalization.CultureInfo.InvariantCulture),
            ReadOnlyMemory<char> text => text.ToString(),
            _ => value.ToString()!,
        };
    }

    [TestMethod]
    public void Parquet_IsADatasetOnTheCommandLine()
    {
        using var folder = new Pictures();
        Data.ParquetDatasetTests.Pack(s_data, folder["data.parquet"]);
        foreach (var (data, to) in new[] { (s_data, "files"), (folder["data.parquet"], "rows") })
            Cli.Run("prepare", data, "--to", folder[to], "--size", "16").Good();
        foreach (var file in Directory.GetFiles(folder["files"], "*.npy", SearchOption.AllDirectories))
            CollectionAssert.AreEqual(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(folder["rows"], Path.GetRelativePath(folder["files"], file))), file);
        StringAssert.Contains(Cli.Run("evaluate", folder["data.parquet"], "--model", s_run, "--output", folder.Runs).Good().Out, "accuracy");
        Cli.Run("dataset", "import", folder["data.parquet"], folder["unpacked"]).Good();
        Assert.HasCount(Directory.GetFiles(s_data, "*", SearchOption.AllDirectories).Length, Directory.GetFiles(folder["unpacked"], "*", SearchOption.AllDirectories));
    }

    [TestMethod]
    public void Predict_OverShards_GivesTheAnswersOfTheFiles()
    {
        using var folder = new Pictures();
        Cli.Run("prepare", s_data, "--to", folder["shards"], "--size", "16").Good();
        var files = Cli.Run("predict", "--model", s_run, Path.Combine(s_data, "train"), Path.Combine(s_data, "test"), "--json").Good().Lines;
        var rows = Cli.Run("predict", "--model", s_run, folder["shards"], "--json").Good().Lines;
        Assert.HasCount(files.Count, rows);
        var byName = files.ToDictionary(line => Path.GetRelativePath(s_data, line.GetProperty("path").GetString()!).Replace('\\', '/'), line => line.GetProperty("predictions").ToString());
        foreach (var row in rows)
            Assert.AreEqual(byName[row.GetProperty("path").GetString()!], row.GetProperty("predictions").ToString());
    }

    [TestMethod]
    public void Presets_AreAllDescribed()
    {
        var lines = Cli.Run("presets", "--measure", "false", "--json").Good().Lines;
        CollectionAssert.AreEqual(Architectures.Names.ToArray(), lines.Select(line => line.GetProperty("preset").GetString()).ToArray());
        Assert.IsTrue(lines.All(line => line.GetProperty("parameters").GetInt64() > 1000 && line.GetProperty("for").GetString()!.Length > 0));
        StringAssert.Contains(Cli.Run("presets", "--measure", "false").Good().Out, "Accuracy known");
    }

    [TestMethod]
    public void Explain_WritesOnePageOfAll()
    {
        using var folder = new Pictures();
        Cli.Run("explain", Path.Combine(s_data, "test"), "--model", s_run, "--output", folder["out"]).Good();
        var page = File.ReadAllText(Path.Combine(folder["out"], "explained.html"));
        foreach (var picture in Directory.GetFiles(folder["out"], "*.png"))
            StringAssert.Contains(page, $"src=\"{Uri.EscapeDataString(Path.GetFileName(picture))}\"");
        Assert.AreEqual(12, page.Split("<figure>").Length - 1);
    }
}
