using MlNetCifar.Data;
using MlNetCifar.Inference;
using MlNetCifar.Nn;

namespace MlNetCifar.Transfer;

/// <summary>How a mix of weights did on the validation images.</summary>
/// <param name="Share">Of the weights trained further, 0 … 1; 0 is the frozen backbone.</param>
/// <param name="Accuracy">Share of the images whose class was found.</param>
/// <param name="Loss">Mean loss at the temperature that suits the images best, as the model is calibrated afterwards; as it is where all answers are right, since no temperature is best then.</param>
internal readonly record struct MixFigures(float Share, double Accuracy, double Loss);

/// <summary>
/// Weights on the straight line between those of a frozen backbone and those trained further (Wortsman et al. 2022): what was learnt from few pictures is often worth taking in
/// part. The result is one ordinary network, no slower than either.
/// </summary>
internal static class WeightMix
{
    /// <summary>Shares of the weights trained further that are tried, besides none.</summary>
    public static IReadOnlyList<float> Shares { get; } = [0.25f, 0.5f, 0.75f, 1];

    /// <summary>(1 − share) · frozen + share · tuned.</summary>
    /// <param name="frozen">Only read.</param>
    /// <param name="tuned">Of the same network; only read.</param>
    /// <param name="share">0 … 1.</param>
    /// <returns>The caller disposes them.</returns>
    public static NetworkWeights Between(NetworkWeights frozen, NetworkWeights tuned, float share)
    {
        var mixed = tuned.Clone();
        if (share == 1)
            return mixed;
        foreach (var tensor in mixed.Tensors)
        {
            var values = tensor.Values;
            var origin = frozen.Find(tensor.Name)!.Values;
            for (var i = 0; i < values.Length; i++)
                values[i] = origin[i] + (share * (values[i] - origin[i]));
        }

        mixed.Changed();
        return mixed;
    }

    /// <summary>Measures one.</summary>
    /// <param name="share">What it is.</param>
    /// <param name="logits">[N, K].</param>
    /// <param name="images">The N pictures.</param>
    public static MixFigures Measure(float share, ReadOnlySpan<float> logits, ImageSource images)
    {
        var classes = images.Classes.Count;
        int[] labels = [.. Enumerable.Range(0, images.Count).Select(images.Label)];
        if (logits.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
            return new(share, 0, double.PositiveInfinity);
        var right = 0;
        for (var i = 0; i < labels.Length; i++)
            right += ClassScores.Best(logits.Slice(i * classes, classes)) == labels[i] ? 1 : 0;

        var fit = TemperatureScaling.Fit(labels, logits, classes);
        return new(share, (double)right / labels.Length, right == labels.Length ? fit.LogLossBefore : fit.LogLossAfter);
    }

    /// <summary>The one with the least loss of those that find as many classes as the frozen backbone at least; on a tie the one nearest to it.</summary>
    /// <param name="figures">The frozen backbone's, then others by rising share.</param>
    public static MixFigures Best(IReadOnlyList<MixFigures> figures) =>
        figures.Where(mix => mix.Accuracy >= figures[0].Accuracy).MinBy(mix => mix.Loss);
}
