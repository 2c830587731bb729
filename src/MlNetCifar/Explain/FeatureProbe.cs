using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Explain;

/// <summary>Feature maps of one convolution or of several, each a member's of an ensemble, and the gradients of a class's logit by them, in one pass there and back. Not thread-safe.</summary>
internal sealed class FeatureProbe : IDisposable
{
    readonly WorkerPool _pool;
    readonly Network _network;

    public FeatureProbe(NetworkWeights weights, string? layer, int batchSize, int threads)
    {
        Layers = ConvLayer.Chosen(weights.Spec, layer);
        _pool = new WorkerPool(threads);

        // With all other weights frozen, nothing below the maps is prepared to go back, which would take several times the weights' memory.
        var frozen = weights.Tensors.Where(tensor => !Layers.Any(chosen => chosen.Positions.Contains(tensor.Node.Position))).ToHashSet();
        _network = new Network(weights, batchSize, training: true, _pool, keep: [.. Layers.Select(chosen => chosen.Position)], frozen: frozen);
        Maps = [.. _network.ProbedShapes.Select(shape => shape.WithBatch(1))];
    }

    /// <summary>In the order of computation.</summary>
    public IReadOnlyList<ConvLayer> Layers { get; }

    public int BatchSize => _network.BatchSize;

    /// <summary>Shape of one image's maps, of each layer.</summary>
    public IReadOnlyList<Shape> Maps { get; }

    /// <summary>Explains a batch.</summary>
    /// <param name="inputs">[n, H, W, C], normalised; n at most <see cref="BatchSize"/>.</param>
    /// <param name="answers">The class to explain of each image, and its probability.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>For each image what was found in each layer.</returns>
    public Probed[][] Run(ReadOnlySpan<float> inputs, ReadOnlySpan<(int Class, float Probability)> answers, CancellationToken cancellation)
    {
        var (outputs, count) = (_network.Weights.Spec.Outputs, answers.Length);
        inputs.CopyTo(_network.Input(count));
        var length = count * (int)Maps.Sum(maps => maps.Length);
        var (features, gradients) = (new float[length], new float[length]);
        _network.Probe(count, features, cancellation);
        var seeds = new float[count * outputs];
        for (var i = 0; i < count; i++)
        {
            // One logit for two classes: what speaks against the second speaks for the first.
            if (outputs == 1)
                seeds[i] = answers[i].Class == 1 ? 1 : -1;
            else
                seeds[(i * outputs) + answers[i].Class] = 1;
        }

        _network.ProbeGradient(count, seeds, gradients);
        var probed = new Probed[count][];
        for (var i = 0; i < count; i++)
        {
            probed[i] = new Probed[Maps.Count];
            var start = 0;
            for (var layer = 0; layer < Maps.Count; layer++)
            {
                var size = (int)Maps[layer].Length;
                var range = (start + (i * size))..(start + ((i + 1) * size));
                probed[i][layer] = new Probed(features[range], gradients[range], answers[i].Class, answers[i].Probability);
                start += count * size;
            }
        }

        return probed;
    }

    public void Dispose()
    {
        _network.Dispose();
        _pool.Dispose();
    }
}

/// <summary>What the probe found in one image.</summary>
/// <param name="Features">[H, W, C].</param>
/// <param name="Gradients">[H, W, C].</param>
/// <param name="Class">The class.</param>
/// <param name="Probability">Its probability.</param>
internal sealed record Probed(float[] Features, float[] Gradients, int Class, float Probability)
{
    /// <summary>Weight of each channel: the mean of its gradients.</summary>
    public float[] ChannelWeights(int channels)
    {
        var sums = new double[channels];
        for (var i = 0; i < Gradients.Length; i++)
            sums[i % channels] += Gradients[i];
        return [.. sums.Select(sum => (float)(sum * channels / Gradients.Length))];
    }
}
