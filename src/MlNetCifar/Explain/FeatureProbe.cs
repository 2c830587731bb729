using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Explain;

/// <summary>One convolution's feature maps and the gradient of a class's logit by them. Not thread-safe.</summary>
internal sealed class FeatureProbe : IDisposable
{
    readonly WorkerPool _pool;
    readonly Network _network;

    public FeatureProbe(NetworkWeights weights, string? layer, int batchSize, int threads)
        : this(weights, ConvLayer.Find(weights.Spec, layer), batchSize, threads)
    {
    }

    public FeatureProbe(NetworkWeights weights, ConvLayer layer, int batchSize, int threads)
    {
        Layer = layer;
        _pool = new WorkerPool(threads);
        _network = new Network(weights, batchSize, training: true, _pool, keep: Layer.Position);
    }

    public ConvLayer Layer { get; }

    public int BatchSize => _network.BatchSize;

    /// <summary>Shape of one image's maps.</summary>
    public Shape Maps => _network.ProbedShape.WithBatch(1);

    /// <summary>Explains a batch.</summary>
    /// <param name="inputs">[n, H, W, C], normalised; n at most <see cref="BatchSize"/>.</param>
    /// <param name="answers">The class to explain of each image, and its probability.</param>
    /// <param name="cancellation">Ends the work.</param>
    public Probed[] Run(ReadOnlySpan<float> inputs, ReadOnlySpan<(int Class, float Probability)> answers, CancellationToken cancellation)
    {
        var (outputs, count, length) = (_network.Weights.Spec.Outputs, answers.Length, (int)Maps.Length);
        inputs.CopyTo(_network.Input(count));
        var (features, gradients) = (new float[count * length], new float[count * length]);
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
        var probed = new Probed[count];
        for (var i = 0; i < count; i++)
            probed[i] = new Probed(features[(i * length)..((i + 1) * length)], gradients[(i * length)..((i + 1) * length)], answers[i].Class, answers[i].Probability);
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
