using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

[TestClass]
public sealed class CalibratedClassifierTests
{
    [TestMethod]
    public void Calibrate_KeepsTheModel_AndFitsItsLogits()
    {
        using var plain = SmallModel.Create();
        var images = SmallModel.Images(120);
        using var model = plain.Calibrate(images);
        Assert.IsNull(plain.Calibration);
        var outputs = plain.Outputs(images);
        CollectionAssert.AreEqual(plain.Logits(images), outputs.Logits);
        Assert.AreEqual(CalibrationModel.Fit(images.Labels.Span, outputs.Logits, 3, null, outputs.Features, outputs.Texture), model.Calibration);
        Assert.AreEqual((7, 2), (model.Calibration!.Features!.Distance.Dimension, model.Calibration.Texture!.Distance.Dimension));
        Assert.AreEqual((plain.WeightsSha256, plain.BestEpoch, plain.TrainingSettings), (model.WeightsSha256, model.BestEpoch, model.TrainingSettings));
        CollectionAssert.AreEqual(plain.Score(images), model.Score(images));
        Assert.IsTrue(model.Calibration!.Scaling.LogLossAfter <= model.Calibration.Scaling.LogLossBefore);
    }

    [TestMethod]
    [DataRow(TestTimeViews.None, 1)]
    [DataRow(TestTimeViews.Flip, 2)]
    [DataRow(TestTimeViews.FlipShift, 6)]
    public void Calibrate_OnViews_IsRecordedAndUsedWhenClassifying(TestTimeViews views, int count)
    {
        using var plain = SmallModel.Create();
        using var model = plain.Calibrate(SmallModel.Images(60), views: views);
        Assert.AreEqual(count, model.Calibration!.Views);
        using var folder = new TestFolder();
        model.Save(folder["model.safetensors"]);
        using var loaded = ImageClassifier.Load(folder["model.safetensors"]);
        Assert.AreEqual(count, loaded.Calibration!.Views);

        var pixels = SmallModel.Images(1);
        var picture = new RgbImage(6, 8);
        pixels.CopyPixels(0, picture.Pixels);
        var expected = model.Calibration.Predict(plain.Logits(pixels, views: views)).Labels[0];
        var answer = loaded.Classify(picture).Predictions[0];
        Assert.AreEqual((expected.Label, expected.Probability), (answer.Index, answer.Probability));
    }

    [TestMethod]
    public void Logits_ThroughTheSoftmax_AreTheScores()
    {
        using var model = SmallModel.Create();
        var images = SmallModel.Images(9);
        LaneCases.AssertClose(model.Score(images), Softmaxed(model.Logits(images, views: TestTimeViews.None), 3), 2e-5);
        LaneCases.AssertClose(model.Score(images, views: TestTimeViews.Flip), Softmaxed(model.Logits(images, views: TestTimeViews.Flip), 3), 2e-5);
    }

    [TestMethod]
    [DataRow(TestTimeViews.None)]
    [DataRow(TestTimeViews.FlipShift)]
    public void Outputs_OfManyAreThoseOfEach(TestTimeViews views)
    {
        using var model = SmallModel.Create();
        var images = SmallModel.Images(9);
        var all = model.Outputs(images, views: views);
        Assert.AreEqual((27, 63, 18), (all.Logits.Length, all.Features.Length, all.Texture.Length));
        var one = model.Outputs(images.Subset([4]), views: views);
        CollectionAssert.AreEqual(one.Logits, all.Logits[12..15]);
        CollectionAssert.AreEqual(one.Features, all.Features[28..35]);
        CollectionAssert.AreEqual(all.Features, model.Features(images, views: views));
        CollectionAssert.AreEqual(one.Texture, all.Texture[8..10]);

        // The last layer and the scale behind it make the logits of the features.
        var (weight, bias) = (model.Weights.Tensors.Single(t => t.Name == "fc2.weight").Values.ToArray(), model.Weights.Tensors.Single(t => t.Name == "fc2.bias").Values.ToArray());
        for (var k = 0; k < 3; k++)
            Assert.AreEqual(0.5 * (bias[k] + Enumerable.Range(0, 7).Sum(j => one.Features[j] * weight[(3 * j) + k])), one.Logits[k], 1e-4);
    }

    [TestMethod]
    public void Outputs_OfANetworkThatSeesThePixelsAtOnce_HaveNoFeatures()
    {
        var spec = new NetworkSpec { Name = "line", Height = 8, Width = 6, Channels = 3, Classes = 3, Layers = [new Flatten(), new Linear(3)] };
        using var model = new ImageClassifier(NetworkWeights.Initialize(spec, 2), ["a", "b", "ç"], new PreprocessSpec { Width = 6, Height = 8 }, MlNetCifar.Normalization.None(3));
        Assert.IsEmpty(model.Outputs(SmallModel.Images(9)).Features);
        using var calibrated = model.Calibrate(SmallModel.Images(30));
        Assert.IsNull(calibrated.Calibration!.Features);
        Assert.IsNotNull(calibrated.Calibration.Texture);
    }

    [TestMethod]
    public void Logits_OfASigmoidNetwork_AreTheScoresToo()
    {
        var spec = new NetworkSpec
        {
            Name = "two", Height = 8, Width = 6, Channels = 3, Classes = 2, Loss = LossKind.SigmoidCrossEntropy, Layers = [new Flatten(), new Linear(1)],
        };
        using var model = new ImageClassifier(NetworkWeights.Initialize(spec, 2), ["a", "b"], new PreprocessSpec { Width = 6, Height = 8 }, MlNetCifar.Normalization.None(3));
        var images = SmallModel.Images(9);
        var logits = model.Logits(images);
        Assert.HasCount(18, logits);
        LaneCases.AssertClose(model.Score(images), Softmaxed(logits, 2), 2e-5);
        LaneCases.AssertClose(model.Score(images.Subset([4])), Softmaxed(model.Logits(images.Subset([4])), 2), 2e-5);
    }

    [TestMethod]
    public void Predict_GivesCalibratedProbabilities()
    {
        using var plain = SmallModel.Create();
        using var model = With(plain, temperature: 4);
        var picture = Picture();
        var (before, after) = (plain.Predict(picture), model.Predict(picture));
        CollectionAssert.AreEqual(before.Select(p => p.Index).ToArray(), after.Select(p => p.Index).ToArray());
        Assert.AreEqual(1, after.Sum(p => p.Probability), 1e-5);

        // Dividing logits by 4 takes the fourth root of a ratio of probabilities.
        Assert.AreEqual(Math.Pow(before[0].Probability / before[2].Probability, 0.25), after[0].Probability / after[2].Probability, 1e-3);
    }

    [TestMethod]
    public void Classify_WithoutCalibration_KnowsNoUnknownAndNoSet()
    {
        using var model = SmallModel.Create();
        var answer = model.Classify(Picture(), top: 2);
        Assert.HasCount(2, answer.Predictions);
        Assert.IsFalse(answer.IsUnknown);
        Assert.IsNull(answer.LabelSet);
    }

    [TestMethod]
    [DataRow(0.0, 1e9, false)]
    [DataRow(1.01, 1e9, true)]
    [DataRow(0.0, -1e9, true)]
    public void Classify_UnsureOrForeign_IsUnknown(double threshold, double energy, bool unknown)
    {
        using var plain = SmallModel.Create();
        using var model = With(plain, threshold: threshold, energy: energy);
        Assert.AreEqual(unknown, model.Classify(Picture()).IsUnknown);
    }

    [TestMethod]
    [DataRow(double.PositiveInfinity, 3)]
    [DataRow(-1.0, 0)]
    public void Classify_LabelSet_DoesNotDependOnTop(double quantile, int size)
    {
        using var plain = SmallModel.Create();
        using var model = With(plain, quantile: quantile);
        var answer = model.Classify(Picture(), top: 1);
        Assert.HasCount(1, answer.Predictions);
        Assert.HasCount(size, answer.LabelSet!);
        if (size > 0)
            CollectionAssert.AreEqual(model.Predict(Picture()).ToArray(), answer.LabelSet!.ToArray());
    }

    [TestMethod]
    public void SaveAndLoad_KeepTheCalibration_AndItsAbsence()
    {
        using var folder = new TestFolder();
        var path = folder["model.safetensors"];
        using var plain = SmallModel.Create();
        plain.Save(path);
        using (var loaded = ImageClassifier.Load(path))
            Assert.IsNull(loaded.Calibration);
        using var model = With(plain, temperature: 2.5, quantile: double.PositiveInfinity);
        model.Save(path);
        using (var loaded = ImageClassifier.Load(path))
        {
            Assert.AreEqual(model.Calibration, loaded.Calibration);
            CollectionAssert.AreEqual(model.Predict(Picture()).ToArray(), loaded.Predict(Picture()).ToArray());
        }

        using var fitted = plain.Calibrate(SmallModel.Images(60));
        fitted.Save(path);
        using (var loaded = ImageClassifier.Load(path))
            Assert.AreEqual(fitted.Calibration, loaded.Calibration);

        using var broken = With(plain, temperature: 0);
        broken.Save(path);
        Assert.AreEqual("MNC4005", Assert.ThrowsExactly<MlNetCifarException>(() => ImageClassifier.Load(path)).Code);
    }

    static ImageClassifier With(ImageClassifier model, double temperature = 1, double quantile = 0.9, double threshold = 0, double energy = 1e9) =>
        new(model.Weights.Clone(), model.Classes, model.Preprocess, model.Normalization)
        {
            Calibration = new CalibrationModel(
                new TemperatureScaling(temperature, 1, 1), new ConformalSets(ConformalMethod.Threshold, 0.9, quantile),
                AbstainRule.Never with { Threshold = threshold }, energy),
        };

    static RgbImage Picture()
    {
        var picture = new RgbImage(9, 7);
        new Random(4).NextBytes(picture.Pixels);
        return picture;
    }

    static float[] Softmaxed(float[] logits, int classes)
    {
        var probabilities = new float[logits.Length];
        TemperatureScaling.None.Apply(logits, classes, probabilities);
        return probabilities;
    }
}
