using Microsoft.ML;
using Microsoft.ML.Data;
using MlNetCifar.Evaluation;
using MlNetCifar.Imaging;
using MlNetCifar.MLNet;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.MLNet;

/// <summary>ML.NET's evaluators and ours on the same scores. What differs is listed here by name, and nowhere else.</summary>
[TestClass]
public sealed class MLNetEvaluationTests
{
    /// <summary>ML.NET clips probabilities at this number as a 32-bit float, we at the 64-bit one.</summary>
    const double Clip = 1e-15;

    static readonly EvaluationOptions s_options = new() { BootstrapResamples = 0 };

    [TestMethod]
    public void TwoHundredFixtures_HaveTheSameFigures()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            var classes = 2 + (int)(seed % 9);
            var scores = new SyntheticScores(40 + (int)(7 * seed), classes, seed, skill: 0.2 * (seed % 20), sharpness: 0.5 + (0.2 * (seed % 5)));
            AssertSame(scores.Labels, scores.Scores, scores.Classes, $"fixture {seed}");
        }
    }

    [TestMethod]
    public void TwoHundredFixtures_OfTwoClasses_HaveTheSameFigures()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            var scores = new SyntheticScores(60 + (int)(5 * seed), 2, seed, skill: 0.1 * (seed % 20), sharpness: 1 + (seed % 4));
            var figures = MLNetEvaluation.Compare(Evaluator.Evaluate(scores.Labels, scores.Scores, scores.Classes, s_options with { PositiveClass = (int)(seed % 2) }));
            Assert.Contains("AreaUnderPrecisionRecallCurve", figures.Select(f => f.Name));
            Assert.Contains("Binary.Entropy", figures.Select(f => f.Name));
            float[] probabilities = [.. Enumerable.Range(0, scores.Labels.Length).Select(i => scores.Scores[(2 * i) + (int)(seed % 2)])];
            var hasTies = probabilities.Distinct().Count() < probabilities.Length;
            foreach (var figure in figures.Where(f => !IsBinaryLoss(f)))
            {
                if (hasTies && figure.Name == "AreaUnderPrecisionRecallCurve")
                    Assert.AreEqual(AreaRowByRow([.. scores.Labels.Select(label => label == (int)(seed % 2))], probabilities), figure.MLNet, 1e-9, $"{figure} of fixture {seed}");
                else
                    Assert.IsFalse(figure.Differs, $"{figure} of fixture {seed}");
            }

            // ML.NET takes what is left to 1, which may be 0; we take the network's own probability of the other class, which is rounded by itself.
            var (left, own, positive) = (0.0, 0.0, (int)(seed % 2));
            for (var i = 0; i < scores.Labels.Length; i++)
            {
                var (p, q, isPositive) = (scores.Scores[(2 * i) + positive], scores.Scores[(2 * i) + 1 - positive], scores.Labels[i] == positive);
                left -= Math.Log2(isPositive ? p : 1.0 - p) / scores.Labels.Length;
                own -= Math.Log2(isPositive ? p : q) / scores.Labels.Length;
            }

            var loss = figures.Single(f => f.Name == "Binary.LogLoss");
            Assert.AreEqual(left, loss.MLNet, 1e-12);
            Assert.AreEqual(own, loss.Ours, 1e-12);
        }
    }

    /// <summary>The fixture of the page, by hand. ML.NET takes pictures of one probability one after the other, so its figure depends on their order; we take them at once.</summary>
    [TestMethod]
    public void AreaUnderPrecisionAndRecall_WithTies_DependsInMLNetOnTheOrderOfRows()
    {
        float[] probabilities = [0.5f, 0.5f];
        Assert.AreEqual(1, MLNetEvaluation.Binary([true, false], probabilities).AreaUnderPrecisionRecallCurve, 1e-12);
        Assert.AreEqual(0.25, MLNetEvaluation.Binary([false, true], probabilities).AreaUnderPrecisionRecallCurve, 1e-12);
        float[] scores = [0.5f, 0.5f, 0.5f, 0.5f];
        Assert.AreEqual(0.75, Evaluator.Evaluate([1, 0], scores, ["no", "yes"], s_options).Binary!.AreaUnderPrecisionRecallCurve, 1e-12);
        Assert.AreEqual(0.75, Evaluator.Evaluate([0, 1], scores, ["no", "yes"], s_options).Binary!.AreaUnderPrecisionRecallCurve, 1e-12);
    }

    /// <summary>Many ties: probabilities of one digit. ML.NET's figure is that of the rows in their order, to 1e-9, and both differ visibly from ours.</summary>
    [TestMethod]
    public void AreaUnderPrecisionAndRecall_OfRoundedProbabilities_IsReproduced()
    {
        var differences = new List<double>();
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            bool[] labels = [.. Enumerable.Range(0, 20 + seed).Select(i => i < 2 ? i == 0 : random.Next(3) == 0)];
            float[] probabilities = [.. labels.Select(label => MathF.Round((0.6f * random.NextSingle()) + (label ? 0.3f : 0), 1))];
            var theirs = MLNetEvaluation.Binary(labels, probabilities).AreaUnderPrecisionRecallCurve;
            Assert.AreEqual(AreaRowByRow(labels, probabilities), theirs, 1e-9, $"fixture {seed}");
            float[] scores = [.. probabilities.SelectMany(p => new[] { 1 - p, p })];
            differences.Add(Math.Abs(theirs - Evaluator.Evaluate([.. labels.Select(label => label ? 1 : 0)], scores, ["no", "yes"], s_options).Binary!.AreaUnderPrecisionRecallCurve));
        }

        Assert.IsGreaterThan(1e-3, differences.Max());
    }

    [TestMethod]
    public void ScoredView_IsEvaluatedAsItsScoresAre()
    {
        using var data = new MLNetData();
        var ml = data.ML;
        var options = new ImageNetworkOptions { ImageColumnName = "Path", Architecture = "seed-cnn", Epoch = 1, BatchSize = 8, ImageSize = new ImageSize(16, 16) };
        PathRow[] test = [.. data.Rows("test"), new() { Path = data.Rows("test")[0].Path, Label = "" }];
        var view = ml.MulticlassClassification.Trainers.ImageNetwork(options).Fit(data.View("train")).Transform(ml.Data.LoadFromEnumerable(test));
        var result = MLNetEvaluation.Evaluate(view, options: s_options);
        Assert.AreEqual(test.Length - 1, result.Count);
        CollectionAssert.AreEqual(MLNetData.Scores(view)[..^1].SelectMany(row => row).ToArray(), result.Scores.ToArray());
        CollectionAssert.AreEqual(new[] { "blue", "green", "red" }, result.Classes.ToArray());
        Assert.AreEqual("MNC7003", Assert.ThrowsExactly<MlNetCifarException>(() => MLNetEvaluation.Evaluate(view, "Path")).Code);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MLNetEvaluation.Evaluate(view, scoreColumnName: "Scores")).Message, "'Scores'");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MLNetEvaluation.Evaluate(view, scoreColumnName: "Weight")).Message, "got Single");
        var nameless = ml.Transforms.Concatenate("Both", "Weight", "Weight").Fit(view).Transform(view);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MLNetEvaluation.Evaluate(nameless, scoreColumnName: "Both")).Message, "does not name its slots");
    }

    /// <summary>A reference of what ML.NET does: one picture after the other, the most probable first, those of one probability in the order of their rows.</summary>
    static double AreaRowByRow(bool[] labels, float[] probabilities)
    {
        var (positives, area, precisionBefore) = (labels.Count(label => label), 0.0, 1.0);
        var (hits, seen) = (0, 0);
        foreach (var isPositive in labels.Zip(probabilities).OrderByDescending(row => row.Second).Select(row => row.First))
        {
            seen++;
            hits += isPositive ? 1 : 0;
            var precision = (double)hits / seen;
            if (isPositive)
                area += (precisionBefore + precision) / 2 / positives;
            precisionBefore = precision;
        }

        return area;
    }

    [TestMethod]
    public void EvaluateCommand_PrintsBoth()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        Cli.Run("train", "--data", data, "--preset", "seed-cnn", "--size", "16", "--epochs", "1", "--output", folder.Runs).Good();
        string[] evaluate = ["evaluate", "--data", data, "--model", Path.Combine(folder.Runs, "train", "seed-cnn"), "--output", folder.Runs, "--evaluator", "mlnet"];
        var text = Cli.Run(evaluate).Good().Out;
        StringAssert.Contains(text, "LogLossReduction");
        StringAssert.Contains(text, "figures of ML.NET's evaluators are ours to 1e-9");
        StringAssert.Contains(Cli.Run([.. evaluate, "--json"]).Good().Out, "\"mlnet\":{\"MicroAccuracy\":");
    }

    [TestMethod]
    public void ShippedModel_HasTheSameFigures()
    {
        using var model = ImageClassifier.Load(Repository.File("models", "cifar10-airbench94.safetensors"));
        using var data = ImageDataset.Open(Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz"), new() { Spec = model.Preprocess, Files = new() { Classes = model.Classes } });
        var test = data.Test!.Sample(500, 1);
        int[] labels = [.. Enumerable.Range(0, test.Count).Select(test.Label)];
        var scores = model.Probabilities(test);
        AssertSame(labels, scores, model.Classes, "the shipped model");

        // The same figures come through the pipeline.
        var ml = new MLContext();
        var view = ml.Model.FromClassifier(model).Transform(ml.Data.LoadFromImages(test));
        CollectionAssert.AreEqual(scores, MLNetData.Scores(view).SelectMany(row => row).ToArray());
        Assert.AreEqual(MLNetEvaluation.Multiclass(labels, scores, model.Classes).LogLoss, ml.MulticlassClassification.Evaluate(view).LogLoss);
    }

    [TestMethod]
    public void Differences_AreThoseThatAreDocumented()
    {
        string[] classes = ["a", "b"];

        // Below the clip: of ML.NET it is the nearest 32-bit float.
        float[] sure = [1, 0, 0, 1, 1, 0];
        int[] labels = [1, 1, 0];
        var (theirs, ours) = (MLNetEvaluation.Multiclass(labels, sure, classes), Evaluator.Evaluate(labels, sure, classes, s_options));
        Assert.AreEqual(-Math.Log((float)Clip) / 3, theirs.LogLoss, 1e-12);
        Assert.AreEqual(-Math.Log(Clip) / 3, ours.LogLoss, 1e-12);
        Assert.AreEqual(theirs.LogLoss, ours.LogLoss, 1e-8);

        // One class among the labels.
        float[] fair = [0.6f, 0.4f, 0.7f, 0.3f];
        Assert.IsTrue(double.IsInfinity(MLNetEvaluation.Multiclass([0, 0], fair, classes).LogLossReduction));
        Assert.IsTrue(double.IsNaN(Evaluator.Evaluate([0, 0], fair, classes, s_options).LogLossReduction));

        // Logits, and a missing label.
        float[] logits = [2, -1, 3, -2];
        Assert.IsTrue(double.IsFinite(MLNetEvaluation.Multiclass([0, 1], logits, classes).LogLoss));
        Assert.AreEqual("MNC5010", Assert.ThrowsExactly<MlNetCifarException>(() => Evaluator.Evaluate([0, 1], logits, classes, s_options)).Code);
        Assert.AreEqual(1, MLNetEvaluation.Multiclass([0, -1], fair, classes).ConfusionMatrix.Counts.Sum(row => row.Sum()));
        Assert.AreEqual("MNC5002", Assert.ThrowsExactly<MlNetCifarException>(() => Evaluator.Evaluate([0, -1], fair, classes, s_options)).Code);
    }

    static void AssertSame(int[] labels, float[] scores, IReadOnlyList<string> classes, string what)
    {
        var figures = MLNetEvaluation.Compare(Evaluator.Evaluate(labels, scores, classes, s_options));
        Assert.IsGreaterThan(10 + (classes.Count * classes.Count), figures.Count);
        foreach (var figure in figures.Where(f => !IsBinaryLoss(f)))
            Assert.IsFalse(figure.Differs, $"{figure} of {what}");
    }

    static bool IsBinaryLoss(ComparedFigure figure) => figure.Name.StartsWith("Binary.LogLoss", StringComparison.Ordinal);
}
