using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tuning;

/// <summary>
/// Two objectives by an algorithm for one (ParEGO, Knowles 2006): for each proposal a weight is drawn between them, and the algorithm sees the augmented Chebyshev distance of both, scaled to what was seen so far, under that
/// weight. So the proposals spread along the whole front. The cost counts by ratio. Like its algorithm a function of space, seed, the trial's number and the results known.
/// </summary>
/// <param name="create">Makes the algorithm anew.</param>
/// <param name="kind">The cost.</param>
/// <param name="seed">Of the weights.</param>
internal sealed class ParetoTuner(Func<ITuner> create, CostKind kind, ulong seed) : ITuner
{
    /// <summary>What keeps apart points of one Chebyshev distance.</summary>
    const double Augmentation = 0.05;

    /// <summary>Apart from those of the algorithms.</summary>
    const int Stream = 977;

    readonly SortedDictionary<int, TrialResult> _results = [];

    public ImmutableArray<KeyValuePair<string, string>>? Propose(int trialId)
    {
        var tuner = create();
        var random = new SplitRandom(seed, RandomPurpose.Tune, (ulong)trialId, Stream);
        var weight = random.NextDouble();
        var known = _results.Values.Where(IsKnown).ToArray();
        var (losses, costs) = (Range(known.Select(r => r.Loss)), Range(known.Select(r => Math.Log(r.Cost!.Of(kind)))));
        foreach (var result in _results.Values)
            tuner.Update(IsKnown(result) ? result with { Loss = Distance(losses(result.Loss), costs(Math.Log(result.Cost!.Of(kind))), weight) } : result);
        return tuner.Propose(trialId);
    }

    public void Update(TrialResult result) => _results[result.TrialSettings.TrialId] = result;

    static bool IsKnown(TrialResult result) => double.IsFinite(result.Loss) && result.Cost is not null;

    static double Distance(double loss, double cost, double weight)
    {
        var (first, second) = (weight * loss, (1 - weight) * cost);
        return Math.Max(first, second) + (Augmentation * (first + second));
    }

    static Func<double, double> Range(IEnumerable<double> values)
    {
        var all = values.ToArray();
        if (all.Length == 0)
            return _ => 0;
        var (least, most) = (all.Min(), all.Max());
        return value => most > least ? (value - least) / (most - least) : 0;
    }
}

/// <summary>Begins with values that somebody gave, and goes on with a tuner that learns from them too.</summary>
/// <param name="tuner">Goes on.</param>
/// <param name="start">What is proposed first, in this order.</param>
internal sealed class StartingTuner(ITuner tuner, IReadOnlyList<ImmutableArray<KeyValuePair<string, string>>> start) : ITuner
{
    public ImmutableArray<KeyValuePair<string, string>>? Propose(int trialId) => trialId < start.Count ? start[trialId] : tuner.Propose(trialId);

    public void Update(TrialResult result) => tuner.Update(result);
}
