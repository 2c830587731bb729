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
}

/// <summary>The rules of pruning: functions of the curves known when a step ends.</summary>
internal static class Pruning
{
    const int Reduction = 3;
    const int FewestCurves = 5;
    const int FirstStep = 2;

    /// <summary>Whether a trial goes on.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="curve">Its metrics from the first step on, the last just told.</param>
    /// <param name="others">Those of the other trials, ended or running.</param>
    public static bool GoesOn(PruningRule rule, ImmutableArray<double> curve, IEnumerable<ImmutableArray<double>> others) => rule switch
    {
        PruningRule.Median => curve.Length < FirstStep || AtLeastMedian(curve, others),
        PruningRule.Asha => !IsRung(curve.Length) || InTopShare(curve, others),
        _ => true,
    };

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
