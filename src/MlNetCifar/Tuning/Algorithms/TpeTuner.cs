using MlNetCifar.Evaluation;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tuning;

/// <summary>
/// Tree-structured Parzen estimator (Bergstra et al. 2011), the multivariate form of Falkner et al. (2018): a density of the best trials and one of the others, each a mixture
/// of product kernels round the trials and an even part; of points drawn from the first, the one at which it exceeds the second most. Kernels of ranges are Gaussian, cut at the
/// ends; of names those of Aitchison and Aitken (1976).
/// </summary>
internal sealed class TpeTuner(SearchSpace space, ulong seed) : ModelTuner(space, seed)
{
    const int Candidates = 32;
    const int MostGood = 25;
    const double GoodShare = 0.15;

    protected override double[] Learned(int trial, IReadOnlyList<Observation> known)
    {
        var ranked = known.OrderBy(o => o.Loss).ThenBy(o => o.Trial).Select(o => o.Point).ToArray();
        var good = Math.Clamp((int)Math.Ceiling(GoodShare * ranked.Length), 2, MostGood);
        var (better, worse) = (new ParzenMixture(Space, ranked.AsSpan(0, good)), new ParzenMixture(Space, ranked.AsSpan(good)));
        var random = Random(trial);
        var (best, bestScore) = (Array.Empty<double>(), double.NegativeInfinity);
        for (var i = 0; i < Candidates; i++)
        {
            var candidate = better.Draw(ref random);
            var score = better.LogDensity(candidate) - worse.LogDensity(candidate);
            if (score > bestScore)
                (best, bestScore) = (candidate, score);
        }

        return best;
    }
}

/// <summary>A density on the unit cube: kernels round points, and an even part of one point's weight.</summary>
internal sealed class ParzenMixture
{
    const double LeastWidth = 0.03;
    const double WidestShare = 0.25;

    readonly SearchSpace _space;
    readonly double[][] _centres;
    readonly double[][] _heights;
    readonly double _width;

    public ParzenMixture(SearchSpace space, ReadOnlySpan<double[]> centres)
    {
        (_space, _centres) = (space, centres.ToArray());

        // Scott's rule for the number of points and dimensions, from a quarter of the range on.
        _width = Math.Max(WidestShare * Math.Pow(Math.Max(centres.Length, 1), -1.0 / (space.Parameters.Length + 4)), LeastWidth);
        _heights = [.. _centres.Select(centre => centre.Select(LogHeight).ToArray())];
    }

    public double[] Draw(ref SplitRandom random)
    {
        var point = new double[_space.Parameters.Length];
        var kernel = random.Next(_centres.Length + 1);
        for (var d = 0; d < point.Length; d++)
            point[d] = kernel == _centres.Length ? random.NextDouble() : Around(ref random, d, _centres[kernel][d]);
        return point;
    }

    public double LogDensity(double[] point)
    {
        // The even part has the density 1, the logarithm 0.
        var largest = 0.0;
        Span<double> logs = _centres.Length <= 256 ? stackalloc double[_centres.Length] : new double[_centres.Length];
        for (var k = 0; k < logs.Length; k++)
        {
            var log = 0.0;
            for (var d = 0; d < point.Length; d++)
                log += LogKernel(d, k, point[d]);
            logs[k] = log;
            largest = Math.Max(largest, log);
        }

        var sum = Math.Exp(-largest);
        foreach (var log in logs)
            sum += Math.Exp(log - largest);
        return largest + Math.Log(sum / (logs.Length + 1));
    }

    double Around(ref SplitRandom random, int dimension, double centre)
    {
        if (_space.Parameters[dimension] is { IsChoice: true } parameter)
            return random.NextDouble() < Stay(parameter.Choices.Length) ? centre : random.NextDouble();
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var value = centre + (_width * random.NextGaussian());
            if (value is >= 0 and <= 1)
                return value;
        }

        return centre;
    }

    double LogKernel(int dimension, int kernel, double value)
    {
        var centre = _centres[kernel][dimension];
        if (_space.Parameters[dimension] is { IsChoice: true } parameter)
        {
            var (count, stay) = (parameter.Choices.Length, Stay(parameter.Choices.Length));
            var isSame = parameter.CellOf(centre) == parameter.CellOf(value);
            return Math.Log((isSame ? stay * count : 0) + (1 - stay));
        }

        var z = (value - centre) / _width;
        return _heights[kernel][dimension] - (0.5 * z * z);
    }

    /// <summary>Of a Gaussian cut at 0 and 1.</summary>
    double LogHeight(double centre)
    {
        var mass = NormalDistribution.Cumulative((1 - centre) / _width) - NormalDistribution.Cumulative(-centre / _width);
        return -Math.Log(_width * Math.Sqrt(2 * Math.PI) * mass);
    }

    /// <summary>How probable a kernel's own name is, besides its even share: the more, the more points there are.</summary>
    double Stay(int names) => _centres.Length / (double)(_centres.Length + names);
}
