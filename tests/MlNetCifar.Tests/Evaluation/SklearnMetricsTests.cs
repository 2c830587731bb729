using System.Text.Json;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Tests.Evaluation;

/// <summary>All metrics against scikit-learn on 200 random and 14 edge cases (Fixtures/sklearn_metrics.py).</summary>
[TestClass]
public sealed class SklearnMetricsTests
{
    const double Tolerance = 1e-9;

    [TestMethod]
    public void Evaluate_CountsAndScalarsEqualScikitLearn() => ForAll((name, expect, result) =>
    {
        CollectionAssert.AreEqual(
            expect.GetProperty("confusion").EnumerateArray().Select(x => x.GetDouble()).ToArray(),
            result.ConfusionMatrix.Counts.SelectMany(row => row).ToArray(),
            name);
        Same(name, expect, "micro", result.MicroAccuracy);
        Same(name, expect, "macro", result.MacroAccuracy);
        Same(name, expect, "macro", result.BalancedAccuracy);
        Close(name, JsonSerializer.SerializeToElement(PresentF1(expect)), result.MacroF1Score);
        Same(name, expect, "logLoss", result.LogLoss);
        Same(name, expect, "reduction", result.LogLossReduction);
        Same(name, expect, "kappa", result.CohenKappa);
        Same(name, expect, "mcc", result.MatthewsCorrelation);
        Same(name, expect, "brier", result.BrierScore);
        Same(name, expect, "ece", result.ExpectedCalibrationError);
        Same(name, expect, "eceMass", result.ExpectedCalibrationErrorEqualMass);
    });

    /// <summary>f1_score(average="macro", labels=present): a class without images is left out, as in balanced_accuracy_score.</summary>
    static double PresentF1(JsonElement expect)
    {
        double[] f1 = [.. expect.GetProperty("f1").EnumerateArray().Select(x => x.GetDouble())], counts = [.. expect.GetProperty("confusion").EnumerateArray().Select(x => x.GetDouble())];
        return f1.Where((_, k) => counts.AsSpan(k * f1.Length, f1.Length).ToArray().Sum() > 0).Average();
    }

    [TestMethod]
    public void Evaluate_ListsEqualScikitLearn() => ForAll((name, expect, result) =>
    {
        Same(name, expect, "top", result.TopKAccuracyForAllK);
        Same(name, expect, "classLoss", result.PerClassLogLoss);
        Same(name, expect, "precision", result.PerClass.Select(c => c.Precision));
        Same(name, expect, "recall", result.PerClass.Select(c => c.Recall));
        Same(name, expect, "f1", result.PerClass.Select(c => c.F1Score));
    });

    [TestMethod]
    public void Evaluate_AreasUnderCurvesEqualScikitLearn() => ForAll((name, expect, result) =>
    {
        Same(name, expect, "auc", result.PerClass.Select(c => c.AreaUnderRocCurve));
        Same(name, expect, "ap", result.PerClass.Select(c => c.AveragePrecision));
        Same(name, expect, "pr", result.Curves!.PerClass.Select(c => c.AreaUnderPrecisionRecallCurve));
        Same(name, expect, "aucMacro", result.AreaUnderRocCurveMacro);
        Same(name, expect, "apMacro", result.AveragePrecisionMacro);
        var micro = result.Curves.Micro;
        Same(name, expect, "microCurve", [micro.AreaUnderRocCurve, micro.AveragePrecision, micro.AreaUnderPrecisionRecallCurve]);
    });

    [TestMethod]
    public void Evaluate_BinaryMetricsEqualScikitLearn()
    {
        var cases = 0;
        ForAll((name, expect, result) =>
        {
            if (result.Binary is not { } binary)
                return;
            cases++;
            Same(name, expect.GetProperty("binary"), "brier", binary.BrierScore);
            Same(name, expect.GetProperty("binary"), "logLossBits", binary.LogLoss);
            Same(name, expect.GetProperty("binary"), "entropyBits", binary.Entropy);
            Close(name, expect.GetProperty("recall")[1], binary.PositiveRecall);
            Close(name, expect.GetProperty("recall")[0], binary.NegativeRecall);
            Close(name, expect.GetProperty("precision")[1], binary.PositivePrecision);
            Close(name, expect.GetProperty("precision")[0], binary.NegativePrecision);
            Close(name, expect.GetProperty("f1")[1], binary.F1Score);
            Close(name, expect.GetProperty("auc")[1], binary.AreaUnderRocCurve);
            Close(name, expect.GetProperty("pr")[1], binary.AreaUnderPrecisionRecallCurve);
        });
        Assert.IsGreaterThan(40, cases);
    }

    [TestMethod]
    public void RocPoints_AreaUnderTheDrawnCurveIsTheArea() => ForAll((name, _, result) =>
    {
        foreach (var curve in result.Curves!.PerClass.Append(result.Curves.Micro))
        {
            var points = curve.RocPoints();
            if (double.IsNaN(curve.AreaUnderRocCurve))
                Assert.IsEmpty(points, name);
            else
                Assert.AreEqual(curve.AreaUnderRocCurve, Trapezoid(points), Tolerance, name);
        }
    });

    [TestMethod]
    public void PrecisionRecallPoints_AreaUnderTheDrawnCurveIsTheArea() => ForAll((name, _, result) =>
    {
        foreach (var curve in result.Curves!.PerClass.Append(result.Curves.Micro))
            if (curve.Positives > 0)
                Assert.AreEqual(curve.AreaUnderPrecisionRecallCurve, Trapezoid(curve.PrecisionRecallPoints()), Tolerance, name);
    });

    static void ForAll(Action<string, JsonElement, EvaluationResult> check)
    {
        var cases = 0;
        foreach (var fixture in Fixtures.MetricCases())
        {
            check(fixture.Name, fixture.Expect, fixture.Evaluate());
            cases++;
        }

        Assert.AreEqual(214, cases);
    }

    static double Trapezoid(IReadOnlyList<CurvePoint> points)
    {
        var area = 0.0;
        for (var i = 1; i < points.Count; i++)
            area += (points[i].X - points[i - 1].X) * (points[i].Y + points[i - 1].Y) / 2;
        return area;
    }

    static void Same(string name, JsonElement expect, string key, double actual) => Close($"{name}: {key}", expect.GetProperty(key), actual);

    static void Same(string name, JsonElement expect, string key, IEnumerable<double> actual)
    {
        double[] values = [.. actual];
        Assert.AreEqual(expect.GetProperty(key).GetArrayLength(), values.Length, $"{name}: {key}");
        for (var i = 0; i < values.Length; i++)
            Close($"{name}: {key}[{i}]", expect.GetProperty(key)[i], values[i]);
    }

    static void Close(string what, JsonElement expect, double actual)
    {
        if (expect.ValueKind == JsonValueKind.Null)
            Assert.IsTrue(double.IsNaN(actual), $"{what}: expected undefined, found {actual}");
        else
            Assert.AreEqual(expect.GetDouble(), actual, Tolerance, what);
    }
}
