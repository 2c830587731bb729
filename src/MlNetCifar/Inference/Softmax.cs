using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>Softmax and its logarithm in double, safe against overflow.</summary>
internal static class Softmax
{
    /// <summary>ln Σ exp(zᵢ).</summary>
    public static double LogSumExp(ReadOnlySpan<float> logits, double scale = 1)
    {
        var max = double.NegativeInfinity;
        foreach (var logit in logits)
            max = Math.Max(max, scale * logit);
        if (!double.IsFinite(max))
            return max;
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp((scale * logit) - max);
        return max + Math.Log(sum);
    }

    /// <summary>pᵢ = exp(scale · zᵢ) ÷ Σ exp(scale · zⱼ).</summary>
    public static void Apply(ReadOnlySpan<float> logits, double scale, Span<float> probabilities)
    {
        var normalizer = LogSumExp(logits, scale);
        for (var i = 0; i < logits.Length; i++)
            probabilities[i] = (float)Math.Exp((scale * logits[i]) - normalizer);
    }

    /// <summary>Throws unless there are N · C values for N labels in range; returns C.</summary>
    public static void Check(ReadOnlySpan<int> labels, int values, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        if (values != (long)labels.Length * classes)
            throw new ArgumentException($"{labels.Length} labels and {classes} classes need {(long)labels.Length * classes} values; found {values}.");
        if (labels.Length == 0)
            throw EvaluationErrors.NoImages();
        for (var i = 0; i < labels.Length; i++)
            if ((uint)labels[i] >= (uint)classes)
                throw EvaluationErrors.LabelOutOfRange(i, labels[i], classes);
    }
}
