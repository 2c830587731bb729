using System.Numerics;

namespace MlNetCifar.Transfer;

/// <summary>Labelled features, and their views: each picture plain, and perhaps mirrored too.</summary>
/// <param name="Views">[N, D] each; at least one.</param>
/// <param name="Labels">[N].</param>
/// <param name="Classes">Number of classes.</param>
internal sealed record FeatureRows(IReadOnlyList<float[]> Views, int[] Labels, int Classes)
{
    /// <summary>D.</summary>
    public int Length { get; } = Labels.Length == 0 ? 0 : Views[0].Length / Labels.Length;

    /// <summary>The features of one view of one picture.</summary>
    public ReadOnlySpan<float> Row(int view, int picture) => Views[view].AsSpan(picture * Length, Length);
}

/// <summary>
/// Brings features to mean 0 and, over all of them, variance 1: one factor for all, since a backbone gives what tells much apart a large range; each of variance 1 did worse on
/// photographs.
/// </summary>
internal sealed class FeatureScaling
{
    FeatureScaling(double[] mean, double[] scale) => (Mean, Scale) = (mean, scale);

    /// <summary>One a feature.</summary>
    public double[] Mean { get; }

    /// <summary>The factor, one a feature; that of one that never changes is 0, so that it says nothing.</summary>
    public double[] Scale { get; }

    /// <summary>Measures pictures, all their views.</summary>
    /// <param name="rows">Features.</param>
    /// <param name="pictures">Which.</param>
    public static FeatureScaling Of(FeatureRows rows, ReadOnlySpan<int> pictures)
    {
        double[] mean = new double[rows.Length], variance = new double[rows.Length];
        var count = (double)pictures.Length * rows.Views.Count;
        for (var view = 0; view < rows.Views.Count; view++)
            foreach (var picture in pictures)
            {
                var row = rows.Row(view, picture);
                for (var j = 0; j < row.Length; j++)
                    mean[j] += row[j] / count;
            }

        for (var view = 0; view < rows.Views.Count; view++)
            foreach (var picture in pictures)
            {
                var row = rows.Row(view, picture);
                for (var j = 0; j < row.Length; j++)
                    variance[j] += (row[j] - mean[j]) * (row[j] - mean[j]) / count;
            }

        var factor = 1 / Math.Sqrt(Math.Max(variance.Sum() / variance.Length, double.Epsilon));
        return new(mean, [.. variance.Select((v, j) => v > 1e-12 * ((mean[j] * mean[j]) + 1e-12) ? factor : 0)]);
    }

    /// <summary>Scales one picture's features.</summary>
    public void Apply(ReadOnlySpan<float> row, Span<float> destination)
    {
        var j = 0;
        ReadOnlySpan<double> mean = Mean, scale = Scale;
        for (; j <= row.Length - Vector<float>.Count; j += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(row[j..]), out var low, out var high);
            var half = j + Vector<double>.Count;
            low = (low - new Vector<double>(mean[j..])) * new Vector<double>(scale[j..]);
            high = (high - new Vector<double>(mean[half..])) * new Vector<double>(scale[half..]);
            Vector.Narrow(low, high).CopyTo(destination[j..]);
        }

        for (; j < row.Length; j++)
            destination[j] = (float)((row[j] - mean[j]) * scale[j]);
    }
}
