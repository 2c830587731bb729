using MlNetCifar.Evaluation;

namespace MlNetCifar.Server.Monitoring;

/// <summary>What two models' answers to the same pictures say so far.</summary>
/// <param name="Pictures">Answered by both.</param>
/// <param name="Disagreements">Of these, answered differently.</param>
/// <param name="Low">Lower end of the 95 % interval of the share that differs (Wilson 1927).</param>
/// <param name="High">Its upper end.</param>
/// <param name="ClassesP">Whether one model says some class more often than the other: McNemar's exact test for each class, the least p-value times the number of classes.</param>
/// <param name="Failures">Pictures that the candidate failed to answer.</param>
/// <param name="Told">Pictures whose true label was told.</param>
/// <param name="OnlyStableRight">Of these, which the stable model alone got right.</param>
/// <param name="OnlyCandidateRight">Which the candidate alone got right.</param>
/// <param name="AccuracyP">McNemar's exact test on these two.</param>
/// <param name="RolledBack">Why the candidate answers nobody any more; null while it may.</param>
internal sealed record PairReading(
    long Pictures, long Disagreements, double Low, double High, double ClassesP, long Failures, long Told, long OnlyStableRight, long OnlyCandidateRight, double AccuracyP, string? RolledBack);

/// <summary>
/// Compares a candidate with the stable model by their answers to the same pictures, with the paired test of <c>compare</c> (McNemar), and says when the candidate must go: it fails
/// <see cref="MostFailures"/> times, its answers differ more often than is accepted, or labels that were told show that it is the worse one. The tests look when their count has
/// doubled, the k-th time at the level α ÷ k(k + 1), so that all looks together send away a candidate that deserves it not with a probability of at most <see cref="FalseRollbacks"/>. Thread-safe.
/// </summary>
/// <param name="model">Name of the model.</param>
/// <param name="classes">Number of classes.</param>
/// <param name="mostDisagreement">Share of answers that may differ, 0 … 1.</param>
/// <param name="rollsBack">Whether anything follows from it.</param>
internal sealed class PairTally(string model, int classes, double mostDisagreement, bool rollsBack)
{
    /// <summary>Probability that a candidate goes which differs no more than is accepted and is no worse, at most.</summary>
    public const double FalseRollbacks = 0.01;

    /// <summary>Failures after which it goes.</summary>
    public const int MostFailures = 3;

    readonly Lock _lock = new();
    readonly long[] _onlyStableSays = new long[classes];
    readonly long[] _onlyCandidateSays = new long[classes];
    readonly Looks _differenceLooks = new(first: 64, FalseRollbacks / 2);
    readonly Looks _accuracyLooks = new(first: 10, FalseRollbacks / 2);
    long _pictures, _disagreements, _failures, _told, _onlyStableRight, _onlyCandidateRight;
    volatile string? _rolledBack;

    public string Model => model;

    /// <summary>Why the candidate answers nobody any more; null while it may.</summary>
    public string? RolledBack => _rolledBack;

    /// <summary>Counts both answers to a picture.</summary>
    /// <returns>Why the candidate goes now; null where it stays, or has gone before.</returns>
    public string? Add(int stable, int candidate)
    {
        lock (_lock)
        {
            _pictures++;
            if (stable != candidate)
            {
                _disagreements++;
                _onlyStableSays[stable]++;
                _onlyCandidateSays[candidate]++;
            }

            return _differenceLooks.Due(_pictures) is { } level && TwoSample.AtLeast(_disagreements, _pictures, mostDisagreement) < level
                ? RollBack(FormattableString.Invariant($"{_disagreements} of {_pictures} answers differ, more than {100 * mostDisagreement:0.#} %"))
                : null;
        }
    }

    /// <summary>Counts a picture that the candidate failed to answer.</summary>
    /// <returns>Why the candidate goes now; null where it stays, or has gone before.</returns>
    public string? Failed()
    {
        lock (_lock)
            return ++_failures >= MostFailures ? RollBack($"it failed on {_failures} pictures") : null;
    }

    /// <summary>Counts a true label.</summary>
    /// <returns>Why the candidate goes now; null where it stays, or has gone before.</returns>
    public string? Told(int truth, int stable, int candidate)
    {
        lock (_lock)
        {
            _told++;
            _onlyStableRight += stable == truth && candidate != truth ? 1 : 0;
            _onlyCandidateRight += candidate == truth && stable != truth ? 1 : 0;
            return stable != candidate && _accuracyLooks.Due(_onlyStableRight + _onlyCandidateRight) is { } level && _onlyStableRight > _onlyCandidateRight
                && RunComparison.McNemarP(_onlyStableRight, _onlyCandidateRight) < level
                ? RollBack($"of {_told} labels told, the stable model alone had {_onlyStableRight}, the candidate alone {_onlyCandidateRight}")
                : null;
        }
    }

    public PairReading Read()
    {
        lock (_lock)
        {
            var interval = Interval.Wilson(_disagreements, _pictures);
            var least = _onlyStableSays.Zip(_onlyCandidateSays, RunComparison.McNemarP).Min();
            return new(
                _pictures, _disagreements, _pictures == 0 ? 0 : interval.Lower, _pictures == 0 ? 1 : interval.Upper, Math.Min(1, classes * least), _failures, _told, _onlyStableRight, _onlyCandidateRight,
                RunComparison.McNemarP(_onlyStableRight, _onlyCandidateRight), _rolledBack);
        }
    }

    string? RollBack(string why) => !rollsBack || _rolledBack is not null ? null : _rolledBack = why;

    /// <summary>When a test looks, and at which level.</summary>
    sealed class Looks(long first, double level)
    {
        long _next = first;
        int _taken;

        /// <summary>The level of a look that is due at a count; null where none is.</summary>
        public double? Due(long count)
        {
            if (count < _next)
                return null;
            _next *= 2;
            _taken++;
            return level / (_taken * (_taken + 1.0));
        }
    }
}
