namespace MlNetCifar.Training;

/// <summary>
/// The learning-rate range test (Smith 2017): trains while the rate rises exponentially, until the loss has grown to four times its least; suggests the rate
/// at which the smoothed loss fell fastest against the logarithm of the rate.
/// </summary>
internal static class LearningRateFinder
{
    const double Smoothing = 0.9;
    const double Divergence = 4;

    /// <summary>Searches.</summary>
    /// <param name="setup">A session whose rate is the step's factor; spoilt afterwards.</param>
    /// <param name="steps">Number of rates.</param>
    /// <param name="lowest">First rate.</param>
    /// <param name="highest">Last rate.</param>
    /// <param name="cancellation">Ends the search within a step.</param>
    public static RateCurve Find(TrainingSetup setup, int steps, double lowest, double highest, CancellationToken cancellation)
    {
        var curve = new List<RatePoint>();
        double average = 0, least = double.PositiveInfinity;
        for (int step = 0, epoch = 0; step < steps; epoch++)
        {
            setup.Loader.Start(epoch);
            while (step < steps && setup.Loader.Next() is { } batch)
            {
                cancellation.ThrowIfCancellationRequested();
                var rate = lowest * Math.Pow(highest / lowest, (double)step / (steps - 1));
                var loss = setup.Session.Step(batch, 0, out _, (float)rate, cancellation);

                // Not finite: the rate is too high, and the search at its end.
                if (!double.IsFinite(loss))
                    return Suggest(curve);
                step++;
                average = (Smoothing * average) + ((1 - Smoothing) * loss);
                var smoothed = average / (1 - Math.Pow(Smoothing, step));
                curve.Add(new RatePoint(rate, smoothed));
                least = Math.Min(least, smoothed);
                if (smoothed > Divergence * least)
                    return Suggest(curve);
            }
        }

        return Suggest(curve);
    }

    static RateCurve Suggest(List<RatePoint> curve)
    {
        var (steepest, at) = (0.0, -1);
        for (var i = 1; i < curve.Count - 1; i++)
        {
            var slope = (curve[i + 1].Loss - curve[i - 1].Loss) / Math.Log(curve[i + 1].LearningRate / curve[i - 1].LearningRate);
            if (slope < steepest)
                (steepest, at) = (slope, i);
        }

        return at < 0 ? throw TrainingErrors.Diverged() : new RateCurve(curve[at].LearningRate, curve);
    }
}
