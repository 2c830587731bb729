using System.Text.RegularExpressions;
using MlNetCifar.Evaluation;
using MlNetCifar.Reporting;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation;

[TestClass]
public sealed partial class HtmlReportTests
{
    [GeneratedRegex("""(?:src|href)\s*=\s*"(?!#|data:)|url\(|@import|https?://(?!www\.w3\.org/2000/svg)""")]
    private static partial Regex Reference { get; }

    [TestMethod]
    public void Build_LoadsNothing()
    {
        var html = HtmlReport.Build(Samples.Report(), "hash", "verdict");
        Assert.IsFalse(Reference.IsMatch(html), Reference.Match(html).Value);
        Assert.IsTrue(Reference.IsMatch("<img src=\"x.png\">"), "the check itself must be able to fail");
    }

    [TestMethod]
    public void Build_EscapesEveryTextOfTheUser()
    {
        const string evil = "<script>alert('\"&')</script>";
        var result = Evaluator.Evaluate([0, 1, 2, 0], [0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0], [evil, evil + 1, evil + 2]);
        var html = HtmlReport.Build(
            new ReportInput
            {
                Title = evil,
                Result = result,
                Names = [evil, evil, evil, evil],
                Command = evil,
                Dataset = [new(evil, evil)],
                Environment = [new(evil, evil)],
                Settings = [new(evil, evil)],
                Gate = new GateOutcome(evil, [new(evil, false, evil)], evil),
            },
            evil, evil);
        Assert.IsFalse(html.Contains("<script>alert"));
        Assert.HasCount(2, html.Split("<script>"), "the report's own script only");
    }

    [TestMethod]
    public void Build_OfTenThousandImagesIsSmall()
    {
        var report = Samples.Report(10_000);
        Assert.IsLessThan(3_000_000, HtmlReport.Build(report, "hash", "verdict").Length);
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(40)]
    [DataRow(120)]
    public void Build_WorksForAnyNumberOfClassesWithoutExtras(int classes)
    {
        var s = new SyntheticScores(300, classes, skill: 1);
        var result = Evaluator.Evaluate(s.Labels, s.Scores, s.Classes, new EvaluationOptions { BootstrapResamples = 0 });
        var html = HtmlReport.Build(new ReportInput { Title = "t", Result = result }, "", "verdict");
        var body = html[..html.IndexOf("<script>", StringComparison.Ordinal)];
        Assert.IsFalse(body.Contains("NaN") || body.Contains('∞'), "undefined numbers are dashes");
        AssertBalanced(html);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Build_SaysHowManyResamplesWereDrawn()
    {
        var s = new SyntheticScores(300, 4);
        StringAssert.Contains(Html(new EvaluationOptions { BootstrapResamples = 150 }), "the rest by 150 bootstrap resamples (seed 1).");
        Assert.IsFalse(Html(new EvaluationOptions { BootstrapResamples = 0 }).Contains("bootstrap", StringComparison.Ordinal));

        // 1.5e9 steps at 2 · 300 · 4 a draw.
        StringAssert.Contains(Html(new EvaluationOptions { BootstrapResamples = 1_000_000 }), "areas under curves by 625,000 of them");

        string Html(EvaluationOptions options) =>
            HtmlReport.Build(new ReportInput { Title = "t", Result = Evaluator.Evaluate(s.Labels, s.Scores, s.Classes, options) }, "", "verdict");
    }

    [TestMethod]
    public void Build_OfAPerfectModelHasNoGallery()
    {
        var html = HtmlReport.Build(new ReportInput { Title = "t", Result = Evaluator.Evaluate([0, 1], [1, 0, 0, 1], ["a", "b"]) }, "", "verdict");
        Assert.IsFalse(html.Contains("id=\"mistakes\""));
        AssertBalanced(html);
    }

    [TestMethod]
    public void Build_WithoutRowsLeavesOutWhatNeedsThem()
    {
        var s = new SyntheticScores(300, 4);
        var result = Evaluator.Evaluate(s.Labels, s.Scores, s.Classes, new EvaluationOptions { KeepRows = false });
        var html = HtmlReport.Build(new ReportInput { Title = "t", Result = result }, "", "verdict");
        Assert.IsFalse(html.Contains("id=\"roc\""));
        AssertBalanced(html);
    }

    [TestMethod]
    public void Build_PutsWarningsFirst()
    {
        var result = Evaluator.Evaluate([0, 0, 1], [1, 0, float.NaN, 0, 0.1f, 0.9f], ["a", "b"]);
        var html = HtmlReport.Build(new ReportInput { Title = "t", Result = result }, "", "verdict");
        Assert.IsTrue(html.Contains("Before trusting these numbers"));
        Assert.IsLessThan(html.IndexOf("id=\"summary\"", StringComparison.Ordinal), html.IndexOf("1 of 3 images", StringComparison.Ordinal));
    }

    [TestMethod]
    public void Write_IsTheSameEveryTime()
    {
        using var folder = new TestFolder();
        ReportWriter.Write(Path.Combine(folder.Root, "a"), Samples.Report());
        ReportWriter.Write(Path.Combine(folder.Root, "b"), Samples.Report());
        foreach (var file in Directory.GetFiles(Path.Combine(folder.Root, "a"), "*", SearchOption.AllDirectories))
            CollectionAssert.AreEqual(
                File.ReadAllBytes(file), File.ReadAllBytes(file.Replace(Path.Combine(folder.Root, "a"), Path.Combine(folder.Root, "b"))), file);
    }

    [TestMethod]
    [DataRow(0.9, 0.8, "Its confidence can be taken at its word.")]
    [DataRow(0.99, 0.7, "It is too sure of itself (calibration error 0.290).")]
    [DataRow(0.6, 0.9, "It is too unsure of itself (calibration error 0.300).")]
    public void Verdict_JudgesConfidence(double confidence, double accuracy, string expected)
    {
        var right = (int)Math.Round(accuracy * 100);
        var labels = Enumerable.Range(0, 100).Select(i => i < right ? i % 2 : 1 - (i % 2)).ToArray();
        var scores = Enumerable.Range(0, 100).SelectMany(i => i % 2 == 0
            ? new[] { (float)confidence, (float)(1 - confidence) } : [(float)(1 - confidence), (float)confidence]).ToArray();
        if (confidence == 0.9)
            scores = [.. scores.Select(p => p > 0.5f ? 0.8f : 0.2f)];
        StringAssert.EndsWith(Verdict.Of(Evaluator.Evaluate(labels, scores, ["a", "b"])), expected);
    }

    /// <summary>Twelve images cannot tell 0.75 from 0.9.</summary>
    [TestMethod]
    public void Verdict_OfFewImages_ClaimsNothingAboutConfidence()
    {
        int[] labels = [.. Enumerable.Range(0, 12).Select(i => i < 9 ? i % 2 : 1 - (i % 2))];
        float[] scores = [.. Enumerable.Range(0, 12).SelectMany(i => i % 2 == 0 ? new[] { 0.9f, 0.1f } : [0.1f, 0.9f])];
        StringAssert.EndsWith(
            Verdict.Of(Evaluator.Evaluate(labels, scores, ["a", "b"])), "These images are too few to tell whether its confidence can be taken at its word (calibration error 0.150).");
    }

    [TestMethod]
    public void Plots_MarkTheKeptEpochInBoth()
    {
        EpochRecord[] history = [new(1, 2, 0.3, 1.2, 0.5, 0.1, 1, 1), new(2, 1, 0.5, 1.0, 0.7, 0.1, 1, 1), new(3, 0.5, 0.8, 0.9, 0.6, 0.1, 1, 1), new(4, 0.5, 0.8, 0.95, 0.7, 0.1, 1, 1)];
        foreach (var (asked, expected) in new[] { (0, 4), (3, 3) })
        {
            Assert.AreEqual(expected, EvaluationPlots.Accuracy(history, asked).Mark!.Value.At);
            Assert.AreEqual(expected, EvaluationPlots.Loss(history, asked).Mark!.Value.At);
        }
    }

    [TestMethod]
    public void TopK_OfAllClasses_IsNoMetric()
    {
        float[] scores = [0.5f, 0.3f, 0.2f, 0.2f, 0.5f, 0.3f, 0.3f, 0.2f, 0.5f];
        Assert.DoesNotContain("topKAccuracy", Evaluator.Evaluate([0, 1, 2], scores, ["a", "b", "c"]).Headline.Select(m => m.Key));
        Assert.Contains("topKAccuracy", Evaluator.Evaluate([0, 1, 2], scores, ["a", "b", "c"], new() { TopKPredictionCount = 2 }).Headline.Select(m => m.Key));
    }

    [TestMethod]
    public void Verdict_SaysWhenTheModelIsNoBetterThanTheLargestClass() => StringAssert.Contains(
        Verdict.Of(Evaluator.Evaluate([0, 0, 0, 1], [1, 0, 1, 0, 1, 0, 1, 0], ["a", "b"])), "not distinguishable from always naming the largest class");

    static void AssertBalanced(string html)
    {
        foreach (var tag in new[] { "section", "div", "table", "figure", "svg", "g", "p", "dl", "details", "title", "text" })
            Assert.AreEqual(Regex.Count(html, $"<{tag}[ >]"), Regex.Count(html, $"</{tag}>"), tag);
    }
}
