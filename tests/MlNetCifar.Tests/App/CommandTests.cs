using MlNetCifar.App.Cli;

namespace MlNetCifar.Tests.App;

/// <summary>The commands around training, on one small run.</summary>
[TestClass]
public sealed class CommandTests
{
    static Pictures s_folder = null!;
    static string s_data = null!;
    static string s_run = null!;

    [ClassInitialize]
    public static void TrainOnce(TestContext context)
    {
        s_folder = new Pictures();
        s_data = s_folder.Splits();
        Cli.Run("train", "--data", s_data, "--output", s_folder.Runs, "--size", "16", "--preset", "cats-dogs-cnn", "--batch-size", "8", "--epochs", "6", "--threads", "1").Good();
        s_run = Path.Combine(s_folder.Runs, "train", "cats-dogs-cnn");
    }

    [ClassCleanup]
    public static void Clean() => s_folder.Dispose();

    [TestMethod]
    [DataRow("evaluate")]
    [DataRow("val")]
    public void Evaluate_GivesTheSameFiguresAsTraining(string verb)
    {
        var run = Cli.Run(verb, "--model", s_run, "--data", s_data, "--output", s_folder.Runs, "--json").Good();
        Assert.AreEqual(1.0, run.Lines.Single().GetProperty("microAccuracy").GetDouble());
        var path = run.Lines[0].GetProperty("run").GetString()!;
        Assert.AreEqual(File.ReadAllText(Path.Combine(s_run, "predictions.csv")), File.ReadAllText(Path.Combine(path, "predictions.csv")));
        Assert.IsTrue(File.Exists(Path.Combine(path, "args.json")) && File.Exists(Path.Combine(path, "env.json")));
    }

    [TestMethod]
    public void Evaluate_OnAChosenSplit() =>
        Assert.AreEqual(30, Cli.Run("evaluate", "--model", s_run, "--data", s_data, "--subset", "train", "--output", s_folder.Runs, "--json").Good().Lines[0].GetProperty("images").GetInt32());

    [TestMethod]
    public void Evaluate_OnOtherClasses_IsRefused()
    {
        using var other = new Pictures();
        other.Write("x/train/yellow/0.png", File.ReadAllBytes(Path.Combine(s_data, "test", "red", "000.png")));
        other.Write("x/train/red/0.png", File.ReadAllBytes(Path.Combine(s_data, "test", "red", "000.png")));
        Cli.Run("evaluate", "--model", s_run, "--data", other["x"], "--output", s_folder.Runs).Bad(ExitCodes.DataRejected, "MNC1006");
    }

    [TestMethod]
    public void Evaluate_OnShardsPreparedOtherwise_IsRefusedWithTheDifference()
    {
        var shards = s_folder["shards"];
        Cli.Run("prepare", "--data", s_data, "--to", shards, "--size", "16", "--filter", "box").Good();
        var run = Cli.Run("evaluate", "--model", s_run, "--data", shards, "--output", s_folder.Runs).Bad(ExitCodes.DataRejected, "MNC1209");
        StringAssert.Contains(run.Error, "filter is box instead of bilinear");
        Cli.Run("prepare", "--data", s_data, "--to", shards, "--size", "16", "--exist-ok").Good();
        Assert.AreEqual(12, Cli.Run("evaluate", "--model", s_run, "--data", shards, "--output", s_folder.Runs, "--json").Good().Lines[0].GetProperty("images").GetInt32());
    }

    [TestMethod]
    public void Predict_SortsLabelsAndKeepsTheOrderOfFiles()
    {
        string[] files = [Path.Combine(s_data, "test", "red", "001.png"), Path.Combine(s_data, "test", "blue", "000.png")];
        var lines = Cli.Run(["predict", "--model", s_run, "--json", .. files]).Good().Lines;
        CollectionAssert.AreEqual(files, lines.Select(l => l.GetProperty("path").GetString()).ToArray());
        var first = lines[0].GetProperty("predictions").EnumerateArray().ToArray();
        Assert.AreEqual("red", first[0].GetProperty("label").GetString());
        Assert.AreEqual(2, first[0].GetProperty("index").GetInt32());
        Assert.AreEqual(1, first.Sum(p => p.GetProperty("probability").GetDouble()), 1e-5);
        Assert.IsTrue(first.Zip(first.Skip(1)).All(p => p.First.GetProperty("probability").GetDouble() >= p.Second.GetProperty("probability").GetDouble()));
    }

    [TestMethod]
    public void Predict_OfAFolder_PrintsATable()
    {
        var run = Cli.Run("predict", "--model", Path.Combine(s_run, "weights", "best.safetensors"), "--top", "2", Path.Combine(s_data, "test")).Good();
        Assert.AreEqual(12, run.Out.Split('\n').Count(line => line.Contains(".png", StringComparison.Ordinal)));
        StringAssert.Contains(run.Out, "Probability");
    }

    [TestMethod]
    public void Predict_FromStandardInput()
    {
        var picture = File.ReadAllBytes(Path.Combine(s_data, "test", "green", "000.png"));
        var run = Cli.Run(["predict", "--model", s_run, "--json", "-"], [], input: picture).Good();
        Assert.AreEqual("green", run.Lines[0].GetProperty("predictions")[0].GetProperty("label").GetString());
    }

    /// <summary>Faults that a user is likely to make are told in the words of the command line, with the way on.</summary>
    [TestMethod]
    [DataRow("--normalize is given without --float32", "prepare", "data", "--to", "shards", "--normalize")]
    [DataRow("--test-share 0.5 and --val-share 0.5 leave nothing to train on", "prepare", "data", "--to", "shards", "--test-share", "0.5", "--val-share", "0.5")]
    [DataRow("the page can be written as .html or .htm", "show-batch", "--data", "data", "--out", "b.txt")]
    [DataRow("There is no option '--out' of 'info'. It is one of 'export', 'show-batch', 'image decode'.", "image", "info", "p.jpg", "--out", "x.png")]
    [DataRow("Required argument missing: 'compare' takes RUN RUN...; found 1.", "compare", "one")]
    public void LikelyFaults_AreToldInTheWordsOfTheCommandLine(string text, params string[] args) => StringAssert.Contains(Cli.Run(args).Error, text);

    [TestMethod]
    public void Predict_WithAnOnnxFile_NamesImport()
    {
        using var folder = new Pictures();
        StringAssert.Contains(Cli.Run("predict", s_data, "--model", folder.Write("m.onnx", "no tensors here")).Bad(ExitCodes.DataRejected, "MNC4002").Error, "'import'");
    }

    [TestMethod]
    public void Predict_WithoutModel_TakesTheNewestRun()
    {
        var file = Path.Combine(s_data, "test", "red", "000.png");
        Cli.Run("predict", file, "--model", s_folder.Root).Bad(ExitCodes.DataRejected, "MNC9007");
        var run = Cli.Run(["predict", file], new() { ["MLNETCIFAR_MODEL"] = s_run }).Good();
        StringAssert.Contains(run.Out, "red");
    }

    [TestMethod]
    public void Predict_NamesBrokenFilesAndGoesOn()
    {
        var broken = s_folder.Write("broken.png", [1, 2, 3]);
        var good = Path.Combine(s_data, "test", "red", "000.png");
        var run = Cli.Run("predict", "--model", s_run, broken, good);
        Assert.AreEqual(ExitCodes.DataRejected, run.ExitCode);
        StringAssert.Contains(run.Error, "error MNC1202: ");
        StringAssert.Contains(run.Error, broken);
        StringAssert.Contains(run.Out, good);
        var json = Cli.Run("predict", "--model", s_run, "--json", broken, good);
        Assert.AreEqual("MNC1202", json.Lines[0].GetProperty("code").GetString());
        Assert.AreEqual(3, json.Lines[1].GetProperty("predictions").GetArrayLength());
    }

    [TestMethod]
    public void Compare_OfARunWithItself_FindsNoDifference()
    {
        StringAssert.Contains(Cli.Run("compare", s_run, s_run).Good().Out, "not distinguishable");
        Assert.IsFalse(Cli.Run("compare", s_run, s_run, "--json").Good().Lines[0].GetProperty("distinguishable").GetBoolean());
        Assert.HasCount(3, Cli.Run("compare", s_run, s_run, s_run, "--json", "--resamples", "0", "--html", s_folder["compared.html"]).Good().Lines);
        StringAssert.Contains(File.ReadAllText(s_folder["compared.html"]), "not distinguishable");
    }

    [TestMethod]
    public void Compare_TellsRunsOfOneNameApart()
    {
        var name = Path.GetFileName(s_run);
        foreach (var other in new[] { "other", "third" })
        {
            Directory.CreateDirectory(s_folder[$"{other}/train/{name}"]);
            foreach (var file in new[] { "report.json", "predictions.csv" })
                File.Copy(Path.Combine(s_run, file), s_folder[$"{other}/train/{name}/{file}"]);
        }

        var (second, third) = (s_folder[$"other/train/{name}"], s_folder[$"third/train/{name}"]);
        StringAssert.Contains(Cli.Run("compare", s_run, second, "--resamples", "0").Good().Out, $"B = other/train/{name}\n");
        var three = Cli.Run("compare", s_run, second, third, "--resamples", "0").Good().Out;
        foreach (var folder in new[] { Path.GetFileName(s_folder.Runs), "other", "third" })
            StringAssert.Contains(three, $"{folder}/train/{name}");
        Assert.HasCount(1, three.Split('\n').Where(line => line.Length > 0).Skip(1).Select(line => line.Length).Distinct().ToArray(), "columns in line");
    }

    [TestMethod]
    public void AbstainBelow_WithholdsUnsureAnswers()
    {
        var picture = Directory.GetFiles(Path.Combine(s_data, "test"), "*.png", SearchOption.AllDirectories)[0];
        Assert.IsTrue(Cli.Run("predict", "--model", s_run, "--json", "--abstain-below", "0.9999999", picture).Good().Lines[0].GetProperty("unknown").GetBoolean());
        Assert.IsFalse(Cli.Run("predict", "--model", s_run, "--json", "--abstain-below", "0.1", picture).Good().Lines[0].GetProperty("unknown").GetBoolean());
        Cli.Run("predict", "--model", s_run, "--abstain-below", "2", picture).Bad(ExitCodes.Usage, "MNC9002");
        var evaluated = Cli.Run("evaluate", "--model", s_run, "--data", s_data, "--output", s_folder.Runs, "--abstain-below", "0.1").Good();
        StringAssert.Contains(evaluated.Out, "answers from 0.1 on: 100.0 % of the images");
        StringAssert.Contains(evaluated.Out, "right when only the surest are answered: ");
    }

    [TestMethod]
    public void Explain_Average_WritesAMapOfEachClass()
    {
        var output = s_folder["averages"];
        var run = Cli.Run("explain", "--model", s_run, "--average", "--class", "red", "--output", output, Path.Combine(s_data, "test")).Good();
        StringAssert.Contains(run.Out, "mean of ");
        Assert.HasCount(1, Directory.GetFiles(output, "mean-*-red.png"));
        Assert.HasCount(1, Directory.GetFiles(output, "mean-*-red.npy"));
    }

    [TestMethod]
    public void Prepare_MakesShardsThatTrainTheSame()
    {
        using var folder = new Pictures();
        var shards = folder["shards"];
        StringAssert.Contains(Cli.Run("prepare", "--data", s_data, "--size", "16", "--to", shards, "--parts", "2", "--master", "local[2]").Good().Out, "4 parts written, 0 kept");
        var again = Cli.Run("prepare", "--data", s_data, "--size", "16", "--to", shards, "--parts", "2", "--json").Good().Lines[0];
        Assert.AreEqual(0, again.GetProperty("partsWritten").GetInt32());
        Assert.AreEqual(12, again.GetProperty("images").GetProperty("test").GetInt32());
        var result = Cli.Run("train", "--data", shards, "--output", folder.Runs, "--preset", "cats-dogs-cnn", "--epochs", "3", "--batch-size", "8", "--threads", "1", "--json").Good().Lines[^1];
        Assert.AreEqual(1.0, result.GetProperty("microAccuracy").GetDouble());
        Cli.Run("prepare", "--data", s_data, "--to", folder["other"], "--master", "spark://host:7077").Bad(ExitCodes.Usage, "MNC6041");
    }

    [TestMethod]
    public void Summary_AddsUp()
    {
        var lines = Cli.Run("summary", "--preset", "seed-cnn", "--json", "--measure", "false").Good().Lines;
        Assert.AreEqual(356_810, lines[^1].GetProperty("parameters").GetInt32());
        Assert.AreEqual(356_810, lines.SkipLast(1).Sum(l => l.GetProperty("parameters").GetInt32()));
        Assert.IsGreaterThan(lines[^1].GetProperty("inferenceBytes").GetInt64(), lines[^1].GetProperty("trainingBytes").GetInt64());
        StringAssert.Contains(Cli.Run("summary", "--model", s_run, "--measure", "false").Good().Out, "cats-dogs-cnn, input 16×16×3, 3 classes");
        StringAssert.Contains(Cli.Run("summary", "--preset", "elephas-mlp", "--size", "8", "--threads", "1", "--batch-size", "4").Good().Out, "images/s on 1 threads (measured)");
        Cli.Run("summary", "--preset", "vgg").Bad(ExitCodes.Usage, "MNC2004");
        Cli.Run("summary", "--size", "4").Bad(ExitCodes.Usage, "MNC2001");
    }

    [TestMethod]
    public void Benchmark_Measures()
    {
        string[] small = ["--preset", "elephas-mlp", "--size", "8", "--batch-size", "4", "--threads", "1", "--seconds", "0.1"];
        Assert.IsGreaterThan(0, Cli.Run(["benchmark", "train", "--json", .. small]).Good().Lines[0].GetProperty("imagesPerSecond").GetDouble());
        StringAssert.Contains(Cli.Run(["benchmark", "infer", .. small]).Good().Out, "elephas-mlp infer, batch 4, 1 threads: ");
        Cli.Run("benchmark", "sleep").Bad(ExitCodes.Usage, "MNC9002");
    }

    [TestMethod]
    public void Doctor_DescribesTheMachine()
    {
        var machine = Cli.Run("doctor", "machine", "--json").Good().Lines.Single();
        Assert.AreEqual(Environment.ProcessorCount, machine.GetProperty("cores").GetInt32());
        Assert.IsGreaterThan(1L << 20, machine.GetProperty("memory").GetInt64());
        StringAssert.Contains(Cli.Run("doctor", "machine").Good().Out, "SIMD");
    }

    [TestMethod]
    public void Doctor_FailsOnALeak()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 3, test: 2);
        Assert.AreEqual(ExitCodes.Ok, Cli.Run("doctor", "data", data, "--output", folder.Runs).ExitCode);
        File.Copy(Path.Combine(data, "train", "red", "000.png"), Path.Combine(data, "test", "red", "copy.png"));
        var run = Cli.Run("doctor", "data", data, "--output", folder.Runs, "--json");
        Assert.AreEqual(ExitCodes.DataRejected, run.ExitCode, run.Error);
        Assert.AreEqual("leak", run.Lines[0].GetProperty("kind").GetString());
        Assert.IsTrue(File.Exists(run.Lines[^1].GetProperty("report").GetString()));
        StringAssert.Contains(Cli.Run("doctor", "data", data, "--output", folder.Runs).Out, "error: leak: 1");
    }

    [TestMethod]
    public void Dataset_ListsImportsAndSamples()
    {
        using var folder = new Pictures();
        StringAssert.Contains(Cli.Run("dataset", "list").Good().Out, "cifar10");
        Assert.AreEqual("cifar10", Cli.Run("dataset", "list", "--json").Good().Lines[0].GetProperty("name").GetString());
        Cli.Run("dataset", "get", "imagenet").Bad(ExitCodes.Usage, "MNC1040");
        var archive = folder["sample.tar.gz"];
        StringAssert.Contains(Cli.Run("dataset", "sample", s_data, archive, "--train-per-class", "2", "--test-per-class", "1").Good().Out, "9 images");
        StringAssert.Contains(Cli.Run("dataset", "import", archive, folder["out"]).Good().Out, "9 files");
        Assert.HasCount(9, Directory.GetFiles(folder["out"], "*.png", SearchOption.AllDirectories));
    }

    [TestMethod]
    public void Image_InfoAndDecode()
    {
        using var folder = new Pictures();
        var file = Path.Combine(s_data, "test", "red", "000.png");
        var info = Cli.Run("image", "info", file, "--json").Good().Lines.Single();
        Assert.AreEqual((16, 16), (info.GetProperty("width").GetInt32(), info.GetProperty("height").GetInt32()));
        StringAssert.Contains(Cli.Run("image", "info", file).Good().Out, "png");
        Cli.Run("image", "info", folder["missing.png"]).Bad(ExitCodes.DataRejected, "MNC9011");
        Cli.Run("image", "decode", file, "--out", folder["x.ppm"]).Good();
        StringAssert.StartsWith(System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(folder["x.ppm"])), "P6\n16 16\n255\n");
        Assert.HasCount(13 + (16 * 16 * 3), File.ReadAllBytes(folder["x.ppm"]));
    }
}
