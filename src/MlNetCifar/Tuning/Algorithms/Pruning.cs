using System.Collections.Immutable;

namespace MlNetCifar.Tuning;

/// <summary>How trials that do badly are ended early, by their metric after each step.</summary>
public enum PruningRule
{
    /// <summary>Every trial runs to its end.</summary>
    None,

    /// <summary>A trial ends whose best metric so far is below the median of the others' at the same step (Golovin et al. 2017).</summary>
    Median,

    /// <summary>
    /// Asynchronous successive halving (Li et al. 2020): after 1, 3, 9, 27 … steps only the best third of the trials that came so far goes on.
    /// </summary>
    Asha,

    /// <summary>
    /// Brackets of <see cref="Asha"/> (Hyperband, Li et al. 2018): most trials are judged from the first step on, fewer only after 3, 9 or 27, each among those of its bracket; for curves that cross.
    /// </summary>
    Hyperband,
}

/// <summary>The rules of pruning: functions of the curves known when a step ends.</summary>
internal static class Pruning
{
    const int Reduction = 3;
    const int FewestCurves = 5;
    const int FirstStep = 2;

    /// <summary>Spreads the brackets evenly over any few trials; without a divisor in common with their number.</summary>
    const int Stride = 20;

    static readonly int[] s_shares = [27, 39, 45, 49];

    /// <summary>Whether a trial goes on.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="curve">Its metrics from the first step on, the last just told.</param>
    /// <param name="others">Those of the other trials, ended or running.</param>
    /// <param name="bracket">With Hyperband, the trial's; the others must be of the same.</param>
    public static bool GoesOn(PruningRule rule, ImmutableArray<double> curve, IEnumerable<ImmutableArray<double>> others, int bracket = 0) => rule switch
    {
        PruningRule.Hyperband => !IsRung(curve.Length) || curve.Length < Math.Pow(Reduction, bracket) || InTopShare(curve, others),
        PruningRule.Median => curve.Length < FirstStep || AtLeastMedian(curve, others),
        PruningRule.Asha => !IsRung(curve.Length) || InTopShare(curve, others),
        _ => true,
    };

    /// <summary>
    /// The bracket of a trial, by its number alone: brackets 0 to 3 are judged first after 1, 3, 9 and 27 steps, and have 27, 12, 6 and 4 of 49 trials, as Hyperband has for 27 steps.
    /// </summary>
    /// <param name="trial">Its number.</param>
    public static int BracketOf(int trial)
    {
        var place = (long)trial * Stride % s_shares[^1];
        return Array.FindIndex(s_shares, end => place < end);
    }

    static bool AtLeastMedian(ImmutableArray<double> curve, IEnumerable<ImmutableArray<double>> others)
    {
        var step = curve.Length;
        var bests = others.Where(other => other.Length >= step).Select(other => other[..step].Max()).Order().ToArray();
        return bests.Length < FewestCurves || curve.Max() >= bests[bests.Length / 2];
    }

    static bool InTopShare(ImmutableArray<double> curve, IEnumerable<ImmutableArray<double>> others)
    {
        var step = curve.Length;
        var metrics = others.Where(other => other.Length >= step).Select(other => other[step - 1]).Append(curve[step - 1]).OrderDescending().ToArray();
        return metrics.Length < Reduction || curve[step - 1] >= metrics[(metrics.Length / Reduction) - 1];
    }

    static bool IsRung(int step)
    {
        for (var rung = 1; rung <= step; rung *= Reduction)
        {
            if (rung == step)
                return true;
        }

        return false;
    }
}
