using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Reference;

/// <summary>A sum and the sum of the magnitudes of its terms, from which rounding errors are bounded.</summary>
internal readonly record struct Bounded(double Value, double Magnitude);

/// <summary>The three passes of a convolution as plain sums in double precision.</summary>
internal static class ReferenceConvolution
{
    /// <summary>y[n, p, q, k] = bias[k] + Σ x[n, p·stride + r − top, q·stride + s − left, c] · f[r, s, c, k].</summary>
    public static Bounded[] Forward(ConvShape g, int n, float[] x, float[] f, float[]? bias)
    {
        double[] value = new double[n * g.P * g.Q * g.K], magnitude = new double[value.Length];
        ForEachTerm(g, n, (xi, fi, yi) => Add(value, magnitude, yi, (double)x[xi] * f[fi]));
        for (var i = 0; bias is not null && i < value.Length; i++)
            Add(value, magnitude, i, bias[i % g.K]);
        return Join(value, magnitude);
    }

    /// <summary>∂x[n, h, w, c] = Σ ∂y[…] · f[…] over the terms in which x[n, h, w, c] takes part.</summary>
    public static Bounded[] BackwardData(ConvShape g, int n, float[] gradY, float[] f)
    {
        double[] value = new double[n * g.H * g.W * g.C], magnitude = new double[value.Length];
        ForEachTerm(g, n, (xi, fi, yi) => Add(value, magnitude, xi, (double)gradY[yi] * f[fi]));
        return Join(value, magnitude);
    }

    /// <summary>∂f[r, s, c, k] = Σ x[…] · ∂y[…] over the terms in which f[r, s, c, k] takes part.</summary>
    public static Bounded[] BackwardWeights(ConvShape g, int n, float[] x, float[] gradY)
    {
        double[] value = new double[g.FilterLength], magnitude = new double[value.Length];
        ForEachTerm(g, n, (xi, fi, yi) => Add(value, magnitude, fi, (double)x[xi] * gradY[yi]));
        return Join(value, magnitude);
    }

    /// <summary>∂bias[k] = Σ ∂y[n, p, q, k].</summary>
    public static Bounded[] BackwardBias(ConvShape g, int n, float[] gradY)
    {
        double[] value = new double[g.K], magnitude = new double[g.K];
        for (var i = 0; i < n * g.P * g.Q * g.K; i++)
            Add(value, magnitude, i % g.K, gradY[i]);
        return Join(value, magnitude);
    }

    static void ForEachTerm(ConvShape g, int n, Action<int, int, int> term)
    {
        for (var image = 0; image < n; image++)
            for (var p = 0; p < g.P; p++)
                for (var q = 0; q < g.Q; q++)
                    for (var r = 0; r < g.R; r++)
                        for (var s = 0; s < g.S; s++)
                        {
                            int h = (p * g.Stride) + r - g.PadTop, w = (q * g.Stride) + s - g.PadLeft;
                            if (h < 0 || h >= g.H || w < 0 || w >= g.W)
                                continue;
                            for (var c = 0; c < g.C; c++)
                                for (var k = 0; k < g.K; k++)
                                    term(
                                        (((((image * g.H) + h) * g.W) + w) * g.C) + c,
                                        (((((r * g.S) + s) * g.C) + c) * g.K) + k,
                                        (((((image * g.P) + p) * g.Q) + q) * g.K) + k);
                        }
    }

    static void Add(double[] value, double[] magnitude, int i, double term)
    {
        value[i] += term;
        magnitude[i] += Math.Abs(term);
    }

    static Bounded[] Join(double[] value, double[] magnitude) => value.Zip(magnitude, (v, m) => new Bounded(v, m)).ToArray();
}
