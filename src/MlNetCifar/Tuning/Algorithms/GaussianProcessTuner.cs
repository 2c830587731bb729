using MlNetCifar.Evaluation;

namespace MlNetCifar.Tuning;

/// <summary>
/// Expected improvement on a Gaussian process (Jones, Schonlau and Welch 1998). Of many trials it keeps the best and the latest, so that a proposal stays cheap; losses far above the
/// others count as the largest that is not, for their height says nothing about where the least is.
/// </summary>
internal sealed class GaussianProcessTuner(SearchSpace space, ulong seed) : ModelTuner(space, seed)
{
    const int MostKept = 80;
    const int BestKept = 30;
    const int Candidates = 400;
    const int Rounds = 4;
    const int RoundSize = 40;

    protected override double[] Learned(int trial, IReadOnlyList<Observation> known)
    {
        var kept = Kept(known);
        var losses = Clipped([.. kept.Select(o => o.Loss)]);
        var model = new GaussianProcess(Space, [.. kept.Select(o => o.Point)], losses);

        // The least of the model's means rather than of the losses, which have noise.
        var incumbent = kept.MinBy(o => model.Predict(o.Point).Mean)!;
        var target = model.Predict(incumbent.Point).Mean;
        var random = Random(trial);
        var (best, bestGain) = (incumbent.Point, double.NegativeInfinity);
        for (var i = 0; i < Candidates; i++)
            Consider(i % 4 == 0 ? Near(ref random, kept[random.Next(Math.Min(kept.Length, 5))].Point, 0.1) : Anywhere(ref random));
        var width = 0.1;
        for (var round = 0; round < Rounds; round++, width /= 2.5)
        {
            var centre = best;
            for (var i = 0; i < RoundSize; i++)
                Consider(Near(ref random, centre, width));
        }

        return best;

        void Consider(double[] point)
        {
            var (mean, deviation) = model.Predict(point);
            var z = (target - mean) / Math.Max(deviation, 1e-12);
            var gain = ((target - mean) * NormalDistribution.Cumulative(z)) + (deviation * Math.Exp(-0.5 * z * z) / Math.Sqrt(2 * Math.PI));
            if (gain > bestGain)
                (best, bestGain) = (point, gain);
        }
    }

    /// <summary>Best first.</summary>
    static Observation[] Kept(IReadOnlyList<Observation> known)
    {
        var ranked = known.OrderBy(o => o.Loss).ThenBy(o => o.Trial).ToArray();
        if (ranked.Length <= MostKept)
            return ranked;
        var latest = ranked.Skip(BestKept).OrderByDescending(o => o.Trial).Take(MostKept - BestKept);
        return [.. ranked.Take(BestKept).Concat(latest).OrderBy(o => o.Loss).ThenBy(o => o.Trial)];
    }

    /// <summary>Losses without the height of outliers and failures: at most 1.5 quartile distances above the upper quartile.</summary>
    static double[] Clipped(double[] losses)
    {
        var finite = losses.Where(double.IsFinite).Order().ToArray();
        var (lower, upper) = (finite[finite.Length / 4], finite[3 * finite.Length / 4]);
        var most = Math.Min(upper + (1.5 * (upper - lower)), finite[^1]);
        return [.. losses.Select(loss => Math.Min(loss, most))];
    }

    double[] Near(ref Numerics.SplitRandom random, double[] centre, double width)
    {
        var point = (double[])centre.Clone();
        for (var d = 0; d < point.Length; d++)
        {
            if (Space.Parameters[d].IsChoice)
                point[d] = random.NextDouble() < 0.2 ? random.NextDouble() : point[d];
            else
                point[d] = Math.Clamp(point[d] + (width * random.NextGaussian()), 0, 1);
        }

        return point;
    }
}
