namespace MlNetCifar.Evaluation;

/// <summary>
/// Rows in descending order of one class's score (or image–class pairs, for the micro average), sorted once and then walked with other
/// weights for every resample. An entry packs row · 4 + 2 (last of equal scores) + 1 (positive).
/// </summary>
internal sealed class RankedOrder
{
    readonly int[] _entries;

    RankedOrder(int[] entries) => _entries = entries;

    /// <summary>Sorts.</summary>
    /// <param name="scores">[M]; sorted in place.</param>
    /// <param name="entries">[M], row · 4 + positive; reordered along and kept.</param>
    public static RankedOrder Build(double[] scores, int[] entries)
    {
        Array.Sort(scores, entries);
        Array.Reverse(scores);
        Array.Reverse(entries);
        for (var i = 0; i < entries.Length; i++)
            if (i == entries.Length - 1 || scores[i + 1] != scores[i])
                entries[i] |= 2;
        return new RankedOrder(entries);
    }

    /// <summary>The three areas of <see cref="ThresholdCurve"/> when row i counts weights[i] times.</summary>
    public (double Roc, double AveragePrecision, double PrecisionRecall) Measure(ReadOnlySpan<byte> weights)
    {
        long tp = 0, fp = 0, tpBefore = 0, fpBefore = 0;
        double roc = 0, steps = 0, trapezoid = 0, precisionBefore = 1;
        foreach (var entry in _entries)
        {
            int weight = weights[entry >> 2], positive = -(entry & 1);
            tp += weight & positive;
            fp += weight & ~positive;
            if ((entry & 2) == 0 || tp + fp == tpBefore + fpBefore)
                continue;
            if (tp == tpBefore)
            {
                // Only negatives: no step in recall, so precision is needed only as the left side of the next trapezoid.
                roc += (fp - fpBefore) * 2.0 * tp;
                precisionBefore = double.NaN;
            }
            else
            {
                roc += (fp - fpBefore) * (double)(tp + tpBefore);
                if (double.IsNaN(precisionBefore))
                    precisionBefore = (double)tpBefore / (tpBefore + fpBefore);
                var precision = (double)tp / (tp + fp);
                steps += (tp - tpBefore) * precision;
                trapezoid += (tp - tpBefore) * (precision + precisionBefore) / 2;
                precisionBefore = precision;
            }

            (tpBefore, fpBefore) = (tp, fp);
        }

        return tp == 0 ? (double.NaN, double.NaN, double.NaN) : (fp == 0 ? double.NaN : roc / (2.0 * tp * fp), steps / tp, trapezoid / tp);
    }
}
