namespace MlNetCifar.Numerics;

/// <summary>The losses, each with its gradient. Small (one value per class and image), so scalar and in double precision inside.</summary>
internal static class Losses
{
    /// <summary>
    /// Softmax cross-entropy of label distributions smoothed to (1 − s)·[k = label] + s/K, weighted per image by the weight of its class:
    /// Σᵢ wᵢ·lossᵢ / Σᵢ wᵢ, and its gradient with respect to the logits. A mixed image counts as its two parts, each with its share of the weight of its class.
    /// </summary>
    /// <param name="logits">[n, K].</param>
    /// <param name="labels">[n], 0 … K − 1.</param>
    /// <param name="smoothing">s, 0 … 1.</param>
    /// <param name="classWeights">[K], or empty for ones.</param>
    /// <param name="probabilities">[n, K]; overwritten with the softmax; may be <paramref name="logits"/>.</param>
    /// <param name="gradient">[n, K]; overwritten; empty where not wanted.</param>
    /// <param name="correct">Images whose largest logit is the label's (the first of equals counts).</param>
    /// <param name="mix">Second labels; none by default.</param>
    /// <param name="total">What the sums are divided by where the images are part of more: all of these then have one divisor; null for what these images weigh.</param>
    /// <returns>The weighted mean loss, in nats.</returns>
    public static double SoftmaxCrossEntropy(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, float smoothing, ReadOnlySpan<float> classWeights,
        Span<float> probabilities, Span<float> gradient, out int correct, LabelMix mix = default, double? total = null)
    {
        var k = logits.Length / labels.Length;
        var divisor = total ?? TotalWeight(labels, classWeights, mix);
        double loss = 0;
        correct = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var z = logits.Slice(i * k, k);
            var p = probabilities.Slice(i * k, k);
            var label = labels[i];
            var (firstWeight, second, secondWeight) = mix.Parts(i, label, classWeights);
            var weight = firstWeight + secondWeight;
            var (firstTarget, secondTarget) = (Share(firstWeight, weight) * (1 - smoothing), secondWeight == 0 ? 0 : Share(secondWeight, weight) * (1 - smoothing));
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
            loss += firstWeight * (logSum - ((1 - smoothing) * target) - (smoothing / k * sumZ));
            if (secondWeight > 0)
                loss += secondWeight * (logSum - ((1 - smoothing) * z[second]) - (smoothing / k * sumZ));
            for (var j = 0; j < k; j++)
            {
                var q = Math.Exp(z[j] - logSum);
                p[j] = (float)q;
                if (!gradient.IsEmpty)
                    gradient[(i * k) + j] = (float)(weight / divisor * (q - (smoothing / k) - (j == label ? firstTarget : 0) - (j == second ? secondTarget : 0)));
            }
        }

        return loss / divisor;
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
    /// <param name="mix">Second labels; none by default.</param>
    /// <param name="total">What the sums are divided by where the images are part of more: all of these then have one divisor; null for what these images weigh.</param>
    /// <returns>The weighted mean loss, in nats.</returns>
    public static double SigmoidCrossEntropy(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, float smoothing, ReadOnlySpan<float> classWeights,
        Span<float> probabilities, Span<float> gradient, out int correct, LabelMix mix = default, double? total = null)
    {
        var divisor = total ?? TotalWeight(labels, classWeights, mix);
        double loss = 0;
        correct = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            double z = logits[i];
            var (firstWeight, second, secondWeight) = mix.Parts(i, labels[i], classWeights);
            var weight = firstWeight + secondWeight;
            var share = secondWeight == 0 ? labels[i] : (float)(((firstWeight * labels[i]) + (secondWeight * second)) / weight);
            var target = (share * (1 - smoothing)) + (smoothing / 2);
            correct += (z > 0 ? 1 : 0) == labels[i] ? 1 : 0;

            // log(1 + eᶻ) without overflow.
            loss += weight * (Math.Max(z, 0) + Math.Log(1 + Math.Exp(-Math.Abs(z))) - (target * z));
            var q = 1 / (1 + Math.Exp(-z));
            probabilities[i] = (float)q;
            if (!gradient.IsEmpty)
                gradient[i] = (float)(weight / divisor * (q - target));
        }

        return loss / divisor;
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

    /// <summary>A part of a weight, exactly 1 where it is all of it.</summary>
    static double Share(double part, double whole) => part == whole ? 1 : part / whole;

    /// <summary>What all images weigh.</summary>
    internal static double TotalWeight(ReadOnlySpan<int> labels, ReadOnlySpan<float> classWeights, LabelMix mix)
    {
        if (classWeights.IsEmpty)
            return labels.Length;
        double total = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var (first, _, second) = mix.Parts(i, labels[i], classWeights);
            total += first + second;
        }

        return total;
    }
}
