using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Explain;

/// <summary>One convolution's feature maps and the gradient of a class's logit by them. Not thread-safe.</summary>
internal sealed class FeatureProbe : IDisposable
{
    readonly WorkerPool _pool;
    readonly Network _network;

    public FeatureProbe(NetworkWeights weights, string? layer, int batchSize, int threads)
    {
        Layer = ConvLayer.Find(weights.Spec, layer);
        _pool = new WorkerPool(threads);
        _network = new Network(weights, batchSize, training: true, _pool, keep: Layer.Position);
    }

    public ConvLayer Layer { get; }

    public int BatchSize => _network.BatchSize;

    /// <summary>Shape of one image's maps.</summary>
    public Shape Maps => _network.ProbedShape.WithBatch(1);

    /// <summary>Explains a batch.</summary>
    /// <param name="inputs">[n, H, W, C], normalised; n at most <see cref="BatchSize"/>.</param>
    /// <param name="target">The class; null for each image's most probable.</param>
    public Probed[] Run(ReadOnlySpan<float> inputs, int? target)
    {
        var spec = _network.Weights.Spec;
        var count = inputs.Length / spec.InputShape(1).Length;
        inputs.CopyTo(_network.Input(count));
        var (features, gradients) = (new float[count * Maps.Length], new float[count * Maps.Length]);
        _network.Probe(count, features);
        var scores = new float[count * spec.Classes];
        _network.ToProbabilities(_network.Logits(count), scores);
        var classes = new int[count];
        var seeds = new float[count * spec.Outputs];
        for (var i = 0; i < count; i++)
        {
            classes[i] = target ?? Largest(scores.AsSpan(i * spec.Classes, spec.Classes));

            // One logit for two classes: what speaks against the second speaks for the first.
            if (spec.Outputs == 1)
                seeds[i] = classes[i] == 1 ? 1 : -1;
            else
                seeds[(i * spec.Outputs) + classes[i]] = 1;
        }

        _network.ProbeGradient(count, seeds, gradients);
        return [.. Enumerable.Range(0, count).Select(i => new Probed(
            features[(i * (int)Maps.Length)..((i + 1) * (int)Maps.Length)], gradients[(i * (int)Maps.Length)..((i + 1) * (int)Maps.Length)], classes[i],
            scores[(i * spec.Classes) + classes[i]]))];
    }

    public void Dispose()
    {
        _network.Dispose();
        _pool.Dispose();
    }

    static int Largest(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var k = 1; k < scores.Length; k++)
        {
            if (scores[k] > scores[best])
                best = k;
        }

        return best;
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
