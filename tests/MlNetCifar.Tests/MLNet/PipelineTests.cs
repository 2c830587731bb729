using Microsoft.ML;
using Microsoft.ML.Data;
using MlNetCifar.Imaging;
using MlNetCifar.MLNet;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.MLNet;

/// <summary>What users of ML.NET do with a trained pipeline.</summary>
[TestClass]
public sealed class PipelineTests
{
    static readonly ImageNetworkOptions s_quick = new() { ImageColumnName = "Path", Architecture = "seed-cnn", Epoch = 2, BatchSize = 8, Seed = 3, ImageSize = new ImageSize(16, 16) };
    static MLNetData s_data = null!;
    static ITransformer s_model = null!;
    static float[][] s_scores = null!;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_data = new(train: 12, test: 40);
        s_model = Pipeline().Fit(s_data.View("train"));
        s_scores = MLNetData.Scores(s_model.Transform(s_data.View("test")));
    }

    [ClassCleanup]
    public static void Clean() => s_data.Dispose();

    [TestMethod]
    public void PredictionEngine_GivesTheScoresOfTransform_AndAnotherOutlivesIt()
    {
        var rows = s_data.Rows("test");
        using var second = s_data.ML.Model.CreatePredictionEngine<PathRow, NamedAnswer>(s_model);
        using (var engine = s_data.ML.Model.CreatePredictionEngine<PathRow, NamedAnswer>(s_model))
        {
            for (var i = 0; i < rows.Length; i++)
                CollectionAssert.AreEqual(s_scores[i], engine.Predict(rows[i]).Score);
        }

        Assert.IsGreaterThan(0, second.Predict(rows[0]).PredictedLabel.Length);
    }

    [TestMethod]
    public void SaveAndLoad_InAFreshProcess_GivesTheSameBits()
    {
        var path = s_data["model.zip"];
        s_data.ML.Model.Save(s_model, s_data.View("test").Schema, path);
        var rows = s_data.Rows("test")[..6];
        var lines = OwnProcess.Run(["mlnet-predict", path, s_data.Folder, .. rows.Select(row => Path.GetRelativePath(s_data.Folder, row.Path))]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.HasCount(6, lines);
        for (var i = 0; i < lines.Length; i++)
            Assert.EndsWith(Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes(s_scores[i].AsSpan())), lines[i]);

        // Saved again it is the same file within.
        var ml = new MLContext().UseMlNetCifar().UseMlNetCifar();
        var loaded = ml.Model.Load(path, out var schema);
        ml.Model.Save(loaded, schema, s_data["again.zip"]);
        CollectionAssert.AreEqual(Network(path), Network(s_data["again.zip"]));
        using var inside = ImageClassifier.Load(new MemoryStream(Network(path)));
        Assert.AreEqual(Last(s_model).Model.WeightsSha256, inside.WeightsSha256);

        static byte[] Network(string path)
        {
            using var archive = System.IO.Compression.ZipFile.OpenRead(path);
            using var entry = archive.Entries.Single(e => e.Name == "network.safetensors").Open();
            var copy = new MemoryStream();
            entry.CopyTo(copy);
            return copy.ToArray();
        }
    }

    [TestMethod]
    public void Load_WithoutRegistration_IsRefused()
    {
        var path = s_data["forgotten.zip"];
        s_data.ML.Model.Save(s_model, s_data.View("test").Schema, path);
        StringAssert.Contains(OwnProcess.Run("mlnet-forget", path), "Couldn't load model");
    }

    [TestMethod]
    public void Transform_IsLazy_AndReadsOnlyWhatIsAskedFor()
    {
        var reads = 0;
        IEnumerable<PathRow> Rows()
        {
            foreach (var row in s_data.Rows("test"))
            {
                reads++;
                yield return row;
            }
        }

        var view = s_model.Transform(s_data.ML.Data.LoadFromEnumerable(Rows()));
        Assert.AreEqual(0, reads);
        Assert.HasCount(3, view.GetColumn<float[]>("Score").Take(3).ToArray());
        Assert.IsLessThan(40, reads);

        // Nobody opens a picture where no answer is wanted.
        var gone = s_data.ML.Data.LoadFromEnumerable(new PathRow[] { new() { Path = "no/such.png", Label = "red" } });
        Assert.AreEqual("red", s_model.Transform(gone).GetColumn<string>("Label").Single());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(4)]
    public void CursorSets_GiveEveryRowOnce_WithTheSameBits(int n)
    {
        var view = s_model.Transform(s_data.ML.Data.Cache(s_data.View("test")));
        var seen = new Dictionary<string, float[]>();
        foreach (var cursor in view.GetRowCursorSet([view.Schema["Path"], view.Schema["Score"]], n))
        {
            using (cursor)
            {
                var (path, score) = (cursor.GetGetter<ReadOnlyMemory<char>>(view.Schema["Path"]), cursor.GetGetter<VBuffer<float>>(view.Schema["Score"]));
                while (cursor.MoveNext())
                {
                    ReadOnlyMemory<char> name = default;
                    VBuffer<float> values = default;
                    path(ref name);
                    score(ref values);
                    seen.Add(name.ToString(), [.. values.DenseValues()]);
                }
            }
        }

        var rows = s_data.Rows("test");
        Assert.HasCount(rows.Length, seen);
        for (var i = 0; i < rows.Length; i++)
            CollectionAssert.AreEqual(s_scores[i], seen[rows[i].Path]);
    }

    [TestMethod]
    public void OtherColumns_ComeThroughInTheirRows()
    {
        PathRow[] rows = [.. s_data.Rows("test").Select((row, i) => new PathRow { Path = row.Path, Label = row.Label, Weight = i })];
        var ml = s_data.ML;
        var input = ml.Transforms.LoadImages("Picture", null, "Path").Append(ml.Transforms.ResizeImages("Picture", 16, 16)).Append(ml.Transforms.LoadRawImageBytes("Bytes", null, "Path"))
            .Fit(ml.Data.LoadFromEnumerable(rows)).Transform(ml.Data.LoadFromEnumerable(rows));
        var view = s_model.Transform(input);
        CollectionAssert.AreEqual(Enumerable.Range(0, rows.Length).Select(i => (float)i).ToArray(), view.GetColumn<float>("Weight").ToArray());
        using var cursor = view.GetRowCursor(view.Schema);
        var (weight, bytes, picture, score) = (
            cursor.GetGetter<float>(view.Schema["Weight"]), cursor.GetGetter<VBuffer<byte>>(view.Schema["Bytes"]), cursor.GetGetter<MLImage>(view.Schema["Picture"]),
            cursor.GetGetter<VBuffer<float>>(view.Schema["Score"]));
        var count = 0;
        while (cursor.MoveNext())
        {
            float number = default;
            VBuffer<byte> file = default;
            VBuffer<float> scores = default;
            MLImage? image = null;
            weight(ref number);
            bytes(ref file);
            picture(ref image!);
            score(ref scores);
            Assert.AreEqual(count, cursor.Position);
            Assert.AreEqual((float)count, number);
            CollectionAssert.AreEqual(File.ReadAllBytes(rows[count].Path), file.DenseValues().ToArray());
            CollectionAssert.AreEqual(s_scores[count], scores.DenseValues().ToArray());
            Assert.AreEqual(16, image.Width);
            count++;
        }

        Assert.AreEqual(rows.Length, count);
    }

    [TestMethod]
    public void CrossValidate_TrainTestSplit_AndCheckpoints_Work()
    {
        var ml = s_data.ML;
        var folds = ml.MulticlassClassification.CrossValidate(s_data.View("train"), ml.Transforms.Conversion.MapValueToKey("Label").AppendCacheCheckpoint(ml)
            .Append(ml.MulticlassClassification.Trainers.ImageNetwork(s_quick with { ValidationSetFraction = 0 })), numberOfFolds: 2);
        Assert.HasCount(2, folds);
        Assert.IsTrue(folds.All(fold => fold.Metrics.MicroAccuracy is >= 0 and <= 1));
        var split = ml.Data.TrainTestSplit(s_data.View("train"), 0.3);
        Assert.IsGreaterThan(0.0, ml.MulticlassClassification.Evaluate(Pipeline(isNamed: false).Fit(split.TrainSet).Transform(split.TestSet)).ConfusionMatrix.Counts.Sum(row => row.Sum()));
    }

    [TestMethod]
    public void Shuffled_RowsKeepTheirScores()
    {
        var shuffled = s_model.Transform(s_data.ML.Data.ShuffleRows(s_data.View("test"), seed: 5));
        var rows = s_data.Rows("test").Select(row => row.Path).ToList();
        var (paths, scores) = (shuffled.GetColumn<string>("Path").ToArray(), MLNetData.Scores(shuffled));
        CollectionAssert.AreNotEqual(rows, paths);
        for (var i = 0; i < paths.Length; i++)
            CollectionAssert.AreEqual(s_scores[rows.IndexOf(paths[i])], scores[i]);
    }

    [TestMethod]
    public void ExportOnnx_ScoresAlikeInApplyOnnxModel()
    {
        var (ml, path) = (s_data.ML, s_data["model.onnx"]);
        Last(s_model).ExportOnnx(path);
        var pipeline = ml.Transforms.LoadImages("Picture", null, "Path").Append(ml.Transforms.ResizeImages("Picture", 16, 16))
            .Append(ml.Transforms.ExtractPixels("pixels", "Picture", interleavePixelColors: true, outputAsFloatArray: false))
            .Append(ml.Transforms.ApplyOnnxModel(["probabilities"], ["pixels"], path));
        var scores = MLNetData.Scores(pipeline.Fit(s_data.View("test")).Transform(s_data.View("test")), "probabilities");
        for (var i = 0; i < scores.Length; i++)
        {
            for (var k = 0; k < 3; k++)
                Assert.AreEqual(s_scores[i][k], scores[i][k], 1e-5f);
        }
    }

    static IEstimator<ITransformer> Pipeline(bool isNamed = true)
    {
        var ml = s_data.ML;
        var trained = ml.Transforms.Conversion.MapValueToKey("Label").Append(ml.MulticlassClassification.Trainers.ImageNetwork(s_quick));
        return isNamed ? trained.Append(ml.Transforms.Conversion.MapKeyToValue("Label")).Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel")) : trained;
    }

    static ImageNetworkTransformer Last(ITransformer model) => ((IEnumerable<ITransformer>)model).OfType<ImageNetworkTransformer>().Single();
}
