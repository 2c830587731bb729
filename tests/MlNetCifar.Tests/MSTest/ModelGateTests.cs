using Microsoft.ML;
using MlNetCifar.Evaluation;
using MlNetCifar.Experiments;
using MlNetCifar.MLNet;
using MlNetCifar.MSTest;
using MlNetCifar.Nn;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.MSTest;

/// <summary>What a user's test project says of good models and of bad ones.</summary>
[TestClass]
public sealed class ModelGateTests
{
    static Pictures s_folder = null!;
    static string s_data = null!;
    static string s_good = null!;
    static string s_blind = null!;

    public TestContext TestContext { get; set; } = null!;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_folder = new();
        s_data = s_folder.Splits(train: 12, test: 20);
        Cli.Run("train", "--data", s_data, "--preset", "seed-cnn", "--size", "16", "--epochs", "3", "--batch-size", "8", "--output", s_folder.Runs).Good();
        s_good = Path.Combine(s_folder.Runs, "train", "seed-cnn");
        using var good = RunFolder.LoadModel(s_good);
        s_blind = s_folder["blind.safetensors"];
        using var blind = new ImageClassifier(NetworkWeights.Initialize(good.Network, seed: 9), good.Classes, good.Preprocess, good.Normalization);
        blind.Save(s_blind);
    }

    [ClassCleanup]
    public static void Clean() => s_folder.Dispose();

    RecordingContext Context => new(TestContext.TestName!);

    [TestMethod]
    public void GoodModel_Passes_WithReportAttached()
    {
        var context = Context;
        var outcome = new ModelGate(context, model: s_good, data: s_data)
            .AtLeast(GateMetric.MicroAccuracy, 0.9).AtMost(GateMetric.LogLoss, 0.9, atConfidence: false)
            .RecallOfEveryClass(0.8)
            .NoWorseThan(s_blind)
            .AssertPassed();
        Assert.HasCount(4, outcome.Findings);
        StringAssert.Contains(context.Output, "4 of 4 conditions hold");
        Assert.AreEqual("report.html", Path.GetFileName(context.Files.Single()));
        Assert.IsTrue(File.Exists(context.Files[0]));
        StringAssert.Contains(context.Output, $"Report: {context.Files[0]}");
        StringAssert.Contains(context.Files[0], Path.Combine("TestResults", "evaluate", "RecordingContext.GoodModel_Passes_WithReportAttached"));
    }

    [TestMethod]
    public void Figures_AreMLNets()
    {
        var run = ModelGate.OfRun(Context, Evaluated(s_good)).AtLeast(GateMetric.MacroAccuracy, 0.5).AtMost(GateMetric.LogLoss, 5).AssertPassed();
        var result = RunData.Load(Evaluated(s_good)).Result;
        var theirs = MLNetEvaluation.Multiclass(result.Labels, result.Scores, result.Classes);
        StringAssert.Contains(run.Findings[1].Text, FormattableString.Invariant($"found {theirs.LogLoss:0.0000} ["));
        StringAssert.Contains(run.Findings[0].Text, FormattableString.Invariant($"at least 0.5000 at 95 % confidence, found {theirs.MacroAccuracy:0.0000} ["));
    }

    [TestMethod]
    public void BadModel_FailsWithFigureLimitIntervalAndAdvice()
    {
        var context = Context;
        var message = Assert.ThrowsExactly<AssertFailedException>(() =>
            new ModelGate(context, s_blind, s_data).AtLeast(GateMetric.MicroAccuracy, 0.9).NoWorseThan(s_good).Within(s_good, 0.1).AssertPassed()).Message;
        StringAssert.StartsWith(message, "Quality gate 'blind' failed: 3 of 3 conditions do not hold.");
        StringAssert.Contains(message, "FAILED  MicroAccuracy: expected at least 0.9000 at 95 % confidence, found 0.3333 [0.");
        StringAssert.Contains(message, "FAILED  No worse than seed-cnn: ");
        StringAssert.Contains(message, "FAILED  Within 0.1000 of seed-cnn: ");
        StringAssert.Contains(message, "Worst classes: ");
        StringAssert.Contains(message, "What to do: open the report");
        Assert.HasCount(1, context.Files);
    }

    [TestMethod]
    public void NumberThatHolds_WithoutItsInterval_IsSaid()
    {
        var message = Assert.ThrowsExactly<AssertFailedException>(() => new ModelGate(Context, s_good, s_data).AtLeast(GateMetric.MicroAccuracy, 0.99).AssertPassed()).Message;
        StringAssert.Contains(message, "the number holds, its interval does not: test on more than 60 images, or ask for the number alone (atConfidence: false)");
        Assert.IsTrue(new ModelGate(Context, s_good, s_data).AtLeast(GateMetric.MicroAccuracy, 0.99, atConfidence: false).AssertPassed().Passed);
    }

    [TestMethod]
    public void Baseline_MayBeAnEvaluation_AndMustBeOfTheSameImages()
    {
        Assert.IsTrue(new ModelGate(Context, s_good, s_data).NoWorseThan(Evaluated(s_good)).AssertPassed().Passed);
        var other = s_folder.Classes("other", 8);
        Assert.AreEqual("MNC5007", Assert.ThrowsExactly<MlNetCifarException>(() => new ModelGate(Context, s_good, other).NoWorseThan(Evaluated(s_good)).AssertPassed()).Code);
    }

    /// <summary>Any model of ML.NET: here a linear one for two classes on features.</summary>
    [TestMethod]
    public void ScoredRows_OfAnotherTrainer_AreGated()
    {
        var ml = new MLContext(seed: 1);
        var random = new Random(1);
        var rows = ml.Data.LoadFromEnumerable(Enumerable.Range(0, 300).Select(i => new Row { Label = i % 2 == 0 ? "no" : "yes", Features = [(i % 2) + (0.4f * random.NextSingle()), random.NextSingle()] }).ToArray());
        var scored = ml.Transforms.Conversion.MapValueToKey("Label").Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy()).Fit(rows).Transform(rows);
        var outcome = ModelGate.OfScored(Context, "linear", scored)
            .AtLeast(GateMetric.MicroAccuracy, 0.9).AtLeast(GateMetric.AreaUnderRocCurve, 0.9).AtLeast(GateMetric.AreaUnderPrecisionRecallCurve, 0.9).AtLeast(GateMetric.F1Score, 0.9)
            .AtLeast(GateMetric.PositiveRecall, 0.9).AtLeast(GateMetric.NegativePrecision, 0.9).AtLeast(GateMetric.LogLossReduction, 0.5).AtLeast(GateMetric.Accuracy, 0.9)
            .With(gate => gate.RequireMetric("macroF1Score", 0.9).RequireAllImages())
            .AssertPassed();
        Assert.HasCount(10, outcome.Findings);
        Assert.AreEqual(ml.MulticlassClassification.Evaluate(scored).MicroAccuracy, MLNetEvaluation.Evaluate(scored).MicroAccuracy);
    }

    [TestMethod]
    public void WhatSaysNothing_DoesNotPass()
    {
        var message = Assert.ThrowsExactly<AssertFailedException>(() => ModelGate.OfRun(Context, Evaluated(s_good)).AtLeast(GateMetric.F1Score, 0).AtLeast(GateMetric.TopKAccuracy, 0).AssertPassed()).Message;
        StringAssert.Contains(message, "FAILED  F1Score: F1Score says nothing of 3 classes, 3 of which occur");
        StringAssert.Contains(message, "FAILED  TopKAccuracy: ");
        Assert.ThrowsExactly<InvalidOperationException>(() => ModelGate.OfRun(Context, Evaluated(s_good)).AssertPassed());
        Assert.ThrowsExactly<ArgumentException>(() => ModelGate.OfRun(Context, s_good).AtLeast(GateMetric.LogLoss, 0));
        Assert.ThrowsExactly<ArgumentException>(() => ModelGate.OfRun(Context, s_good).AtMost(GateMetric.MicroAccuracy, 0));
    }

    [TestMethod]
    public void RelativePaths_AreLookedForUpwards()
    {
        using var folder = new TestFolder();
        folder.Add("project/photos/a.png", "project/bin/Release/tests.dll", "model.safetensors");
        var start = folder["project/bin/Release"] + Path.DirectorySeparatorChar;
        Assert.AreEqual(folder["project/photos"], GatePath.Find("photos", start));
        Assert.AreEqual(folder["model.safetensors"], GatePath.Find("model.safetensors", start));
        Assert.AreEqual("hdfs://name/photos", GatePath.Find("hdfs://name/photos", start));
        var fault = Assert.ThrowsExactly<MlNetCifarException>(() => GatePath.Find("no such photos", start));
        Assert.AreEqual("MNC7101", fault.Code);
        StringAssert.Contains(fault.Message, start);
    }

    static string Evaluated(string model)
    {
        var folder = Path.Combine(s_folder.Runs, "evaluate", "once");
        if (!Directory.Exists(folder))
            new EvaluationExperiment(new() { Model = model, Data = s_data, Output = s_folder.Runs, Name = "once" }).Run().Dispose();
        return folder;
    }

    sealed class Row
    {
        public string Label { get; set; } = "";

        [Microsoft.ML.Data.VectorType(2)]
        public float[] Features { get; set; } = [];
    }
}
