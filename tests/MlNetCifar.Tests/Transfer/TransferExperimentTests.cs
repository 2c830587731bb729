using MlNetCifar.App.Cli;
using MlNetCifar.Experiments;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Onnx;

namespace MlNetCifar.Tests.Transfer;

/// <summary>Whole runs on a backbone, and the choice of what is trained.</summary>
[TestClass]
public sealed class TransferExperimentTests
{
    [TestMethod]
    public void Train_OnABackboneFile_IsAnOrdinaryRun()
    {
        using var folder = new Pictures();
        var backbone = Saved(folder);
        var data = folder.Splits(train: 20, test: 6);
        string[] train = ["train", "--data", data, "--backbone", backbone, "--output", folder.Runs, "--threads", "2"];
        var run = Cli.Run([.. train, "--cache", folder["cache"]]).Good();
        StringAssert.Contains(run.Out, "test accuracy 1.0000");
        StringAssert.Contains(run.Error, "frozen");
        var best = Path.Combine(folder.Runs, "train", "net", "weights", "best.safetensors");
        using (var model = ImageClassifier.Load(best))
            Assert.AreEqual(3, model.Network.Classes);
        foreach (var file in new[] { "report.html", "args.json", "env.json", "labels.txt" })
            Assert.IsTrue(File.Exists(Path.Combine(folder.Runs, "train", "net", file)), file);
        var picture = Directory.EnumerateFiles(Path.Combine(data, "test", "red")).First();
        StringAssert.Contains(Cli.Run("predict", picture, "--model", best).Good().Out, "red");
        Cli.Run("explain", picture, "--model", best, "--output", folder["explained"]).Good();
        StringAssert.Contains(Cli.Run("evaluate", "--data", data, "--model", best, "--output", folder.Runs).Good().Out, "test accuracy 1.0000");

        // Again, with its own settings: the features are there, and the weights are the same bits.
        var resumed = Cli.Run("train", "--resume", Path.Combine(folder.Runs, "train", "net")).Good();
        Assert.AreEqual(Weights(run), Weights(resumed));
        var fresh = Cli.Run([.. train, "--cache", "none"]).Good();
        Assert.AreEqual(Weights(run), Weights(fresh));
    }

    [TestMethod]
    public void Train_WhatHasNoMeaning_IsTold()
    {
        using var folder = new Pictures();
        var backbone = Saved(folder);
        string[] train = ["train", "--data", folder.Splits(), "--output", folder.Runs, "--cache", "none", "--backbone", backbone];
        var run = Cli.Run([.. train, "--epochs", "3", "--optimizer", "sgd", "--class-weights", "balanced", "--flip", "none"]).Good();
        var warning = run.Error.Split('\n').Single(line => line.Contains("no meaning", StringComparison.Ordinal));
        StringAssert.Contains(warning, "--epochs, --optimizer");
        Assert.DoesNotContain("class-weights", warning);
        Assert.DoesNotContain("flip", warning);
        Cli.Run([.. train, "--preset", "seed-cnn"]).Bad(ExitCodes.Usage, "MNC9022");
        foreach (var made in new[] { "--size=32", "--resize=centercrop", "--grey" })
            StringAssert.Contains(Cli.Run([.. train, made]).Bad(ExitCodes.Usage, "MNC9022").Error, "how pictures become inputs, which it decides itself");
        Cli.Run([.. train, "--lr-find"]).Bad(ExitCodes.Usage, "MNC9021");
        Cli.Run("train", "--data", folder["data"], "--backbone", "vgg", "--output", folder.Runs).Bad(ExitCodes.Usage, "MNC3104");
        Cli.Run("train", "--data", folder["data"], "--backbone", folder["none.safetensors"], "--output", folder.Runs).Bad(ExitCodes.DataRejected, "MNC4001");
    }

    [TestMethod]
    public void Train_OnSmallerPictures_GivesAModelForThose()
    {
        using var folder = new Pictures();
        string[] train = ["train", "--data", folder.Splits(train: 20, test: 6), "--output", folder.Runs, "--cache", folder["cache"]];
        StringAssert.Contains(Cli.Run([.. train, "--backbone", Saved(folder), "--backbone-size", "12x8"]).Good().Out, "test accuracy 1.0000");
        using (var model = ImageClassifier.Load(Path.Combine(folder.Runs, "train", "net", "weights", "best.safetensors")))
            Assert.AreEqual((12, 8), (model.Network.Width, model.Network.Height));
        Cli.Run([.. train, "--backbone", folder["net.safetensors"], "--backbone-size", "1"]).Bad(ExitCodes.Usage, "MNC4012");
        var idle = Cli.Run([.. train, "--preset", "seed-cnn", "--epochs", "1", "--backbone-size", "12", "--fine-tune", "all"]).Good();
        StringAssert.Contains(idle.Error, "--backbone-size has no effect: the network is trained from scratch");
        StringAssert.Contains(idle.Error, "--fine-tune has no effect: the network is trained from scratch");
    }

    [TestMethod]
    public void Run_WithoutReport_HasItsFiguresAndItsModel()
    {
        using var folder = new Pictures();
        var options = new ExperimentOptions { Data = folder.Splits(train: 20, test: 6), Backbone = Saved(folder), Output = folder.Runs, CacheFolder = null };
        using var whole = new Experiment(options).Run();
        using var bare = new Experiment(options with { Report = false }).Run();
        Assert.IsTrue(File.Exists(whole.Folder.Report));
        Assert.IsFalse(File.Exists(bare.Folder.Report));
        Assert.IsTrue(File.Exists(bare.Folder.Best));
        Assert.AreEqual(whole.Evaluation.MicroAccuracy, bare.Evaluation.MicroAccuracy);
        Assert.HasCount(whole.NextSteps.Count, bare.NextSteps);
    }

    [TestMethod]
    public void Train_BackboneThatCannotBeUsed_IsNamed()
    {
        using var folder = new Pictures();
        string[] train = ["train", "--data", folder.Splits(), "--output", folder.Runs, "--cache", "none", "--backbone"];
        var graph = new TestGraph();
        folder.Write("foreign.onnx", graph.Then("Conv", [graph.Random(4, 3, 3, 3)]).Then("LSTM").ToBytes());
        StringAssert.Contains(Cli.Run([.. train, folder["foreign.onnx"]]).Bad(ExitCodes.DataRejected, "MNC4105").Error, "LSTM");
        graph = new TestGraph();
        folder.Write("shape.onnx", graph.Then("Conv", [graph.Random(4, 5, 3, 3)]).ToBytes());
        Cli.Run([.. train, folder["shape.onnx"]]).Bad(ExitCodes.DataRejected, "MNC4105");
        graph = new TestGraph();
        var whole = graph.Then("Conv", [graph.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten").ToBytes();
        folder.Write("half.onnx", whole[..(whole.Length / 2)]);
        Cli.Run([.. train, folder["half.onnx"]]).Bad(ExitCodes.DataRejected, "MNC4103");
        folder.Write("plain.onnx", whole);
        Cli.Run([.. train, folder["plain.onnx"]]).Bad(ExitCodes.Usage, "MNC4109");
        var model = File.ReadAllBytes(Saved(folder));
        folder.Write("half.safetensors", model[..^100]);
        Cli.Run([.. train, folder["half.safetensors"]]).Bad(ExitCodes.DataRejected, "MNC4005");
        Assert.IsFalse(Directory.Exists(folder.Runs));
    }

    [TestMethod]
    public void Train_OverTheLimitOfTheCache_SaysWhatWent()
    {
        using var folder = new Pictures();
        string[] train = ["train", "--data", folder.Splits(), "--output", folder.Runs, "--backbone", Saved(folder), "--cache", folder["cache"]];
        Assert.DoesNotContain("cache    ", Cli.Run(train).Good().Error);
        foreach (var part in Directory.GetFiles(folder["cache"], "*.features", SearchOption.AllDirectories))
            File.SetLastWriteTimeUtc(part, DateTime.UtcNow.AddDays(-3));
        Photographs(folder, 12);
        var run = Cli.Run(["train", "--data", folder["photos"], .. train[3..], "--cache-limit", "1k"]).Good();
        StringAssert.Contains(run.Error, "not used for longest, were deleted: --cache-limit is 1.0 KiB");
        Assert.IsNotEmpty(Directory.GetFiles(folder["cache"], "*.features", SearchOption.AllDirectories));
    }

    [TestMethod]
    public void Auto_SmallPictures_GetTheSmallNetwork()
    {
        using var folder = new Pictures();
        var run = Cli.Run("train", "--data", folder.Splits(), "--output", folder.Runs, "--epochs", "1", "--batch-size", "8").Good();
        StringAssert.Contains(run.Error, "auto     seed-cnn, trained from scratch, for 42 pictures of about 16×16 in 3 classes");
        Assert.IsTrue(Directory.Exists(Path.Combine(folder.Runs, "train", "seed-cnn")));
        StringAssert.Contains(File.ReadAllText(Path.Combine(folder.Runs, "train", "seed-cnn", "args.json")), "\"preset\": \"seed-cnn\"");
    }

    [TestMethod]
    public void Auto_Photographs_GetTheFirstBackboneThatIsHere()
    {
        using var folder = new Pictures();
        Photographs(folder, 12);
        var options = new ExperimentOptions { Data = folder["photos"], Output = folder.Runs, CacheFolder = null };
        using (var result = new Experiment(options) { Backbones = new Two(isHere: true) }.Run())
        {
            Assert.AreEqual("second", result.Model.Network.Name);
            Assert.AreEqual((16, 16), (result.Model.Preprocess.Width, result.Model.Preprocess.Height));
            Assert.AreEqual("second", result.Folder.Name);
        }

        // As asked for, or where there is none.
        using (var sized = new Experiment(options with { Size = 16, Adjust = Short }) { Backbones = new Two(isHere: true) }.Run())
            Assert.AreEqual("seed-cnn", sized.Model.Network.Name);
        using (var none = new Experiment(options with { Adjust = Short }) { Backbones = new Two(isHere: false) }.Run())
            Assert.AreEqual("seed-cnn", none.Model.Network.Name);
    }

    [TestMethod]
    public void Backbone_EndsWithTheRun_HoweverItEnds()
    {
        using var folder = new Pictures();
        Photographs(folder, 4);
        var backbones = new Two(isHere: true);
        var options = new ExperimentOptions { Data = folder["photos"], Output = folder.Runs, CacheFolder = null, Backbone = "second" };
        Experiment Of(ExperimentOptions options) => new(options) { Backbones = backbones };
        Of(options).SamplePictures(3);
        Of(options).Run().Dispose();
        Assert.AreEqual("MNC9021", Assert.ThrowsExactly<MlNetCifarException>(() => Of(options).FindLearningRate()).Code);
        Of(options).WriteBatch(folder["batch.html"], folder["batch.png"]);
        Assert.ThrowsExactly<MlNetCifarException>(() => Of(options with { Data = folder["none"] }).Run());
        Assert.HasCount(5, backbones.Opened);
        foreach (var backbone in backbones.Opened)
            Assert.ThrowsExactly<ObjectDisposedException>(() => backbone.Weights.Sha256());
    }

    [TestMethod]
    [DataRow(FlipMode.None, 20, false, false)]
    [DataRow(FlipMode.Random, 104, true, false)]
    [DataRow(FlipMode.Random, 105, false, true)]
    [DataRow(FlipMode.Alternate, 105, true, false)]
    public void MirroredPictures_AreLearntWhereTheyAreFewOrAskedFor(FlipMode flip, int pictures, bool mirrored, bool told)
    {
        using var folder = new Pictures();
        Photographs(folder, pictures);
        var options = new ExperimentOptions
        {
            Data = folder["photos"], Output = folder.Runs, CacheFolder = folder["cache"], Backbone = "second", ValidationSplit = 0,
            Adjust = recipe => recipe with { Augmentation = recipe.Augmentation with { Flip = flip } },
        };
        var messages = new FineTuneTests.Messages();
        var experiment = new Experiment(options) { Backbones = new Two(isHere: true) };
        experiment.Observers.Add(messages);
        experiment.Run().Dispose();
        Assert.AreEqual(mirrored, Directory.Exists(Path.Combine(Directory.GetDirectories(Path.Combine(folder["cache"], "features")).Single(), "flipped")));
        Assert.AreEqual(told, messages.Text.Contains("mirrored pictures are not learnt", StringComparison.Ordinal), messages.Text);
        new Experiment(options) { Backbones = new Two(isHere: true) }.WriteBatch(folder["batch.html"], folder["batch.png"]);
        Assert.AreEqual(mirrored, File.ReadAllText(folder["batch.html"]).Contains($"16&#215;16&#215;3; flip {OptionText.Of(flip)}", StringComparison.Ordinal));
    }

    [TestMethod]
    [DataRow(FineTuning.None, "flip random", "rotation")]
    [DataRow(FineTuning.All, "rotation 15", "no augmentation")]
    public void Batch_IsOfTheBackbonesSize_AsTheFrozenOrTheTrainedSeesIt(FineTuning depth, string says, string saysNot)
    {
        using var folder = new Pictures();
        Photographs(folder, 4);
        var options = new ExperimentOptions
        {
            Data = folder["photos"], Output = folder.Runs, CacheFolder = null, Backbone = "second", FineTune = depth,
            Adjust = recipe => recipe with { Augmentation = recipe.Augmentation with { Flip = FlipMode.Random, Rotation = 15 } },
        };
        var shown = new Experiment(options) { Backbones = new Two(isHere: true) }.WriteBatch(folder["batch.html"], folder["batch.png"]);
        Assert.IsNotEmpty(shown);
        var title = File.ReadAllText(folder["batch.html"]).Split('\n').Single(line => line.Contains(" pictures, 16&#215;16&#215;3;", StringComparison.Ordinal));
        StringAssert.Contains(title, says);
        Assert.DoesNotContain(saysNot, title);
    }

    [TestMethod]
    public void Photographs_GreyAndOfOnePixelAndBad_AreTreatedAsEver()
    {
        using var folder = new Pictures();
        Photographs(folder, 12);
        folder.Write("photos/red/grey.png", PngEncoder.Encode([.. Enumerable.Repeat((byte)90, 100 * 100)], 100, 100, 1));
        folder.Write("photos/red/one.png", PngEncoder.Encode([200, 10, 10], 1, 1, 3));
        folder.Text("photos/blue/bad.png", "no picture");
        using var result = new Experiment(new ExperimentOptions { Data = folder["photos"], Output = folder.Runs, CacheFolder = folder["cache"], Split = 0.7 }) { Backbones = new Two(isHere: true) }.Run();
        Assert.IsTrue(result.Warnings.Any(w => w.Contains("1 file could not be read", StringComparison.Ordinal)), string.Join('\n', result.Warnings));
        Assert.IsGreaterThan(0.8, result.Evaluation.MicroAccuracy);
    }

    internal static void Photographs(Pictures folder, int count)
    {
        var random = new Random(1);
        foreach (var (name, channel) in new[] { ("blue", 2), ("green", 1), ("red", 0) })
            for (var i = 0; i < count; i++)
            {
                var pixels = new byte[80 * 70 * 3];
                for (var p = 0; p < pixels.Length; p++)
                    pixels[p] = (byte)((p % 3 == channel ? 160 : 30) + random.Next(60));
                folder.Write($"photos/{name}/{i}.png", PngEncoder.Encode(pixels, 80, 70, 3));
            }
    }

    static TrainingOptions Short(TrainingOptions recipe) => recipe with { Epochs = 1, BatchSize = 8 };

    static string Saved(Pictures folder)
    {
        var path = folder["net.safetensors"];
        using var model = SmallBackbone.Classifier();
        model.Save(path);
        return path;
    }

    static string Weights(Cli run) => run.Error.Split('\n').Single(line => line.StartsWith("weights", StringComparison.Ordinal)).Split("SHA-256 ")[1];

    sealed class Two(bool isHere) : IBackboneCatalog
    {
        public IReadOnlyList<string> Names => ["first", "second"];

        public bool IsHere(string name) => isHere && name == "second";

        public string? LicenceOf(string name) => "MIT";

        public List<FeatureExtractor> Opened { get; } = [];

        public FeatureExtractor Open(string name)
        {
            using var model = SmallBackbone.Classifier(name: name);
            Opened.Add(FeatureExtractor.Of(model));
            return Opened[^1];
        }
    }
}
