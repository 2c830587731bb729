using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Reference;

/// <summary>Layers, losses and update rules as plain formulas in double precision.</summary>
internal static class ReferenceLayers
{
    /// <summary>The log of the weighted mean of probabilities; of one logit, the logit of the mean of sigmoids.</summary>
    public static double[] Ensemble(double[][] logits, double[] weights, int classes)
    {
        var y = new double[logits[0].Length];
        for (var at = 0; at < y.Length; at++)
        {
            var mean = logits.Zip(weights, (z, w) => w / weights.Sum() * Probability(z)).Sum();
            y[at] = classes == 1 ? Math.Log(mean / (1 - mean)) : Math.Log(mean);

            double Probability(double[] z) => classes == 1 ? 1 / (1 + Math.Exp(-z[at])) : Math.Exp(z[at]) / z.Skip(at / classes * classes).Take(classes).Sum(Math.Exp);
        }

        return y;
    }

    public static double Activate(ActivationKind kind, double slope, double x) => kind switch
    {
        ActivationKind.Relu => Math.Max(x, 0),
        ActivationKind.LeakyRelu => x > 0 ? x : slope * x,
        ActivationKind.Gelu => x * NormalCdf(x),
        ActivationKind.Silu => x / (1 + Math.Exp(-x)),
        ActivationKind.Sigmoid => 1 / (1 + Math.Exp(-x)),
        _ => Math.Tanh(x),
    };

    public static double Derivative(ActivationKind kind, double slope, double x) => kind switch
    {
        ActivationKind.Relu => x > 0 ? 1 : 0,
        ActivationKind.LeakyRelu => x > 0 ? 1 : slope,
        ActivationKind.Gelu => NormalCdf(x) + (x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI)),
        ActivationKind.Silu => (1 / (1 + Math.Exp(-x))) * (1 + (x / (1 + Math.Exp(x)))),
        ActivationKind.Sigmoid => 1 / (2 + Math.Exp(x) + Math.Exp(-x)),
        _ => 1 / (Math.Cosh(x) * Math.Cosh(x)),
    };

    /// <summary>Φ(x), by its power series about 0, or for large |x| by the continued fraction of its tail.</summary>
    public static double NormalCdf(double x)
    {
        var density = Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
        if (Math.Abs(x) < 5)
        {
            double term = x, sum = x;
            for (var k = 1; k < 200; k++)
                sum += term *= x * x / ((2 * k) + 1);
            return 0.5 + (density * sum);
        }

        var fraction = 0.0;
        for (var k = 60; k >= 1; k--)
            fraction = k / (Math.Abs(x) + fraction);
        var tail = density / (Math.Abs(x) + fraction);
        return x > 0 ? 1 - tail : tail;
    }

    /// <summary>Mean and biased variance of each channel of x [rows, channels].</summary>
    public static (double[] Mean, double[] Variance) Moments(double[] x, int channels)
    {
        var rows = x.Length / channels;
        double[] mean = new double[channels], variance = new double[channels];
        for (var i = 0; i < x.Length; i++)
            mean[i % channels] += x[i] / rows;
        for (var i = 0; i < x.Length; i++)
            variance[i % channels] += (x[i] - mean[i % channels]) * (x[i] - mean[i % channels]) / rows;
        return (mean, variance);
    }

    /// <summary>γ · (x − μ)/√(σ² + ε) + β with the batch's own moments.</summary>
    public static double[] BatchNorm(double[] x, double[] gamma, double[] beta, double epsilon)
    {
        var channels = gamma.Length;
        var (mean, variance) = Moments(x, channels);
        return [.. x.Select((v, i) => (gamma[i % channels] * (v - mean[i % channels]) / Math.Sqrt(variance[i % channels] + epsilon)) + beta[i % channels])];
    }

    /// <summary>Pooled values, and for each the input positions it came from with their shares.</summary>
    public static (double[] Y, (int From, double Share)[][] Parts) Pool(PoolShape s, PoolKind kind, int n, double[] x)
    {
        var y = new List<double>();
        var parts = new List<(int, double)[]>();
        foreach (var (image, p, q, c) in Positions(n, s.P, s.Q, s.C))
        {
            var window = new List<int>();
            for (var i = 0; i < s.SizeH; i++)
                for (var j = 0; j < s.SizeW; j++)
                {
                    int h = (p * s.Stride) + i - s.Pad, w = (q * s.Stride) + j - s.Pad;
                    if (h >= 0 && h < s.H && w >= 0 && w < s.W)
                        window.Add((((((image * s.H) + h) * s.W) + w) * s.C) + c);
                }

            if (kind == PoolKind.Max)
                window = [window.MaxBy(at => (double.IsNaN(x[at]), x[at]))];
            y.Add(window.Average(at => x[at]));
            parts.Add([.. window.Select(at => (at, 1.0 / window.Count))]);
        }

        return ([.. y], [.. parts]);
    }

    public static double[] Softmax(ReadOnlySpan<double> z)
    {
        var max = double.NegativeInfinity;
        foreach (var v in z)
            max = Math.Max(max, v);
        double[] e = [.. z.ToArray().Select(v => Math.Exp(v - max))];
        return [.. e.Select(v => v / e.Sum())];
    }

    /// <summary>Σ wᵢ·lossᵢ / Σ wᵢ of the smoothed labels, written out over all classes.</summary>
    public static double SoftmaxCrossEntropy(double[] logits, int[] labels, int classes, double smoothing, double[]? weights)
    {
        double loss = 0, total = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var p = Softmax(logits.AsSpan(i * classes, classes));
            var w = weights?[labels[i]] ?? 1;
            total += w;
            for (var k = 0; k < classes; k++)
                loss -= w * ((smoothing / classes) + (k == labels[i] ? 1 - smoothing : 0)) * Math.Log(p[k]);
        }

        return loss / total;
    }

    /// <summary>Binary cross-entropy of the sigmoid of one logit per image.</summary>
    public static double SigmoidCrossEntropy(double[] logits, int[] labels, double smoothing, double[]? weights)
    {
        double loss = 0, total = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            double p = 1 / (1 + Math.Exp(-logits[i])), q = 1 / (1 + Math.Exp(logits[i])), w = weights?[labels[i]] ?? 1;
            var target = (labels[i] * (1 - smoothing)) + (smoothing / 2);
            total += w;
            loss -= w * ((target * Math.Log(p)) + ((1 - target) * Math.Log(q)));
        }

        return loss / total;
    }

    static IEnumerable<(int N, int P, int Q, int C)> Positions(int n, int p, int q, int c) =>
        from image in Enumerable.Range(0, n) from row in Enumerable.Range(0, p) from column in Enumerable.Range(0, q) from channel in Enumerable.Range(0, c) select (image, row, column, channel);
}
