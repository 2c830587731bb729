using System.Globalization;

namespace MlNetCifar.Evaluation;

/// <summary>A confidence interval.</summary>
/// <param name="Lower">Lower end.</param>
/// <param name="Upper">Upper end.</param>
/// <param name="Level">Confidence level, for example 0.95.</param>
public readonly record struct Interval(double Lower, double Upper, double Level)
{
    /// <summary>The interval of a value that has none.</summary>
    public static Interval None { get; } = new(double.NaN, double.NaN, double.NaN);

    /// <summary>
    /// The interval of a share, by Wilson (1927), good for small counts and near 0 and 1, never outside [0, 1]: with z the normal quantile,
    /// (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n).
    /// </summary>
    /// <param name="successes">0 … <paramref name="trials"/>.</param>
    /// <param name="trials">≥ 0; with 0 the interval is undefined.</param>
    /// <param name="level">Confidence level in (0, 1).</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static Interval Wilson(long successes, long trials, double level = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, trials);
        if (level is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(level), level, "Expected a number between 0 and 1.");
        if (trials == 0)
            return None;
        var z = NormalDistribution.Quantile(0.5 + (level / 2));
        double n = trials, p = successes / n;
        var middle = p + (z * z / (2 * n));
        var half = z * Math.Sqrt((p * (1 - p) / n) + (z * z / (4 * n * n)));
        var scale = 1 + (z * z / n);
        return new Interval(
            successes == 0 ? 0 : Math.Max(0, (middle - half) / scale), successes == trials ? 1 : Math.Min(1, (middle + half) / scale), level);
    }

    /// <summary>Whether both ends are numbers.</summary>
    public bool IsDefined => !double.IsNaN(Lower) && !double.IsNaN(Upper);

    /// <summary>Whether a value lies inside, ends included.</summary>
    /// <param name="value">Any number.</param>
    public bool Contains(double value) => value >= Lower && value <= Upper;

    /// <summary>For example <c>[0.731, 0.748]</c>.</summary>
    public override string ToString() => IsDefined ? string.Create(CultureInfo.InvariantCulture, $"[{Lower:0.000}, {Upper:0.000}]") : "–";
}
