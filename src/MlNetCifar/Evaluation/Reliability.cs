namespace MlNetCifar.Evaluation;

/// <summary>One bin of a reliability diagram: how sure the model was, and how often it was right.</summary>
/// <param name="Lower">Lower edge of confidence, exclusive.</param>
/// <param name="Upper">Upper edge of confidence, inclusive.</param>
/// <param name="Count">Images in the bin.</param>
/// <param name="Accuracy">Share of them that is right, 0 … 1; NaN when the bin is empty.</param>
/// <param name="Confidence">Their mean confidence, 0 … 1; NaN when the bin is empty.</param>
public readonly record struct ReliabilityBin(double Lower, double Upper, long Count, double Accuracy, double Confidence);

/// <summary>Calibration errors over confidence bins (Naeini et al. 2015, Guo et al. 2017). Confidence is the highest probability of a row.</summary>
internal static class Reliability
{
    /// <summary>Bin b holds confidences in (b/B, (b+1)/B]; 0 and below fall into the first, above 1 into the last.</summary>
    public static int EqualWidthBin(double confidence, int bins) => Math.Clamp((int)Math.Ceiling(confidence * bins) - 1, 0, bins - 1);

    /// <summary>The equal-width bins of the tallies.</summary>
    public static ReliabilityBin[] EqualWidth(Tallies tallies)
    {
        var result = new ReliabilityBin[tallies.Bins];
        for (var i = 0; i < result.Length; i++)
        {
            var n = tallies.BinCount[i];
            result[i] = new ReliabilityBin(
                (double)i / result.Length, (double)(i + 1) / result.Length, n, (double)tallies.BinCorrect[i] / n, tallies.BinConfidence[i].Value / n);
        }

        return result;
    }

    /// <summary>
    /// Bins of equal count: images in the order of confidence, cut after every N/B-th; images of the same confidence stay together,
    /// in the bin where the first of them falls, so that the result does not depend on the order of the rows.
    /// </summary>
    /// <param name="confidences">[N], sorted ascending.</param>
    /// <param name="correct">[N], in the same order.</param>
    /// <param name="bins">B ≥ 1.</param>
    public static ReliabilityBin[] EqualMass(ReadOnlySpan<double> confidences, ReadOnlySpan<bool> correct, int bins)
    {
        List<ReliabilityBin> result = [];
        var start = 0;
        for (var bin = 1; bin <= bins && start < confidences.Length; bin++)
        {
            var end = (int)((long)confidences.Length * bin / bins);
            while (end > start && end < confidences.Length && confidences[end] == confidences[end - 1])
                end++;
            if (end <= start)
                continue;
            result.Add(Bin(confidences[start..end], correct[start..end]));
            start = end;
        }

        return [.. result];
    }

    /// <summary>Σ nᵦ/N · |accuracyᵦ − confidenceᵦ|, 0 … 1, lower is better.</summary>
    public static double ExpectedError(IReadOnlyList<ReliabilityBin> bins)
    {
        var count = bins.Sum(bin => bin.Count);
        var sum = 0.0;
        foreach (var bin in bins)
            if (bin.Count > 0)
                sum += bin.Count * Math.Abs(bin.Accuracy - bin.Confidence);
        return count == 0 ? double.NaN : sum / count;
    }

    /// <summary>The largest |accuracyᵦ − confidenceᵦ| of a bin that is not empty.</summary>
    public static double MaximumError(IReadOnlyList<ReliabilityBin> bins)
    {
        var worst = double.NaN;
        foreach (var bin in bins)
            if (bin.Count > 0)
                worst = Math.Max(double.IsNaN(worst) ? 0 : worst, Math.Abs(bin.Accuracy - bin.Confidence));
        return worst;
    }

    static ReliabilityBin Bin(ReadOnlySpan<double> confidences, ReadOnlySpan<bool> correct)
    {
        var sum = default(FixedSum);
        foreach (var confidence in confidences)
            sum.Add(confidence);
        var right = 0;
        foreach (var value in correct)
            right += value ? 1 : 0;
        var n = confidences.Length;
        return new ReliabilityBin(confidences[0], confidences[^1], n, (double)right / n, sum.Value / n);
    }
}
