namespace MlNetCifar.Evaluation;

/// <summary>
/// Everything that can be counted row by row in fixed memory. Integers and <see cref="FixedSum"/>s only, so that the tallies of parts
/// add up to exactly the tallies of the whole.
/// </summary>
internal sealed class Tallies(int classes, int bins)
{
    readonly double[] _row = new double[classes];

    public int Classes { get; } = classes;

    public int Bins { get; } = bins;

    /// <summary>Rows that take part.</summary>
    public long Count { get; set; }

    /// <summary>Rows left out because a score is not finite.</summary>
    public long Excluded { get; set; }

    /// <summary>[true class, predicted class].</summary>
    public long[] Confusion { get; } = new long[classes * classes];

    /// <summary>Rows by the rank of the true class, 0 = highest probability.</summary>
    public long[] TrueRank { get; } = new long[classes];

    /// <summary>Log-loss by true class, in nats.</summary>
    public FixedSum[] LogLoss { get; } = new FixedSum[classes];

    /// <summary>Brier score, summed.</summary>
    public FixedSum[] Brier { get; } = new FixedSum[1];

    public long[] BinCount { get; } = new long[bins];

    public long[] BinCorrect { get; } = new long[bins];

    public FixedSum[] BinConfidence { get; } = new FixedSum[bins];

    /// <summary>All integer tables, in a fixed order.</summary>
    public long[][] Counters => [Confusion, TrueRank, BinCount, BinCorrect];

    /// <summary>All sums, in a fixed order.</summary>
    public FixedSum[][] Sums => [LogLoss, Brier, BinConfidence];

    /// <summary>Counts one row of probabilities.</summary>
    public void Add(int label, ReadOnlySpan<float> scores, int positiveClass)
    {
        Span<double> p = _row;
        Probabilities.Copy(scores, positiveClass, p);
        var predicted = Probabilities.ArgMax(p);
        Count++;
        Confusion[(label * Classes) + predicted]++;
        TrueRank[Probabilities.Rank(p, label)]++;
        LogLoss[label].Add(Probabilities.LogLoss(p[label]));
        Brier[0].Add(Probabilities.Brier(p, label));
        var bin = Reliability.EqualWidthBin(p[predicted], Bins);
        BinCount[bin]++;
        BinCorrect[bin] += predicted == label ? 1 : 0;
        BinConfidence[bin].Add(p[predicted]);
    }

    /// <summary>Adds the tallies of another part.</summary>
    public void Merge(Tallies other)
    {
        Count += other.Count;
        Excluded += other.Excluded;
        foreach (var (to, from) in Counters.Zip(other.Counters))
            for (var i = 0; i < to.Length; i++)
                to[i] += from[i];
        foreach (var (to, from) in Sums.Zip(other.Sums))
            for (var i = 0; i < to.Length; i++)
                to[i].Add(from[i]);
    }
}
