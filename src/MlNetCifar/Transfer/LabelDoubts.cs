namespace MlNetCifar.Transfer;

/// <summary>A picture whose label is doubted.</summary>
/// <param name="Picture">Which.</param>
/// <param name="Class">What it is taken for.</param>
/// <param name="Own">Probability of its own label.</param>
/// <param name="Other">Probability of <paramref name="Class"/>.</param>
internal readonly record struct LabelDoubt(int Picture, int Class, float Own, float Other);

/// <summary>
/// Likely wrong labels by confident learning (Northcutt et al. 2021): a head that has not learnt a picture gives another class a probability that pictures of that class have
/// themselves on average, and more than its own.
/// </summary>
internal static class LabelDoubts
{
    /// <summary>Finds them, the most doubtful first.</summary>
    /// <param name="probabilities">[N, K], each row by a head that has not learnt the picture.</param>
    /// <param name="labels">[N].</param>
    /// <param name="classes">K.</param>
    public static LabelDoubt[] Find(float[] probabilities, int[] labels, int classes)
    {
        var (usual, counts) = (new double[classes], new int[classes]);
        for (var i = 0; i < labels.Length; i++)
        {
            usual[labels[i]] += probabilities[(i * classes) + labels[i]];
            counts[labels[i]]++;
        }

        for (var k = 0; k < classes; k++)
            usual[k] = counts[k] == 0 ? double.PositiveInfinity : usual[k] / counts[k];
        var doubts = new List<LabelDoubt>();
        for (var i = 0; i < labels.Length; i++)
        {
            var row = probabilities.AsSpan(i * classes, classes);
            var (own, best) = (labels[i], -1);
            for (var k = 0; k < classes; k++)
                if (k != own && row[k] >= usual[k] && row[k] > row[own] && (best < 0 || row[k] > row[best]))
                    best = k;
            if (best >= 0)
                doubts.Add(new(i, best, row[own], row[best]));
        }

        return [.. doubts.OrderBy(doubt => doubt.Own - doubt.Other).ThenBy(doubt => doubt.Picture)];
    }
}
