using Microsoft.ML;
using Microsoft.ML.Data;
using MlNetCifar.Imaging;
using MlNetCifar.MLNet;
using MlNetCifar.Tests.Transfer;

namespace MlNetCifar.Tests.MLNet;

/// <summary>Pictures of the library as views, views as pictures of the library, and features for other trainers.</summary>
[TestClass]
public sealed class MLNetDataTests
{
    [TestMethod]
    public void Images_AsRows_AreTheSourcesBytes()
    {
        var ml = new MLContext();
        var source = SmallBackbone.Images(perClass: 4);
        var view = ml.Data.LoadFromImages(source);
        Assert.AreEqual(12, view.GetRowCount());
        var (pixels, labels, names) = (view.GetColumn<byte[]>("Image").ToArray(), view.GetColumn<uint>("Label").ToArray(), view.GetColumn<string>("Name").ToArray());
        var picture = new byte[source.ImageLength];
        for (var i = 0; i < source.Count; i++)
        {
            source.CopyPixels(i, picture);
            CollectionAssert.AreEqual(picture, pixels[i]);
            Assert.AreEqual((uint)source.Label(i) + 1, labels[i]);
            Assert.AreEqual(source.Name(i), names[i]);
        }

        CollectionAssert.AreEquivalent(names, ml.Data.ShuffleRows(view, seed: 3).GetColumn<string>("Name").ToArray());
        var seen = 0;
        foreach (var cursor in view.GetRowCursorSet([view.Schema["Label"]], 5))
        {
            while (cursor.MoveNext())
                seen++;
            cursor.Dispose();
        }

        Assert.AreEqual(12, seen);
    }

    [TestMethod]
    public void Rows_AsImages_AreThoseOfTheFiles()
    {
        using var data = new MLNetData();
        using var expected = ImageDataset.Open(data.Folder, new() { Spec = new() { Width = 16, Height = 16 } });
        foreach (var (column, before) in new (string, IEstimator<ITransformer>)[]
        {
            ("Path", data.ML.Transforms.CopyColumns("Copy", "Path")), ("Bytes", data.ML.Transforms.LoadRawImageBytes("Bytes", null, "Path")), ("Picture", data.ML.Transforms.LoadImages("Picture", null, "Path")),
        })
        {
            using var images = data.ML.Data.ToImages(before.Fit(data.View("train")).Transform(data.View("train")), new() { ImageColumnName = column, ImageSize = new ImageSize(16, 16) });
            Assert.AreEqual(expected.Train.ContentHash(), images.Dataset.Train.ContentHash(), column);
        }
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Features_TrainOtherTrainers_AndAreThoseOfTheNetwork()
    {
        using var data = new MLNetData(train: 30);
        var ml = data.ML;
        using var network = SmallBackbone.Create();
        var featurizer = ml.Transforms.FeaturizeImages("Features", network, "Path");
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label").Append(featurizer).Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy());
        var model = pipeline.Fit(data.View("train"));
        var scored = model.Transform(data.View("test"));
        Assert.IsGreaterThan(0.9, ml.MulticlassClassification.Evaluate(scored).MicroAccuracy);
        var rows = data.Rows("test");
        var features = MLNetData.Scores(scored, "Features");
        for (var i = 0; i < rows.Length; i++)
            CollectionAssert.AreEqual(network.Features(RgbImage.Load(rows[i].Path)), features[i]);

        // Through an archive.
        ml.Model.Save(model, data.View("test").Schema, data["features.zip"]);
        var loaded = new MLContext().UseMlNetCifar().Model.Load(data["features.zip"], out _).Transform(data.View("test"));
        CollectionAssert.AreEqual(MLNetData.Scores(scored).SelectMany(s => s).ToArray(), MLNetData.Scores(loaded).SelectMany(s => s).ToArray());
    }
}
