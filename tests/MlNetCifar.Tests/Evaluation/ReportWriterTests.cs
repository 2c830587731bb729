using System.Text.Json;
using MlNetCifar.Evaluation;
using MlNetCifar.Evaluation.Report;

namespace MlNetCifar.Tests.Evaluation;

[TestClass]
public sealed class ReportWriterTests
{
    [TestMethod]
    public void Write_LeavesAllFilesAndNoTemporaryOnes()
    {
        using var folder = new TemporaryFolder();
        ReportWriter.Write(folder.Path, Sample());
        CollectionAssert.AreEquivalent(
            new[] { "report.html", "report.json", "per_class.csv", "confusion.csv", "roc.csv", "predictions.csv", "results.csv", "summary.md" },
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void Write_JsonHoldsTheMetrics()
    {
        using var folder = new TemporaryFolder();
        var input = Sample();
        ReportWriter.Write(folder.Path, input);
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder.Path, "report.json")));
        var accuracy = json.RootElement.GetProperty("metrics").GetProperty("microAccuracy");
        Assert.AreEqual(input.Result.MicroAccuracy, accuracy.GetProperty("value").GetDouble());
        Assert.AreEqual(input.Result.MicroAccuracyInterval.Lower, accuracy.GetProperty("lower").GetDouble());
        Assert.AreEqual(64, json.RootElement.GetProperty("data").GetProperty("hash").GetString()!.Length);
    }

    [TestMethod]
    public void Write_PredictionsReadBackToTheSameScores()
    {
        using var folder = new TemporaryFolder();
        var synthetic = new SyntheticScores(50, 10);
        ReportWriter.Write(folder.Path, Sample());
        var lines = File.ReadAllLines(Path.Combine(folder.Path, "predictions.csv"));
        Assert.HasCount(51, lines);
        for (var row = 0; row < 50; row++)
            CollectionAssert.AreEqual(
                synthetic.Scores.AsSpan(row * 10, 10).ToArray(), lines[row + 1].Split(',')[6..].Select(float.Parse).ToArray());
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
