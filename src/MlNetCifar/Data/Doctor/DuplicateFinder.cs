namespace MlNetCifar.Data;

/// <summary>Groups of equal and of nearly equal pictures.</summary>
internal static class DuplicateFinder
{
    // A bucket beyond this holds blank pictures or the like; comparing all its pairs would take for ever.
    const int LargestBucket = 1 << 16;

    /// <summary>Groups of pictures with the same pixels, by first member.</summary>
    public static List<int[]> Exact(IReadOnlyList<ImageFacts> facts)
    {
        var groups = new Dictionary<UInt128, List<int>>();
        for (var i = 0; i < facts.Count; i++)
        {
            if (facts[i].Fault is not null)
                continue;
            if (!groups.TryGetValue(facts[i].Content, out var group))
                groups.Add(facts[i].Content, group = []);
            group.Add(i);
        }

        return [.. groups.Values.Where(g => g.Count > 1).OrderBy(g => g[0]).Select(g => g.ToArray())];
    }

    /// <summary>
    /// Pairs of pictures that are not equal but whose perceptual hashes differ in at most <paramref name="bits"/> bits and whose small versions are alike.
    /// Of two hashes that differ in b bits at least one of b + 1 bands is the same, so only pictures that share a band are compared.
    /// </summary>
    public static List<(int First, int Second)> Near(IReadOnlyList<ImageFacts> facts, int bits, double difference, CancellationToken cancellation)
    {
        var pairs = new HashSet<(int, int)>();
        for (var band = 0; band <= bits; band++)
        {
            cancellation.ThrowIfCancellationRequested();
            var (low, high) = (64 * band / (bits + 1), 64 * (band + 1) / (bits + 1));
            var mask = (high - low == 64 ? ulong.MaxValue : (1UL << (high - low)) - 1) << low;
            var buckets = new Dictionary<ulong, List<int>>();
            for (var i = 0; i < facts.Count; i++)
            {
                if (facts[i].Fault is not null)
                    continue;
                if (!buckets.TryGetValue(facts[i].Perceptual & mask, out var bucket))
                    buckets.Add(facts[i].Perceptual & mask, bucket = []);
                bucket.Add(i);
            }

            foreach (var bucket in buckets.Values.Where(b => b.Count is > 1 and <= LargestBucket))
                Compare(facts, bucket, bits, difference, pairs);
        }

        return [.. pairs.Order()];
    }

    /// <summary>Groups of what pairs connect, each and all ascending.</summary>
    public static List<int[]> Connect(IEnumerable<(int First, int Second)> pairs)
    {
        var parent = new Dictionary<int, int>();
        foreach (var (first, second) in pairs)
        {
            var (a, b) = (Root(first), Root(second));
            parent[Math.Max(a, b)] = Math.Min(a, b);
        }

        return [.. parent.Keys.GroupBy(Root).Select(g => g.Order().ToArray()).OrderBy(g => g[0])];

        int Root(int i)
        {
            while (parent.TryGetValue(i, out var up) && up != i)
                i = up;
            parent.TryAdd(i, i);
            return i;
        }
    }

    static void Compare(IReadOnlyList<ImageFacts> facts, List<int> bucket, int bits, double difference, HashSet<(int, int)> pairs)
    {
        for (var a = 0; a < bucket.Count; a++)
        {
            for (var b = a + 1; b < bucket.Count; b++)
            {
                var (x, y) = (facts[bucket[a]], facts[bucket[b]]);
                if (x.HashDistance(y) <= bits && x.Content != y.Content && x.Difference(y) <= difference)
                    pairs.Add((bucket[a], bucket[b]));
            }
        }
    }
}
