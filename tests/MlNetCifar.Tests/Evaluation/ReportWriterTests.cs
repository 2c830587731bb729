using System.Text.Json;
using MlNetCifar.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation;

[TestClass]
public sealed class ReportWriterTests
{
    [TestMethod]
    public void Write_LeavesAllFilesAndNoTemporaryOnes()
    {
        using var folder = new TestFolder();
        ReportWriter.Write(folder.Root, Sample());
        CollectionAssert.AreEquivalent(
            new[] { "report.html", "report.json", "per_class.csv", "confusion.csv", "roc.csv", "predictions.csv", "results.csv", "summary.md" },
            Directory.GetFiles(folder.Root).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void Write_JsonHoldsTheMetrics()
    {
        using var folder = new TestFolder();
        var input = Sample();
        ReportWriter.Write(folder.Root, input);
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder.Root, "report.json")));
        var accuracy = json.RootElement.GetProperty("metrics").GetProperty("microAccuracy");
        Assert.AreEqual(input.Result.MicroAccuracy, accuracy.GetProperty("value").GetDouble());
        Assert.AreEqual(input.Result.MicroAccuracyInterval.Lower, accuracy.GetProperty("lower").GetDouble());
        Assert.AreEqual(64, json.RootElement.GetProperty("data").GetProperty("hash").GetString()!.Length);
    }

    [TestMethod]
    public void Write_PredictionsReadBackToTheSameScores()
    {
        using var folder = new TestFolder();
        var synthetic = new SyntheticScores(50, 10);
        ReportWriter.Write(folder.Root, Sample());
        var lines = File.ReadAllLines(Path.Combine(folder.Root, "predictions.csv"));
        Assert.HasCount(51, lines);
        for (var row = 0; row < 50; row++)
            CollectionAssert.AreEqual(
                synthetic.Scores.AsSpan(row * 10, 10).ToArray(), lines[row + 1].Split(',')[6..].Select(float.Parse).ToArray());
    }

    [TestMethod]
    public void Write_OfTwoClassesPutsIntervalsOnTheirNumbersToo()
    {
        using var folder = new TestFolder();
        var s = new SyntheticScores(400, 2, skill: 1);
        var result = Evaluator.Evaluate(s.Labels, s.Scores, s.Classes);
        var model = CalibrationModel.Fit(s.Labels, s.Logits, 2);
        var check = CalibrationCheck.Measure(model, s.Labels, s.Logits, s.Classes);
        var page = ReportWriter.Write(folder.Root, new ReportInput { Title = "t", Result = result, Calibration = check });
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder.Root, "report.json")));
        foreach (var metric in result.BinaryHeadline)
        {
            var written = json.RootElement.GetProperty("binary").GetProperty(metric.Key);
            Assert.AreEqual(metric.Value, written.GetProperty("value").GetDouble(), metric.Key);
            Assert.IsTrue(written.GetProperty("lower").GetDouble() <= metric.Value && metric.Value <= written.GetProperty("upper").GetDouble(), metric.Key);
        }

        Assert.AreEqual(check.Coverage, json.RootElement.GetProperty("calibration").GetProperty("coverage").GetProperty("value").GetDouble());
        var html = File.ReadAllText(page);
        Assert.IsTrue(html.Contains("as the positive one") && html.Contains("With the calibration stored in the model"));
    }

    static ReportInput Sample()
    {
        var synthetic = new SyntheticScores(50, 10);
        return new ReportInput
        {
            Title = "Sample",
            Result = Evaluator.Evaluate(synthetic.Labels, synthetic.Scores, synthetic.Classes),
            Names = synthetic.Names,
            History = [new(1, 1.5, 0.4, 1.2, 0.5, 0.001, 1000, 50)],
        };
    }
}
