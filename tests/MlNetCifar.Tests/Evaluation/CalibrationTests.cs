using System.Text.Json;
using MlNetCifar.Inference;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Evaluation;

[TestClass]
public sealed class CalibrationTests
{
    /// <summary>The imaginary classifier's true posterior is softmax(skill · x), and it reports sharpness · x: so T must be sharpness ÷ skill.</summary>
    [TestMethod]
    [DataRow(2.5, 6.0)]
    [DataRow(2.5, 1.0)]
    [DataRow(1.0, 1.0)]
    public void FitTemperature_FindsTheTrueOne(double skill, double sharpness)
    {
        var s = new SyntheticScores(20_000, 5, seed: 3, skill, sharpness);
        var fit = TemperatureScaling.Fit(s.Labels, s.Logits, 5);
        Assert.AreEqual(sharpness / skill, fit.Temperature, 0.03 * sharpness / skill);
        Assert.IsLessThanOrEqualTo(fit.LogLossBefore, fit.LogLossAfter);
    }

    [TestMethod]
    public void FitTemperature_IsTheMinimumOfTheLogLoss()
    {
        var s = new SyntheticScores(500, 4, seed: 8, skill: 1.5, sharpness: 3);
        var fit = TemperatureScaling.Fit(s.Labels, s.Logits, 4);
        Assert.AreEqual(LossAt(1), fit.LogLossBefore, 1e-6);
        Assert.AreEqual(LossAt(fit.Temperature), fit.LogLossAfter, 1e-6);
        Assert.IsLessThan(LossAt(fit.Temperature * 1.02), fit.LogLossAfter);
        Assert.IsLessThan(LossAt(fit.Temperature / 1.02), fit.LogLossAfter);

        double LossAt(double temperature)
        {
            var p = new float[s.Logits.Length];
            SyntheticScores.Softmax(s.Logits.Select(z => (float)(z / temperature)).Take(4).ToArray(), p.AsSpan(0, 4));
            for (var i = 0; i < s.Labels.Length; i++)
                SyntheticScores.Softmax(s.Logits.Skip(4 * i).Take(4).Select(z => (float)(z / temperature)).ToArray(), p.AsSpan(4 * i, 4));
            return Evaluator.Evaluate(s.Labels, p, s.Classes).LogLoss;
        }
    }

    [TestMethod]
    public void FitTemperature_StopsAtItsLimits()
    {
        Assert.AreEqual(0.01, TemperatureScaling.Fit([0, 1], [1, 0, 0, 1], 2).Temperature, 1e-6, "always right");
        Assert.AreEqual(100, TemperatureScaling.Fit([1, 0], [1, 0, 0, 1], 2).Temperature, 1e-2, "always wrong");
    }

    [TestMethod]
    public void FitTemperature_LeavesOutRowsThatAreNotFinite()
    {
        var s = new SyntheticScores(300, 3, skill: 1.5);
        var clean = TemperatureScaling.Fit(s.Labels, s.Logits, 3);
        var spoiled = TemperatureScaling.Fit([.. s.Labels, 1], [.. s.Logits, 0, float.NaN, 1], 3);
        Assert.AreEqual(clean.Temperature, spoiled.Temperature, 1e-9);
    }

    [TestMethod]
    [DataRow(ConformalMethod.Threshold, 0.9)]
    [DataRow(ConformalMethod.Adaptive, 0.9)]
    [DataRow(ConformalMethod.Threshold, 0.7)]
    public void ConformalSets_CoverAsPromised(ConformalMethod method, double coverage)
    {
        // Accuracy is about 0.65, below every coverage asked for; above it even the smallest adaptive sets would over-cover.
        var validation = new SyntheticScores(5000, 10, seed: 21, skill: 1.6);
        var test = new SyntheticScores(10_000, 10, seed: 22, skill: 1.6);
        var sets = ConformalSets.Fit(validation.Labels, validation.Scores, 10, coverage, method);
        var covered = Enumerable.Range(0, 10_000).Count(i => sets.SetOf(test.Scores.AsSpan(10 * i, 10)).Contains(test.Labels[i]));
        Assert.IsInRange(coverage - 0.01, coverage + 0.01, covered / 10_000.0);
    }

    [TestMethod]
    public void ConformalSets_WithTooFewImagesPromiseAllLabels()
    {
        var sets = ConformalSets.Fit([0, 1], [0.9f, 0.1f, 0.2f, 0.8f], 2, 0.9);
        CollectionAssert.AreEqual(new[] { 1, 0 }, sets.SetOf([0.3f, 0.7f]));
    }

    [TestMethod]
    public void ConformalSets_QuantileIsTheSplitConformalOne()
    {
        // Nine images, coverage 0.8: the ⌈10 · 0.8⌉ = 8th smallest of 1 − p.
        var p = Enumerable.Range(1, 9).SelectMany(i => new[] { i / 16f, 1 - (i / 16f) }).ToArray();
        Assert.AreEqual(1 - (2 / 16.0), ConformalSets.Fit(new int[9], p, 2, 0.8).Quantile);
    }

    [TestMethod]
    public void RejectionCurve_MatchesHandComputedPoints()
    {
        var curve = RejectionCurve.Of([0.9, 0.6, 0.8, 0.6], [true, false, false, true]);
        CollectionAssert.AreEqual(
            new[] { new RejectionPoint(0.9, 0.25, 1, 1), new(0.8, 0.5, 0.5, 1), new(0.6, 1, 0.5, 2) }, curve.Points.ToArray());
        Assert.AreEqual((0.25 * 0) + (0.25 * 0.5) + (0.5 * 0.5), curve.AreaUnderRiskCoverage, 1e-15);
    }

    [TestMethod]
    public void AbstainRule_ReachesItsTargetOnOtherImages()
    {
        var validation = RejectionCurve.Of(Evaluate(new SyntheticScores(5000, 8, seed: 31, skill: 2.5)));
        var rule = AbstainRule.ForAccuracy(validation, 0.95);
        Assert.IsInRange(0.3, 0.9, rule.Coverage);
        var test = RejectionCurve.Of(Evaluate(new SyntheticScores(20_000, 8, seed: 32, skill: 2.5)));
        Assert.IsGreaterThan(0.945, test.Points.Last(point => point.Threshold >= rule.Threshold).Accuracy);
        Assert.IsTrue(rule.IsUnknown(Math.BitDecrement(rule.Threshold)));
        Assert.IsFalse(rule.IsUnknown(rule.Threshold));
        Assert.IsTrue(rule.IsUnknown(double.NaN));
    }

    [TestMethod]
    public void AbstainRule_ThatCannotReachItsTargetAnswersNothing()
    {
        var curve = RejectionCurve.Of([0.9, 0.8], [false, true]);
        Assert.IsTrue(AbstainRule.ForAccuracy(curve, 0.99).IsUnknown(1));
        Assert.AreEqual(0.9, AbstainRule.ForCoverage(curve, 0.5).Threshold);
    }

    [TestMethod]
    public void Energy_IsMinusTheLogOfTheSumAndDoesNotOverflow()
    {
        Assert.AreEqual(-Math.Log(Math.Exp(1) + Math.Exp(2)), OutOfDistribution.Energy([1, 2]), 1e-12);
        Assert.AreEqual(-2000 - Math.Log(2), OutOfDistribution.Energy([2000, 2000]), 1e-9);
        Assert.AreEqual(0.25, OutOfDistribution.MaxSoftmax([0.25f, 0.75f]));
    }

    [TestMethod]
    public void Threshold_LetsTheShareAskedForPass() =>
        Assert.AreEqual(95.0, OutOfDistribution.Threshold([.. Enumerable.Range(1, 100).Select(i => (double)i)], 0.95));

    [TestMethod]
    public void FeatureDistance_EqualsTheInverseCovarianceFormula()
    {
        int[] labels = [0, 0, 0, 1, 1, 1];
        float[] x = [0, 0, 2, 1, 1, 2, 10, 0, 12, 1, 11, 5];
        double[][] means = [[1, 1], [11, 2]];
        double[,] s = new double[2, 2];
        for (var i = 0; i < 6; i++)
            for (var a = 0; a < 2; a++)
                for (var b = 0; b < 2; b++)
                    s[a, b] += (x[(2 * i) + a] - means[labels[i]][a]) * (x[(2 * i) + b] - means[labels[i]][b]) / 6;
        var shrink = 0.01 * (s[0, 0] + s[1, 1]) / 2;
        var (p, q, r) = ((0.99 * s[0, 0]) + shrink, 0.99 * s[0, 1], (0.99 * s[1, 1]) + shrink);
        var (dx, dy) = (10.0 - 11, 4.0 - 2);
        var expected = ((r * dx * dx) - (2 * q * dx * dy) + (p * dy * dy)) / ((p * r) - (q * q));
        Assert.AreEqual(expected, FeatureDistance.Fit(labels, x, 2).Score([10, 4]), 1e-6 * expected);
    }

    /// <summary>With 60 features of 400 images a threshold from the images it was fitted on would call half as many again foreign.</summary>
    [TestMethod]
    public void ForeignRule_CallsAsManyNewImagesForeignAsAskedFor()
    {
        const int d = 60;
        var random = new SplitRandom(11, RandomPurpose.Split);
        var (labels, features) = Normal(ref random, 400, d);
        var rule = ForeignRule.Fit(labels, features, 4, accepted: 0.9);
        var (_, fresh) = Normal(ref random, 4000, d);
        var foreign = Enumerable.Range(0, 4000).Count(i => rule.IsForeign(fresh.AsSpan(i * d, d)));
        Assert.IsInRange(0.04, 0.16, foreign / 4000.0);
        Assert.IsTrue(rule.IsForeign([.. Enumerable.Repeat(9f, d)]));
        Assert.IsTrue(rule.IsForeign([.. Enumerable.Repeat(float.NaN, d)]));

        static (int[] Labels, float[] Features) Normal(ref SplitRandom random, int count, int d)
        {
            var (labels, features) = (new int[count], new float[count * d]);
            for (var i = 0; i < features.Length; i++)
            {
                labels[i / d] = i / d % 4;
                features[i] = random.NextSingle() + random.NextSingle() + random.NextSingle() + (i % d == labels[i / d] ? 5 : 0);
            }

            return (labels, features);
        }
    }

    [TestMethod]
    public void ForeignRule_LeavesOutRowsThatAreNoNumbers()
    {
        Assert.AreEqual("MNC5001", Assert.ThrowsExactly<MlNetCifarException>(() => ForeignRule.Fit([0, 1], [1, float.NaN, 2, 3], 2)).Code);
        Assert.AreEqual(
            ForeignRule.Fit([0, 1, 0], [1, 2, 3, 4, 2, 2], 2), ForeignRule.Fit([0, 1, 1, 0], [1, 2, 3, 4, float.PositiveInfinity, 0, 2, 2], 2));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void PictureTexture_EqualsTheFormula(int channels)
    {
        // Two rows of two pixels, the same in each channel: 10 20 / 40 90.
        byte[] pixels = [.. new byte[] { 10, 20, 40, 90 }.SelectMany(value => Enumerable.Repeat(value, channels))];
        var texture = new float[2];
        PictureTexture.Measure(pixels, 2, channels, texture);
        Assert.AreEqual(Math.Log(1 + Math.Sqrt(950)), texture[0], 1e-5, "mean 40, squared differences 900, 400, 0, 2500");
        Assert.AreEqual(Math.Log(1 + Math.Sqrt(((100.0 + 2500) / 2 + ((900.0 + 4900) / 2)) / 2)), texture[1], 1e-5);
        PictureTexture.Measure(pixels.AsSpan(0, channels), 1, channels, texture);
        CollectionAssert.AreEqual(new float[2], texture, "one pixel");
    }

    [TestMethod]
    public void FeatureDistance_TellsForeignFeaturesApart()
    {
        var random = new SplitRandom(5, RandomPurpose.Split);
        var labels = Enumerable.Range(0, 600).Select(i => i % 3).ToArray();
        var features = new float[600 * 8];
        for (var i = 0; i < features.Length; i++)
            features[i] = (float)random.NextGaussian() + (i % 8 == labels[i / 8] ? 6 : 0);
        var distance = FeatureDistance.Fit(labels, features, 4);
        var ordinary = Enumerable.Range(0, 600).Select(i => distance.Score(features.AsSpan(8 * i, 8))).ToArray();
        var foreign = Enumerable.Range(0, 200).Select(_ => distance.Score([.. Enumerable.Range(0, 8).Select(_ => (float)random.NextGaussian())])).ToArray();
        Assert.AreEqual(8, ordinary.Average(), 0.5, "the mean squared distance is the dimension");
        Assert.IsGreaterThan(0.99, OutOfDistribution.AreaUnderRocCurve(ordinary, foreign));
    }

    [TestMethod]
    public void CalibrationModel_IsHonestOnTestImages()
    {
        var (validation, test) = (new SyntheticScores(5000, 8, seed: 41, skill: 2.5, sharpness: 5), new SyntheticScores(10_000, 8, seed: 42, skill: 2.5, sharpness: 5));
        var model = CalibrationModel.Fit(validation.Labels, validation.Logits, 8, new CalibrationOptions { AnswerAccuracy = 0.9 });
        var check = CalibrationCheck.Measure(model, test.Labels, test.Logits, test.Classes);
        Assert.IsGreaterThan(0.05, check.ErrorBefore);
        Assert.IsLessThanOrEqualTo(0.02, check.ErrorAfter);
        Assert.IsInRange(0.89, 0.91, check.Coverage);
        Assert.IsInRange(1.0, 3.0, check.MeanSetSize);
        Assert.IsGreaterThan(0.89, check.AnswerAccuracy);
        Assert.IsInRange(0.5, 0.99, check.Answered);
    }

    [TestMethod]
    public void Predict_SortsLabelsAndSaysUnknownToForeignLogits()
    {
        var s = new SyntheticScores(2000, 5, skill: 3);
        var model = CalibrationModel.Fit(s.Labels, s.Logits, 5);
        var prediction = model.Predict(s.Logits.AsSpan(0, 5));
        CollectionAssert.AreEqual(prediction.Labels.OrderByDescending(l => l.Probability).ToArray(), prediction.Labels.ToArray());
        Assert.AreEqual(1f, prediction.Labels.Sum(l => l.Probability), 1e-6f);
        Assert.IsTrue(model.Predict([-20, -20, -20, -20, -20]).IsUnknown, "its energy is far above that of any image seen");
        Assert.IsTrue(model.Predict([float.NaN, 0, 0, 0, 0]).IsUnknown);
    }

    [TestMethod]
    public void Json_RoundtripsEveryFieldIncludingInfinity()
    {
        var model = new CalibrationModel(
            new TemperatureScaling(1.25, 0.5, 0.4), new ConformalSets(ConformalMethod.Adaptive, 0.9, double.PositiveInfinity), AbstainRule.Never, -3.5)
        {
            Features = ForeignRule.Fit([0, 1, 0, 1], [1, 2, 3, 3, 1, 2, 0, 1, 5, 7, 2, 2], 2),
            Texture = null,
        };
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
            CalibrationJson.Write(json, model);
        Assert.AreEqual(model, CalibrationJson.Read(JsonDocument.Parse(stream.ToArray()).RootElement));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => CalibrationJson.Read(JsonDocument.Parse("{\"temperature\":1}").RootElement));
        Assert.AreEqual("MNC5008", error.Code);
        var text = System.Text.Encoding.UTF8.GetString(stream.ToArray()).Replace("\"dimension\":3", "\"dimension\":4");
        error = Assert.ThrowsExactly<MlNetCifarException>(() => CalibrationJson.Read(JsonDocument.Parse(text).RootElement));
        Assert.AreEqual("MNC5008", error.Code);
    }

    static EvaluationResult Evaluate(SyntheticScores s) =>
        Evaluator.Evaluate(s.Labels, s.Scores, s.Classes, new EvaluationOptions { BootstrapResamples = 0 });
}
