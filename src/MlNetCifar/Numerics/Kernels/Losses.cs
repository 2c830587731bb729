namespace MlNetCifar.Numerics;

/// <summary>The losses, each with its gradient. Small (one value per class and image), so scalar and in double precision inside.</summary>
internal static class Losses
{
    /// <summary>
    /// Softmax cross-entropy of label distributions smoothed to (1 − s)·[k = label] + s/K, weighted per image by the weight of its class:
    /// Σᵢ wᵢ·lossᵢ / Σᵢ wᵢ, and its gradient with respect to the logits.
    /// </summary>
    /// <param name="logits">[n, K].</param>
    /// <param name="labels">[n], 0 … K − 1.</param>
    /// <param name="smoothing">s, 0 … 1.</param>
    /// <param name="classWeights">[K], or empty for ones.</param>
    /// <param name="probabilities">[n, K]; overwritten with the softmax; may be <paramref name="logits"/>.</param>
    /// <param name="gradient">[n, K]; overwritten; empty where not wanted.</param>
    /// <param name="correct">Images whose largest logit is the label's (the first of equals counts).</param>
    /// <returns>The weighted mean loss, in nats.</returns>
    public static double SoftmaxCrossEntropy(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, float smoothing, ReadOnlySpan<float> classWeights,
        Span<float> probabilities, Span<float> gradient, out int correct)
    {
        var k = logits.Length / labels.Length;
        var total = TotalWeight(labels, classWeights);
        double loss = 0;
        correct = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var z = logits.Slice(i * k, k);
            var p = probabilities.Slice(i * k, k);
            var label = labels[i];
            var weight = classWeights.IsEmpty ? 1.0 : classWeights[label];
            double max = z[0], sumZ = 0, target = z[label];
            var best = 0;
            for (var j = 0; j < k; j++)
            {
                sumZ += z[j];
                if (z[j] > max)
                    (max, best) = (z[j], j);
            }

            correct += best == label ? 1 : 0;
            double sum = 0;
            for (var j = 0; j < k; j++)
                sum += Math.Exp(z[j] - max);
            var logSum = max + Math.Log(sum);
            loss += weight * (logSum - ((1 - smoothing) * target) - (smoothing / k * sumZ));
            for (var j = 0; j < k; j++)
            {
                var q = Math.Exp(z[j] - logSum);
                p[j] = (float)q;
                if (!gradient.IsEmpty)
                    gradient[(i * k) + j] = (float)(weight / total * (q - (smoothing / k) - (j == label ? 1 - smoothing : 0)));
            }
        }

        return loss / total;
    }

    /// <summary>
    /// Binary cross-entropy of the sigmoid of one logit per image; the target of label y is y·(1 − s) + s/2. Weighted as the softmax loss is.
    /// </summary>
    /// <param name="logits">[n].</param>
    /// <param name="labels">[n], 0 or 1.</param>
    /// <param name="smoothing">s, 0 … 1.</param>
    /// <param name="classWeights">[2], or empty for ones.</param>
    /// <param name="probabilities">[n]; overwritten with the probability of class 1; may be <paramref name="logits"/>.</param>
    /// <param name="gradient">[n]; overwritten; empty where not wanted.</param>
    /// <param name="correct">Images on the right side of 0.5.</param>
    /// <returns>The weighted mean loss, in nats.</returns>
    public static double SigmoidCrossEntropy(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, float smoothing, ReadOnlySpan<float> classWeights,
        Span<float> probabilities, Span<float> gradient, out int correct)
    {
        var total = TotalWeight(labels, classWeights);
        double loss = 0;
        correct = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            double z = logits[i];
            var weight = classWeights.IsEmpty ? 1.0 : classWeights[labels[i]];
            var target = (labels[i] * (1 - smoothing)) + (smoothing / 2);
            correct += (z > 0 ? 1 : 0) == labels[i] ? 1 : 0;

            // log(1 + eᶻ) without overflow.
            loss += weight * (Math.Max(z, 0) + Math.Log(1 + Math.Exp(-Math.Abs(z))) - (target * z));
            var q = 1 / (1 + Math.Exp(-z));
            probabilities[i] = (float)q;
            if (!gradient.IsEmpty)
                gradient[i] = (float)(weight / total * (q - target));
        }

        return loss / total;
    }

    /// <summary>exp(zₖ) / Σ exp(zⱼ), in double precision inside.</summary>
    /// <param name="logits">[K].</param>
    /// <param name="probabilities">[K]; overwritten; may be <paramref name="logits"/>.</param>
    public static void Softmax(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        double max = logits[0], sum = 0;
        foreach (var z in logits)
            max = Math.Max(max, z);
        foreach (var z in logits)
            sum += Math.Exp(z - max);
        for (var j = 0; j < logits.Length; j++)
            probabilities[j] = (float)(Math.Exp(logits[j] - max) / sum);
    }

    static double TotalWeight(ReadOnlySpan<int> labels, ReadOnlySpan<float> classWeights)
    {
        if (classWeights.IsEmpty)
            return labels.Length;
        double total = 0;
        foreach (var label in labels)
            total += classWeights[label];
        return total;
    }
}
