using Microsoft.ML;
using MlNetCifar.Imaging;
using MlNetCifar.MLNet;

namespace MlNetCifar.Tests.MLNet;

/// <summary>What is wrong with columns and rows is said by name, as ML.NET says it.</summary>
[TestClass]
public sealed class MLNetFaultTests
{
    static readonly ImageNetworkOptions s_quick = new() { ImageColumnName = "Path", Architecture = "seed-cnn", Epoch = 1, BatchSize = 8, ImageSize = new ImageSize(16, 16) };

    [TestMethod]
    public void WrongColumns_AreNamed_BeforeAnythingIsRead()
    {
        using var data = new MLNetData();
        var view = data.View("train");
        Schema(s_quick with { ImageColumnName = "Picture" }, "Could not find image column 'Picture'", "'Path'");
        Schema(s_quick with { LabelColumnName = "Class" }, "Could not find label column 'Class'", "LabelColumnName");
        Schema(s_quick with { ImageColumnName = "Weight" }, "Schema mismatch for image column 'Weight'", "got Single");
        Schema(s_quick with { LabelColumnName = "Weight" }, "Schema mismatch for label column 'Weight': expected Key or String, got Single", "MapValueToKey");

        void Schema(ImageNetworkOptions options, params string[] parts)
        {
            var trainer = data.ML.MulticlassClassification.Trainers.ImageNetwork(options);
            foreach (var act in new Action[] { () => trainer.Fit(view), () => trainer.GetOutputSchema(MLInternals.ShapeOf(view.Schema)) })
            {
                var message = Assert.ThrowsExactly<ArgumentOutOfRangeException>(act).Message;
                foreach (var part in parts)
                    StringAssert.Contains(message, part);
            }
        }
    }

    [TestMethod]
    public void Transform_WithoutThePictures_NamesTheColumn()
    {
        using var data = new MLNetData();
        var model = Fit(data, s_quick, data.Rows("train"));
        var other = data.ML.Data.LoadFromEnumerable(new[] { new { Text = "a" } });
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.Transform(other)).Message, "'Path'");
    }

    [TestMethod]
    public void TooFewRows_OrClasses_AreToldBeforeTraining()
    {
        using var data = new MLNetData();
        Assert.AreEqual("MNC7001", Fault(() => Fit(data, s_quick, [])).Code);
        Assert.AreEqual("MNC7001", Fault(() => Fit(data, s_quick, [new() { Path = "a.png", Label = "" }])).Code);
        var one = Fault(() => Fit(data, s_quick, [.. data.Rows("train").Where(row => row.Label == "red")]));
        Assert.AreEqual("MNC7002", one.Code);
        StringAssert.Contains(one.Message, "'red'");
        PathRow[] strange = [new() { Path = data.Rows("test")[0].Path, Label = "violet" }];
        var unknown = Fault(() => Fit(data, s_quick with { ValidationSet = data.ML.Data.LoadFromEnumerable(strange) }, data.Rows("train")));
        Assert.AreEqual("MNC7003", unknown.Code);
        StringAssert.Contains(unknown.Message, "row 0 of the validation set: The label 'violet' in column 'Label'");
    }

    [TestMethod]
    public void RowsWithoutLabel_AreLeftOut_AndCounted()
    {
        using var data = new MLNetData();
        List<string> messages = [];
        data.ML.Log += (_, e) => messages.Add(e.Message);
        Fit(data, s_quick, [.. data.Rows("train"), new() { Path = "a.png", Label = "" }]);
        Assert.IsTrue(messages.Any(m => m.Contains("1 rows without a label in column 'Label'", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void BadPictures_InTraining_AreLeftOutOrEndIt()
    {
        using var data = new MLNetData();
        var broken = data["broken.png"];
        File.WriteAllBytes(broken, File.ReadAllBytes(data.Rows("train")[0].Path)[..40]);
        PathRow[] rows = [.. data.Rows("train"), new() { Path = broken, Label = "red" }, new() { Path = data["missing.png"], Label = "red" }];
        List<string> messages = [];
        data.ML.Log += (_, e) => messages.Add(e.Message);
        var with = Fit(data, s_quick, rows);
        Assert.IsTrue(messages.Any(m => m.Contains("2 files could not be read", StringComparison.Ordinal)), string.Join('\n', messages));
        Assert.AreEqual(Fit(data, s_quick, data.Rows("train")).Model.WeightsSha256, with.Model.WeightsSha256);
        StringAssert.Contains(Fault(() => Fit(data, s_quick with { OnBadImage = OnBadImage.Fail }, rows[..^1])).Message, "broken.png");
    }

    [TestMethod]
    public void BadPictures_InTransform_EndIt_OrHaveMissingAnswers()
    {
        using var data = new MLNetData();
        PathRow[] rows = [.. data.Rows("test")[..3], new() { Path = data["missing.png"], Label = "red" }, .. data.Rows("test")[3..]];
        var view = data.ML.Data.LoadFromEnumerable(rows);
        var fault = Fault(() => MLNetData.Scores(Fit(data, s_quick, data.Rows("train")).Transform(view)));
        Assert.AreEqual("MNC7004", fault.Code);
        StringAssert.Contains(fault.Message, "row 3: Column 'Path'");
        StringAssert.Contains(fault.Message, "missing.png");
        List<string> messages = [];
        data.ML.Log += (_, e) => messages.Add(e.Message);
        var skipping = Fit(data, s_quick with { OnBadImageInTransform = OnBadImage.Skip }, data.Rows("train")).Transform(view);
        var scores = MLNetData.Scores(skipping);
        Assert.HasCount(rows.Length, scores);
        Assert.IsTrue(scores[3].All(float.IsNaN));
        Assert.IsFalse(scores.Where((_, i) => i != 3).SelectMany(s => s).Any(float.IsNaN));
        Assert.IsTrue(messages.Any(m => m.Contains("1 pictures could not be read", StringComparison.Ordinal) && m.Contains("row 3", StringComparison.Ordinal)), string.Join('\n', messages));
    }

    [TestMethod]
    public void Tensors_OfAnotherScale_AreNotTakenForBlackPictures()
    {
        using var data = new MLNetData();
        var ml = data.ML;
        var pixels = ml.Transforms.LoadImages("Picture", null, "Path").Append(ml.Transforms.ResizeImages("Picture", 16, 16)).Append(ml.Transforms.ExtractPixels("Pixels", "Picture", scaleImage: 1 / 255f));
        var view = pixels.Fit(data.View("train")).Transform(data.View("train"));
        var fault = Fault(() => ml.MulticlassClassification.Trainers.ImageNetwork(s_quick with { ImageColumnName = "Pixels", OnBadImage = OnBadImage.Fail }).Fit(view));
        StringAssert.Contains(fault.Message, "PixelScale");
    }

    static ImageNetworkTransformer Fit(MLNetData data, ImageNetworkOptions options, PathRow[] rows) =>
        data.ML.MulticlassClassification.Trainers.ImageNetwork(options).Fit(data.ML.Data.LoadFromEnumerable(rows));

    static MlNetCifarException Fault(Action act) => Assert.ThrowsExactly<MlNetCifarException>(act);
}
