using MlNetCifar.Numerics;

namespace MlNetCifar.Tuning;

/// <summary>
/// A Gaussian process on the unit cube (Rasmussen and Williams 2006, algorithm 2.1): Matérn's kernel 5/2 with a length for each parameter, noise, and values scaled to mean 0 and
/// deviation 1. Two names of a choice are one length apart from each other, whichever they are.
/// </summary>
internal sealed class GaussianProcess
{
    static readonly double[] s_lengths = [0.15, 0.3, 0.6, 1.2];
    static readonly double[] s_noises = [1e-4, 1e-2, 0.2];

    readonly SearchSpace _space;
    readonly double[][] _points;
    readonly double[] _values;
    readonly double _mean;
    readonly double _scale;
    double[] _lengths = [];
    double _noise;
    double[] _factor = [];
    double[] _weights = [];

    /// <summary>Fits lengths and noise by the marginal likelihood: a grid for all alike, then each length by itself.</summary>
    /// <param name="space">Which parameters are choices.</param>
    /// <param name="points">Coordinates, 0 … 1.</param>
    /// <param name="values">One for each point, finite.</param>
    public GaussianProcess(SearchSpace space, double[][] points, double[] values)
    {
        (_space, _points) = (space, points);
        _mean = values.Average();
        _scale = Math.Sqrt(values.Sum(v => (v - _mean) * (v - _mean)) / values.Length) is > 0 and var deviation ? deviation : 1;
        _values = [.. values.Select(v => (v - _mean) / _scale)];
        var best = double.NegativeInfinity;
        foreach (var length in s_lengths)
        {
            foreach (var noise in s_noises)
                Try([.. Enumerable.Repeat(length, space.Parameters.Length)], noise, ref best);
        }

        for (var d = 0; d < space.Parameters.Length; d++)
        {
            foreach (var factor in (double[])[0.5, 2, 4])
            {
                var changed = (double[])_lengths.Clone();
                changed[d] *= factor;
                Try(changed, _noise, ref best);
            }
        }

        Fit(_lengths, _noise, out _factor, out _weights);
    }

    /// <summary>Mean and standard deviation of the values at a point, without noise.</summary>
    public (double Mean, double Deviation) Predict(double[] point)
    {
        var n = _points.Length;
        var covariance = new double[n];
        var mean = 0.0;
        for (var i = 0; i < n; i++)
        {
            covariance[i] = Kernel(_points[i], point, _lengths);
            mean += covariance[i] * _weights[i];
        }

        var explained = 0.0;
        for (var i = 0; i < n; i++)
        {
            var row = _factor.AsSpan(i * n, i + 1);
            var sum = covariance[i];
            for (var j = 0; j < i; j++)
                sum -= row[j] * covariance[j];
            covariance[i] = sum / row[i];
            explained += covariance[i] * covariance[i];
        }

        return (_mean + (_scale * mean), _scale * Math.Sqrt(Math.Max(1 - explained, 0)));
    }

    void Try(double[] lengths, double noise, ref double best)
    {
        var likelihood = Fit(lengths, noise, out _, out _);
        if (likelihood > best)
            (best, _lengths, _noise) = (likelihood, lengths, noise);
    }

    /// <summary>Cholesky's factor of the covariance, its inverse times the values, and the logarithm of the marginal likelihood without its constant.</summary>
    double Fit(double[] lengths, double noise, out double[] factor, out double[] weights)
    {
        var n = _points.Length;
        factor = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++)
                factor[(i * n) + j] = Kernel(_points[i], _points[j], lengths) + (i == j ? noise + 1e-8 : 0);
        }

        weights = (double[])_values.Clone();
        if (!Cholesky.TryFactor(factor, n))
            return double.NegativeInfinity;
        Cholesky.Solve(factor, n, weights);
        var likelihood = 0.0;
        for (var i = 0; i < n; i++)
            likelihood -= (0.5 * _values[i] * weights[i]) + Math.Log(factor[(i * n) + i]);
        return likelihood;
    }

    double Kernel(double[] a, double[] b, double[] lengths)
    {
        var squared = 0.0;
        for (var d = 0; d < a.Length; d++)
        {
            var difference = _space.Parameters[d] is { IsChoice: true } choice ? choice.CellOf(a[d]) == choice.CellOf(b[d]) ? 0 : 1 : a[d] - b[d];
            squared += difference * difference / (lengths[d] * lengths[d]);
        }

        var r = Math.Sqrt(5 * squared);
        return (1 + r + (r * r / 3)) * Math.Exp(-r);
    }
}
