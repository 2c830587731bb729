using MlNetCifar.Evaluation;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Evaluation;

[TestClass]
public sealed class EvaluatorTests
{
    static readonly string[] s_classes = ["a", "b", "c"];

    [TestMethod]
    public void Evaluate_MatchesHandComputedNumbers()
    {
        var result = Evaluator.Evaluate([0, 1, 1, 2], [0.5f, 0.25f, 0.25f, 0.25f, 0.5f, 0.25f, 0.5f, 0.25f, 0.25f, 0.25f, 0.25f, 0.5f], s_classes);
        Assert.AreEqual(0.75, result.MicroAccuracy, 1e-15);
        Assert.AreEqual((1 + 0.5 + 1) / 3, result.MacroAccuracy, 1e-15);
        Assert.AreEqual(((3 * Math.Log(2)) + Math.Log(4)) / 4, result.LogLoss, 1e-15);
        Assert.AreEqual(1L, result.ConfusionMatrix[1, 0]);
        Assert.AreEqual(1.0, result.TopKAccuracyForAllK[1]);
    }

    [TestMethod]
    public void Evaluate_TiesRankByClassIndex()
    {
        var result = Evaluator.Evaluate([0, 1, 2], [0.4f, 0.4f, 0.2f, 0.4f, 0.4f, 0.2f, 0.2f, 0.4f, 0.4f], s_classes);
        CollectionAssert.AreEqual(new[] { 1 / 3.0, 1.0, 1.0 }, result.TopKAccuracyForAllK.ToArray());
    }

    [TestMethod]
    public void Evaluate_NaNScoresAreExcludedAndReported()
    {
        var result = Evaluator.Evaluate([0, 1], [1, 0, 0, float.NaN, 0, 0], s_classes);
        Assert.AreEqual(1L, result.Count);
        Assert.AreEqual(1L, result.ExcludedCount);
        StringAssert.Contains(result.Warnings[0], "1 of 2 images");
    }

    [TestMethod]
    public void Evaluate_NaNScoresThrowWhenAsked()
    {
        var options = new EvaluationOptions { NonFiniteScores = NonFiniteScores.Throw };
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Evaluator.Evaluate([0, 1], [1, 0, 0, 0, float.NaN, 0], s_classes, options));
        Assert.AreEqual("MNC5003", error.Code);
        StringAssert.Contains(error.Message, "Row 1");
        StringAssert.Contains(error.Message, "column 1");
    }

    [TestMethod]
    [DataRow(new[] { 2.5f, -1, 0.25f }, "holds 2.5 in column 0")]
    [DataRow(new[] { 0.5f, -0.25f, 0.75f }, "holds -0.25 in column 1")]
    [DataRow(new[] { 0.5f, 0.25f, 0.5f }, "adds up to 1.25")]
    [DataRow(new[] { 0f, 0f, 0f }, "adds up to 0")]
    [DataRow(new[] { 0.5f, 0.2f, 0.29f }, "adds up to 0.99")]
    public void Evaluate_RowsThatAreNoProbabilitiesAreRefused(float[] row, string found)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Evaluator.Evaluate([0, 1, 1], [1, 0, 0, .. row, 9, 9, 9], s_classes));
        Assert.AreEqual("MNC5010", error.Code);
        StringAssert.Contains(error.Message, $"Row 1 is no row of probabilities: it {found}; expected");
        StringAssert.Contains(error.Action, "softmax");
    }

    [TestMethod]
    public void Evaluate_OneColumnOutsideZeroToOneIsRefused()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Evaluator.Evaluate([0, 1], [0.25f, 1.5f], ["cat", "dog"]));
        StringAssert.Contains(error.Message, "Row 1 is no row of probabilities: it holds 1.5 in column 0");
    }

    [TestMethod]
    public void Add_CountsRowsOfEarlierPartsAndAddsNothingOnRefusal()
    {
        var accumulator = new EvaluationAccumulator(s_classes);
        accumulator.Add([0, 1], [1, 0, 0, 0, 1, 0]);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => accumulator.Add([0, 1], [1, 0, 0, 0, 3, 0]));
        StringAssert.Contains(error.Message, "Row 3 ");
        Assert.AreEqual(2L, accumulator.Count);
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(10)]
    [DataRow(1000)]
    [DataRow(5_000)]
    public void Evaluate_TakesSinglePrecisionSoftmaxOfAnyWidth(int classes)
    {
        var random = new Random(5);
        var logits = new float[8 * classes];
        for (var i = 0; i < logits.Length; i++)
            logits[i] = (float)((random.NextDouble() - 0.5) * 40);
        for (var i = 0; i < 8; i++)
            Losses.Softmax(logits.AsSpan(i * classes, classes), logits.AsSpan(i * classes, classes));
        var result = Evaluator.Evaluate(new int[8], logits, [.. Enumerable.Range(0, classes).Select(c => $"{c}")], new EvaluationOptions { BootstrapResamples = 0 });
        Assert.AreEqual(8L, result.Count);
    }

    [TestMethod]
    public void Evaluate_LabelOutOfRangeIsNamed()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Evaluator.Evaluate([0, 3], [1, 0, 0, 1, 0, 0], s_classes));
        Assert.AreEqual("MNC5002", error.Code);
        StringAssert.Contains(error.Message, "Row 1 has label 3");
    }

    [TestMethod]
    public void Evaluate_NothingToEvaluateIsAnError()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Evaluator.Evaluate([], [], s_classes));
        Assert.AreEqual("MNC5001", error.Code);
    }

    [TestMethod]
    public void Evaluate_WrongLengthIsAnArgumentError() =>
        Assert.ThrowsExactly<ArgumentException>(() => Evaluator.Evaluate([0, 1], [1, 0, 0, 1, 0], s_classes));

    [TestMethod]
    public void Evaluate_OneColumnIsTheProbabilityOfThePositiveClass()
    {
        var one = Evaluator.Evaluate([0, 1, 1, 0], [0.25f, 0.75f, 0.5f, 0.625f], ["cat", "dog"]);
        var two = Evaluator.Evaluate([0, 1, 1, 0], [0.75f, 0.25f, 0.25f, 0.75f, 0.5f, 0.5f, 0.375f, 0.625f], ["cat", "dog"]);
        Assert.AreEqual(two.Binary, one.Binary);
        Assert.AreEqual(0.5, one.Binary!.Accuracy, "0.5 is not above the threshold");
        Assert.AreEqual(0.75 * 1.0, one.Binary.AreaUnderRocCurve);
        Assert.AreEqual(1.0, one.Binary.Entropy, 1e-15);
    }

    [TestMethod]
    public void Validate_NamesEveryFault()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => new EvaluationOptions { TopKPredictionCount = 0, ConfidenceLevel = 1 }.Validate());
        StringAssert.Contains(error.Message, "TopKPredictionCount is 0");
        StringAssert.Contains(error.Message, "ConfidenceLevel is 1");
    }

    [TestMethod]
    public void GetFormattedConfusionTable_HasNamesSumsAndRates()
    {
        var result = Evaluator.Evaluate([0, 1, 1], [1, 0, 1, 0, 0, 1], ["cat", "dog"]);
        var expected = """
            true \ predicted |     cat     dog | recall
            -----------------+-----------------+-------
            cat              |       1       0 | 1.0000
            dog              |       1       1 | 0.5000
            -----------------+-----------------+-------
            precision        |  0.5000  1.0000 |

            """;
        Assert.AreEqual(expected.ReplaceLineEndings("\n"), result.ConfusionMatrix.GetFormattedConfusionTable());
    }
}
