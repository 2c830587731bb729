namespace MlNetCifar.Evaluation;

/// <summary>The standard normal distribution.</summary>
internal static class NormalDistribution
{
    /// <summary>P(Z ≤ x). Absolute error below 10⁻¹⁴, relative error small in the tails.</summary>
    public static double Cumulative(double x)
    {
        if (double.IsNaN(x))
            return double.NaN;
        var tail = Math.Abs(x) < 3 ? 0.5 - Body(Math.Abs(x)) : Tail(Math.Abs(x));
        return x < 0 ? tail : 1 - tail;
    }

    /// <summary>The x with P(Z ≤ x) = <paramref name="probability"/>; ±∞ at 0 and 1.</summary>
    public static double Quantile(double probability)
    {
        if (probability is <= 0)
            return double.NegativeInfinity;
        if (probability is >= 1)
            return double.PositiveInfinity;
        double low = -40, high = 40;
        for (var i = 0; i < 200 && high - low > 1e-15 * Math.Max(1, Math.Abs(low)); i++)
        {
            var middle = 0.5 * (low + high);
            if (Cumulative(middle) < probability)
                low = middle;
            else
                high = middle;
        }

        return 0.5 * (low + high);
    }

    static double Density(double x) => Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);

    /// <summary>P(0 ≤ Z ≤ x) by the series φ(x)·(x + x³/3 + x⁵/15 + …), all terms positive.</summary>
    static double Body(double x)
    {
        double term = x, sum = x;
        for (var k = 3; term > 1e-18 * sum; k += 2)
            sum += term *= x * x / k;
        return Density(x) * sum;
    }

    /// <summary>P(Z &gt; x) by the continued fraction φ(x) / (x + 1/(x + 2/(x + 3/…))), for x ≥ 3.</summary>
    static double Tail(double x)
    {
        var fraction = x;
        for (var k = 120; k >= 1; k--)
            fraction = x + (k / fraction);
        return Density(x) / fraction;
    }
}
