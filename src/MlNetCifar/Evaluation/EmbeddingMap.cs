using MlNetCifar.Numerics;

namespace MlNetCifar;

/// <summary>A point of a map of images: near each other are those that the network takes for alike.</summary>
/// <param name="X">Along the direction in which the images differ most.</param>
/// <param name="Y">Along the next one.</param>
/// <param name="Row">Place of the image in the test data.</param>
internal readonly record struct EmbeddingPoint(double X, double Y, int Row);

/// <summary>Images in the plane, by the first two principal components of the numbers that a network makes of them.</summary>
/// <param name="Points">One an image.</param>
/// <param name="Explained">Share of the variance that the plane shows, 0 … 1.</param>
internal sealed record EmbeddingMap(IReadOnlyList<EmbeddingPoint> Points, double Explained)
{
    const int Iterations = 60;

    /// <summary>Principal components by power iteration; the same features give the same map.</summary>
    /// <param name="features">[rows, features].</param>
    /// <param name="rows">The images' places in the test data.</param>
    /// <exception cref="ArgumentException">The length is no multiple of the number of rows, or there are fewer than two rows.</exception>
    public static EmbeddingMap Of(ReadOnlySpan<float> features, IReadOnlyList<int> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count < 2 || features.Length % rows.Count != 0 || features.Length == 0)
            throw new ArgumentException($"{features.Length} features do not fit {rows.Count} rows, of which there must be two.", nameof(features));
        var width = features.Length / rows.Count;
        var centred = Centred(features, rows.Count, width);
        var total = centred.Sum(value => value * value);
        var (x, first) = Component(centred, rows.Count, width, 1);
        var (y, second) = Component(centred, rows.Count, width, 2);
        return new([.. rows.Select((row, i) => new EmbeddingPoint(x[i], y[i], row))], total > 0 ? Math.Min(1, (first + second) / total) : 0);
    }

    static double[] Centred(ReadOnlySpan<float> features, int count, int width)
    {
        var means = new double[width];
        for (var i = 0; i < features.Length; i++)
            means[i % width] += (double)features[i] / count;
        var centred = new double[features.Length];
        for (var i = 0; i < centred.Length; i++)
            centred[i] = features[i] - means[i % width];
        return centred;
    }

    /// <summary>Finds the direction of most variance, and takes it out of the rows.</summary>
    static (double[] Along, double Variance) Component(double[] centred, int count, int width, ulong seed)
    {
        var random = new SplitRandom(seed, RandomPurpose.Bootstrap);
        var direction = new double[width];
        for (var c = 0; c < width; c++)
            direction[c] = random.NextDouble() - 0.5;
        var along = new double[count];
        for (var pass = 0; pass < Iterations; pass++)
        {
            Normalize(direction);
            Project(centred, direction, along);
            Array.Clear(direction);
            for (var i = 0; i < centred.Length; i++)
                direction[i % width] += along[i / width] * centred[i];
        }

        Normalize(direction);
        Project(centred, direction, along);
        for (var i = 0; i < centred.Length; i++)
            centred[i] -= along[i / width] * direction[i % width];
        return (along, along.Sum(value => value * value));
    }

    static void Project(double[] centred, double[] direction, double[] along)
    {
        Array.Clear(along);
        for (var i = 0; i < centred.Length; i++)
            along[i / direction.Length] += centred[i] * direction[i % direction.Length];
    }

    static void Normalize(double[] direction)
    {
        var length = Math.Sqrt(direction.Sum(value => value * value));
        for (var c = 0; c < direction.Length; c++)
            direction[c] = length > 0 ? direction[c] / length : 0;
    }
}
