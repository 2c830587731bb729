namespace MlNetCifar.Evaluation;

/// <summary>One model's rows, digested so that a resample costs a few passes over small arrays. Immutable; shared by all threads.</summary>
internal sealed class ResampleInput
{
    /// <param name="rows">Labels and scores.</param>
    /// <param name="order">Which rows take part, in the order that the resampling indices mean.</param>
    /// <param name="bins">Calibration bins.</param>
    /// <param name="curves">Whether areas under curves are wanted.</param>
    public ResampleInput(ScoredRows rows, int[] order, int bins, bool curves)
    {
        (Count, Classes, Bins) = (order.Length, rows.Classes, bins);
        (Cell, Bin, Correct) = (new int[Count], new int[Count], new byte[Count]);
        (LogLoss, Brier, Confidence) = (new double[Count], new double[Count], new double[Count]);
        var p = new double[Classes];
        for (var i = 0; i < Count; i++)
        {
            rows.CopyRow(order[i], p);
            var label = rows.Labels[order[i]];
            var predicted = Probabilities.ArgMax(p);
            Cell[i] = (label * Classes) + predicted;
            Correct[i] = label == predicted ? (byte)1 : (byte)0;
            Confidence[i] = p[predicted];
            Bin[i] = Reliability.EqualWidthBin(p[predicted], bins);
            LogLoss[i] = Probabilities.LogLoss(p[label]);
            Brier[i] = Probabilities.Brier(p, label);
        }

        ByConfidence = [.. Enumerable.Range(0, Count)];
        Array.Sort((double[])Confidence.Clone(), ByConfidence);
        if (!curves)
            return;
        PerClass = [.. Enumerable.Range(0, Classes).Select(label => Rank(rows, order, [label]))];
        Micro = Rank(rows, order, [.. Enumerable.Range(0, Classes)]);
    }

    public int Count { get; }

    public int Classes { get; }

    public int Bins { get; }

    /// <summary>Cell of the confusion matrix, label · C + predicted.</summary>
    public int[] Cell { get; }

    public byte[] Correct { get; }

    /// <summary>Equal-width calibration bin.</summary>
    public int[] Bin { get; }

    public double[] LogLoss { get; }

    public double[] Brier { get; }

    public double[] Confidence { get; }

    /// <summary>Rows in ascending order of confidence.</summary>
    public int[] ByConfidence { get; }

    /// <summary>One order a class; empty when curves are not wanted.</summary>
    public RankedOrder[] PerClass { get; } = [];

    /// <summary>The order of all image–class pairs; null when curves are not wanted.</summary>
    public RankedOrder? Micro { get; }

    /// <summary>
    /// Usable rows sorted by label and scores, so that the same images give the same intervals in whatever order or parts they arrived.
    /// </summary>
    public static int[] CanonicalOrder(ScoredRows rows)
    {
        var order = ClassCurves.UsableRows(rows);
        Array.Sort(order, (a, b) =>
        {
            var byLabel = rows.Labels[a].CompareTo(rows.Labels[b]);
            return byLabel != 0 ? byLabel : rows.Row(a).SequenceCompareTo(rows.Row(b));
        });
        return order;
    }

    static RankedOrder Rank(ScoredRows rows, int[] order, int[] labels)
    {
        var scores = new double[order.Length * labels.Length];
        var entries = new int[scores.Length];
        var next = 0;
        foreach (var label in labels)
            for (var i = 0; i < order.Length; i++, next++)
            {
                scores[next] = rows.Probability(order[i], label);
                entries[next] = (i << 2) | (rows.Labels[order[i]] == label ? 1 : 0);
            }

        return RankedOrder.Build(scores, entries);
    }
}
