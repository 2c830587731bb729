using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tuning;

/// <summary>What is known of a point.</summary>
/// <param name="Trial">Number of the trial.</param>
/// <param name="Point">Coordinates, 0 … 1.</param>
/// <param name="Loss">Lower is better; ∞ for a trial that failed.</param>
internal sealed record Observation(int Trial, double[] Point, double Loss);

/// <summary>
/// Proposals are a function of the space, the seed, the trial's number and the results known by then, whose order does not matter. So a sweep that goes on
/// after its process died proposes what it would have.
/// </summary>
/// <param name="space">Where to search.</param>
/// <param name="seed">Of the random numbers.</param>
internal abstract class SpaceTuner(SearchSpace space, ulong seed) : ITuner
{
    readonly SortedDictionary<int, Observation> _results = [];

    protected SearchSpace Space { get; } = space;

    protected ulong Seed { get; } = seed;

    protected int Dimensions => Space.Parameters.Length;

    public ImmutableArray<KeyValuePair<string, string>>? Propose(int trialId) => Next(trialId, [.. _results.Values]) is { } point ? Space.At(point) : null;

    public void Update(TrialResult result) =>
        _results[result.TrialSettings.TrialId] = new(result.TrialSettings.TrialId, Space.PointOf(result.TrialSettings.Parameters), double.IsNaN(result.Loss) ? double.PositiveInfinity : result.Loss);

    /// <summary>The next point; null where there is none left.</summary>
    /// <param name="trial">Its number.</param>
    /// <param name="known">In the order of trials.</param>
    protected abstract double[]? Next(int trial, IReadOnlyList<Observation> known);

    /// <summary>The random numbers of a trial.</summary>
    /// <param name="trial">Its number.</param>
    /// <param name="stream">Separates uses within a trial.</param>
    protected SplitRandom Random(int trial, int stream = 0) => new(Seed, RandomPurpose.Tune, (ulong)trial, (ulong)stream);

    /// <summary>A point anywhere.</summary>
    protected double[] Anywhere(ref SplitRandom random)
    {
        var point = new double[Dimensions];
        foreach (ref var coordinate in point.AsSpan())
            coordinate = random.NextDouble();
        return point;
    }
}

/// <summary>Points anywhere (Bergstra and Bengio 2012). The same sequence for any number of workers.</summary>
internal sealed class RandomTuner(SearchSpace space, ulong seed) : SpaceTuner(space, seed)
{
    protected override double[] Next(int trial, IReadOnlyList<Observation> known)
    {
        var random = Random(trial);
        return Anywhere(ref random);
    }
}

/// <summary>Every combination: of names and few whole numbers all, of a range five values from end to end. The last parameter changes first.</summary>
/// <param name="space">Where to search.</param>
/// <param name="first">Number of the trial that has the first combination.</param>
internal sealed class GridTuner(SearchSpace space, int first = 0) : SpaceTuner(space, 0)
{
    const int Levels = 5;

    protected override double[]? Next(int trial, IReadOnlyList<Observation> known)
    {
        var point = new double[Dimensions];
        var rest = trial - first;
        for (var i = Dimensions - 1; i >= 0; i--)
        {
            var parameter = Space.Parameters[i];
            var isWhole = parameter.IsChoice || parameter.Count <= Levels;
            var levels = isWhole ? (int)parameter.Count : Levels;
            var level = rest % levels;
            rest /= levels;
            point[i] = !isWhole ? level / (Levels - 1.0)
                : parameter.IsChoice ? (level + 0.5) / levels
                : parameter.UnitOf((parameter.Minimum + level).ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return rest == 0 ? point : null;
    }
}
