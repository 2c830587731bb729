namespace MlNetCifar.Server.Monitoring;

/// <summary>Whether two samples are of one distribution: probabilities of a difference as large, or larger, by chance.</summary>
internal static class TwoSample
{
    /// <summary>
    /// Kolmogorov and Smirnov's test over ordered bins. D is the largest difference of the cumulative shares; p its asymptotic probability, with Stephens's correction for small
    /// samples. Ties within bins can only make D smaller, so that false alarms are rarer than p says.
    /// </summary>
    public static (double Distance, double PValue) KolmogorovSmirnov(ReadOnlySpan<long> a, ReadOnlySpan<long> b)
    {
        double n = Sum(a), m = Sum(b), left = 0, right = 0, distance = 0;
        if (n == 0 || m == 0)
            return (0, 1);
        for (var i = 0; i < a.Length; i++)
        {
            left += a[i] / n;
            right += b[i] / m;
            distance = Math.Max(distance, Math.Abs(left - right));
        }

        var root = Math.Sqrt(n * m / (n + m));
        return (distance, Kolmogorov((root + 0.12 + (0.11 / root)) * distance));
    }

    /// <summary>
    /// Pearson's χ² over two rows of counts. Columns of which either row would expect less than 5 are taken together. Distance is Cramér's V, 0 … 1.
    /// </summary>
    public static (double Distance, double PValue) ChiSquare(ReadOnlySpan<long> a, ReadOnlySpan<long> b)
    {
        double n = Sum(a), m = Sum(b);
        if (n == 0 || m == 0)
            return (0, 1);
        var least = 5 * (n + m) / Math.Min(n, m);
        double statistic = 0, restA = 0, restB = 0;
        var columns = 0;
        for (var i = 0; i < a.Length; i++)
        {
            if (a[i] + b[i] >= least)
                Add(a[i], b[i]);
            else
                (restA, restB) = (restA + a[i], restB + b[i]);
        }

        if (restA + restB >= least)
            Add(restA, restB);
        return columns < 2 ? (0, 1) : (Math.Sqrt(statistic / (n + m)), UpperGamma((columns - 1) / 2.0, statistic / 2));

        void Add(double inA, double inB)
        {
            var (expectedA, expectedB) = ((inA + inB) * n / (n + m), (inA + inB) * m / (n + m));
            statistic += ((inA - expectedA) * (inA - expectedA) / expectedA) + ((inB - expectedB) * (inB - expectedB) / expectedB);
            columns++;
        }
    }

    /// <summary>P(X ≥ successes) of a binomial distribution: the probability of so many, or more, where each of the trials succeeds with the given one.</summary>
    /// <param name="successes">0 … trials.</param>
    /// <param name="trials">At least 0.</param>
    /// <param name="probability">0 … 1.</param>
    public static double AtLeast(long successes, long trials, double probability)
    {
        if (successes <= trials * probability)
            return 1;
        if (probability <= 0)
            return 0;

        // Above the mean each term is smaller than the one before by a growing factor.
        var log = LogGamma(trials + 1) - LogGamma(successes + 1) - LogGamma(trials - successes + 1) + (successes * Math.Log(probability)) + ((trials - successes) * Math.Log(1 - probability));
        double sum = 1, term = 1;
        for (var k = successes; k < trials && term > 1e-17 * sum; k++)
            sum += term *= (trials - k) / (k + 1.0) * probability / (1 - probability);
        return Math.Min(1, Math.Exp(log + Math.Log(sum)));
    }

    /// <summary>Q(λ) = 2 Σ (−1)^(k−1) exp(−2 k² λ²).</summary>
    static double Kolmogorov(double lambda)
    {
        // The series does not converge near 0, where the probability is 1.
        if (lambda < 0.2)
            return 1;
        double sum = 0, sign = 1;
        for (var k = 1; k <= 100; k++, sign = -sign)
        {
            var term = Math.Exp(-2 * k * k * lambda * lambda);
            sum += sign * term;
            if (term < 1e-17)
                break;
        }

        return Math.Clamp(2 * sum, 0, 1);
    }

    /// <summary>The regularised upper incomplete gamma function Q(a, x): a series below a + 1, Lentz's continued fraction above.</summary>
    internal static double UpperGamma(double a, double x)
    {
        if (x <= 0)
            return 1;
        var scale = Math.Exp((a * Math.Log(x)) - x - LogGamma(a));
        if (x < a + 1)
        {
            double term = 1 / a, sum = term;
            for (var k = a + 1; term > sum * 1e-16; k++)
                sum += term *= x / k;
            return Math.Clamp(1 - (sum * scale), 0, 1);
        }

        const double tiny = 1e-300;
        double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
        for (var i = 1; i < 10_000; i++)
        {
            var an = -i * (i - a);
            b += 2;
            d = 1 / Guard((an * d) + b);
            c = Guard(b + (an / c));
            var step = d * c;
            h *= step;
            if (Math.Abs(step - 1) < 1e-15)
                break;
        }

        return Math.Clamp(scale * h, 0, 1);

        static double Guard(double value) => Math.Abs(value) < tiny ? tiny : value;
    }

    /// <summary>ln Γ(x) for x ≥ ½: Stirling's series after the argument was raised to 10.</summary>
    static double LogGamma(double x)
    {
        var shift = 0.0;
        for (; x < 10; x++)
            shift -= Math.Log(x);
        var square = 1 / (x * x);
        return shift + ((x - 0.5) * Math.Log(x)) - x + (0.5 * Math.Log(2 * Math.PI))
            + ((1.0 / 12 - (square * (1.0 / 360 - (square * (1.0 / 1260 - (square / 1680)))))) / x);
    }

    static double Sum(ReadOnlySpan<long> counts)
    {
        var sum = 0L;
        foreach (var count in counts)
            sum += count;
        return sum;
    }
}
