namespace MlNetCifar.Evaluation.Calibration;

/// <summary>
/// Out-of-distribution score from features (Lee et al. 2018): squared Mahalanobis distance to the nearest class mean, with one covariance
/// for all classes, shrunk a little toward a multiple of the identity so that it can always be inverted. Immutable.
/// </summary>
public sealed class FeatureDistance
{
    /// <summary>Weight of the identity in the covariance.</summary>
    const double Shrinkage = 0.01;

    FeatureDistance(double[][] means, double[] factor)
    {
        Means = means;
        Factor = factor;
    }

    /// <summary>Number of features D.</summary>
    public int Dimension => Means[0].Length;

    /// <summary>Means of the classes that had images, each [D].</summary>
    internal double[][] Means { get; }

    /// <summary>Lower Cholesky factor of the covariance, [D, D] row-major.</summary>
    internal double[] Factor { get; }

    /// <summary>Fits to the features of training images.</summary>
    /// <param name="labels">True classes, [N].</param>
    /// <param name="features">For example the inputs of the last layer, [N, D] row-major, finite.</param>
    /// <param name="classes">C ≥ 2.</param>
    /// <exception cref="ArgumentException">The number of features is no multiple of the number of labels.</exception>
    /// <exception cref="MlNetCifarException">There is no row (MNC5001), or a label is out of range (MNC5002).</exception>
    public static FeatureDistance Fit(ReadOnlySpan<int> labels, ReadOnlySpan<float> features, int classes)
    {
        if (labels.Length == 0)
            EvaluationErrors.NoImages();
        var d = features.Length / labels.Length;
        if (d == 0 || features.Length != (long)d * labels.Length)
            throw new ArgumentException($"{features.Length} features are no multiple of {labels.Length} labels.", nameof(features));
        var means = ClassMeans(labels, features, classes, d);
        var covariance = Covariance(labels, features, means, d);
        double[][] present = [.. means.Where(mean => !double.IsNaN(mean[0]))];
        return new FeatureDistance(present, Cholesky(covariance, d));
    }

    internal static FeatureDistance Restore(double[][] means, double[] factor) => new(means, factor);

    /// <summary>The score of one image, ≥ 0; about D for an ordinary one.</summary>
    /// <param name="features">[D].</param>
    public double Score(ReadOnlySpan<float> features)
    {
        if (features.Length != Dimension)
            throw new ArgumentException($"There are {features.Length} features; expected {Dimension}.", nameof(features));
        var best = double.PositiveInfinity;
        var solved = new double[Dimension];
        foreach (var mean in Means)
        {
            // Forward substitution with the Cholesky factor: |L⁻¹(x − μ)|² is the squared distance.
            var sum = 0.0;
            for (var i = 0; i < Dimension; i++)
            {
                var rest = features[i] - mean[i];
                for (var j = 0; j < i; j++)
                    rest -= Factor[(i * Dimension) + j] * solved[j];
                solved[i] = rest / Factor[(i * Dimension) + i];
                sum += solved[i] * solved[i];
            }

            best = Math.Min(best, sum);
        }

        return best;
    }

    static double[][] ClassMeans(ReadOnlySpan<int> labels, ReadOnlySpan<float> features, int classes, int d)
    {
        var means = Enumerable.Range(0, classes).Select(_ => new double[d]).ToArray();
        var counts = new long[classes];
        for (var i = 0; i < labels.Length; i++)
        {
            if ((uint)labels[i] >= (uint)classes)
                EvaluationErrors.LabelOutOfRange(i, labels[i], classes);
            counts[labels[i]]++;
            for (var j = 0; j < d; j++)
                means[labels[i]][j] += features[(i * d) + j];
        }

        for (var label = 0; label < classes; label++)
            for (var j = 0; j < d; j++)
                means[label][j] /= counts[label];
        return means;
    }

    static double[] Covariance(ReadOnlySpan<int> labels, ReadOnlySpan<float> features, double[][] means, int d)
    {
        var covariance = new double[d * d];
        var centered = new double[d];
        for (var row = 0; row < labels.Length; row++)
        {
            for (var j = 0; j < d; j++)
                centered[j] = features[(row * d) + j] - means[labels[row]][j];
            for (var i = 0; i < d; i++)
                for (var j = 0; j <= i; j++)
                    covariance[(i * d) + j] += centered[i] * centered[j] / labels.Length;
        }

        var trace = 0.0;
        for (var i = 0; i < d; i++)
            trace += covariance[(i * d) + i];
        for (var i = 0; i < d; i++)
            for (var j = 0; j <= i; j++)
                covariance[(i * d) + j] = ((1 - Shrinkage) * covariance[(i * d) + j]) + (i == j ? (Shrinkage * trace / d) + 1e-12 : 0);
        return covariance;
    }

    static double[] Cholesky(double[] matrix, int d)
    {
        for (var i = 0; i < d; i++)
            for (var j = 0; j <= i; j++)
            {
                var sum = matrix[(i * d) + j];
                for (var k = 0; k < j; k++)
                    sum -= matrix[(i * d) + k] * matrix[(j * d) + k];
                matrix[(i * d) + j] = i == j ? Math.Sqrt(sum) : sum / matrix[(j * d) + j];
            }

        return matrix;
    }
}
