using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>How unusual a label is, given the probabilities.</summary>
public enum ConformalMethod
{
    /// <summary>1 − p of the label: the smallest sets on average; a set may be empty when no label is usual (Sadinle, Lei and Wasserman 2019).</summary>
    Threshold,

    /// <summary>Sum of the probabilities down to and including the label: never empty, larger for hard images (Romano, Sesia and Candès 2020).</summary>
    Adaptive,
}

/// <summary>
/// Label sets that hold the true label as often as promised, whatever the model, as long as new images are like the ones used for fitting
/// (split conformal prediction, Vovk et al. 2005).
/// </summary>
/// <param name="Method">How unusual a label is.</param>
/// <param name="Coverage">Promised share of sets that hold the true label, in (0, 1).</param>
/// <param name="Quantile">Labels at most this unusual enter the set; +∞ when there were too few images to promise anything but all labels.</param>
internal sealed record ConformalSets(ConformalMethod Method, double Coverage, double Quantile)
{
    /// <summary>Finds the quantile on images that the network was not trained on.</summary>
    /// <param name="labels">True classes, [N].</param>
    /// <param name="probabilities">Calibrated probabilities, [N, C] row-major; rows that are not finite are left out.</param>
    /// <param name="classes">C ≥ 2.</param>
    /// <param name="coverage">Promised coverage in (0, 1). The default is 0.9.</param>
    /// <param name="method">How unusual a label is.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together, or coverage or method is out of range.</exception>
    /// <exception cref="MlNetCifarException">There is no row (MNC5001), or a label is out of range (MNC5002).</exception>
    public static ConformalSets Fit(
        ReadOnlySpan<int> labels, ReadOnlySpan<float> probabilities, int classes, double coverage = 0.9, ConformalMethod method = ConformalMethod.Threshold)
    {
        Softmax.Check(labels, probabilities.Length, classes);
        if (coverage is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(coverage), coverage, "Expected a number between 0 and 1.");
        if (!Enum.IsDefined(method))
            throw new ArgumentOutOfRangeException(nameof(method), method, "No such method.");
        var scores = new List<double>(labels.Length);
        for (var i = 0; i < labels.Length; i++)
        {
            var row = probabilities.Slice(i * classes, classes);
            if (Probabilities.AllFinite(row))
                scores.Add(Unusualness(row, labels[i], method));
        }

        scores.Sort();
        var rank = (int)Math.Ceiling((scores.Count + 1) * coverage);
        return new ConformalSets(method, coverage, rank <= scores.Count ? scores[rank - 1] : double.PositiveInfinity);
    }

    /// <summary>The label set of one image.</summary>
    /// <param name="probabilities">Calibrated probabilities, [C].</param>
    /// <returns>Class indices, most probable first; may be empty with <see cref="ConformalMethod.Threshold"/>.</returns>
    public int[] SetOf(ReadOnlySpan<float> probabilities)
    {
        List<int> set = [];
        for (var label = 0; label < probabilities.Length; label++)
            if (Unusualness(probabilities, label, Method) <= Quantile)
                set.Add(label);
        var p = probabilities.ToArray();
        return [.. set.OrderByDescending(label => p[label]).ThenBy(label => label)];
    }

    static double Unusualness(ReadOnlySpan<float> probabilities, int label, ConformalMethod method)
    {
        double own = probabilities[label];
        if (method == ConformalMethod.Threshold)
            return 1 - own;

        // The most probable label counts as not unusual at all, so that no set is empty.
        var above = 0.0;
        for (var i = 0; i < probabilities.Length; i++)
            if (probabilities[i] > own || (probabilities[i] == own && i < label))
                above += probabilities[i];
        return above == 0 ? 0 : above + own;
    }
}
