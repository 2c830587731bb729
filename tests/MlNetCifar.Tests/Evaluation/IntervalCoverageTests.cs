using MlNetCifar.Evaluation;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Evaluation;

/// <summary>
/// Simulation: of 1,000 test sets drawn from a large population with known metrics, about 95 % must have intervals that hold the truth.
/// </summary>
[TestClass]
public sealed class IntervalCoverageTests
{
    const int Draws = 1000;
    const int Images = 600;

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("microAccuracy")]
    [DataRow("topKAccuracy")]
    [DataRow("macroAccuracy")]
    [DataRow("macroF1Score")]
    [DataRow("logLoss")]
    [DataRow("logLossReduction")]
    [DataRow("cohenKappa")]
    [DataRow("matthewsCorrelation")]
    [DataRow("areaUnderRocCurveMacro")]
    [DataRow("areaUnderRocCurveMicro")]
    [DataRow("averagePrecisionMacro")]
    [DataRow("brierScore")]
    public void Intervals_HoldTheTruthAsOftenAsTheySay(string key) => Assert.IsInRange(0.93, 0.97, s_coverage.Value[key], key);

    /// <summary>The hard case is the well calibrated model (sharpness 1.4 here), whose error the plain bootstrap overstates every time.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(1.4)]
    [DataRow(1.6)]
    [DataRow(2.5)]
    public void Intervals_OfCalibrationErrorsHoldTheTruth(double sharpness)
    {
        const int images = 2000, draws = 300;
        var population = new SyntheticScores(100_000, 3, seed: 12, skill: 1.4, sharpness: sharpness);
        var options = new EvaluationOptions { BootstrapResamples = 0 };
        var truth = Evaluator.Evaluate(population.Labels, population.Scores, population.Classes, options).ExpectedCalibrationError;
        var hits = 0;
        for (var draw = 0; draw < draws; draw++)
        {
            var (labels, scores) = Sample(population, images, draw);
            var result = Evaluator.Evaluate(labels, scores, population.Classes, options);
            var input = new ResampleInput(result.Rows!, [.. Enumerable.Range(0, images)], options.CalibrationBins, curves: false);
            var resamples = Bootstrap.Run([input], 300, 1)[0][MetricCatalog.IndexOf(MetricCatalog.ExpectedCalibrationError)];
            var perfect = CalibrationInterval.PerfectModel(input.Confidence, input.Bin, 300, 1);
            hits += CalibrationInterval.Of(resamples, perfect, result.ExpectedCalibrationError, 0.95).Contains(truth) ? 1 : 0;
        }

        Assert.IsInRange(0.92, 0.99, (double)hits / draws);
    }

    static readonly Lazy<Dictionary<string, double>> s_coverage = new(Simulate);

    static Dictionary<string, double> Simulate()
    {
        var population = new SyntheticScores(100_000, 3, seed: 11, skill: 1.4, sharpness: 1.6);
        var options = new EvaluationOptions { BootstrapResamples = 400, TopKPredictionCount = 2 };
        var truth = Evaluator.Evaluate(population.Labels, population.Scores, population.Classes, options with { BootstrapResamples = 0 }).Headline
            .ToDictionary(metric => metric.Key, metric => metric.Value);
        var hits = truth.Keys.ToDictionary(key => key, _ => 0);
        for (var draw = 0; draw < Draws; draw++)
        {
            var (labels, scores) = Sample(population, Images, draw);
            foreach (var metric in Evaluator.Evaluate(labels, scores, population.Classes, options with { Seed = (ulong)draw }).Headline)
                hits[metric.Key] += metric.Interval.Contains(truth[metric.Key]) ? 1 : 0;
        }

        return hits.ToDictionary(pair => pair.Key, pair => (double)pair.Value / Draws);
    }

    static (int[] Labels, float[] Scores) Sample(SyntheticScores population, int images, int draw)
    {
        var (labels, scores) = (new int[images], new float[3 * images]);
        var random = new SplitRandom(99, RandomPurpose.Split, (ulong)draw);
        for (var i = 0; i < images; i++)
        {
            var row = random.Next(population.Labels.Length);
            labels[i] = population.Labels[row];
            population.Scores.AsSpan(3 * row, 3).CopyTo(scores.AsSpan(3 * i));
        }

        return (labels, scores);
    }
}
