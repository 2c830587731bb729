using MlNetCifar.Evaluation;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tuning;

/// <summary>
/// How much of the best trial's accuracy is the luck of having been picked, by the bootstrap bias correction of Tsamardinos et al. (2018): of many resamples of the validation images
/// the best trial is picked on those drawn and measured on those left out.
/// </summary>
/// <param name="Trials">Trials among which was picked.</param>
/// <param name="Images">Validation images.</param>
/// <param name="Best">The best trial's accuracy on all of them.</param>
/// <param name="Corrected">Mean accuracy of what was picked, on the images left out: what to expect on new images.</param>
/// <param name="Luck">Mean difference between both accuracies of what was picked.</param>
/// <param name="Range">The middle 95 % of those differences, over resamples.</param>
/// <param name="Share">How often the best trial was the one picked, 0 … 1.</param>
internal sealed record SelectionBias(int Trials, int Images, double Best, double Corrected, double Luck, Interval Range, double Share)
{
    const int Resamples = 1_000;
    const double MostWork = 4e8;

    /// <summary>Measures it; null where fewer than two trials tell which images they answered rightly, or there are fewer than two images.</summary>
    /// <param name="results">Of the sweep.</param>
    /// <param name="images">Validation images.</param>
    /// <param name="seed">Of the resamples.</param>
    public static SelectionBias? Of(IReadOnlyList<TrialResult> results, int images, ulong seed)
    {
        var known = results.Where(r => r.State == TrialState.Completed && r.Right.Length == (images + 7) / 8).OrderBy(r => r.Loss).ThenBy(r => r.TrialSettings.TrialId).ToArray();
        if (known.Length < 2 || images < 2)
            return null;
        var right = known.Select(r => Enumerable.Range(0, images).Select(i => (byte)((r.Right[i / 8] >> (i % 8)) & 1)).ToArray()).ToArray();
        var resamples = (int)Math.Clamp(MostWork / ((double)images * known.Length), 100, Resamples);
        var (luck, outside, same) = (new double[resamples], 0.0, 0);
        var drawn = new int[images];
        for (var resample = 0; resample < resamples; resample++)
        {
            Draw(drawn, seed, resample);
            var (picked, inside) = Pick(right, drawn);
            var left = LeftOut(right[picked], drawn);
            luck[resample] = inside - left;
            outside += left;
            same += picked == 0 ? 1 : 0;
        }

        return new(known.Length, images, known[0].Metric, outside / resamples, luck.Average(), Bootstrap.Percentile(luck, 0.95), (double)same / resamples);
    }

    // Of few images a resample may leave none out to measure on: it is drawn again.
    static void Draw(int[] drawn, ulong seed, int resample)
    {
        var random = new SplitRandom(seed, RandomPurpose.Bootstrap, (ulong)resample, ulong.MaxValue);
        do
        {
            Array.Clear(drawn);
            for (var i = 0; i < drawn.Length; i++)
                drawn[random.Next(drawn.Length)]++;
        }
        while (!drawn.Contains(0));
    }

    static (int Trial, double Accuracy) Pick(byte[][] right, int[] drawn)
    {
        var (picked, most) = (0, -1L);
        for (var trial = 0; trial < right.Length; trial++)
        {
            var sum = 0L;
            for (var i = 0; i < drawn.Length; i++)
                sum += right[trial][i] * drawn[i];
            if (sum > most)
                (picked, most) = (trial, sum);
        }

        return (picked, (double)most / drawn.Length);
    }

    static double LeftOut(byte[] right, int[] drawn)
    {
        var (sum, count) = (0, 0);
        for (var i = 0; i < drawn.Length; i++)
        {
            if (drawn[i] > 0)
                continue;
            sum += right[i];
            count++;
        }

        return (double)sum / count;
    }
}
