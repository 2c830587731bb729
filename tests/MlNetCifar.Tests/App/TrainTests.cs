using System.Text.Json;
using MlNetCifar.App.Cli;

namespace MlNetCifar.Tests.App;

[TestClass]
public sealed class TrainTests
{
    static readonly string[] s_small = ["--size", "16", "--preset", "cats-dogs-cnn", "--batch-size", "8", "--threads", "1"];

    [TestMethod]
    public void Train_LeavesACompleteRunFolder()
    {
        using var folder = new Pictures();
        var run = Train(folder, "--epochs", "6").Good();
        var path = Path.Combine(folder.Runs, "train", "cats-dogs-cnn");
        string[] expected =
        [
            "args.json", "confusion.csv", "env.json", "labels.txt", "per_class.csv", "predictions.csv", "report.html", "report.json", "results.csv", "roc.csv",
            "weights/best.safetensors", "weights/last.safetensors",
        ];
        CollectionAssert.IsSubsetOf(expected, Files(path));
        Assert.HasCount(7, File.ReadAllLines(Path.Combine(path, "results.csv")));
        CollectionAssert.AreEqual(new[] { "blue", "green", "red" }, File.ReadAllLines(Path.Combine(path, "labels.txt")));
        StringAssert.Contains(run.Out, "test accuracy 1.0000, 95 % interval [");
        StringAssert.Contains(run.Error, "epoch   6/6");
        Assert.DoesNotContain("\u001b", run.Out + run.Error);
    }

    [TestMethod]
    public void Train_WithJson_PrintsOneObjectALine()
    {
        using var folder = new Pictures();
        var lines = Train(folder, "--epochs", "2", "--json").Good().Lines;
        CollectionAssert.AreEqual(new[] { "epoch", "epoch", "result" }, lines.Select(l => l.GetProperty("event").GetString()).ToArray());
        Assert.AreEqual(12, lines[^1].GetProperty("images").GetInt32());
        Assert.AreEqual("completed", lines[^1].GetProperty("stopReason").GetString());
        Assert.AreEqual(2, lines[^1].GetProperty("microAccuracyInterval").GetArrayLength());
    }

    [TestMethod]
    public void Arguments_GivenBack_RepeatTheRun()
    {
        using var folder = new Pictures();
        var first = Train(folder, "--epochs", "2", "--seed", "5", "--label-smoothing", "0.1", "--augment", "none", "--json").Good();
        var arguments = Path.Combine(folder.Runs, "train", "cats-dogs-cnn", "args.json");
        using var json = JsonDocument.Parse(File.ReadAllBytes(arguments));
        Assert.AreEqual(0.1f, json.RootElement.GetProperty("label-smoothing").GetSingle());
        Assert.AreEqual("none", json.RootElement.GetProperty("flip").GetString());
        var second = Cli.Run("train", "--config", arguments, "--json").Good();
        Assert.AreEqual(Sha(first), Sha(second));
        Assert.IsTrue(Directory.Exists(Path.Combine(folder.Runs, "train", "cats-dogs-cnn2")));
    }

    [TestMethod]
    public void Weights_DoNotDependOnTheThreads()
    {
        using var folder = new Pictures();
        var one = Train(folder, "--epochs", "2", "--json").Good();
        var three = Train(folder, "--epochs", "2", "--json", "--threads", "3").Good();
        Assert.AreEqual(Sha(one), Sha(three));
    }

    [TestMethod]
    public void Name_IsNumberedUnlessReuseIsAllowed()
    {
        using var folder = new Pictures();
        foreach (var reuse in new string[][] { [], [], ["--exist-ok"] })
            Train(folder, ["--epochs", "1", "--name", "mine", .. reuse]).Good();
        CollectionAssert.AreEqual(new[] { "mine", "mine2" }, Directory.GetDirectories(Path.Combine(folder.Runs, "train")).Select(Path.GetFileName).Order().ToArray());
        Train(folder, "--epochs", "1", "--name", "../mine").Bad(ExitCodes.Usage, "MNC9002");
    }

    [TestMethod]
    [DataRow(ExitCodes.Interrupted)]
    [DataRow(ExitCodes.Terminated)]
    public void Interrupted_KeepsTheBestSoFarAndReports(int code)
    {
        using var folder = new Pictures();
        using var stop = new CancellationTokenSource();
        string[] args = ["train", "--data", folder.Splits(), "--output", folder.Runs, .. s_small, "--epochs", "1000000", "--json"];
        var finished = Task.Run(() => Cli.Run(args, [], stop.Token, stopCode: code));
        var results = Path.Combine(folder.Runs, "train", "cats-dogs-cnn", "results.csv");
        Assert.IsTrue(SpinWait.SpinUntil(() => File.Exists(results) || finished.IsCompleted, TimeSpan.FromSeconds(60)), "no epoch in a minute");
        stop.Cancel();
        Assert.IsTrue(finished.Wait(TimeSpan.FromSeconds(60)), "did not stop");
        var run = finished.Result;
        Assert.AreEqual(code, run.ExitCode, run.Error);
        Assert.AreEqual("cancelled", run.Lines[^1].GetProperty("stopReason").GetString());
        using var model = ImageClassifier.Load(Path.Combine(folder.Runs, "train", "cats-dogs-cnn", "weights", "best.safetensors"));
        Assert.AreEqual(Sha(run), model.WeightsSha256);
        Assert.IsTrue(File.Exists(Path.Combine(folder.Runs, "train", "cats-dogs-cnn", "report.html")));
    }

    [TestMethod]
    public void TimeBudget_EndsTheRun()
    {
        using var folder = new Pictures();
        var result = Train(folder, "--time-budget", "1s", "--json").Good().Lines[^1];
        Assert.AreEqual("time-budget", result.GetProperty("stopReason").GetString());
    }

    [TestMethod]
    public void WithoutTestSplit_OneIsCut()
    {
        using var folder = new Pictures();
        string[] args = ["train", "--data", folder.Classes("flat", 10), "--output", folder.Runs, .. s_small, "--epochs", "1", "--json", "--split"];
        Assert.AreEqual(6, Cli.Run([.. args, "0.8"]).Good().Lines[^1].GetProperty("images").GetInt32());
        var onlyTrain = Cli.Run([.. args, "0", "--val-split", "0"]).Good();
        Assert.AreEqual("train", onlyTrain.Lines[^1].GetProperty("split").GetString());
        StringAssert.Contains(onlyTrain.Error, "warning: there is neither a test nor a validation split");
    }

    [TestMethod]
    public void RateFinder_SuggestsAndDraws_AndKeepsNoWeights()
    {
        using var folder = new Pictures();
        var lines = Train(folder, "--lr-find", "--json").Good().Lines;
        Assert.IsGreaterThan(0, lines[^1].GetProperty("suggestion").GetDouble());
        var run = Path.Combine(folder.Runs, "lr-find", "cats-dogs-cnn");
        CollectionAssert.AreEqual(new[] { "curve.svg" }, Files(folder.Runs).Select(Path.GetFileName).ToArray());
        var svg = System.Xml.Linq.XDocument.Load(Path.Combine(run, "curve.svg"));
        StringAssert.Contains(svg.ToString(), "suggested ");
        var chart = Train(folder, "--lr-find").Good().Out.Split('\n');
        Assert.HasCount(10, chart.Where(line => line.Contains('│')).ToArray());
        StringAssert.StartsWith(chart[^2], "suggested learning rate ");
    }

    [TestMethod]
    public void Quickstart_TrainsOnGivenData()
    {
        using var folder = new Pictures();
        var run = Cli.Run("quickstart", "--data", folder.Splits(), "--output", folder.Runs, "--epochs", "1", "--threads", "1").Good();
        StringAssert.Contains(run.Out, "test accuracy ");
        StringAssert.Contains(run.Error, "mlnetcifar train --data FOLDER");
        Assert.IsTrue(File.Exists(Path.Combine(folder.Runs, "quickstart", "seed-cnn", "report.html")));
    }

    [TestMethod]
    public void Train_WithEnoughValidationImages_StoresACalibration()
    {
        using var folder = new Pictures();
        folder.Splits();
        folder.Classes(Path.Combine("data", "val"), 34, 5);
        var trained = Train(folder, "--epochs", "2").Good();
        StringAssert.Contains(trained.Error, "calibrated on 102 validation images");
        StringAssert.Contains(trained.Out, "calibration error ");
        var path = Path.Combine(folder.Runs, "train", "cats-dogs-cnn");
        StringAssert.Contains(File.ReadAllText(Path.Combine(path, "report.html")), "With the calibration stored in the model");
        var evaluated = Cli.Run("evaluate", "--model", path, "--data", folder["data"], "--output", folder.Runs, "--json").Good().Lines[0].GetProperty("calibration");
        Assert.AreEqual(0.9, evaluated.GetProperty("promisedCoverage").GetDouble());

        ShowsWhatItAnswers(folder, path);
        Assert.AreEqual("", Warnings("none"));
        StringAssert.Contains(Warnings("flip"), "was fitted on 1 of the views of each image, --views flip averages 2");
        string Warnings(string views)
        {
            var lines = Cli.Run("evaluate", "--model", path, "--data", folder["data"], "--output", folder.Runs, "--views", views).Good().Error.Split('\n');
            return string.Join('\n', lines.Where(l => l.Contains("calibration was fitted")));
        }

        // With an energy threshold that no picture meets, every answer is withheld.
        var best = Path.Combine(path, "weights", "best.safetensors");
        using (var model = ImageClassifier.Load(best))
        using (var strict = new ImageClassifier(model.Weights.Clone(), model.Classes, model.Preprocess, model.Normalization) { Calibration = model.Calibration! with { EnergyThreshold = -1e9 } })
            strict.Save(best);
        var picture = Path.Combine(folder["data"], "test", "red", "000.png");
        StringAssert.Contains(Cli.Run("predict", "--model", best, picture).Good().Out, "unknown");
        var line = Cli.Run("predict", "--model", best, "--json", picture).Good().Lines[0];
        Assert.IsTrue(line.GetProperty("unknown").GetBoolean());
        Assert.HasCount(3, line.GetProperty("predictions").EnumerateArray());
        Assert.AreEqual(JsonValueKind.Array, line.GetProperty("labelSet").ValueKind);
    }

    /// <summary>Tables, files and explanations give the probabilities that the model answers with; the network's own stand beside them.</summary>
    static void ShowsWhatItAnswers(Pictures folder, string run)
    {
        using var model = ImageClassifier.Load(Path.Combine(run, "weights", "best.safetensors"));
        using var data = ImageDataset.Open(folder["data"], new() { Spec = model.Preprocess });
        var plain = Evaluator.Evaluate([.. Enumerable.Range(0, data.Test!.Count).Select(data.Test.Label)], model.Score(data.Test), model.Classes);
        var result = Cli.Run("evaluate", "--model", run, "--data", folder["data"], "--output", folder.Runs, "--json").Good().Lines[0];
        Assert.AreEqual(model.Evaluate(data.Test).LogLoss, result.GetProperty("logLoss").GetDouble(), 1e-9);
        Assert.AreEqual(plain.LogLoss, result.GetProperty("calibration").GetProperty("uncalibrated").GetProperty("logLoss").GetDouble(), 1e-9);
        Assert.AreNotEqual(plain.LogLoss, result.GetProperty("logLoss").GetDouble());
        StringAssert.Contains(Cli.Run("evaluate", "--model", run, "--data", folder["data"], "--output", folder.Runs).Good().Out, "Uncalibrated");
        var picture = Path.Combine(folder["data"], "test", "green", "001.png");
        var predicted = Cli.Run("predict", "--model", run, "--json", picture).Good().Lines[0].GetProperty("predictions")[0].GetProperty("probability").GetSingle();
        foreach (var method in new[] { "gradcam", "occlusion" })
        {
            var explained = Cli.Run("explain", "--model", run, "--json", "--method", method, "--output", folder["explained"], picture).Good().Lines[0];
            Assert.AreEqual(predicted, explained.GetProperty("probability").GetSingle(), method);
        }
    }

    [TestMethod]
    public void Train_OnViews_CalibratesOnThem()
    {
        using var folder = new Pictures();
        folder.Splits();
        folder.Classes(Path.Combine("data", "val"), 34, 5);
        var run = Train(folder, "--epochs", "1", "--views", "flip").Good();
        Assert.DoesNotContain("calibration was fitted", run.Error);
        using var model = ImageClassifier.Load(Path.Combine(folder.Runs, "train", "cats-dogs-cnn", "weights", "best.safetensors"));
        Assert.AreEqual(2, model.Calibration!.Views);
    }

    [TestMethod]
    public void Evaluate_AFolderOfClasses_IsCalledByItsName()
    {
        using var folder = new Pictures();
        Train(folder, "--epochs", "1").Good();
        var model = Path.Combine(folder.Runs, "train", "cats-dogs-cnn");
        string Split(string data) => Cli.Run("evaluate", "--model", model, "--data", data, "--output", folder.Runs, "--json").Good().Lines[0].GetProperty("split").GetString()!;
        Assert.AreEqual(("test", "test"), (Split(folder["data"]), Split(Path.Combine(folder["data"], "test"))));
        Assert.AreEqual("others", Split(folder.Classes("others", 2)));
    }

    [TestMethod]
    public void Edges_HaveNamedErrors_OrTrain()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        Cli.Run("train", "--resume", folder["nosuch"], "--data", data).Bad(ExitCodes.DataRejected, "MNC9013");
        string[] lone = ["train", "--data", folder.Classes("lone", 1), "--output", folder.Runs, .. s_small, "--epochs", "1"];
        var run = Cli.Run(lone).Good();
        StringAssert.Contains(run.Error, "warning: no test split can be cut from the training images: no class has two");
        StringAssert.Contains(run.Error, "warning: no validation split can be cut");
        var all = Train(folder, "--epochs", "1", "--overfit-batches", "2000000000", "--patience", "3", "--beta1", "0.5", "--optimizer", "sgd").Good();
        StringAssert.Contains(all.Error, "overfit  trains on 27 of the 27 training images, as they are, and validates on none");
        StringAssert.Contains(all.Error, "warning: --patience has no effect: nothing is validated");
        StringAssert.Contains(all.Error, "warning: --beta1 has no effect: no tensor is updated by adam");
    }

    [TestMethod]
    public void Train_WithFewValidationImages_LeavesTheCalibrationOut()
    {
        using var folder = new Pictures();
        folder.Splits();
        folder.Classes(Path.Combine("data", "val"), 4, 5);
        var run = Train(folder, "--epochs", "1").Good();
        StringAssert.Contains(run.Error, "calibration left out: 12 validation images");
        using var model = ImageClassifier.Load(Path.Combine(folder.Runs, "train", "cats-dogs-cnn", "weights", "best.safetensors"));
        Assert.IsNull(model.Calibration);
    }

    [TestMethod]
    public void Sample_LiesBesideTheProgram() =>
        Assert.IsTrue(File.Exists(Path.Combine(AppContext.BaseDirectory, "Sample", "cifar10-sample.tar.gz")));

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    public void Quickstart_ReachesItsAccuracy()
    {
        using var folder = new Pictures();
        var result = Cli.Run("quickstart", "--output", folder.Runs, "--json").Good().Lines[^1];
        Assert.AreEqual(2000, result.GetProperty("images").GetInt32());
        Assert.IsGreaterThanOrEqualTo(0.62, result.GetProperty("microAccuracy").GetDouble());
    }

    static Cli Train(Pictures folder, params string[] more) =>
        Cli.Run(["train", "--data", Directory.Exists(folder["data"]) ? folder["data"] : folder.Splits(), "--output", folder.Runs, .. s_small.Where((_, i) => !more.Contains(s_small[i - (i % 2)])), .. more]);

    static string Sha(Cli run) => run.Lines[^1].GetProperty("weightsSha256").GetString()!;

    static string[] Files(string path) =>
        [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(path, f).Replace('\\', '/')).Order(StringComparer.Ordinal)];
}
