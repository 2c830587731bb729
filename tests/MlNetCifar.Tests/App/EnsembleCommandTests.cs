using System.Globalization;
using System.Text.RegularExpressions;
using MlNetCifar.App.Cli;
using MlNetCifar.Tests.Inference;

namespace MlNetCifar.Tests.App;

/// <summary>The command ensemble, and all others on what it makes.</summary>
[TestClass]
public sealed class EnsembleCommandTests
{
    static readonly string[] s_small = ["--preset", "elephas-mlp", "--size", "8", "--batch-size", "8", "--threads", "1"];

    [TestMethod]
    [TestCategory("Slow")]
    public void EveryCommand_TakesAnEnsemble()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 40, test: 8);
        Cli.Run(["train", data, "--preset", "seed-cnn", "--size", "16", "--batch-size", "8", "--epochs", "1", "--threads", "1", "--output", folder.Runs, "--name", "a", "--seed", "1"]).Good();
        Cli.Run(["train", data, "--preset", "seed-cnn", "--size", "16", "--batch-size", "8", "--epochs", "1", "--threads", "1", "--output", folder.Runs, "--name", "b", "--seed", "2"]).Good();
        var (a, b, both) = (Path.Combine(folder.Runs, "train", "a"), Path.Combine(folder.Runs, "train", "b"), folder["both.safetensors"]);
        var made = Cli.Run("ensemble", a, b, "--to", both, "--json").Good().Lines.Single();
        Assert.AreEqual("seed-cnn-ensemble-2", made.GetProperty("network").GetString());
        Assert.AreEqual(0.5, made.GetProperty("models")[1].GetProperty("weight").GetDouble());
        Assert.IsFalse(made.TryGetProperty("accuracy", out _));
        Cli.Run("evaluate", data, "--model", both, "--output", folder.Runs, "--name", "e").Good();
        Assert.IsTrue(File.Exists(Path.Combine(folder.Runs, "evaluate", "e", "report.html")));
        var picture = Path.Combine(data, "test", "red", "000.png");
        StringAssert.Contains(Cli.Run("predict", picture, "--model", both).Good().Out, "red");
        Cli.Run("explain", picture, "--model", both, "--output", folder["maps"]).Good();
        Cli.Run("export", "--model", both, "--out", folder["both.onnx"], "--proof", Path.Combine(data, "test")).Good();
        Cli.Run("check", folder["both.onnx"]).Good();
        Cli.Run("import", folder["both.onnx"], "--to", folder["again.safetensors"]).Good();
        StringAssert.Contains(Cli.Run("summary", "--model", both).Good().Out, "ensemble");
        Cli.Run("ensemble", both, a, "--to", folder["three.safetensors"]).Good();
    }

    [TestMethod]
    public void Data_FitWeightsCalibrateAndTell()
    {
        using var folder = new Pictures();
        var data = Different(folder, 60);
        foreach (var seed in new[] { "1", "2" })
            Cli.Run(["train", data, .. s_small, "--epochs", "2", "--val-split", "0.75", "--output", folder.Runs, "--name", seed, "--seed", seed]).Good();
        // The mean of weights is one of networks that see pixels alike, as those of one split do.
        Cli.Run(["train", data, .. s_small, "--epochs", "3", "--val-split", "0.75", "--output", folder.Runs, "--name", "3", "--seed", "1"]).Good();
        foreach (var (method, other) in new[] { ("average", "2"), ("stack", "2"), ("soup", "3") })
        {
            string[] models = [Path.Combine(folder.Runs, "train", "1"), Path.Combine(folder.Runs, "train", other)];
            var made = Cli.Run(["ensemble", .. models, "--method", method, "--data", data, "--to", folder["e.safetensors"], "--json"]).Good();
            var line = made.Lines.Single();
            var images = line.GetProperty("images").GetInt32();
            Assert.IsTrue(images is > 60 and < 180, $"{images}: neither trained on any of them");
            Assert.IsGreaterThan(0.3, line.GetProperty("accuracy").GetDouble());
            Assert.AreEqual(1, line.GetProperty("models").EnumerateArray().Sum(model => model.GetProperty("weight").GetDouble()), 1e-5);
            using var model = ImageClassifier.Load(folder["e.safetensors"]);
            Assert.AreEqual(images >= 100, model.Calibration is not null);
            StringAssert.Contains(made.Error, "that no model was trained on");
            StringAssert.Contains(made.Error, images >= 100 ? $"calibrated on {images} images: temperature " : $"calibration left out: {images} images; it takes 100");
        }
    }

    /// <summary>What the members learned from is taken down beside their ensemble, so that neither its figures nor those of a network that it teaches promise too much in silence.</summary>
    [TestMethod]
    public void Ensemble_RemembersWhatItsMembersLearnedFrom()
    {
        using var folder = new Pictures();
        var data = Different(folder, 20);
        string[] train = ["train", data, .. s_small, "--epochs", "1", "--split", "0.8", "--val-split", "0.5", "--output", folder.Runs];
        foreach (var seed in new[] { "1", "2" })
            Cli.Run([.. train, "--name", seed, "--seed", seed]).Good();
        var (first, both) = (Path.Combine(folder.Runs, "train", "1"), folder["both.safetensors"]);
        Cli.Run("ensemble", first, Path.Combine(folder.Runs, "train", "2"), "--to", both).Good();

        Assert.DoesNotContain("the teacher was trained on", Cli.Run([.. train, "--seed", "1", "--teacher", first]).Good().Error);
        var taught = Cli.Run([.. train, "--seed", "1", "--teacher", both, "--name", "taught"]).Good().Error;
        var known = Regex.Match(taught, @"of the 24 validation images the teacher was trained on (\d+): the figures promise too much");
        Assert.IsTrue(known.Success && int.Parse(known.Groups[1].Value, CultureInfo.InvariantCulture) is > 4 and < 20, taught);
        StringAssert.Matches(taught, new(@"of the 12 test images the teacher was trained on \d+: "));
        StringAssert.Contains(File.ReadAllText(Path.Combine(folder.Runs, "train", "taught", "report.json")), "test images the teacher was trained on");

        var judged = Cli.Run("evaluate", data, "--model", both, "--output", folder.Runs).Good().Error;
        StringAssert.Matches(judged, new(@"of the 60 images the model was trained on \d+ and chosen and calibrated with \d+: they are left out"));
        File.Copy(Path.Combine(first, "weights", "best.safetensors"), both, overwrite: true);
        StringAssert.Contains(Cli.Run("evaluate", data, "--model", both, "--output", folder.Runs).Good().Error, "cannot be known", "the record is that of another model");
        StringAssert.Contains(Cli.Run([.. train, "--teacher", both]).Good().Error, "whether the teacher was trained on some of these images cannot be known");
    }

    /// <summary>A snapshot ensemble as the page about ensembles has it: a run goes on with more epochs, which lets its rate rise again.</summary>
    [TestMethod]
    public void Snapshots_OfOneRun_MakeAnEnsemble()
    {
        using var folder = new Pictures();
        var run = Path.Combine(folder.Runs, "train", "s");
        Cli.Run(["train", folder.Splits(train: 20, test: 6), .. s_small, "--schedule", "cosine", "--epochs", "2", "--output", folder.Runs, "--name", "s"]).Good();
        File.Copy(Path.Combine(run, "weights", "last.safetensors"), folder["s1.safetensors"]);
        Cli.Run("train", "--resume", run, "--epochs", "4").Good();
        var lines = File.ReadAllLines(Path.Combine(run, "results.csv"));
        var column = Array.IndexOf(lines[0].Split(','), "learning_rate");
        double[] rates = [.. lines[1..].Select(line => double.Parse(line.Split(',')[column], CultureInfo.InvariantCulture))];
        Assert.HasCount(4, rates);
        Assert.IsGreaterThan(2 * rates[1], rates[2]);
        Assert.IsLessThan(rates[2], rates[3]);
        var made = Cli.Run("ensemble", folder["s1.safetensors"], Path.Combine(run, "weights", "last.safetensors"), "--to", folder["both.safetensors"], "--json").Good();
        Assert.HasCount(2, made.Lines.Single().GetProperty("models").EnumerateArray().Select(model => model.GetProperty("weight").GetDouble()).Where(weight => weight == 0.5).ToArray());
    }

    /// <summary>Pictures of which no two are alike, so that it shows which a model was trained on.</summary>
    static string Different(Pictures folder, int count)
    {
        var random = new Random(4);
        var pixels = new byte[8 * 8 * 3];
        foreach (var (label, channel) in new[] { ("blue", 2), ("green", 1), ("red", 0) })
            for (var i = 0; i < count; i++)
            {
                for (var at = 0; at < pixels.Length; at++)
                    pixels[at] = (byte)(random.Next(120) + (at % 3 == channel ? 120 : 0));
                folder.Write(Path.Combine("data", "train", label, $"{i:000}.png"), MlNetCifar.Imaging.PngEncoder.Encode(pixels, 8, 8, 3));
            }

        return folder["data"];
    }

    [TestMethod]
    public void WrongRequests_AreNamed()
    {
        using var folder = new Pictures();
        using var small = SmallModel.Create();
        small.Save(folder["a.safetensors"]);
        using var renamed = new ImageClassifier(small.Weights.Clone(), ["x", "y", "z"], small.Preprocess, small.Normalization);
        renamed.Save(folder["b.safetensors"]);
        var refused = Cli.Run("ensemble", folder["a.safetensors"], folder["b.safetensors"], "--to", folder["c.safetensors"]).Bad(ExitCodes.Usage, "MNC4011");
        StringAssert.Contains(refused.Error, "b.safetensors");
        Assert.IsFalse(File.Exists(folder["c.safetensors"]));
        Cli.Run("ensemble", folder["a.safetensors"], folder["a.safetensors"], "--method", "stack", "--to", folder["c.safetensors"]).Bad(ExitCodes.Usage, "MNC9001");
        Cli.Run("ensemble", folder["a.safetensors"], "--to", folder["c.safetensors"]).Bad(ExitCodes.Usage, "MNC9001");
    }

    [TestMethod]
    public void Train_LearnsFromATeacher_AndGoesOnWithIt()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 20, test: 8);
        Cli.Run(["train", data, .. s_small, "--epochs", "2", "--output", folder.Runs, "--name", "a"]).Good();
        var teacher = Path.Combine(folder.Runs, "train", "a");
        var taught = Cli.Run(["train", data, .. s_small, "--epochs", "2", "--schedule", "constant", "--seed", "5", "--teacher", teacher, "--output", folder.Runs, "--name", "b"]).Good();
        StringAssert.Contains(taught.Error, "teacher  elephas-mlp");
        Cli.Run("train", "--resume", Path.Combine(folder.Runs, "train", "b"), "--epochs", "4").Good();
        Cli.Run(["train", data, .. s_small, "--teacher", teacher, "--backbone", "resnet18", "--output", folder.Runs]).Bad(ExitCodes.Usage, "MNC9022");
        Cli.Run(["train", data, .. s_small, "--teacher", teacher, "--distill-weight", "2", "--output", folder.Runs]).Bad(ExitCodes.Usage, "MNC3001");
    }
}
