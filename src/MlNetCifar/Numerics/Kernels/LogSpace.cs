namespace MlNetCifar.Numerics;

/// <summary>Logarithms of sums and of probabilities that no exponential over- or underflows.</summary>
internal static class LogSpace
{
    /// <summary>log Σₖ exp(xₖ ÷ T).</summary>
    /// <param name="values">At least one.</param>
    /// <param name="temperature">T, &gt; 0.</param>
    public static double Sum(ReadOnlySpan<float> values, double temperature = 1)
    {
        double max = values[0], sum = 0;
        foreach (var value in values)
            max = Math.Max(max, value);
        foreach (var value in values)
            sum += Math.Exp((value - max) / temperature);
        return (max / temperature) + Math.Log(sum);
    }

    /// <summary>log Σₖ exp(xₖ).</summary>
    /// <param name="values">At least one.</param>
    public static double Sum(ReadOnlySpan<double> values)
    {
        double max = values[0], sum = 0;
        foreach (var value in values)
            max = Math.Max(max, value);
        foreach (var value in values)
            sum += Math.Exp(value - max);
        return max + Math.Log(sum);
    }

    /// <summary>log σ(z), σ being the sigmoid.</summary>
    public static double Sigmoid(double z) => Math.Min(z, 0) - Math.Log(1 + Math.Exp(-Math.Abs(z)));
}
