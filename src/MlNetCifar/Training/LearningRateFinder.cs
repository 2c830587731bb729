namespace MlNetCifar.Training;

/// <summary>
/// The learning-rate range test (Smith 2017): trains while the rate rises exponentially, until the loss has grown to four times its least and above its beginning. The
/// rate suggested is the one at which the smoothed loss has done nine tenths of its fall: on six data sets, five epochs there left less loss than at the valley's middle.
/// </summary>
internal static class LearningRateFinder
{
    /// <summary>Weight of the past in the average that decides when to end.</summary>
    const double Memory = 0.9;

    const double Divergence = 4;

    /// <summary>Standard deviation of the smoothing in steps. Losses are those of single batches: less smoothing lets their chance decide.</summary>
    const double Width = 3;

    /// <summary>Share of the steps that show where the loss begins; nothing is suggested among them.</summary>
    const double Beginning = 0.1;

    /// <summary>Share of the fall at which the rate suggested stands.</summary>
    const double Fallen = 0.9;

    /// <summary>Least fall, as a share of where it begins, and in standard errors of the smoothed loss.</summary>
    const double LeastFall = 0.02;

    const double LeastErrors = 3;

    /// <summary>Searches.</summary>
    /// <param name="setup">A session whose rate is the step's factor; spoilt afterwards.</param>
    /// <param name="steps">Number of rates.</param>
    /// <param name="lowest">First rate.</param>
    /// <param name="highest">Last rate.</param>
    /// <param name="chance">Loss of a network that knows only how many images each class has, in nats: a loss that falls to it has learned nothing yet.</param>
    /// <param name="cancellation">Ends the search within a step.</param>
    public static RateCurve Find(TrainingSetup setup, int steps, double lowest, double highest, double chance, CancellationToken cancellation)
    {
        var losses = new List<double>();
        double average = 0, least = double.PositiveInfinity;
        for (var epoch = 0; losses.Count < steps; epoch++)
        {
            setup.Loader.Start(epoch);
            while (losses.Count < steps && setup.Loader.Next() is { } batch)
            {
                cancellation.ThrowIfCancellationRequested();
                var loss = setup.Session.Step(batch, 0, out _, (float)Rate(losses.Count), cancellation);

                // Not finite: the rate is too high, and the search at its end.
                if (!double.IsFinite(loss))
                    return Suggest(losses, Rate, chance);
                losses.Add(loss);
                average = (Memory * average) + ((1 - Memory) * loss);
                var mean = average / (1 - Math.Pow(Memory, losses.Count));
                least = Math.Min(least, mean);
                if (mean > Divergence * least && mean > losses[0])
                    return Suggest(losses, Rate, chance);
            }
        }

        return Suggest(losses, Rate, chance);

        double Rate(int step) => lowest * Math.Pow(highest / lowest, (double)step / (steps - 1));
    }

    static RateCurve Suggest(List<double> losses, Func<int, double> rate, double chance)
    {
        var beginning = Math.Max(3, (int)(Beginning * losses.Count));
        if (losses.Count < 2 * beginning)
            throw TrainingErrors.NoFall();
        var first = losses.Take(beginning).Average();
        var smooth = Smooth(losses, 2 * Math.Max(first, chance));
        var bottom = beginning;
        for (var i = beginning; i < smooth.Length; i++)
            bottom = smooth[i] < smooth[bottom] ? i : bottom;

        // Down to what guessing gives, the loss falls without a thing being learned.
        var top = Math.Min(first, chance);
        var fall = top - smooth[bottom];
        if (!(fall > Math.Max(LeastFall * top, LeastErrors * Error(losses, smooth, bottom))))
            throw TrainingErrors.NoFall();
        var at = bottom;
        while (at > beginning && smooth[at] < top)
            at--;
        while (smooth[at] > top - (Fallen * fall))
            at++;
        return new RateCurve(rate(at), [.. smooth.Select((loss, i) => (rate(i), loss))]);
    }

    /// <summary>Normal weights around each step; high losses are cut, so that the divergence does not reach back over the valley.</summary>
    static double[] Smooth(List<double> losses, double most)
    {
        var smooth = new double[losses.Count];
        var reach = (int)(3 * Width);
        for (var i = 0; i < smooth.Length; i++)
        {
            double sum = 0, weights = 0;
            for (var j = Math.Max(0, i - reach); j <= Math.Min(smooth.Length - 1, i + reach); j++)
            {
                var weight = Math.Exp(-0.5 * (i - j) * (i - j) / (Width * Width));
                sum += weight * Math.Min(losses[j], most);
                weights += weight;
            }

            smooth[i] = sum / weights;
        }

        return smooth;
    }

    /// <summary>Standard error of the smoothed loss: the batches' deviation from it over the root of the steps that it averages.</summary>
    static double Error(List<double> losses, double[] smooth, int last)
    {
        var sum = 0.0;
        for (var i = 0; i <= last; i++)
            sum += (losses[i] - smooth[i]) * (losses[i] - smooth[i]);
        return Math.Sqrt(sum / (last + 1) / (2 * Math.Sqrt(Math.PI) * Width));
    }
}
