namespace MlNetCifar.Evaluation;

/// <summary>The intervals of a result: Wilson's for shares of images, the bootstrap for everything else.</summary>
internal static class ResultIntervals
{
    public static Dictionary<string, Interval> Compute(EvaluationResult result, long topHits)
    {
        var options = result.Options;
        var intervals = new Dictionary<string, Interval>
        {
            [MetricCatalog.MicroAccuracy] = result.MicroAccuracyInterval,
            [MetricCatalog.TopKAccuracy] = Interval.Wilson(topHits, result.Count, options.ConfidenceLevel),
        };
        if (result.Rows is not { } rows || options.BootstrapResamples == 0)
            return intervals;
        var curves = Bootstrap.CurveDraws(options.BootstrapResamples, result.Count, result.Classes.Count) > 0;
        var input = new ResampleInput(rows, ResampleInput.CanonicalOrder(rows), options.CalibrationBins, curves);
        var draws = Bootstrap.Run([input], options.BootstrapResamples, options.Seed)[0];
        for (var i = 0; i < MetricCatalog.All.Count; i++)
        {
            var entry = MetricCatalog.All[i];
            if (!intervals.ContainsKey(entry.Key))
                intervals[entry.Key] = double.IsNaN(entry.Value(result)) ? Interval.None : Bootstrap.Percentile(draws[i], options.ConfidenceLevel);
        }

        SetCalibration(intervals, MetricCatalog.ExpectedCalibrationError, result.ExpectedCalibrationError, input.Bin);
        SetCalibration(
            intervals, MetricCatalog.ExpectedCalibrationErrorEqualMass, result.ExpectedCalibrationErrorEqualMass, CalibrationInterval.EqualMassBins(input));

        for (var label = 0; label < result.Classes.Count; label++)
            for (var value = 0; value < ResampleMeter.PerClassValues; value++)
                intervals[MetricCatalog.PerClassKey(label, value)] =
                    Bootstrap.Percentile(draws[MetricCatalog.All.Count + (ResampleMeter.PerClassValues * label) + value], options.ConfidenceLevel);
        return intervals;

        void SetCalibration(Dictionary<string, Interval> intervals, string key, double estimate, int[] bins) => intervals[key] = CalibrationInterval.Of(
            draws[MetricCatalog.IndexOf(key)],
            CalibrationInterval.PerfectModel(input.Confidence, bins, options.BootstrapResamples, options.Seed),
            estimate, options.ConfidenceLevel);
    }
}
