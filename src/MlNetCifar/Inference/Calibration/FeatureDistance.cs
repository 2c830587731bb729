using System.Numerics;
using MlNetCifar.Evaluation;
using MlNetCifar.Numerics;

namespace MlNetCifar.Inference;

/// <summary>
/// Out-of-distribution score from features (Lee et al. 2018): squared Mahalanobis distance to the nearest class mean, with one covariance
/// for all classes, shrunk a little toward a multiple of the identity so that it can always be inverted. Immutable.
/// </summary>
internal sealed class FeatureDistance : IEquatable<FeatureDistance>
{
    /// <summary>Weight of the identity in the covariance.</summary>
    const double Shrinkage = 0.01;

    readonly float[] _means;
    readonly float[] _whitening;

    FeatureDistance(int dimension, float[] means, float[] whitening)
    {
        Dimension = dimension;
        _means = means;
        _whitening = whitening;
    }

    /// <summary>Number of features D.</summary>
    public int Dimension { get; }

    /// <summary>Whitened means of the classes that had images, [classes, D].</summary>
    internal ReadOnlySpan<float> Means => _means;

    /// <summary>L⁻¹, L being the lower Cholesky factor of the covariance: row i has i + 1 elements.</summary>
    internal ReadOnlySpan<float> Whitening => _whitening;

    /// <summary>Fits to the features of images.</summary>
    /// <param name="labels">True classes, [N].</param>
    /// <param name="features">For example the inputs of the last layer, [N, D] row-major, finite.</param>
    /// <param name="classes">C ≥ 2.</param>
    /// <exception cref="ArgumentException">The number of features is no multiple of the number of labels.</exception>
    /// <exception cref="MlNetCifarException">There is no row (MNC5001), or a label is out of range (MNC5002).</exception>
    public static FeatureDistance Fit(ReadOnlySpan<int> labels, ReadOnlySpan<float> features, int classes)
    {
        if (labels.Length == 0)
            throw EvaluationErrors.NoImages();
        var d = features.Length / labels.Length;
        if (d == 0 || features.Length != (long)d * labels.Length)
            throw new ArgumentException($"{features.Length} features are no multiple of {labels.Length} labels.", nameof(features));
        var means = ClassMeans(labels, features, classes, d);
        var factor = Covariance(labels, features, means, d);

        // Features beyond what doubles hold: no image is near any class.
        if (!Cholesky.TryFactor(factor, d))
            Array.Fill(factor, double.NaN);
        var whitening = Inverse(factor, d);
        var whitened = new List<float>();
        foreach (var mean in means.Where(mean => !double.IsNaN(mean[0])))
            whitened.AddRange(Whiten(whitening, [.. mean.Select(value => (float)value)]));
        return new FeatureDistance(d, [.. whitened], whitening);
    }

    /// <summary>Puts a stored distance together again.</summary>
    /// <exception cref="FormatException">The parts do not fit together.</exception>
    internal static FeatureDistance Restore(int dimension, float[] means, float[] whitening)
    {
        if (dimension < 1 || means.Length == 0 || means.Length % dimension != 0 || whitening.Length != (long)dimension * (dimension + 1) / 2)
            throw new FormatException($"{means.Length} means and {whitening.Length} weights do not fit {dimension} features.");
        return new FeatureDistance(dimension, means, whitening);
    }

    /// <summary>The score of one image, ≥ 0; about D for an ordinary one.</summary>
    /// <param name="features">[D].</param>
    public double Score(ReadOnlySpan<float> features)
    {
        if (features.Length != Dimension)
            throw new ArgumentException($"There are {features.Length} features; expected {Dimension}.", nameof(features));
        var whitened = Whiten(_whitening, features);
        var best = double.PositiveInfinity;
        for (var start = 0; start < _means.Length; start += Dimension)
        {
            var sum = 0.0;
            for (var i = 0; i < whitened.Length; i++)
            {
                double difference = whitened[i] - _means[start + i];
                sum += difference * difference;
            }

            // Unlike Math.Min, a comparison would hide NaN.
            best = Math.Min(best, sum);
        }

        return best;
    }

    /// <inheritdoc/>
    public bool Equals(FeatureDistance? other) =>
        other is not null && Dimension == other.Dimension && Means.SequenceEqual(other.Means) && Whitening.SequenceEqual(other.Whitening);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FeatureDistance);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Dimension, _means[0], _whitening[^1]);

    static float[] Whiten(ReadOnlySpan<float> whitening, ReadOnlySpan<float> x)
    {
        var result = new float[x.Length];
        for (int i = 0, at = 0; i < x.Length; at += ++i)
            result[i] = Dot(whitening.Slice(at, i + 1), x);
        return result;
    }

    // D² ÷ 2 products for each image: the one part of a calibration that would be felt beside the network.
    static float Dot(ReadOnlySpan<float> row, ReadOnlySpan<float> x)
    {
        var sums = Vector<float>.Zero;
        var i = 0;
        for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
            sums += new Vector<float>(row[i..]) * new Vector<float>(x[i..]);
        var sum = Vector.Sum(sums);
        for (; i < row.Length; i++)
            sum += row[i] * x[i];
        return sum;
    }

    static double[][] ClassMeans(ReadOnlySpan<int> labels, ReadOnlySpan<float> features, int classes, int d)
    {
        var means = Enumerable.Range(0, classes).Select(_ => new double[d]).ToArray();
        var counts = new long[classes];
        for (var i = 0; i < labels.Length; i++)
        {
            if ((uint)labels[i] >= (uint)classes)
                throw EvaluationErrors.LabelOutOfRange(i, labels[i], classes);
            counts[labels[i]]++;
            for (var j = 0; j < d; j++)
                means[labels[i]][j] += features[(i * d) + j];
        }

        for (var label = 0; label < classes; label++)
            for (var j = 0; j < d; j++)
                means[label][j] /= counts[label];
        return means;
    }

    /// <summary>The lower triangle of the shrunk covariance, [D, D].</summary>
    static double[] Covariance(ReadOnlySpan<int> labels, ReadOnlySpan<float> features, double[][] means, int d)
    {
        var covariance = new double[d * d];
        var centered = new double[d];
        for (var row = 0; row < labels.Length; row++)
        {
            for (var j = 0; j < d; j++)
                centered[j] = features[(row * d) + j] - means[labels[row]][j];
            for (var i = 0; i < d; i++)
            {
                var factor = centered[i] / labels.Length;
                var target = covariance.AsSpan(i * d, i + 1);
                for (var j = 0; j < target.Length; j++)
                    target[j] += factor * centered[j];
            }
        }

        var trace = 0.0;
        for (var i = 0; i < d; i++)
            trace += covariance[(i * d) + i];
        for (var i = 0; i < d; i++)
            for (var j = 0; j <= i; j++)
                covariance[(i * d) + j] = ((1 - Shrinkage) * covariance[(i * d) + j]) + (i == j ? (Shrinkage * trace / d) + 1e-12 : 0);
        return covariance;
    }

    /// <summary>L⁻¹ of a lower triangular matrix, row by row without the zeros.</summary>
    static float[] Inverse(double[] factor, int d)
    {
        var inverse = new double[d * d];
        var packed = new float[d * (d + 1) / 2];
        for (int i = 0, at = 0; i < d; at += ++i)
        {
            var row = inverse.AsSpan(i * d, i + 1);
            for (var k = 0; k < i; k++)
            {
                var weight = factor[(i * d) + k];
                var above = inverse.AsSpan(k * d, k + 1);
                for (var j = 0; j < above.Length; j++)
                    row[j] -= weight * above[j];
            }

            row[i] = 1;
            for (var j = 0; j <= i; j++)
                packed[at + j] = (float)(row[j] /= factor[(i * d) + i]);
        }

        return packed;
    }
}
