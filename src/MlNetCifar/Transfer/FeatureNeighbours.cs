using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Transfer;

/// <summary>Pairs of pictures whose features point the same way.</summary>
internal static class FeatureNeighbours
{
    const int Block = 512;

    /// <summary>
    /// Every pair whose cosine, of features measured from their mean, is large enough. A block of pictures is the matrix of a dense layer, whose inputs are all others: the engine's
    /// own product.
    /// </summary>
    /// <param name="features">[N, D].</param>
    /// <param name="length">D.</param>
    /// <param name="similarity">The cosine from which on a pair counts.</param>
    /// <param name="threads">Threads; null for the cores this process may use.</param>
    /// <param name="cancellation">Ends the search.</param>
    public static IEnumerable<(int First, int Second)> Pairs(float[] features, int length, double similarity, int? threads, CancellationToken cancellation)
    {
        var (count, directions) = (features.Length / length, Directions(features, length));
        using var pool = new WorkerPool(threads ?? Environment.ProcessorCount);
        using var weights = new NetworkWeights(new NetworkSpec
        {
            Name = "neighbours", Height = 1, Width = 1, Channels = length, Classes = Block, Loss = LossKind.None, Layers = [new Linear(Block) { Bias = false, WeightName = "fc" }],
        });
        using var network = new Network(weights, Block, training: false, pool);
        for (var first = 0; first < count; first += Block)
        {
            Fill(weights, directions, length, first, Math.Min(Block, count - first));
            for (var second = first; second < count; second += Block)
            {
                cancellation.ThrowIfCancellationRequested();
                var rows = Math.Min(Block, count - second);
                directions.AsSpan(second * length, rows * length).CopyTo(network.Input(rows));
                network.Forward(rows);
                foreach (var pair in Above(network, rows, similarity, first, second))
                    yield return pair;
            }
        }
    }

    static List<(int First, int Second)> Above(Network network, int rows, double similarity, int first, int second)
    {
        var pairs = new List<(int, int)>();
        var cosines = network.Logits(rows);
        for (var i = 0; i < cosines.Length; i++)
            if (cosines[i] >= similarity && first + (i % Block) is var a && second + (i / Block) is var b && a < b)
                pairs.Add((a, b));
        return pairs;
    }

    static void Fill(NetworkWeights weights, float[] directions, int length, int first, int count)
    {
        var matrix = weights.Find("fc.weight")!.Values;
        matrix.Clear();
        for (var k = 0; k < count; k++)
            for (var d = 0; d < length; d++)
                matrix[(d * Block) + k] = directions[((first + k) * length) + d];
        weights.Changed();
    }

    /// <summary>Features less their mean, each row of length 1.</summary>
    static float[] Directions(float[] features, int length)
    {
        var (count, mean, directions) = (features.Length / length, new double[length], new float[features.Length]);
        for (var i = 0; i < features.Length; i++)
            mean[i % length] += features[i] / (double)count;
        for (var row = 0; row < count; row++)
        {
            var squares = 0.0;
            for (var d = 0; d < length; d++)
                squares += Math.Pow(features[(row * length) + d] - mean[d], 2);
            for (var d = 0; d < length; d++)
                directions[(row * length) + d] = (float)((features[(row * length) + d] - mean[d]) / Math.Sqrt(Math.Max(squares, double.Epsilon)));
        }

        return directions;
    }
}
