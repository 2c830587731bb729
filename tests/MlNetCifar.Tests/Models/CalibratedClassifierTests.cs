using MlNetCifar.Evaluation.Calibration;
using MlNetCifar.Imaging;
using MlNetCifar.Models;
using MlNetCifar.Nn;

namespace MlNetCifar.Tests.Models;

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
        Assert.AreEqual(CalibrationModel.Fit(images.Labels.Span, plain.Logits(images), 3), model.Calibration);
        Assert.AreEqual((plain.WeightsSha256, plain.BestEpoch, plain.TrainingSettings), (model.WeightsSha256, model.BestEpoch, model.TrainingSettings));
        CollectionAssert.AreEqual(plain.Score(images), model.Score(images));
        Assert.IsTrue(model.Calibration!.Temperature.LogLossAfter <= model.Calibration.Temperature.LogLossBefore);
    }

    [TestMethod]
    public void Logits_ThroughTheSoftmax_AreTheScores()
    {
        using var model = SmallModel.Create();
        var images = SmallModel.Images(9);
        AssertClose(model.Score(images), Softmaxed(model.Logits(images, views: TestTimeViews.None), 3));
        AssertClose(model.Score(images, views: TestTimeViews.Flip), Softmaxed(model.Logits(images, views: TestTimeViews.Flip), 3));
    }

    [TestMethod]
    public void Logits_OfASigmoidNetwork_AreTheScoresToo()
    {
        var spec = new NetworkSpec
        {
            Name = "two", Height = 8, Width = 6, Channels = 3, Classes = 2, Loss = LossKind.SigmoidCrossEntropy, Layers = [new Flatten(), new Linear(1)],
        };
        using var model = new ImageClassifier(NetworkWeights.Initialize(spec, 2), ["a", "b"], new PreprocessSpec { Width = 6, Height = 8 }, MlNetCifar.Data.Normalization.None(3));
        var images = SmallModel.Images(9);
        var logits = model.Logits(images);
        Assert.HasCount(18, logits);
        AssertClose(model.Score(images), Softmaxed(logits, 2));
        AssertClose(model.Score(images.Subset([4])), Softmaxed(model.Logits(images.Subset([4])), 2));
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
        var folder = Directory.CreateTempSubdirectory("mlnetcifar-calibration").FullName;
        try
        {
            var path = Path.Combine(folder, "model.safetensors");
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

            using var broken = With(plain, temperature: 0);
            broken.Save(path);
            Assert.AreEqual("MNC4005", Assert.ThrowsExactly<MlNetCifarException>(() => ImageClassifier.Load(path)).Code);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
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

    static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 2e-5);
    }
}
