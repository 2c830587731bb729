using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MlNetCifar.Imaging;
using MlNetCifar.MLNet;

namespace MlNetCifar.Tests.MLNet;

/// <summary>The trainer: what it is given, what it learns, and what it says, beside the library.</summary>
[TestClass]
public sealed class ImageNetworkTests
{
    static readonly ImageNetworkOptions s_quick = new() { ImageColumnName = "Path", Architecture = "seed-cnn", Epoch = 2, BatchSize = 8, Seed = 3, ImageSize = new ImageSize(16, 16) };

    [TestMethod]
    public void Fit_SameDataOptionsAndSeed_IsTheRunOfTheCommandLine()
    {
        using var data = new MLNetData();
        App.Cli.Run("train", "--data", data.Folder, "--preset", "seed-cnn", "--epochs", "2", "--batch-size", "8", "--seed", "3", "--size", "16", "--output", data["runs"]).Good();
        using var expected = ImageClassifier.Load(Path.Combine(data["runs"], "train", "seed-cnn", "weights", "best.safetensors"));
        using var images = ImageDataset.Open(data.Folder, new() { Spec = expected.Preprocess });
        var accuracy = expected.Evaluate(images.Test!).MicroAccuracy;
        foreach (var ordinality in Enum.GetValues<ValueToKeyMappingEstimator.KeyOrdinality>())
        {
            var keys = data.ML.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ordinality);
            var model = keys.Append(data.ML.MulticlassClassification.Trainers.ImageNetwork(s_quick)).Fit(data.View("train"));
            Assert.AreEqual(expected.WeightsSha256, model.LastTransformer.Model.WeightsSha256);
            Assert.AreEqual(accuracy, data.ML.MulticlassClassification.Evaluate(model.Transform(data.View("test"))).MicroAccuracy);
        }
    }

    [TestMethod]
    public void Fit_EveryKindOfInput_LearnsAndSaysTheSame()
    {
        using var data = new MLNetData();
        var ml = data.ML;
        using var expected = Fit(data, s_quick).Model;
        var classes = expected.Classes;
        var test = data.Rows("test");
        float[][] scores = [.. test.Select(row => InOrder(expected.Classify(row.Path, top: classes.Length)))];
        (string Column, IEstimator<ITransformer> Before, float Scale)[] inputs =
        [
            ("Bytes", ml.Transforms.LoadRawImageBytes("Bytes", null, "Path"), 1),
            ("Picture", ml.Transforms.LoadImages("Picture", null, "Path"), 1),
            ("Pixels", Resized(ml).Append(ml.Transforms.ExtractPixels("Pixels", "Picture", interleavePixelColors: true)), 1),
            ("Pixels", Resized(ml).Append(ml.Transforms.ExtractPixels("Pixels", "Picture", scaleImage: 1 / 255f)), 255),
            ("Pixels", Resized(ml).Append(ml.Transforms.ExtractPixels("Pixels", "Picture", outputAsFloatArray: false)), 1),
        ];
        foreach (var (column, before, scale) in inputs)
        {
            var trainer = ml.MulticlassClassification.Trainers.ImageNetwork(s_quick with { ImageColumnName = column, PixelScale = scale });
            var model = before.Append(trainer).Fit(data.View("train"));
            Assert.AreEqual(expected.WeightsSha256, model.LastTransformer.Model.WeightsSha256, column);
            var rows = MLNetData.Scores(model.Transform(data.View("test")));
            for (var i = 0; i < rows.Length; i++)
                CollectionAssert.AreEqual(scores[i], rows[i], column);
        }

        // The pictures have this size already; the columns get it from here.
        static EstimatorChain<Microsoft.ML.Transforms.Image.ImageResizingTransformer> Resized(MLContext ml) =>
            ml.Transforms.LoadImages("Picture", null, "Path").Append(ml.Transforms.ResizeImages("Picture", 16, 16));

        static float[] InOrder(Classification answer) => [.. answer.Predictions.OrderBy(p => p.Index).Select(p => p.Probability)];
    }

    [TestMethod]
    public void Score_IsWhatTheClassifierAnswers_InTheOrderOfTheKey()
    {
        // Red comes first, so the key's order is not that of the classes; and one value of the key has no picture.
        using var data = new MLNetData();
        var ml = data.ML;
        PathRow[] rows = [.. data.Rows("train").Reverse(), new() { Path = "", Label = "none" }];
        var keys = ml.Transforms.Conversion.MapValueToKey("Label").Fit(ml.Data.LoadFromEnumerable(rows));
        var train = keys.Transform(ml.Data.LoadFromEnumerable(rows[..^1]));
        var model = ml.MulticlassClassification.Trainers.ImageNetwork(s_quick with { IsUnknownColumnName = "IsUnknown", LabelSetColumnName = "Set", OutputFeaturesColumnName = "Features" }).Fit(train);
        CollectionAssert.AreEqual(new[] { "red", "green", "blue", "none" }, model.Labels.ToArray());
        var view = model.Transform(keys.Transform(data.View("test")));
        VBuffer<ReadOnlyMemory<char>> slots = default;
        view.Schema["Score"].GetSlotNames(ref slots);
        CollectionAssert.AreEqual(model.Labels.ToArray(), slots.DenseValues().Select(name => name.ToString()).ToArray());
        var (scores, labels, sets) = (MLNetData.Scores(view), view.GetColumn<uint>("PredictedLabel").ToArray(), view.GetColumn<string[]>("Set").ToArray());
        CollectionAssert.AreEqual(scores.SelectMany(s => s).ToArray(), MLNetData.Scores(model.Transform(data.View("test"))).SelectMany(s => s).ToArray());
        foreach (var (row, i) in data.Rows("test").Select((row, i) => (row, i)))
        {
            var answer = model.Model.Classify(row.Path, top: 3);
            foreach (var prediction in answer.Predictions)
                Assert.AreEqual(prediction.Probability, scores[i][model.Labels.ToList().IndexOf(prediction.Label)]);
            Assert.AreEqual(0, scores[i][3]);
            Assert.AreEqual(answer.Predictions[0].Label, model.Labels[(int)labels[i] - 1]);
            CollectionAssert.AreEqual((answer.LabelSet ?? answer.Predictions).Select(p => p.Label).ToArray(), sets[i]);
        }

        Assert.AreEqual(model.Model.FeatureCount, MLNetData.Scores(view, "Features")[0].Length);
        Assert.AreEqual(4, ml.MulticlassClassification.Evaluate(view).ConfusionMatrix.NumberOfClasses);
    }

    [TestMethod]
    public void Labels_KeepTheirType()
    {
        using var data = new MLNetData();
        var ml = data.ML;
        var numbered = ml.Transforms.CustomMapping<PathRow, Numbered>((row, to) => to.Number = row.Label == "red" ? 30 : row.Label == "green" ? 4 : 500, null);
        var pipeline = numbered.Append(ml.Transforms.Conversion.MapValueToKey("Number"))
            .Append(ml.MulticlassClassification.Trainers.ImageNetwork(s_quick with { LabelColumnName = "Number" })).Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        var model = pipeline.Fit(data.View("train"));
        var answers = model.Transform(data.View("test")).GetColumn<int>("PredictedLabel").ToArray();
        Assert.IsTrue(answers.All(answer => answer is 30 or 4 or 500));

        // Text needs no key.
        var text = Fit(data, s_quick);
        CollectionAssert.AreEqual(new[] { "blue", "green", "red" }, text.Labels.ToArray());
    }

    [TestMethod]
    public void Fit_OnABackbone_IsTheRunOfTheLibrary()
    {
        using var data = new MLNetData();
        var backbone = data["net.safetensors"];
        using (var extractor = Transfer.SmallBackbone.Create())
            extractor.Save(backbone);
        using var run = new Experiment(new ExperimentOptions { Data = data.Folder, Backbone = backbone, Output = data["runs"], CacheFolder = null }).Run();
        var model = Fit(data, new() { ImageColumnName = "Path", Backbone = backbone, ReuseTrainSetBottleneckCachedValues = false, WorkspacePath = data["work"] });
        Assert.AreEqual(run.Model.WeightsSha256, model.Model.WeightsSha256);
        Assert.IsTrue(Directory.EnumerateFiles(data["work"], "report.html", SearchOption.AllDirectories).Any());
        Assert.IsFalse(Directory.EnumerateFiles(data["work"], "*.tmp").Any());
    }

    [TestMethod]
    public void Callbacks_AndLog_AreTold()
    {
        using var data = new MLNetData();
        List<EpochRecord> epochs = [];
        List<string> messages = [];
        data.ML.Log += (_, e) => messages.Add(e.Message);
        Fit(data, s_quick with { MetricsCallback = epochs.Add, ValidationSet = data.View("test") });
        Assert.HasCount(2, epochs);
        Assert.IsNotNull(epochs[0].ValidationAccuracy);
        Assert.IsTrue(messages.Any(m => m.Contains("ImageNetwork", StringComparison.Ordinal) && m.Contains("epoch 1: loss", StringComparison.Ordinal)), string.Join('\n', messages));
    }

    [TestMethod]
    public void Cancelled_BeforeTraining_Throws_AndWithinIt_GivesTheBestSoFar()
    {
        using var data = new MLNetData();
        using var stop = new CancellationTokenSource();
        var options = s_quick with { Epoch = 5000, MetricsCallback = _ => stop.Cancel(), Cancellation = stop.Token };
        Assert.AreEqual(1, Fit(data, options).Model.BestEpoch);
        Assert.Throws<OperationCanceledException>(() => Fit(data, options));
    }

    [TestMethod]
    public void CancelExecution_OfTheContext_EndsTraining()
    {
        using var data = new MLNetData();
        var cancel = typeof(MLContext).GetMethod("CancelExecution", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Public)!;
        var model = Fit(data, s_quick with { Epoch = 100_000, MetricsCallback = epoch => { if (epoch.Epoch == 1) cancel.Invoke(data.ML, null); } });
        Assert.IsLessThan(100_000, model.Model.History.Count);
    }

    static ImageNetworkTransformer Fit(MLNetData data, ImageNetworkOptions options) => data.ML.MulticlassClassification.Trainers.ImageNetwork(options).Fit(data.View("train"));

    sealed class Numbered
    {
        public int Number { get; set; }
    }
}
