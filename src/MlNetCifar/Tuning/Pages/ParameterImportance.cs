using MlNetCifar.Numerics;

namespace MlNetCifar.Tuning;

/// <summary>
/// How much each parameter matters: the share of the variance of a Gaussian process on the trials that goes when the parameter is fixed, effects together with others included
/// (total Sobol index, by permuting one coordinate of random points: Jansen 1999). The shares may add to more than one.
/// </summary>
internal static class ParameterImportance
{
    const int FewestTrials = 8;
    const int MostTrials = 120;
    const int Points = 1_000;

    /// <summary>A share for each parameter; null where too few trials ended to say anything.</summary>
    public static double[]? Of(SearchSpace space, IEnumerable<TrialResult> results, ulong seed)
    {
        var known = results.Where(r => r.State == TrialState.Completed).OrderBy(r => r.Loss).ToArray();
        if (known.Length < FewestTrials)
            return null;

        // Every n-th by rank, so that bad trials are among them.
        var step = Math.Max(1.0, known.Length / (double)MostTrials);
        var taken = Enumerable.Range(0, (int)(known.Length / step)).Select(i => known[(int)(i * step)]).ToArray();
        var model = new GaussianProcess(space, [.. taken.Select(r => space.PointOf(r.TrialSettings.Parameters))], [.. taken.Select(r => r.Loss)]);
        var random = new SplitRandom(seed, RandomPurpose.Tune, ulong.MaxValue, ulong.MaxValue);
        var points = new double[Points][];
        for (var i = 0; i < Points; i++)
        {
            points[i] = new double[space.Parameters.Length];
            foreach (ref var coordinate in points[i].AsSpan())
                coordinate = random.NextDouble();
        }

        var values = points.Select(point => model.Predict(point).Mean).ToArray();
        var mean = values.Average();
        var variance = values.Sum(v => (v - mean) * (v - mean)) / Points;
        return variance < 1e-18 ? null : [.. Enumerable.Range(0, space.Parameters.Length).Select(d => Share(model, points, values, variance, d))];
    }

    static double Share(GaussianProcess model, double[][] points, double[] values, double variance, int dimension)
    {
        var sum = 0.0;
        for (var i = 0; i < points.Length; i++)
        {
            var changed = (double[])points[i].Clone();
            changed[dimension] = points[(i + 1) % points.Length][dimension];
            var difference = values[i] - model.Predict(changed).Mean;
            sum += difference * difference;
        }

        return Math.Min(1, sum / (2 * points.Length * variance));
    }
}
