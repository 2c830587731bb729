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
        if (calibration is { ErrorAfter: <= PoorCalibration })
            return string.Create(CultureInfo.InvariantCulture, $"Its confidence can be taken at its word as calibrated (calibration error {calibration.ErrorAfter:0.000}).");
        var error = result.ExpectedCalibrationError;
        if (error <= PoorCalibration)
            return "Its confidence can be taken at its word.";
        var confidence = result.ReliabilityBins.Where(bin => bin.Count > 0).Sum(bin => bin.Count * bin.Confidence) / result.Count;
        var direction = confidence > result.MicroAccuracy ? "too sure" : "too unsure";
        return string.Create(CultureInfo.InvariantCulture, $"It is {direction} of itself (calibration error {error:0.000}).");
    }
}
