using System.Xml.Linq;
using MlNetCifar.Evaluation;
using MlNetCifar.Reporting;

namespace MlNetCifar.Tests.Evaluation.Gate;

[TestClass]
public sealed class QualityGateTests
{
    [TestMethod]
    public void Check_PassesAGoodModelInAFewLines()
    {
        var run = Run(skill: 4, sharpness: 4);
        var outcome = new QualityGate("good")
            .RequireData(run.DataHash[..12]).RequireAllImages().RequireMicroAccuracy(0.9).RequirePerClassRecall(0.85).RequireCalibrationError(0.05)
            .RequireMetric("macroF1Score", 0.9).RequireNoWorseThan(Run(skill: 2)).RequireWithin(Run(skill: 4, seed: 9), 0.05)
            .RequireLatencyRatio([1, 1.1, 1.2], [1, 1, 1], 1.5)
            .Check(run);
        Assert.IsTrue(outcome.Passed, outcome.Message);
        StringAssert.Contains(outcome.Message, "9 of 9 conditions hold");
        outcome.ThrowIfFailed();
    }

    [TestMethod]
    public void Check_SaysWhatFellShortWithTheWorstClassesAndTheReport()
    {
        var run = Run(skill: 1.5) with { Folder = "runs/evaluate/weak" };
        var outcome = new QualityGate("weak").RequireMicroAccuracy(0.9).RequirePerClassRecall(0.8).RequireAllImages().Check(run);
        Assert.IsFalse(outcome.Passed);
        var lines = outcome.Message.Split('\n');
        Assert.AreEqual("Quality gate 'weak' failed: 2 of 3 conditions do not hold.", lines[0]);
        StringAssert.StartsWith(lines[1], "  FAILED  Micro accuracy: expected at least 0.9000 at 95 % confidence, found 0.");
        StringAssert.StartsWith(lines[2], "  FAILED  Recall of every class: expected at least 0.8000, below it: ");
        StringAssert.StartsWith(lines[3], "  passed  All images scored: ");
        StringAssert.StartsWith(lines[4], "Worst classes: ");
        StringAssert.Contains(lines[4], "taken for");
        Assert.AreEqual("Report: " + Path.Combine("runs/evaluate/weak", "report.html"), lines[5]);
        Assert.AreEqual("MNC5009", Assert.ThrowsExactly<MlNetCifarException>(outcome.ThrowIfFailed).Code);
    }

    [TestMethod]
    public void RequireMicroAccuracy_AsksForTheLowerEndOfTheInterval()
    {
        var run = Run(skill: 2);
        var between = (run.Result.MicroAccuracy + run.Result.MicroAccuracyInterval.Lower) / 2;
        Assert.IsFalse(new QualityGate("g").RequireMicroAccuracy(between).Check(run).Passed);
        Assert.IsTrue(new QualityGate("g").RequireMicroAccuracy(between, atConfidence: false).Check(run).Passed);
    }

    [TestMethod]
    public void RequireMetric_TurnsRoundWhereLowerIsBetter()
    {
        var run = Run(skill: 2);
        Assert.IsTrue(new QualityGate("g").RequireMetric("logLoss", run.Result.LogLoss + 0.001).Check(run).Passed);
        Assert.IsFalse(new QualityGate("g").RequireMetric("logLoss", run.Result.LogLoss - 0.001).Check(run).Passed);
        Assert.IsFalse(new QualityGate("g").RequireMetric("logLoss", run.Result.LogLoss + 0.001, atConfidence: true).Check(run).Passed);
    }

    [TestMethod]
    public void RequireMetric_NeverPassesAnUndefinedNumber()
    {
        var result = Evaluator.Evaluate([0, 0], [1, 0, 1, 0], ["a", "b"]);
        var run = new RunData("one class", "hash", result, ["x", "y"]);
        Assert.IsFalse(new QualityGate("g").RequireMetric("cohenKappa", -1).Check(run).Passed);
    }

    [TestMethod]
    public void RequireNoWorseThan_FailsOnARealLossOnly()
    {
        var (strong, twin, weak) = (Run(skill: 2.5), Run(skill: 2.5, seed: 5), Run(skill: 1.5, seed: 6));
        Assert.IsTrue(new QualityGate("g").RequireNoWorseThan(twin).Check(strong).Passed);
        Assert.IsTrue(new QualityGate("g").RequireNoWorseThan(weak).Check(strong).Passed);
        var outcome = new QualityGate("g").RequireNoWorseThan(strong).Check(weak);
        Assert.IsFalse(outcome.Passed);
        StringAssert.Contains(outcome.Message, "is better than");
    }

    [TestMethod]
    public void RequireLatencyRatio_ComparesNinetyFifthPercentiles()
    {
        double[] reference = [.. Enumerable.Repeat(1.0, 100)];
        double[] rarelySlow = [.. Enumerable.Range(0, 100).Select(i => i < 4 ? 10.0 : 1.0)], oftenSlow = [.. Enumerable.Range(0, 100).Select(i => i < 6 ? 10.0 : 1.0)];
        Assert.IsTrue(new QualityGate("g").RequireLatencyRatio(rarelySlow, reference, 1.2).Check(Run(2)).Passed);
        Assert.IsFalse(new QualityGate("g").RequireLatencyRatio(oftenSlow, reference, 1.2).Check(Run(2)).Passed);
    }

    [TestMethod]
    public void RequireData_RefusesOtherDataAndShortHashes()
    {
        Assert.IsFalse(new QualityGate("g").RequireData("00000000").Check(Run(2)).Passed);
        Assert.ThrowsExactly<ArgumentException>(() => new QualityGate("g").RequireData("3f6c"));
        Assert.ThrowsExactly<ArgumentException>(() => new QualityGate("g").RequireMetric("accuracy", 0.5));
    }

    [TestMethod]
    public void ToJUnitXml_IsXmlWithOneCaseACondition()
    {
        var outcome = new QualityGate("a <b> \u0001").RequireMicroAccuracy(1).RequireAllImages().Check(Run(2));
        var suite = XDocument.Parse(outcome.ToJUnitXml()).Root!.Element("testsuite")!;
        Assert.AreEqual("2", suite.Attribute("tests")!.Value);
        Assert.AreEqual("1", suite.Attribute("failures")!.Value);
        Assert.HasCount(2, suite.Elements("testcase").ToArray());
        StringAssert.Contains(suite.Descendants("failure").Single().Attribute("message")!.Value, "expected at least 1.0000");
    }

    static RunData Run(double skill, double sharpness = 1, ulong seed = 1)
    {
        var s = new SyntheticScores(1000, 6, seed, skill, sharpness, labelsOf: 1);
        return new RunData($"skill {skill} seed {seed}", DataFingerprint.Compute(s.Classes, s.Labels, s.Names), Evaluator.Evaluate(s.Labels, s.Scores, s.Classes), s.Names);
    }
}
