using System.Collections.Concurrent;
using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Inference;

/// <summary>
/// Runs pictures through a model's network: many in batches, or one at a time in a <see cref="PictureLane"/>. A picture has the same outputs, bit by bit,
/// either way, in any batch and on any number of threads: it is normalised by one <see cref="PixelNormalizer"/>, its views are averaged by one loop, and its
/// kernels are chosen by its shape. Thread-safe; all runs share the packed weights.
/// </summary>
internal sealed class Scorer(NetworkWeights weights, Normalization normalization) : IDisposable
{
    /// <summary>Input values of a batch: 16 pictures of 224×224×3, more smaller ones, so that scoring takes less memory than training did.</summary>
    const int ValuesAtOnce = 16 * 224 * 224 * 3;

    const int MostAtOnce = 256;

    /// <summary>Idle lanes kept; more callers at once get lanes of their own, freed after use.</summary>
    static readonly int s_kept = 2 * Environment.ProcessorCount;

    readonly ConcurrentBag<PictureLane> _idle = [];
    readonly WorkerPool _caller = new(1);
    volatile bool _disposed;

    /// <summary>The inputs of the last dense layer; null where there are none worth keeping.</summary>
    public LastFeatures? Features { get; } = LastFeatures.Of(weights);

    public PixelNormalizer Normalizer { get; } = new(weights.Spec.Width, normalization, SimdLevel.Active);

    /// <summary>Lanes that wait for callers.</summary>
    public int Idle => _idle.Count;

    /// <summary>
    /// Makes the inputs of the last dense layer of many pictures, as the network would, from what is known of them already; null (the usual case) where nothing is. To be set before
    /// the first run.
    /// </summary>
    public FeatureSource? FeaturesOf { get; set; }

    /// <summary>Pictures of a batch.</summary>
    public int PicturesAtOnce => Math.Clamp(ValuesAtOnce / (Spec.Height * Spec.Width * Spec.Channels), 1, MostAtOnce);

    NetworkSpec Spec => weights.Spec;

    /// <summary>A lane for one picture, to be disposed.</summary>
    public PictureLane Rent() => _idle.TryTake(out var lane) ? lane : new PictureLane(this, Compile(1, _caller));

    public void Return(PictureLane lane)
    {
        if (_disposed || _idle.Count >= s_kept)
            lane.Free();
        else
            _idle.Add(lane);
    }

    /// <summary>Scores pictures.</summary>
    /// <param name="source">Of the network's size and channels.</param>
    /// <param name="threads">Threads, ≥ 1; null for the cores this process may use.</param>
    /// <param name="views">Whose mean is taken.</param>
    /// <param name="features">[N, features]; overwritten with the inputs of the last layer. Empty where they are not wanted.</param>
    /// <param name="progress">Told the number of pictures done.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    /// <returns>[N, outputs].</returns>
    public float[] Run(ImageSource source, int? threads, TestTimeViews views, Span<float> features, IProgress<int>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (threads is { } wanted)
            ArgumentOutOfRangeException.ThrowIfLessThan(wanted, 1, nameof(threads));
        if ((source.Height, source.Width, source.Channels) != (Spec.Height, Spec.Width, Spec.Channels))
            throw ModelErrors.OtherImages($"{source.Height}×{source.Width}×{source.Channels}", $"{Spec.Height}×{Spec.Width}×{Spec.Channels}");
        cancellation.ThrowIfCancellationRequested();
        if (source.Count == 0)
            return [];
        if (FeaturesOf is { } make && views == TestTimeViews.None)
            return Outputs(make(source, progress, cancellation), features, threads);
        var outputs = new float[source.Count * Spec.Outputs];
        if (source.Count == 1)
        {
            using var lane = Rent();
            source.CopyPixels(0, lane.Pixels);
            lane.Run(views, features, outputs, cancellation);
            progress?.Report(1);
            return outputs;
        }

        using var pool = new WorkerPool(threads ?? Environment.ProcessorCount);
        using var network = Compile(Math.Min(source.Count, PicturesAtOnce), pool);
        using var loader = new BatchLoader(source, normalization, new BatchLoaderOptions { BatchSize = network.BatchSize });
        loader.Start(0);
        var (done, kept) = (0, features.Length / source.Count);
        var scratch = new float[network.BatchSize * kept];
        while (loader.Next() is { } batch)
        {
            Average(
                network, batch.Pixels, batch.Count, views, scratch.AsSpan(0, batch.Count * kept), features.Slice(done * kept, batch.Count * kept),
                outputs.AsSpan(done * Spec.Outputs, batch.Count * Spec.Outputs), cancellation);
            done += batch.Count;
            progress?.Report(done);
        }

        return outputs;
    }

    public void Dispose()
    {
        _disposed = true;
        while (_idle.TryTake(out var lane))
            lane.Free();
        _caller.Dispose();
    }

    /// <summary>What the last dense layer makes of features.</summary>
    float[] Outputs(float[] known, Span<float> features, int? threads)
    {
        var layer = weights.Spec.Layers[^1];
        var length = Features!.Length;
        using var head = new NetworkWeights(weights.Spec with { Height = 1, Width = 1, Channels = length, Layers = [layer] });
        foreach (var tensor in head.Tensors)
            weights.Find(tensor.Name)!.Values.CopyTo(tensor.Values);
        using var pool = new WorkerPool(threads ?? Environment.ProcessorCount);
        using var network = new Network(head, Math.Min(MostAtOnce, known.Length / length), training: false, pool);
        var outputs = new float[known.Length / length * Spec.Outputs];
        for (var first = 0; first < known.Length / length; first += network.BatchSize)
        {
            var count = Math.Min(network.BatchSize, (known.Length / length) - first);
            known.AsSpan(first * length, count * length).CopyTo(network.Input(count));
            network.Forward(count);
            network.Logits(count).CopyTo(outputs.AsSpan(first * Spec.Outputs));
        }

        if (!features.IsEmpty)
            known.CopyTo(features);
        return outputs;
    }

    /// <summary>A network for batches, to be disposed; it shares the packed weights.</summary>
    public Network Compile(int batchSize, WorkerPool pool) => new(weights, batchSize, training: false, pool, keep: Features is { } features ? [features.Position] : null);

    /// <summary>The mean over views of what a network gives for normalised pictures.</summary>
    /// <param name="network">Compiled for that many pictures at least.</param>
    /// <param name="pixels">[n, H, W, C].</param>
    /// <param name="count">n.</param>
    /// <param name="views">Which.</param>
    /// <param name="scratch">As long as <paramref name="features"/>.</param>
    /// <param name="features">[n, features]; overwritten; empty where not wanted.</param>
    /// <param name="outputs">[n, outputs]; overwritten.</param>
    /// <param name="cancellation">Ends the work.</param>
    internal static void Average(
        Network network, ReadOnlySpan<float> pixels, int count, TestTimeViews views, Span<float> scratch, Span<float> features, Span<float> outputs,
        CancellationToken cancellation)
    {
        var spec = network.Weights.Spec;
        outputs.Clear();
        features.Clear();
        foreach (var view in Views.Of(views))
        {
            Views.Write(view, spec.Height, spec.Width, spec.Channels, pixels, network.Input(count));
            if (features.IsEmpty)
                network.Forward(count, cancellation: cancellation);
            else
                network.Probe(count, scratch, cancellation);
            Add(view.Weight, network.Logits(count), outputs);
            Add(view.Weight, scratch, features);
        }

        static void Add(float weight, ReadOnlySpan<float> values, Span<float> sums)
        {
            for (var i = 0; i < sums.Length; i++)
                sums[i] += weight * values[i];
        }
    }
}

/// <summary>Gives the inputs of a network's last dense layer for many pictures.</summary>
/// <param name="source">The pictures.</param>
/// <param name="progress">Told the number of pictures done, from any thread.</param>
/// <param name="cancellation">Ends the work.</param>
/// <returns>[N, features].</returns>
internal delegate float[] FeatureSource(ImageSource source, IProgress<int>? progress, CancellationToken cancellation);

/// <summary>
/// What one caller needs to score one picture: activations and room for the picture. Used by one thread at a time; goes back to its scorer when disposed.
/// </summary>
internal sealed class PictureLane(Scorer scorer, Network network) : IDisposable
{
    readonly float[] _normalized = new float[network.Input(1).Length];
    readonly float[] _scratch = new float[scorer.Features?.Length ?? 0];

    /// <summary>Where the preprocessed picture goes, [H, W, C].</summary>
    public byte[] Pixels { get; } = new byte[network.Input(1).Length];

    /// <summary>Bytes of its own, without what all lanes share.</summary>
    public long Bytes => network.OwnBytes + (sizeof(float) * (_normalized.Length + _scratch.Length)) + Pixels.Length;

    /// <summary>Scores the picture in <see cref="Pixels"/>.</summary>
    /// <param name="views">Whose mean is taken.</param>
    /// <param name="features">[features]; overwritten; empty where not wanted.</param>
    /// <param name="outputs">[outputs]; overwritten.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    public void Run(TestTimeViews views, Span<float> features, Span<float> outputs, CancellationToken cancellation)
    {
        scorer.Normalizer.Apply(Pixels, _normalized);
        Scorer.Average(network, _normalized, 1, views, _scratch.AsSpan(0, features.Length), features, outputs, cancellation);
    }

    /// <summary>Goes back to the scorer.</summary>
    public void Dispose() => scorer.Return(this);

    /// <summary>Gives its memory back.</summary>
    public void Free() => network.Dispose();
}
