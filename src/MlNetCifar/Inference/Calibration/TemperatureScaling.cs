using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>
/// One number that makes probabilities honest (Guo et al. 2017): p = softmax(z ÷ T). It changes no answer, only how sure the answer is.
/// </summary>
/// <param name="Temperature">T &gt; 0; above 1 the model was too sure, below 1 too unsure.</param>
/// <param name="LogLossBefore">Log-loss at T = 1 on the images it was fitted on, in nats.</param>
/// <param name="LogLossAfter">Log-loss at <paramref name="Temperature"/> on the same images; never above the one before.</param>
internal sealed record TemperatureScaling(double Temperature, double LogLossBefore, double LogLossAfter)
{
    /// <summary>Smallest and, inverted, largest temperature considered; reached when the model is always right or no better than chance.</summary>
    public const double Limit = 0.01;

    /// <summary>Leaves probabilities as they are.</summary>
    public static TemperatureScaling None { get; } = new(1, double.NaN, double.NaN);

    /// <summary>Finds the temperature with the lowest log-loss. Fit on images that the network was not trained on.</summary>
    /// <param name="labels">True classes, [N].</param>
    /// <param name="logits">The network's outputs before the softmax, [N, C] row-major; rows that are not finite are left out.</param>
    /// <param name="classes">C ≥ 2.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    /// <exception cref="MlNetCifarException">There is no usable row (MNC5001), or a label is out of range (MNC5002).</exception>
    public static TemperatureScaling Fit(ReadOnlySpan<int> labels, ReadOnlySpan<float> logits, int classes)
    {
        Softmax.Check(labels, logits.Length, classes);
        var inverse = BestInverse(labels, logits, classes);
        return new TemperatureScaling(1 / inverse, LogLoss(labels, logits, classes, 1), LogLoss(labels, logits, classes, inverse));
    }

    /// <summary>Calibrated probabilities of one image or of many.</summary>
    /// <param name="logits">[C], or [N, C] row-major.</param>
    /// <param name="classes">C ≥ 2.</param>
    /// <param name="probabilities">As long as <paramref name="logits"/>; overwritten; may be the same memory.</param>
    public void Apply(ReadOnlySpan<float> logits, int classes, Span<float> probabilities)
    {
        for (var start = 0; start < logits.Length; start += classes)
            Softmax.Apply(logits.Slice(start, classes), 1 / Temperature, probabilities.Slice(start, classes));
    }

    /// <summary>The 1/T with the lowest log-loss, which is convex in it: Newton steps on the slope, kept inside a shrinking bracket.</summary>
    static double BestInverse(ReadOnlySpan<int> labels, ReadOnlySpan<float> logits, int classes)
    {
        var (low, high) = (Limit, 1 / Limit);
        if (Slope(labels, logits, classes, low).Slope >= 0)
            return low;
        if (Slope(labels, logits, classes, high).Slope <= 0)
            return high;
        var inverse = 1.0;
        for (var i = 0; i < 100 && high - low > 1e-12 * high; i++)
        {
            var (slope, curvature) = Slope(labels, logits, classes, inverse);
            if (slope > 0)
                high = inverse;
            else
                low = inverse;
            var next = inverse - (slope / curvature);
            var step = next > low && next < high ? next : Math.Sqrt(low * high);
            if (Math.Abs(step - inverse) <= 1e-13 * inverse)
                break;
            inverse = step;
        }

        return inverse;
    }

    /// <summary>First and second derivative of the log-loss by 1/T: mean of E[z] − z_label, and of Var[z].</summary>
    static (double Slope, double Curvature) Slope(ReadOnlySpan<int> labels, ReadOnlySpan<float> logits, int classes, double inverse)
    {
        double slope = 0, curvature = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var z = logits.Slice(i * classes, classes);
            var normalizer = Softmax.LogSumExp(z, inverse);
            if (!double.IsFinite(normalizer))
                continue;
            double mean = 0, square = 0;
            var origin = z[labels[i]];
            foreach (var value in z)
            {
                var p = Math.Exp((inverse * value) - normalizer);
                double distance = value - origin;
                mean += p * distance;
                square += p * distance * distance;
            }

            slope += mean;
            curvature += square - (mean * mean);
        }

        return (slope, curvature);
    }

    static double LogLoss(ReadOnlySpan<int> labels, ReadOnlySpan<float> logits, int classes, double inverse)
    {
        var sum = 0.0;
        var count = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var z = logits.Slice(i * classes, classes);
            var normalizer = Softmax.LogSumExp(z, inverse);
            if (!double.IsFinite(normalizer))
                continue;
            sum += normalizer - (inverse * z[labels[i]]);
            count++;
        }

        if (count == 0)
            throw EvaluationErrors.NoImages();
        return sum / count;
    }
}
