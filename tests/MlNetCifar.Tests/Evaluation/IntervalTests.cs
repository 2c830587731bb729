using MlNetCifar.Evaluation;

namespace MlNetCifar.Tests.Evaluation;

[TestClass]
public sealed class IntervalTests
{
    [TestMethod]
    [DataRow(0.975, 1.959963984540054)]
    [DataRow(0.5, 0.0)]
    [DataRow(0.995, 2.575829303548901)]
    [DataRow(1e-10, -6.361340902404056)]
    [DataRow(0.9986501019683699, 3.0)]
    public void Quantile_EqualsTheTables(double probability, double expected) =>
        Assert.AreEqual(expected, NormalDistribution.Quantile(probability), 1e-9);

    [TestMethod]
    public void Cumulative_HasNoJumpWhereTheMethodsMeet() =>
        Assert.AreEqual(NormalDistribution.Cumulative(Math.BitDecrement(3.0)), NormalDistribution.Cumulative(3.0), 1e-15);

    [TestMethod]
    [DataRow(81L, 263L, 0.2553, 0.3662)]
    [DataRow(15L, 148L, 0.0624, 0.1605)]
    [DataRow(0L, 20L, 0.0, 0.1611)]
    [DataRow(1L, 29L, 0.0061, 0.1718)]
    public void Wilson_EqualsPublishedExamples(long successes, long trials, double lower, double upper)
    {
        // Newcombe (1998), table I, method 3.
        var interval = Interval.Wilson(successes, trials);
        Assert.AreEqual(lower, interval.Lower, 5e-5);
        Assert.AreEqual(upper, interval.Upper, 5e-5);
    }

    [TestMethod]
    public void Wilson_OfNothingIsUndefined() => Assert.IsFalse(Interval.Wilson(0, 0).IsDefined);

    [TestMethod]
    public void Measure_WithAllWeightsOneIsTheResult()
    {
        foreach (var fixture in Fixtures.MetricCases())
        {
            var result = fixture.Evaluate();
            var input = new ResampleInput(result.Rows!, ResampleInput.CanonicalOrder(result.Rows!), fixture.Bins, curves: true);
            var values = new double[ResampleMeter.Length(fixture.Classes.Length)];
            new ResampleMeter(input).Measure([.. Enumerable.Repeat((byte)1, input.Count)], values, curves: true);
            foreach (var (entry, value) in MetricCatalog.All.Zip(values))
                if (entry.Key != MetricCatalog.TopKAccuracy)
                    Assert.AreEqual(entry.Value(result), value, 1e-12, $"{fixture.Name}: {entry.Key}");
        }
    }

    [TestMethod]
    public void Measure_WithWeightsIsTheResultOfRepeatedRows()
    {
        var s = new SyntheticScores(60, 3, seed: 5);
        var weights = Enumerable.Range(0, 60).Select(i => (byte)(i % 4)).ToArray();
        var repeated = Enumerable.Range(0, 60).SelectMany(i => Enumerable.Repeat(i, weights[i])).ToArray();
        var expected = Evaluator.Evaluate(
            repeated.Select(i => s.Labels[i]).ToArray(), repeated.SelectMany(i => s.Scores[(3 * i)..((3 * i) + 3)]).ToArray(), s.Classes);
        var original = Evaluator.Evaluate(s.Labels, s.Scores, s.Classes);
        var values = new double[ResampleMeter.Length(3)];
        new ResampleMeter(new ResampleInput(original.Rows!, Enumerable.Range(0, 60).ToArray(), 15, curves: true)).Measure(weights, values, curves: true);
        foreach (var (entry, value) in MetricCatalog.All.Zip(values))
            if (entry.Key != MetricCatalog.TopKAccuracy)
                Assert.AreEqual(entry.Value(expected), value, 1e-12, entry.Key);
    }

    [TestMethod]
    public void Intervals_CoverEveryHeadlineNumberAndContainIt()
    {
        var s = new SyntheticScores(400, 10);
        foreach (var metric in Evaluator.Evaluate(s.Labels, s.Scores, s.Classes).Headline)
        {
            Assert.IsTrue(metric.Interval.IsDefined, metric.Key);
            Assert.IsTrue(metric.Interval.Contains(metric.Value), $"{metric.Key}: {metric.Value} in {metric.Interval}");
        }
    }

    [TestMethod]
    public void Intervals_AreTheSameEveryTimeAndDifferBySeed()
    {
        var s = new SyntheticScores(300, 4);
        Interval Of(ulong seed) =>
            Evaluator.Evaluate(s.Labels, s.Scores, s.Classes, new EvaluationOptions { Seed = seed, BootstrapResamples = 300 }).Intervals["logLoss"];
        Assert.AreEqual(Of(1), Of(1));
        Assert.AreNotEqual(Of(1), Of(2));
    }

    [TestMethod]
    public void CurveDraws_ShrinkWithTheWorkAndVanishBeyondReason()
    {
        Assert.AreEqual(2000, Bootstrap.CurveDraws(2000, 10_000, 10));
        Assert.AreEqual(750, Bootstrap.CurveDraws(2000, 10_000, 100));
        Assert.AreEqual(0, Bootstrap.CurveDraws(2000, 50_000, 1000));
    }

    [TestMethod]
    public void Bootstrap_AccuracyIntervalAgreesWithWilson()
    {
        var s = new SyntheticScores(2000, 5);
        var result = Evaluator.Evaluate(s.Labels, s.Scores, s.Classes);
        var input = new ResampleInput(result.Rows!, ResampleInput.CanonicalOrder(result.Rows!), 15, curves: false);
        var draws = Bootstrap.Run([input], 2000, 1)[0][MetricCatalog.IndexOf(MetricCatalog.MicroAccuracy)];
        var bootstrap = Bootstrap.Percentile(draws, 0.95);
        Assert.AreEqual(result.MicroAccuracyInterval.Lower, bootstrap.Lower, 0.002);
        Assert.AreEqual(result.MicroAccuracyInterval.Upper, bootstrap.Upper, 0.002);
    }
}
