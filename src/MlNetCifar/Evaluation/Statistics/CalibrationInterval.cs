using MlNetCifar.Numerics;

namespace MlNetCifar.Evaluation;

/// <summary>
/// Interval of a calibration error. Chance only ever raises such an error, in the estimate and again in every resample, so the plain
/// bootstrap would miss the truth of a well calibrated model nearly always. Therefore:
/// the lower end is 0 when an error as large as the estimate is usual for a perfectly calibrated model with these confidences (consistency
/// resampling, Bröcker and Smith 2007), else the bootstrap mirrored at the estimate; the upper end is the larger of the mirrored one and
/// the percentile less the bias that the bootstrap shows.
/// </summary>
internal static class CalibrationInterval
{
    /// <summary>Combines the two kinds of draws.</summary>
    /// <param name="draws">Errors of bootstrap resamples.</param>
    /// <param name="calibrated">Errors of a perfectly calibrated model, from <see cref="PerfectModel"/>.</param>
    /// <param name="estimate">The error found.</param>
    /// <param name="level">Confidence level.</param>
    public static Interval Of(ReadOnlySpan<double> draws, ReadOnlySpan<double> calibrated, double estimate, double level)
    {
        var plain = Bootstrap.Percentile(draws, level);
        if (!plain.IsDefined)
            return plain;
        var mean = 0.0;
        foreach (var draw in draws)
            mean += draw / draws.Length;
        var isUsual = estimate <= Bootstrap.Percentile(calibrated, level).Upper;
        var lower = isUsual ? 0 : Math.Clamp((2 * estimate) - plain.Upper, 0, estimate);
        var upper = Math.Max((2 * estimate) - plain.Lower, plain.Upper - (mean - estimate));
        return new Interval(lower, Math.Clamp(upper, estimate, 1), level);
    }

    /// <summary>Errors of models that are right exactly as often as these confidences say.</summary>
    /// <param name="confidences">[N].</param>
    /// <param name="binOfRow">[N].</param>
    /// <param name="draws">How many models.</param>
    /// <param name="seed">Same seed, same draws.</param>
    public static double[] PerfectModel(double[] confidences, int[] binOfRow, int draws, ulong seed)
    {
        var result = new double[draws];
        var bins = binOfRow.Length == 0 ? 0 : binOfRow.Max() + 1;
        Parallel.For(0, draws, () => new double[bins], (draw, _, gaps) =>
        {
            Array.Clear(gaps);
            var random = new SplitRandom(seed, RandomPurpose.Bootstrap, (ulong)draw, b: 1);
            for (var i = 0; i < confidences.Length; i++)
                gaps[binOfRow[i]] += (random.NextDouble() < confidences[i] ? 1 : 0) - confidences[i];
            result[draw] = gaps.Sum(Math.Abs) / confidences.Length;
            return gaps;
        }, _ => { });
        return result;
    }

    /// <summary>The equal-mass bin of every row, cut as <see cref="Reliability.EqualMass"/> cuts.</summary>
    public static int[] EqualMassBins(ResampleInput input)
    {
        var sorted = input.ByConfidence.Select(row => input.Confidence[row]).ToArray();
        var bins = new int[input.Count];
        var next = 0;
        foreach (var (bin, index) in Reliability.EqualMass(sorted, new bool[sorted.Length], input.Bins).Select((bin, index) => (bin, index)))
            for (var i = 0; i < bin.Count; i++)
                bins[input.ByConfidence[next++]] = index;
        return bins;
    }
}
