namespace MlNetCifar.Tuning;

/// <summary>
/// Local search as in cost-frugal optimisation (Wu, Wang and Huang 2021): from the middle of the space a step in a random direction, then one in the opposite direction; what is
/// better becomes the place to go on from; where nothing is for long, the step gets shorter, and when it is short the search begins anew elsewhere. Where it stands follows from
/// the results in the order of trials. Steps are not drawn to cheap trials first, as the paper's are: what is cheap is not known here.
/// </summary>
internal sealed class LocalTuner(SearchSpace space, ulong seed) : SpaceTuner(space, seed)
{
    const double Shrink = 0.6;
    const double Shortest = 0.02;

    protected override double[] Next(int trial, IReadOnlyList<Observation> known)
    {
        var (centre, step, last) = Replay(known);
        if (centre is null)
            return trial == 0 ? [.. Enumerable.Repeat(0.5, Dimensions)] : Elsewhere(trial);

        // The second of a pair goes where the first did not.
        var isOpposite = trial % 2 == 0 && last == trial - 1;
        var direction = Direction(isOpposite ? trial - 1 : trial);
        var point = new double[Dimensions];
        for (var d = 0; d < point.Length; d++)
            point[d] = Space.Parameters[d].IsChoice ? Choice(trial, d, centre[d]) : Math.Clamp(centre[d] + ((isOpposite ? -step : step) * direction[d]), 0, 1);
        return point;
    }

    /// <summary>Where the search stands: null where it begins anew; its step; the last trial that was no better.</summary>
    (double[]? Centre, double Step, int Last) Replay(IReadOnlyList<Observation> known)
    {
        var longest = 0.2 * Math.Sqrt(Dimensions);
        var (centre, least, step, failures, last) = ((double[]?)null, double.PositiveInfinity, longest, 0, -1);
        foreach (var (trial, point, loss) in known)
        {
            if (loss < least)
            {
                (centre, least, failures) = (point, loss, 0);
                continue;
            }

            last = trial;
            if (++failures < Math.Min(2 * Dimensions, 12))
                continue;
            (step, failures) = (step * Shrink, 0);
            if (step < Shortest)
                (centre, least, step) = (null, double.PositiveInfinity, longest);
        }

        return (centre, step, last);
    }

    double[] Direction(int trial)
    {
        var random = Random(trial);
        double[] direction = [.. Enumerable.Range(0, Dimensions).Select(_ => random.NextGaussian())];
        var norm = Math.Sqrt(direction.Sum(x => x * x));
        return [.. direction.Select(x => x / norm)];
    }

    double Choice(int trial, int dimension, double current)
    {
        var random = Random(trial, 1 + dimension);
        return random.NextDouble() < 0.3 ? random.NextDouble() : current;
    }

    double[] Elsewhere(int trial)
    {
        var random = Random(trial);
        return Anywhere(ref random);
    }
}
