using System.Text.RegularExpressions;
using MlNetCifar.Evaluation;
using MlNetCifar.Files;
using MlNetCifar.Reporting;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation;

[TestClass]
public sealed class RunComparisonTests
{
    static readonly ComparisonOptions s_quick = new() { BootstrapResamples = 300 };

    /// <summary>Expected values: scipy.stats.binomtest(min(a, b), a + b).pvalue.</summary>
    [TestMethod]
    [DataRow(0L, 0L, 1.0)]
    [DataRow(3L, 0L, 0.25)]
    [DataRow(5L, 5L, 1.0)]
    [DataRow(10L, 20L, 0.09873714670538902)]
    [DataRow(121L, 59L, 4.4344492637551645e-06)]
    [DataRow(1000L, 1100L, 0.030720707864242486)]
    [DataRow(5000L, 5500L, 1.1124863280384677e-06)]
    public void ExactP_EqualsTheBinomialTest(long onlyA, long onlyB, double expected)
    {
        Assert.AreEqual(expected, McNemar.ExactP(onlyA, onlyB), 1e-8 * expected);
        Assert.AreEqual(McNemar.ExactP(onlyA, onlyB), McNemar.ExactP(onlyB, onlyA));
    }

    [TestMethod]
    public void ExactP_OfManyImagesDoesNotUnderflowToNonsense() => Assert.AreEqual(0.0, McNemar.ExactP(1, 100_000), 1e-300);

    [TestMethod]
    public void Holm_MatchesAWorkedExample() =>
        CollectionAssert.AreEqual(new[] { 0.03, 0.06, 0.06, 0.02 }, McNemar.Holm([0.01, 0.04, 0.03, 0.005]).Select(p => Math.Round(p, 12)).ToArray());

    [TestMethod]
    public void Compare_OfTheSameSkillIsNotDistinguishable()
    {
        var (a, b) = (Run("first", seed: 1, skill: 2), Run("second", seed: 2, skill: 2, labelsOf: 1));
        var comparison = RunComparison.Compare(a, b, s_quick);
        Assert.IsFalse(comparison.IsDistinguishable);
        StringAssert.StartsWith(comparison.Verdict, "not distinguishable (p = 0.");
    }

    [TestMethod]
    public void Compare_OfDifferentSkillSaysWhichIsBetter()
    {
        var comparison = RunComparison.Compare(Run("small", seed: 1, skill: 1.5), Run("big", seed: 2, skill: 2.5, labelsOf: 1), s_quick);
        Assert.IsTrue(comparison.IsDistinguishable);
        StringAssert.StartsWith(comparison.Verdict, "big is better than small (p < 0.0001)");
        var accuracy = comparison.Metrics[0];
        Assert.IsTrue(accuracy.Interval.Lower > 0 && accuracy.Interval.Contains(accuracy.Difference));
        Assert.AreEqual(accuracy.Difference, (double)(comparison.OnlyBRight - comparison.OnlyARight) / comparison.Count, 1e-12);
    }

    [TestMethod]
    public void Compare_CountsFlipsOverallAndByClass()
    {
        var comparison = RunComparison.Compare(Run("a", seed: 1, skill: 1.5), Run("b", seed: 2, skill: 2.5, labelsOf: 1), s_quick);
        Assert.AreEqual(comparison.OnlyBRight, comparison.Classes.Sum(c => c.Gained));
        Assert.AreEqual(comparison.OnlyARight, comparison.Classes.Sum(c => c.Lost));
        Assert.AreEqual(comparison.OnlyARight + comparison.OnlyBRight, comparison.Flipped.Count);
        Assert.AreEqual(comparison.OnlyBRight, comparison.Flipped.Count(f => f.IsGain));
        Assert.IsTrue(comparison.Flipped.All(f => (f.PredictedB == f.Label) == f.IsGain && (f.PredictedA == f.Label) != f.IsGain));
    }

    [TestMethod]
    public void Compare_ARunWithItselfFindsNothing()
    {
        var run = Run("same", seed: 1, skill: 2);
        var comparison = RunComparison.Compare(run, run, s_quick);
        Assert.AreEqual(1.0, comparison.McNemarP);
        Assert.IsEmpty(comparison.Flipped);
        Assert.IsTrue(comparison.Metrics.All(m => m.Difference == 0 && m.P == 1));
    }

    /// <summary>One picture of each class: a log-loss reduction is defined in resamples of both alone, which all say the same.</summary>
    [TestMethod]
    public void Compare_OfTwoImages_FindsNothingSure()
    {
        RunData Of(string name, float[] scores) => new(name, "", Evaluator.Evaluate([0, 1], scores, ["a", "b"]), ["0", "1"]);
        var comparison = RunComparison.Compare(Of("a", [0.6f, 0.4f, 0.6f, 0.4f]), Of("b", [0.9f, 0.1f, 0.1f, 0.9f]), s_quick);
        Assert.IsTrue(comparison.Metrics.All(m => !(m.P < 0.5)), string.Join(' ', comparison.Metrics.Select(m => $"{m.Name} {m.P}")));
    }

    [TestMethod]
    public void Compare_RefusesDifferentTestData()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => RunComparison.Compare(Run("a", 1, 2), Run("b", 2, 2), s_quick));
        Assert.AreEqual("MNC5007", error.Code);
        StringAssert.Contains(error.Message, "different test data");
    }

    [TestMethod]
    [DataRow("/data/cifar/test/cat/1.jpg", "/data/cifar/test/dog/2.jpg")]
    [DataRow("test/cat/1.jpg", "test/dog/2.jpg")]
    [DataRow("cat/1.jpg", "dog/2.jpg")]
    [DataRow(@"D:\cifar\test\cat\1.jpg", @"D:\cifar\test\dog\2.jpg")]
    [DataRow("hdfs://host:8020/cat/1.jpg", "hdfs://host:8020/dog/2.jpg")]
    public void Fingerprint_DoesNotDependOnWhereTheImagesLie(string first, string second) => Assert.AreEqual(
        DataFingerprint.Compute(["cat", "dog"], [0, 1], ["/cat/1.jpg", "/dog/2.jpg"]), DataFingerprint.Compute(["cat", "dog"], [0, 1], [first, second]));

    [TestMethod]
    public void Fingerprint_DependsOnNamesLabelsAndOrder()
    {
        string[] classes = ["cat", "dog"];
        string[] hashes =
        [
            DataFingerprint.Compute(classes, [0, 1], ["cat/1", "dog/2"]), DataFingerprint.Compute(classes, [0, 1], ["cat/1", "dog/3"]),
            DataFingerprint.Compute(classes, [1, 0], ["cat/1", "dog/2"]), DataFingerprint.Compute(classes, [1, 0], ["dog/2", "cat/1"]),
            DataFingerprint.Compute(classes, [0, 1], null), DataFingerprint.Compute(["cat", "cow"], [0, 1], ["cat/1", "dog/2"]),
        ];
        Assert.HasCount(hashes.Length, hashes.Distinct());
        Assert.AreEqual(DataFingerprint.Compute(classes, [0], ["/"]), DataFingerprint.Compute(classes, [0], [""]));
    }

    [TestMethod]
    public void ToHtml_OfTwoAndOfThreeRuns_IsAPageThatLoadsNothing()
    {
        var runs = new[] { Run("low <b>", 1, 1.2), Run("high", 2, 2.5, labelsOf: 1), Run("twin", 3, 2.5, labelsOf: 1) };
        var (two, three) = (RunComparison.Compare(runs[0], runs[1], s_quick), RunComparison.Compare(runs, s_quick));
        using var folder = new TestFolder();
        foreach (var (name, html, verdict) in new[] { ("two", two.ToHtml(), two.Verdict), ("three", three.ToHtml(), three.Verdict) })
        {
            StringAssert.Contains(html, System.Net.WebUtility.HtmlEncode(verdict));
            var body = html[..html.IndexOf("<script>", StringComparison.Ordinal)];
            Assert.IsFalse(body.Contains("<b>", StringComparison.Ordinal) || body.Contains("NaN", StringComparison.Ordinal) || body.Contains("src=", StringComparison.Ordinal));
            foreach (var tag in new[] { "section", "div", "table", "tr", "td", "dl", "details" })
                Assert.AreEqual(Regex.Count(html, $"<{tag}[ >]"), Regex.Count(html, $"</{tag}>"), tag);
            File.WriteAllText(Path.Combine(folder.Root, $"{name}.html"), html);
        }

        var page = two.ToHtml();
        Assert.AreEqual(Math.Min(200, two.Flipped.Count), two.Flipped.Count(image => page.Contains(image.Name, StringComparison.Ordinal)));
        Assert.IsEmpty(Chromium.Screenshot(Path.Combine(folder.Root, "three.html"), 600, 800).Console);
    }

    [TestMethod]
    public void Compare_FromFoldersEqualsCompareInMemory()
    {
        using var folder = new TestFolder();
        var (a, b) = (Run("a", seed: 1, skill: 1.5), Run("b", seed: 2, skill: 2.5, labelsOf: 1));
        foreach (var run in new[] { a, b })
            ReportWriter.Write(Path.Combine(folder.Root, run.Name), new ReportInput { Title = run.Name, Result = run.Result, Names = run.Names });
        var loaded = RunComparison.Compare(Path.Combine(folder.Root, "a"), Path.Combine(folder.Root, "b"), s_quick);
        Assert.AreEqual(RunComparison.Compare(a, b, s_quick).ToText(), loaded.ToText());
    }

    [TestMethod]
    public void Load_NamesWhatIsMissingOrDamaged()
    {
        using var folder = new TestFolder();
        Assert.AreEqual("MNC5005", Assert.ThrowsExactly<MlNetCifarException>(() => RunData.Load(folder.Root)).Code);
        var run = Run("a", seed: 1, skill: 2);
        ReportWriter.Write(folder.Root, new ReportInput { Title = "a", Result = run.Result, Names = run.Names });
        var path = Path.Combine(folder.Root, "predictions.csv");
        var lines = File.ReadAllLines(path);
        lines[7] = lines[7].Replace("0.", "zero.");
        File.WriteAllLines(path, lines);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => RunData.Load(folder.Root));
        Assert.AreEqual("MNC5006", error.Code);
        StringAssert.Contains(error.Message, "Line 8");
        lines[7] = string.Join(',', lines[7].Split(',')[..^1]) + ",7.5";
        File.WriteAllLines(path, [.. lines[..7], lines[7].Replace("zero.", "0.")]);
        error = Assert.ThrowsExactly<MlNetCifarException>(() => RunData.Load(folder.Root));
        Assert.AreEqual("MNC5006", error.Code);
        StringAssert.Contains(error.Message, "Line 8 is no row of probabilities: it holds 7.5 in column");
    }

    [TestMethod]
    public void Compare_OfThreeRunsRanksAndCorrects()
    {
        var runs = new[] { Run("low", 1, 1.2), Run("high", 2, 2.5, labelsOf: 1), Run("twin", 3, 2.5, labelsOf: 1) };
        var comparison = RunComparison.Compare(runs, s_quick);
        Assert.HasCount(3, comparison.Pairs);
        Assert.AreEqual("low", comparison.Runs[2]);
        StringAssert.Contains(comparison.Verdict, "not distinguishable from");
        foreach (var (pair, p) in comparison.Pairs.Zip(comparison.AdjustedP))
            Assert.IsGreaterThanOrEqualTo(pair.McNemarP, p);
    }

    [TestMethod]
    public void CsvReader_ReadsQuotesCommasAndLineBreaks()
    {
        var csv = new CsvReader(new StringReader("a,\"b,\"\"c\"\"\n\",d\r\n,e\n"));
        CollectionAssert.AreEqual(new[] { "a", "b,\"c\"\n", "d" }, csv.Read());
        CollectionAssert.AreEqual(new[] { "", "e" }, csv.Read());
        Assert.IsNull(csv.Read());
    }

    /// <summary>A run; with <paramref name="labelsOf"/> its labels are those of another seed and only the noise is its own.</summary>
    static RunData Run(string name, ulong seed, double skill, ulong? labelsOf = null)
    {
        var s = new SyntheticScores(1500, 10, seed, skill, labelsOf: labelsOf);
        var result = Evaluator.Evaluate(s.Labels, s.Scores, s.Classes);
        return new RunData(name, DataFingerprint.Compute(s.Classes, s.Labels, s.Names), result, s.Names);
    }
}
