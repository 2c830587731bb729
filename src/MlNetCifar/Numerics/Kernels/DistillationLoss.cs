namespace MlNetCifar.Numerics;

/// <summary>
/// The loss of Hinton, Vinyals and Dean 2015, “Distilling the Knowledge in a Neural Network”: (1 − a)·loss + a·T²·KL(softmax(t/T) ‖ softmax(z/T)), t being the teacher's logits. The factor T²
/// keeps the size of the gradients, which fall with 1/T². Small (one value per class and image), so scalar and in double precision inside.
/// </summary>
internal static class DistillationLoss
{
    /// <summary>Mixes the teacher's part into a loss and its gradient.</summary>
    /// <param name="loss">Loss of the labels, as <see cref="Losses"/> gives it.</param>
    /// <param name="logits">[n, K] of the student; K = 1 for one logit of two classes.</param>
    /// <param name="teacher">[n, K].</param>
    /// <param name="labels">[n].</param>
    /// <param name="temperature">T, &gt; 0.</param>
    /// <param name="share">a, 0 … 1.</param>
    /// <param name="classWeights">One a class, or empty: an image counts here as it does there.</param>
    /// <param name="gradient">[n, K], of the labels' loss; changed. Empty where not wanted.</param>
    /// <param name="mix">Second labels; none by default.</param>
    /// <param name="total">As there.</param>
    /// <returns>The mixed loss, in nats.</returns>
    public static double Mix(
        double loss, ReadOnlySpan<float> logits, ReadOnlySpan<float> teacher, ReadOnlySpan<int> labels, float temperature, float share,
        ReadOnlySpan<float> classWeights, Span<float> gradient, LabelMix mix = default, double? total = null)
    {
        var k = logits.Length / labels.Length;
        var divisor = total ?? Losses.TotalWeight(labels, classWeights, mix);
        double divergence = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var (first, _, second) = mix.Parts(i, labels[i], classWeights);
            var weight = (first + second) / divisor;
            ReadOnlySpan<float> z = logits.Slice(i * k, k), t = teacher.Slice(i * k, k);
            var g = gradient.IsEmpty ? [] : gradient.Slice(i * k, k);
            divergence += weight * (k == 1 ? Sigmoid(z[0], t[0], temperature, share, weight, g) : Softmax(z, t, temperature, share, weight, g));
        }

        return ((1 - share) * loss) + (share * temperature * temperature * divergence);
    }

    /// <summary>One image's divergence.</summary>
    static double Softmax(ReadOnlySpan<float> z, ReadOnlySpan<float> t, double temperature, double share, double weight, Span<float> gradient)
    {
        var (norm, teacherNorm) = (LogSpace.Sum(z, temperature), LogSpace.Sum(t, temperature));
        double divergence = 0;
        for (var j = 0; j < z.Length; j++)
        {
            var (log, teacherLog) = ((z[j] / temperature) - norm, (t[j] / temperature) - teacherNorm);
            var (q, p) = (Math.Exp(log), Math.Exp(teacherLog));
            divergence += p * (teacherLog - log);
            if (!gradient.IsEmpty)
                gradient[j] = Mixed(gradient[j], q - p, temperature, share, weight);
        }

        return divergence;
    }

    static double Sigmoid(double z, double t, double temperature, double share, double weight, Span<float> gradient)
    {
        (z, t) = (z / temperature, t / temperature);
        var (q, p) = (Math.Exp(LogSpace.Sigmoid(z)), Math.Exp(LogSpace.Sigmoid(t)));
        if (!gradient.IsEmpty)
            gradient[0] = Mixed(gradient[0], q - p, temperature, share, weight);
        return (p * (LogSpace.Sigmoid(t) - LogSpace.Sigmoid(z))) + (Math.Exp(LogSpace.Sigmoid(-t)) * (LogSpace.Sigmoid(-t) - LogSpace.Sigmoid(-z)));
    }

    static float Mixed(float gradient, double difference, double temperature, double share, double weight) =>
        (float)(((1 - share) * gradient) + (share * temperature * weight * difference));
}
