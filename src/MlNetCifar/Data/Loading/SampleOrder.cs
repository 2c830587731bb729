using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>
/// The order of an epoch's pictures, a function of (seed, epoch, count, runs, window). In memory: one permutation of all.
/// With a window: the storage runs (shards) in random order, then pictures shuffled within windows of that sequence, so that only about a window
/// of pictures need be in memory at a time.
/// </summary>
/// <param name="count">Pictures.</param>
/// <param name="runs">First index of every run, from 0.</param>
/// <param name="window">Pictures in a window; 0 for all.</param>
internal sealed class SampleOrder(int count, ReadOnlySpan<int> runs, int window)
{
    readonly int[] _runs = runs.ToArray();
    readonly int[] _runOrder = new int[runs.Length];
    readonly int[] _order = new int[count];

    public ReadOnlySpan<int> Order => _order;

    /// <summary>Storage order.</summary>
    public void Sequential()
    {
        for (var i = 0; i < _order.Length; i++)
            _order[i] = i;
    }

    /// <summary>The order of one epoch.</summary>
    public void Shuffle(ulong seed, int epoch)
    {
        if (window <= 0 || window >= count)
        {
            Sequential();
            new SplitRandom(seed, RandomPurpose.Shuffle, (ulong)epoch).Shuffle<int>(_order);
            return;
        }

        for (var i = 0; i < _runOrder.Length; i++)
            _runOrder[i] = i;
        new SplitRandom(seed, RandomPurpose.Shuffle, (ulong)epoch).Shuffle<int>(_runOrder);
        var next = 0;
        foreach (var run in _runOrder)
        {
            var end = run + 1 < _runs.Length ? _runs[run + 1] : count;
            for (var i = _runs[run]; i < end; i++)
                _order[next++] = i;
        }

        for (var start = 0; start < count; start += window)
        {
            var random = new SplitRandom(seed, RandomPurpose.Shuffle, (ulong)epoch, 1 + (ulong)(start / window));
            random.Shuffle(_order.AsSpan(start, Math.Min(window, count - start)));
        }
    }
}
