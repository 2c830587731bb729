using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>Tells images unlike those it was fitted on: features further from every class than nearly all of those were.</summary>
/// <param name="Distance">Squared Mahalanobis distance to the nearest class mean.</param>
/// <param name="Threshold">Images with a greater distance are foreign.</param>
internal sealed record ForeignRule(FeatureDistance Distance, double Threshold)
{
    /// <summary>Parts the images are cut into: each is scored by a distance fitted on the others, as a new image would be.</summary>
    const int Folds = 5;

    /// <summary>Fits the distance, and the threshold by cross-validation. Fit on images that the network was not trained on.</summary>
    /// <param name="labels">True classes, [N].</param>
    /// <param name="features">[N, D] row-major; rows that are not finite are left out.</param>
    /// <param name="classes">C ≥ 2.</param>
    /// <param name="accepted">Share of ordinary images that must not be called foreign, in (0, 1).</param>
    /// <exception cref="ArgumentException">The number of features is no multiple of the number of labels.</exception>
    /// <exception cref="MlNetCifarException">There are not two usable rows (MNC5001), or a label is out of range (MNC5002).</exception>
    public static ForeignRule Fit(ReadOnlySpan<int> labels, ReadOnlySpan<float> features, int classes, double accepted = 0.99)
    {
        var d = labels.Length == 0 ? 0 : features.Length / labels.Length;
        if (d > 0 && features.Length != (long)d * labels.Length)
            throw new ArgumentException($"{features.Length} features are no multiple of {labels.Length} labels.", nameof(features));
        List<int> used = [];
        for (var row = 0; row < labels.Length; row++)
        {
            if (d > 0 && Evaluation.Probabilities.AllFinite(features.Slice(row * d, d)))
                used.Add(row);
        }

        if (used.Count < 2)
            throw EvaluationErrors.NoImages();
        var scores = new double[used.Count];
        for (var fold = 0; fold < Math.Min(Folds, used.Count); fold++)
        {
            var others = FitRows(labels, features, [.. used.Where((_, i) => i % Folds != fold)], d, classes);
            for (var i = fold; i < used.Count; i += Folds)
                scores[i] = others.Score(features.Slice(used[i] * d, d));
        }

        return new ForeignRule(FitRows(labels, features, used, d, classes), OutOfDistribution.Threshold(scores, accepted));
    }

    /// <summary>Whether an image is foreign; one whose features are not numbers is.</summary>
    /// <param name="features">[D].</param>
    public bool IsForeign(ReadOnlySpan<float> features) => !(Distance.Score(features) <= Threshold);

    static FeatureDistance FitRows(ReadOnlySpan<int> labels, ReadOnlySpan<float> features, List<int> rows, int d, int classes)
    {
        var (chosen, values) = (new int[rows.Count], new float[rows.Count * d]);
        for (var i = 0; i < rows.Count; i++)
        {
            chosen[i] = labels[rows[i]];
            features.Slice(rows[i] * d, d).CopyTo(values.AsSpan(i * d));
        }

        return FeatureDistance.Fit(chosen, values, classes);
    }
}
