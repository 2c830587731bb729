namespace MlNetCifar.Evaluation;

/// <summary>McNemar's exact test: do two models fail on the same images equally often?</summary>
internal static class McNemar
{
    /// <summary>
    /// Two-sided p-value. Only images that exactly one model gets right count; if the models were equally good, each of them would fall to
    /// either side like a fair coin: p = min(1, 2 · P(X ≤ min(a, b))) with X binomial(a + b, ½).
    /// </summary>
    /// <param name="onlyA">Images that only the first model gets right.</param>
    /// <param name="onlyB">Images that only the second model gets right.</param>
    /// <returns>0 … 1; 1 when there is no such image.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A count is negative.</exception>
    public static double ExactP(long onlyA, long onlyB)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(onlyA);
        ArgumentOutOfRangeException.ThrowIfNegative(onlyB);
        var (n, k) = (onlyA + onlyB, Math.Min(onlyA, onlyB));
        var logOfLast = -n * Math.Log(2);
        for (long i = 1; i <= k; i++)
            logOfLast += Math.Log((double)(n - k + i) / i);

        // From the largest term down: C(n, i − 1) = C(n, i) · i / (n − i + 1), with the common factor taken out against underflow.
        double sum = 1, term = 1;
        for (var i = k; i >= 1 && term > 1e-18 * sum; i--)
            sum += term *= (double)i / (n - i + 1);
        return Math.Min(1, 2 * Math.Exp(logOfLast + Math.Log(sum)));
    }

    /// <summary>Holm's correction for looking at several p-values: the chance of even one false finding stays below the level. Order is kept.</summary>
    internal static double[] Holm(IReadOnlyList<double> p)
    {
        var order = Enumerable.Range(0, p.Count).OrderBy(i => p[i]).ToArray();
        var adjusted = new double[p.Count];
        var running = 0.0;
        for (var rank = 0; rank < order.Length; rank++)
        {
            running = Math.Max(running, Math.Min(1, p[order[rank]] * (order.Length - rank)));
            adjusted[order[rank]] = running;
        }

        return adjusted;
    }
}
