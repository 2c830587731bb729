using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.Experiments;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Tests.Transfer;
using MlNetCifar.Tuning;
using Cli = MlNetCifar.Tests.App.Cli;

namespace MlNetCifar.Tests.Tuning.Auto;

/// <summary>From data to a model in one command.</summary>
[TestClass]
public sealed class AutoExperimentTests
{
    [TestMethod]
    [TestCategory("Slow")]
    public void AutoML_SearchesTrainsAndTells_AndItsCommandRepeatsTheModel()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 60, test: 8);
        folder.Write(Path.Combine("data", "train", "red", "broken.png"), "no picture"u8.ToArray());
        var auto = Cli.Run("automl", data, "--time-budget", "20m", "--trials", "2", "--val-split", "0.3", "--threads", "1", "--output", folder.Runs, "--json").Good();
        var result = auto.Lines[^1];
        var run = result.GetProperty("run").GetString()!;
        foreach (var file in new[] { "args.json", "env.json", "automl.json", "doctor.json", "doctor.html", "trials.csv", "trials.jsonl", "tune.html", Path.Combine("final", "report.html") })
            Assert.IsTrue(File.Exists(Path.Combine(run, file)), file);
        Assert.IsFalse(Directory.Exists(Path.Combine(run, "trials", "00000")));
        Assert.AreEqual(2, result.GetProperty("trials").GetInt32());
        var words = string.Join('\n', result.GetProperty("words").EnumerateArray());
        StringAssert.Contains(words, "unreadable 1");
        StringAssert.Contains(words, "24 test images, which took no part in the choice");
        StringAssert.Contains(words, "2 trials");

        // The usual configuration comes first, as its recipe is.
        var first = File.ReadAllLines(Path.Combine(run, "trials.csv"))[1];
        StringAssert.Contains(first, ",seed-cnn,1,recipe");

        // The model has the bits that the command gives.
        var command = result.GetProperty("command").GetString()!.Split(' ')[1..];
        Cli.Run([.. command, "--output", folder["again"], "--name", "again"]).Good();
        using var model = ImageClassifier.Load(result.GetProperty("model").GetString()!);
        using var again = ImageClassifier.Load(Path.Combine(folder["again"], "train", "again", "weights", "best.safetensors"));
        Assert.AreEqual(again.WeightsSha256, model.WeightsSha256);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Winner_IsTheUsualConfiguration_UnlessAnotherDidBetter()
    {
        using var folder = new Pictures();

        // Any network is right on pictures of one colour a class; of equals the usual one stays.
        var result = new AutoExperiment(
            new() { Data = folder.Splits(train: 60, test: 6), ValidationSplit = 0.3, Output = folder.Runs, Adjust = recipe => recipe with { Epochs = 2, Threads = 1 } }, TimeSpan.FromMinutes(20))
        {
            Trials = 2,
        }.Run();
        if (result.Trials.All(trial => trial.Metric <= result.Trials[0].Metric))
            Assert.AreEqual(0, result.Best!.TrialSettings.TrialId);
        Assert.AreEqual(result.Trials.Max(trial => trial.Metric), result.Best!.Metric);
        Assert.AreEqual("seed-cnn", result.Trials[0].TrialSettings.Text("preset"));
        Assert.AreEqual("1", result.Trials[0].TrialSettings.Text("rate-factor"));
        Assert.IsNotNull(result.Evaluation);
        Assert.AreEqual("final", result.Final!.Name);
    }

    [TestMethod]
    public void TooLittleTime_TrainsAsUsual()
    {
        using var folder = new Pictures();
        var auto = Cli.Run("automl", folder.Splits(train: 60, test: 6), "--time-budget", "1s", "--val-split", "0.3", "--output", folder.Runs, "--json").Good();
        var result = auto.Lines[^1];
        Assert.AreEqual(0, result.GetProperty("trials").GetInt32());
        StringAssert.Contains(result.GetProperty("words")[1].GetString(), "Nothing was searched");
        Assert.IsTrue(File.Exists(result.GetProperty("model").GetString()));
        StringAssert.Contains(result.GetProperty("command").GetString(), "--time-budget");
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void TinySets_TrainAsUsual()
    {
        using var folder = new Pictures();
        var auto = Cli.Run("automl", folder.Classes("data", 5), "--output", folder.Runs, "--json").Good();
        StringAssert.Contains(auto.Lines[^1].GetProperty("words")[1].GetString(), "validation images rank nothing");
        Assert.IsTrue(File.Exists(auto.Lines[^1].GetProperty("model").GetString()));
        Assert.DoesNotContain("--time-budget", auto.Lines[^1].GetProperty("command").GetString()!, "the recipe is over long before half an hour is");

        // What was decided for other images is not taken for these.
        var record = Path.Combine(folder.Runs, "automl", "auto", "args.json");
        var before = File.ReadAllText(record);
        Cli.Run("automl", folder.Classes("others", 6), "--exist-ok", "--output", folder.Runs).Bad(ExitCodes.Usage, "MNC3211");
        Assert.AreEqual(before, File.ReadAllText(record));
    }

    [TestMethod]
    public void WrongRequests_AreNamed()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        Cli.Run("automl", data, "--time-budget", "0s").Bad(ExitCodes.Usage, "MNC9002");
        Cli.Run("automl", data, "--trials", "0", "--output", folder.Runs).Bad(ExitCodes.Usage, "MNC3219");
        Cli.Run("automl", data, "--output", "hdfs:///runs").Bad(ExitCodes.Usage, "MNC3220");
        Cli.Run("automl", folder["missing"], "--output", folder.Runs).Bad(ExitCodes.DataRejected, "MNC1001");
        folder.Write("one/red/0.png", PngEncoder.Encode(new byte[16 * 16 * 3], 16, 16, 3));
        var single = Cli.Run("automl", folder["one"], "--output", folder.Runs);
        Assert.AreNotEqual(0, single.ExitCode);
        StringAssert.Contains(single.Error, "error MNC10");
        folder.Write("noise.tar.gz", [1, 2, 3, 4]);
        Assert.AreEqual(ExitCodes.DataRejected, Cli.Run("automl", folder["noise.tar.gz"], "--output", folder.Runs).ExitCode);
        Assert.IsFalse(Directory.Exists(Path.Combine(folder.Runs, "automl")), "nothing is left of what never began");
        Cli.Run("automl", "--resume", folder.Root).Bad(ExitCodes.Usage, "MNC9003");
        var chosen = Assert.ThrowsExactly<MlNetCifarException>(() => new AutoExperiment(new() { Data = data, Preset = "resnet9" }, TimeSpan.FromMinutes(1)).Run());
        Assert.AreEqual("MNC3219", chosen.Code);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Photographs_GetAHead_AndItsTrainingFurtherIsTried()
    {
        using var folder = new Pictures();
        TransferExperimentTests.Photographs(folder, 200);

        // Some bear the wrong name.
        foreach (var i in new[] { 7, 57, 107, 157 })
            File.Move(folder[$"photos/red/{i}.png"], folder[$"photos/blue/red{i}.png"]);
        var auto = new AutoExperiment(
            new() { Data = folder["photos"], ValidationSplit = 0.3, CacheFolder = null, Output = folder.Runs, Adjust = recipe => recipe with { Threads = 2 } }, TimeSpan.FromMinutes(10))
        {
            Trials = 3, Backbones = new One(),
        };
        var result = auto.Run();
        Assert.AreEqual("none", result.Trials[0].TrialSettings.Text("fine-tune"));
        CollectionAssert.IsSubsetOf(new[] { "none", "last-stage" }, result.Trials.Select(trial => trial.TrialSettings.Text("fine-tune")).ToArray());
        Assert.IsTrue(result.Trials.All(trial => trial.State == TrialState.Completed), string.Join('\n', result.Trials.Select(trial => trial.Error)));
        StringAssert.Contains(result.Command, "--backbone small --fine-tune ");
        Assert.AreEqual(120, result.Evaluation!.Count);
        StringAssert.Contains(File.ReadAllText(result.Folder.File("doctor.json")), "mislabelled");
    }

    /// <summary>Where <c>train</c> would take no validation images, the search sets some aside for itself, and the training at the end learns from all.</summary>
    [TestMethod]
    public void FewPhotographs_AreSearched_ByJudgesOfTheSearchAlone()
    {
        using var folder = new Pictures();
        TransferExperimentTests.Photographs(folder, 80);
        var told = new Messages();
        var auto = new AutoExperiment(
            new() { Data = folder["photos"], CacheFolder = null, Output = folder.Runs, Adjust = recipe => recipe with { Threads = 2 } }, TimeSpan.FromMinutes(10))
        {
            Trials = 2, Backbones = new One(), Observers = { told },
        };
        var result = auto.Run();
        Assert.HasCount(2, result.Trials);
        StringAssert.Contains(string.Join('\n', told.Lines), "of the 192 training images, which trials do not learn from");
        Assert.AreEqual("none", result.Best!.TrialSettings.Text("fine-tune"), "of equals the usual configuration stays");
        Assert.IsGreaterThanOrEqualTo(192L * sizeof(ulong), new FileInfo(Path.Combine(result.Final!.Path, "split", "train.npy")).Length, "the model has not learnt from all");
    }

    sealed class Messages : IExperimentObserver
    {
        public List<string> Lines { get; } = [];

        public void OnMessage(string? subject, string text) => Lines.Add($"{subject}: {text}");
    }

    /// <summary>Killed at a few moments, all of it ends with the trials, the choice and the model of one that was left alone.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Killed_EndsAsTheUndisturbedOne()
    {
        using var folder = new Pictures();
        var data = folder["cifar.tar.gz"];
        Cli.Run("dataset", "sample", Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz"), data, "--train-per-class", "40", "--test-per-class", "10").Good();
        string[] Arguments(string output) => ["automl", data, "--time-budget", "100h", "--trials", "3", "--val-split", "0.2", "--threads", "1", "--output", folder[output], "--json"];
        var whole = Cli.Run(Arguments("whole")).Good().Lines[^1];
        var (random, run) = (new Random(7), Path.Combine(folder["killed"], "automl", "auto"));
        string[] next = Arguments("killed");
        for (var kills = 0; kills < 6; kills++)
        {
            using var process = new ProgramProcess(next);
            process.Until(() => File.Exists(Path.Combine(run, "args.json")), "a folder");
            Thread.Sleep(1500 + random.Next(6000));
            process.Signal("KILL");
            process.Exit();
            next = ["automl", "--resume", run, "--json"];
        }

        var resumed = Cli.Run(next).Good().Lines[^1];
        Assert.AreEqual(whole.GetProperty("best").GetInt32(), resumed.GetProperty("best").GetInt32());
        Assert.AreEqual(whole.GetProperty("command").GetString(), resumed.GetProperty("command").GetString());
        Assert.AreEqual(Weights(whole), Weights(resumed));
        Assert.AreEqual(Ranking(Path.Combine(folder["whole"], "automl", "auto")), Ranking(run));
    }

    static string Weights(JsonElement result)
    {
        using var model = ImageClassifier.Load(result.GetProperty("model").GetString()!);
        return model.WeightsSha256;
    }

    static string Ranking(string run) =>
        string.Join('\n', File.ReadAllLines(Path.Combine(run, "trials.csv")).Select(line => line.Split(',') is var cells ? string.Join(',', [.. cells[..5], .. cells[6..]]) : ""));

    sealed class One : IBackboneCatalog
    {
        public IReadOnlyList<string> Names => ["small"];

        public bool IsHere(string name) => true;

        public string? LicenceOf(string name) => "MIT";

        public FeatureExtractor Open(string name)
        {
            using var model = SmallBackbone.Classifier(name: name);
            return FeatureExtractor.Of(model);
        }
    }
}
