using System.Globalization;
using MlNetCifar.Evaluation;
using MlNetCifar.Inference;

namespace MlNetCifar.Reporting;

/// <summary>The result in one or two plain sentences.</summary>
internal static class Verdict
{
    /// <summary>Above this calibration error the report says that confidences cannot be taken at their word.</summary>
    const double PoorCalibration = 0.05;

    public static string Of(EvaluationResult result, CalibrationCheck? calibration = null)
    {
        var interval = result.MicroAccuracyInterval;
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{result.MicroAccuracy:0.0 %} of {result.Count:#,0} images are right ({100 * interval.Level:0.#} % interval {interval.Lower:0.0 %} – {interval.Upper:0.0 %}).");
        return $"{text} {Chance(result)} {Confidence(result, calibration)}".TrimEnd();
    }

    static string Chance(EvaluationResult result)
    {
        var majority = (double)result.ConfusionMatrix.ActualCounts.Max() / result.Count;
        if (result.MicroAccuracyInterval.Lower > majority)
            return string.Create(CultureInfo.InvariantCulture, $"Always naming the largest class would reach {majority:0.0 %}.");
        return string.Create(
            CultureInfo.InvariantCulture, $"This is not distinguishable from always naming the largest class, which would reach {majority:0.0 %}.");
    }

    static string Confidence(EvaluationResult result, CalibrationCheck? calibration)
    {
        var error = result.ExpectedCalibrationError;
        if (error <= PoorCalibration)
            return calibration is null
                ? "Its confidence can be taken at its word."
                : string.Create(CultureInfo.InvariantCulture, $"Its confidence can be taken at its word as calibrated (calibration error {error:0.000}).");
        var surplus = Surplus(result);
        return string.Create(CultureInfo.InvariantCulture, $"{Direction(surplus, result)} (calibration error {error:0.000}).");
    }

    static string Direction(Interval surplus, EvaluationResult result) =>
        surplus.Lower > 0 ? "It is too sure of itself" : surplus.Upper < 0 ? "It is too unsure of itself"
        : result.Intervals.TryGetValue(MetricCatalog.ExpectedCalibrationError, out var error) && error is { IsDefined: true, Lower: > 0 }
            ? "It is too sure of itself at some confidences and too unsure at others"
            : "These images are too few to tell whether its confidence can be taken at its word";

    /// <summary>The interval of mean confidence less accuracy, from the bins: confidences within a bin are nearly alike.</summary>
    static Interval Surplus(EvaluationResult result)
    {
        double n = result.Count, mean = 0, square = 0;
        foreach (var bin in result.ReliabilityBins.Where(bin => bin.Count > 0))
        {
            var gap = bin.Confidence - bin.Accuracy;
            mean += bin.Count / n * gap;
            square += bin.Count / n * ((gap * gap) + (bin.Accuracy * (1 - bin.Accuracy)));
        }

        var level = result.Options.ConfidenceLevel;
        var half = NormalDistribution.Quantile((1 + level) / 2) * Math.Sqrt(Math.Max(0, square - (mean * mean)) / n);
        return new Interval(mean - half, mean + half, level);
    }
}
