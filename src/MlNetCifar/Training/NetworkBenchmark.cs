using System.Diagnostics;
using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>Time of one compiled layer, per step.</summary>
/// <param name="Layer">Position and kind.</param>
/// <param name="Algorithm">How it is computed.</param>
/// <param name="ForwardMilliseconds">Of one batch.</param>
/// <param name="BackwardMilliseconds">Of one batch; 0 for inference.</param>
/// <param name="Gigaflops">Direct-convolution operations of the batch (backward counts twice forward), in 10⁹ a second.</param>
public sealed record LayerTiming(string Layer, string Algorithm, double ForwardMilliseconds, double BackwardMilliseconds, double Gigaflops);

/// <summary>What a benchmark measured.</summary>
/// <param name="ImagesPerSecond">Best of the windows.</param>
/// <param name="Gigaflops">Direct-convolution operations at that speed, in 10⁹ a second.</param>
/// <param name="PeakGigaflops">
/// What the multiply-add units gave at most, measured beside it. Winograd's algorithm multiplies less than the direct count says, so a layer may exceed it.
/// </param>
/// <param name="Layers">Per layer, of a few profiled steps.</param>
public sealed record BenchmarkResult(double ImagesPerSecond, double Gigaflops, double PeakGigaflops, IReadOnlyList<LayerTiming> Layers);

/// <summary>Measures steady-state speed on synthetic images: the best of three windows after a warm-up.</summary>
public static class NetworkBenchmark
{
    const int Windows = 3;
    const int ProfiledSteps = 8;
    const int RoughBatch = 16;
    const double RoughSeconds = 0.4;

    /// <summary>Full training steps: forward, loss, backward, update; one batch, in memory.</summary>
    /// <param name="network">What to train.</param>
    /// <param name="options">Batch size, threads and optimizer.</param>
    /// <param name="seconds">Length of all windows together.</param>
    public static BenchmarkResult Train(NetworkSpec network, TrainingOptions options, double seconds = 6)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        options = options.OfOneProcess;
        var source = Synthetic(network, options.BatchSize);
        using var session = new TrainingSession(network, options, source, Normalization.Compute(source));
        using var loader = Loader(source, options.BatchSize, options.Slices);
        var batch = loader.Next()!;
        var rate = BestRate(() => session.Step(batch, 0, out _, 0.1f), options.BatchSize, seconds);
        var peak = FmaPeak.Measure(SimdLevel.Active, session.Pool);
        return new BenchmarkResult(rate, rate * 3 * network.Flops / 1e9, peak, Profile(session.Network, batch.Rows(0).Labels.ToArray(), true, seconds));
    }

    /// <summary>Images a second of training steps, roughly: measured with few images in less than a second where the machine is slow.</summary>
    internal static double Roughly(NetworkSpec network, TrainingOptions options)
    {
        options = options.OfOneProcess;
        using var few = new FewImages(network, options with { Groups = ParameterGroups.None }, source => Normalization.Compute(source));
        var images = BestRate(() => few.Gradients(), few.Count, RoughSeconds);
        var updates = BestRate(() => few.Update(), 1, RoughSeconds / 2);
        return 1 / ((1 / images) + (1 / (updates * options.BatchSize)));
    }

    /// <summary>Seconds of an image in a training step as the options say, frozen groups included as they are in the first epoch: the second of two steps.</summary>
    internal static double SecondsOfStep(NetworkSpec network, TrainingOptions options)
    {
        options = options.OfOneProcess;
        using var few = new FewImages(network, options, source => Normalization.None(source.Channels));
        few.Gradients();
        few.Update();
        var clock = Stopwatch.StartNew();
        few.Gradients();
        var gradients = clock.Elapsed;
        few.Update();
        return (gradients.TotalSeconds / few.Count) + ((clock.Elapsed - gradients).TotalSeconds / options.BatchSize);
    }

    /// <summary>Steps of few images in their two parts: gradients take their time by the image, the update takes its own once a step, which is most of it where few images share it.</summary>
    sealed class FewImages : IDisposable
    {
        readonly TrainingSession _session;
        readonly BatchLoader _loader;
        readonly Batch _batch;

        public FewImages(NetworkSpec network, TrainingOptions options, Func<ImageSource, Normalization> normalization)
        {
            options = options with { BatchSize = Math.Min(options.BatchSize, RoughBatch), Slices = 1 };
            var source = Synthetic(network, options.BatchSize);
            _session = new TrainingSession(network, options, source, normalization(source));
            _loader = Loader(source, options.BatchSize);
            _batch = _loader.Next()!;
            Count = options.BatchSize;
        }

        public int Count { get; }

        public void Gradients() => _session.ComputeGradients(_batch, out _);

        public void Update() => _session.Apply(0, 0.1f);

        public void Dispose()
        {
            _loader.Dispose();
            _session.Dispose();
        }
    }

    /// <summary>Forward passes.</summary>
    /// <param name="network">What to run.</param>
    /// <param name="options">Batch size and threads.</param>
    /// <param name="seconds">Length of all windows together.</param>
    public static BenchmarkResult Infer(NetworkSpec network, TrainingOptions options, double seconds = 6)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        using var pool = new Numerics.WorkerPool(options.Threads ?? Environment.ProcessorCount);
        using var weights = NetworkWeights.Initialize(network, options.Seed);
        using var net = new Network(weights, options.BatchSize, training: false, pool);
        using var loader = Loader(Synthetic(network, options.BatchSize), options.BatchSize);
        var batch = loader.Next()!;
        batch.Pixels.CopyTo(net.Input(options.BatchSize));
        var rate = BestRate(() => net.Forward(options.BatchSize), options.BatchSize, seconds);
        var peak = FmaPeak.Measure(SimdLevel.Active, pool);
        return new BenchmarkResult(rate, rate * network.Flops / 1e9, peak, Profile(net, batch.Labels.ToArray(), false, seconds));
    }

    static BatchLoader Loader(ImageSource source, int batchSize, int slices = 1)
    {
        var loader = new BatchLoader(source, Normalization.Compute(source), new BatchLoaderOptions { BatchSize = batchSize, Slices = slices });
        loader.Start(0);
        return loader;
    }

    static ImageSet Synthetic(NetworkSpec network, int count)
    {
        var random = new Numerics.SplitRandom(0, Numerics.RandomPurpose.Shuffle);
        var pixels = new byte[network.InputShape(count).Length];
        foreach (ref var pixel in pixels.AsSpan())
            pixel = (byte)random.Next(256);
        var classes = Enumerable.Range(0, network.Classes).Select(k => $"class{k}").ToArray();
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % network.Classes)], network.Width, network.Height, network.Channels, classes);
    }

    static double BestRate(Action step, int batchSize, double seconds)
    {
        // The JIT compiles hot methods a second time in the background; a timed warm-up covers it where a count would not.
        var warm = Stopwatch.StartNew();
        for (var i = 0; i < 3 || warm.Elapsed.TotalSeconds < seconds / 3; i++)
            step();
        var best = 0.0;
        for (var window = 0; window < Windows; window++)
        {
            var watch = Stopwatch.StartNew();
            var steps = 0;
            for (; watch.Elapsed.TotalSeconds < seconds / Windows; steps++)
                step();
            best = Math.Max(best, steps * (double)batchSize / watch.Elapsed.TotalSeconds);
        }

        return best;
    }

    /// <summary>Times the layers of a few steps, and of one where they take longer than <paramref name="seconds"/>.</summary>
    static List<LayerTiming> Profile(Network network, int[] labels, bool training, double seconds)
    {
        var forward = new long[network.Ops.Length];
        var backward = new long[network.Ops.Length];
        var (steps, watch) = (0, Stopwatch.StartNew());
        for (; steps < ProfiledSteps && (steps == 0 || watch.Elapsed.TotalSeconds < seconds); steps++)
        {
            // A step of training packs the weights again; where they stay as they are that is done once, in the warm-up.
            if (training)
                network.Weights.Changed();
            network.Forward(labels.Length, training, forward);
            if (!training)
                continue;
            network.Loss(labels, 0, [], out _);
            network.Backward(backward);
        }

        var scale = 1000.0 / Stopwatch.Frequency / steps;
        return [.. network.Ops.Select((op, i) => new LayerTiming(
            op.Name, op.Algorithm, forward[i] * scale, backward[i] * scale,
            op.Flops * labels.Length * (training ? 3 : 1) / ((forward[i] + backward[i]) * scale * 1e6)))];
    }
}
