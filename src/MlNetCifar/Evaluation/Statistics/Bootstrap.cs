using MlNetCifar.Numerics;

namespace MlNetCifar.Evaluation;

/// <summary>
/// The bootstrap (Efron 1979): N images are drawn with replacement, again and again, and the metrics of each draw tell how much they would
/// move with other images. Draw r depends on (seed, r) alone, so results do not depend on the number of threads.
/// </summary>
internal static class Bootstrap
{
    /// <summary>Steps over sorted image–class pairs that curves may cost in all; beyond it they get fewer draws, and none below <see cref="FewestDraws"/>.</summary>
    const double CurveBudget = 1.5e9;

    const int FewestDraws = 200;

    /// <summary>Draws that are worth their time for areas under curves.</summary>
    public static int CurveDraws(int draws, long count, int classes)
    {
        var affordable = CurveBudget / Math.Max(1, 2.0 * count * classes);
        return affordable >= draws ? draws : affordable >= FewestDraws ? (int)affordable : 0;
    }

    /// <summary>All metrics of all draws.</summary>
    /// <param name="inputs">One model, or two models on the same rows, which see the same draws.</param>
    /// <param name="draws">How many.</param>
    /// <param name="seed">Same seed, same draws.</param>
    /// <returns>[model][metric][draw].</returns>
    public static double[][][] Run(ResampleInput[] inputs, int draws, ulong seed)
    {
        var (count, length) = (inputs[0].Count, ResampleMeter.Length(inputs[0].Classes));
        var curveDraws = CurveDraws(draws, (long)count * inputs.Length, inputs[0].Classes);
        var values = inputs.Select(_ => Enumerable.Range(0, length).Select(_ => new double[draws]).ToArray()).ToArray();
        Parallel.For(
            0, draws,
            () => (Weights: new byte[count], Values: new double[length], Meters: inputs.Select(input => new ResampleMeter(input)).ToArray()),
            (draw, _, local) =>
            {
                Draw(local.Weights, seed, draw);
                for (var model = 0; model < inputs.Length; model++)
                {
                    local.Meters[model].Measure(local.Weights, local.Values, draw < curveDraws);
                    for (var metric = 0; metric < length; metric++)
                        values[model][metric][draw] = local.Values[metric];
                }

                return local;
            },
            _ => { });
        return values;
    }

    /// <summary>The percentile interval of the draws that are numbers; undefined when fewer than half are.</summary>
    public static Interval Percentile(ReadOnlySpan<double> draws, double level)
    {
        var sorted = Sorted(draws);
        if (sorted.Length == 0)
            return Interval.None;
        return new Interval(Quantile(sorted, (1 - level) / 2), Quantile(sorted, (1 + level) / 2), level);
    }

    /// <summary>
    /// Share of the draws on the less frequent side of zero, doubled: the two-sided p-value of a difference. Draws of few pairs know nothing beyond these: less than the sign test's
    /// least, 2 · 2⁻ᴺ, is not given.
    /// </summary>
    /// <param name="differences">Of the draws; those that are NaN do not count.</param>
    /// <param name="pairs">N.</param>
    public static double TwoSidedP(ReadOnlySpan<double> differences, int pairs)
    {
        int below = 0, above = 0, count = 0;
        foreach (var difference in differences)
        {
            if (double.IsNaN(difference))
                continue;
            count++;
            below += difference <= 0 ? 1 : 0;
            above += difference >= 0 ? 1 : 0;
        }

        // One is added on both sides of the fraction because the observed sample is itself a possible draw.
        return count == 0 ? double.NaN : Math.Min(1, Math.Max(2.0 * (Math.Min(below, above) + 1) / (count + 1), Math.Pow(2, 1 - pairs)));
    }

    static void Draw(Span<byte> weights, ulong seed, int draw)
    {
        weights.Clear();
        var random = new SplitRandom(seed, RandomPurpose.Bootstrap, (ulong)draw);
        for (var i = 0; i < weights.Length; i++)
            weights[random.Next(weights.Length)]++;
    }

    static double[] Sorted(ReadOnlySpan<double> draws)
    {
        var sorted = draws.ToArray();
        Array.Sort(sorted);
        var undefined = sorted.Count(double.IsNaN);
        return undefined * 2 > sorted.Length ? [] : sorted[undefined..];
    }

    static double Quantile(double[] sorted, double probability)
    {
        var position = probability * (sorted.Length - 1);
        var below = (int)position;
        return below + 1 >= sorted.Length ? sorted[^1] : sorted[below] + ((position - below) * (sorted[below + 1] - sorted[below]));
    }
}
