using System.Collections.Immutable;

namespace MlNetCifar.Tuning;

/// <summary>What may be trained, and what that takes.</summary>
/// <param name="Name">A preset; of a backbone, how much of it is trained further.</param>
/// <param name="EpochSeconds">Of one epoch with its validation, as measured before the search; of a frozen backbone, of its features.</param>
/// <param name="Epochs">Of its recipe.</param>
internal sealed record AutoCandidate(string Name, double EpochSeconds, int Epochs)
{
    /// <summary>Of a whole training.</summary>
    public double Seconds => EpochSeconds * Epochs;
}

/// <summary>How a budget is shared out: arithmetic alone, by what was measured before the search.</summary>
/// <param name="Candidates">What is tried: the usual one first, the others by rising cost.</param>
/// <param name="SearchSeconds">For all trials.</param>
/// <param name="FinalSeconds">For the training at the end.</param>
/// <param name="TrialShare">Share of a whole training's epochs that a trial has, 0 … 1.</param>
/// <param name="Longer">Multiples of the recipes' epochs that are tried.</param>
internal sealed record AutoPlan(ImmutableArray<AutoCandidate> Candidates, double SearchSeconds, double FinalSeconds, double TrialShare, ImmutableArray<int> Longer)
{
    /// <summary>Fewer validation images rank configurations by chance.</summary>
    public const int FewestJudges = 50;

    /// <summary>Share of the budget for examining the data.</summary>
    public const double DoctorShare = 0.05;

    /// <summary>Share for the search of what is left when the plan is made.</summary>
    const double SearchShare = 0.6;

    /// <summary>Trials of a smaller share of the epochs say too little about whole trainings.</summary>
    const double LeastTrial = 0.5;

    /// <summary>Trials that there is to be time for beyond one of each candidate.</summary>
    const int SpareTrials = 2;

    /// <summary>Share of the training images that judge trials where <c>train</c> would set none aside: a hundred of them, but not so many that trials learn from too few. 0 where that would be too few judges.</summary>
    /// <param name="images">Training images.</param>
    public static double JudgeShare(int images) => Math.Clamp(100.0 / images, 0.2, 0.3) is var share && share * images >= FewestJudges ? share : 0;

    /// <summary>The plan; null where there is no time for a search and a whole training of the usual candidate.</summary>
    /// <param name="left">Of the budget.</param>
    /// <param name="costs">What is trained where nobody searches, then what may do better, by rising cost; measured while they are asked for, up to the first that takes too long.</param>
    public static AutoPlan? Of(TimeSpan left, IEnumerable<AutoCandidate> costs)
    {
        var search = SearchShare * left.TotalSeconds;
        var final = left.TotalSeconds - search;
        List<AutoCandidate> candidates = [.. costs.TakeWhile(candidate => candidate.Seconds <= final)];
        if (candidates.Count == 0)
            return null;
        while (candidates.Count > 1 && Trials(candidates) < LeastTrial)
            candidates.RemoveAt(candidates.Count - 1);
        var trials = Trials(candidates);
        return new([.. candidates], search, final, Math.Min(1, trials), [.. new[] { 1, 2, 4 }.Where(times => times == 1 || (times <= trials && times * candidates[0].Seconds <= final))]);

        // How often the search has room for whole trainings of all, as many as there are to be.
        double Trials(List<AutoCandidate> of) => search / ((of.Count + SpareTrials) * of.Average(candidate => candidate.Seconds));
    }

    /// <summary>Epochs of a whole training: no more than the end has time for.</summary>
    /// <param name="name">Of the candidate.</param>
    /// <param name="longer">Multiple of its recipe's epochs.</param>
    /// <param name="pixels">Pixels of a picture, as a multiple of those that were measured with.</param>
    public int Epochs(string name, int longer, double pixels)
    {
        var candidate = Candidates.First(c => c.Name == name);
        return Fitting(longer * candidate.Epochs, pixels * candidate.EpochSeconds, FinalSeconds);
    }

    /// <summary>Epochs of a trial.</summary>
    /// <param name="epochs">Those of a whole training.</param>
    public int TrialEpochs(int epochs) => Math.Max(1, (int)Math.Round(TrialShare * epochs, MidpointRounding.AwayFromZero));

    /// <summary>As many of some epochs as there is time for, at least one.</summary>
    public static int Fitting(int epochs, double epochSeconds, double seconds) => (int)Math.Clamp(Math.Floor(seconds / Math.Max(epochSeconds, 1e-9)), 1, epochs);
}

/// <summary>What is spent of a budget and what is left.</summary>
/// <param name="budget">All of it.</param>
/// <param name="before">What earlier processes have spent, as far as they could tell.</param>
/// <param name="time">The clock.</param>
internal sealed class AutoClock(TimeSpan budget, TimeSpan before, TimeProvider time)
{
    readonly long _started = time.GetTimestamp();

    public TimeSpan Spent => before + time.GetElapsedTime(_started);

    /// <summary>At least a second, so that what is run to the end of the budget has some.</summary>
    public TimeSpan Left => Later(budget - Spent, TimeSpan.FromSeconds(1));

    static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
