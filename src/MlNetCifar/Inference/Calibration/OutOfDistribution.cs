using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>
/// Scores that are high for images unlike the training data, from one network output. For a score from features, see <see cref="FeatureDistance"/>.
/// </summary>
internal static class OutOfDistribution
{
    /// <summary>1 − highest probability, 0 … 1 (Hendrycks and Gimpel 2017).</summary>
    /// <param name="probabilities">[C].</param>
    public static double MaxSoftmax(ReadOnlySpan<float> probabilities)
    {
        var max = 0f;
        foreach (var p in probabilities)
            max = Math.Max(max, p);
        return 1 - (double)max;
    }

    /// <summary>−T · ln Σ exp(zᵢ ÷ T), any real number (Liu et al. 2020). It sees the size of the logits, which the softmax hides.</summary>
    /// <param name="logits">Outputs before the softmax, [C].</param>
    /// <param name="temperature">T &gt; 0. The default is 1.</param>
    public static double Energy(ReadOnlySpan<float> logits, double temperature = 1) => -temperature * Softmax.LogSumExp(logits, 1 / temperature);

    /// <summary>The threshold that lets a given share of ordinary images pass.</summary>
    /// <param name="scores">Scores of ordinary images that the network was not trained on, [N ≥ 1].</param>
    /// <param name="accepted">Share that passes, in (0, 1). The default is 0.95.</param>
    public static double Threshold(ReadOnlySpan<double> scores, double accepted = 0.95)
    {
        var sorted = scores.ToArray();
        Array.Sort(sorted);
        return sorted[Math.Clamp((int)Math.Ceiling(accepted * sorted.Length) - 1, 0, sorted.Length - 1)];
    }

    /// <summary>How well a score tells foreign images from ordinary ones: area under the ROC curve, 0 … 1, 0.5 is chance.</summary>
    /// <param name="ordinary">Scores of ordinary images.</param>
    /// <param name="foreign">Scores of foreign images.</param>
    public static double AreaUnderRocCurve(ReadOnlySpan<double> ordinary, ReadOnlySpan<double> foreign)
    {
        double[] scores = [.. ordinary, .. foreign];
        var positive = new byte[scores.Length];
        positive.AsSpan(ordinary.Length).Fill(1);
        return ThresholdCurve.Build("foreign", scores, positive).AreaUnderRocCurve;
    }
}

/// <summary>All that a calibration looks at, for N pictures.</summary>
/// <param name="Logits">[N, classes].</param>
/// <param name="Features">Inputs of the network's last dense layer, [N, D]; empty where it has none.</param>
/// <param name="Texture">Contrast and roughness, [N, 2].</param>
internal sealed record ImageOutputs(float[] Logits, float[] Features, float[] Texture);
