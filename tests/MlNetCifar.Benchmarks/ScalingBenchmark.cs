using System.Diagnostics;
using System.Globalization;
using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// How the cost of a training step moves with batch size, threads, number of images and the loader beside it. Each pair is measured in turn, several times;
/// printed are the median ratio and the range.
/// </summary>
internal static class ScalingBenchmark
{
    const int Rounds = 5;
    const int SmallSet = 1_000;
    const int LargeSet = 50_000;

    /// <summary>Prints the table. Arguments: preset (seed-cnn), seconds of a measurement (3).</summary>
    public static int Run(string[] args)
    {
        var preset = args.Length > 0 ? args[0] : "seed-cnn";
        var seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 3;
        var network = Architectures.Create(preset, 32, 32, 3, 10);

        // The recipe of the large network needs its large batch; a step of the small one is measured at its default.
        var batch = preset == "airbench94" ? 250 : 64;
        Pair($"{preset}, images/s of batch 2000 over batch 64", () => Fixed(network, 2000, null, seconds), () => Fixed(network, 64, null, seconds));
        Pair($"{preset}, images/s of two threads over one, batch {batch}", () => Fixed(network, batch, 2, seconds), () => Fixed(network, batch, 1, seconds));
        var small = Synthetic.Images(SmallSet);
        var large = Synthetic.Images(LargeSet);
        Pair($"{preset}, images/s of {LargeSet:N0} images over {SmallSet:N0}", () => Loaded(network, batch, large, seconds).Rate, () => Loaded(network, batch, small, seconds).Rate);
        Pair($"{preset}, images/s with the loader over one batch again and again", () => Loaded(network, batch, large, seconds).Rate, () => Fixed(network, batch, null, seconds));
        var waits = Enumerable.Range(0, Rounds).Select(_ => Loaded(network, batch, large, seconds).Wait).Order().ToArray();
        Console.WriteLine(FormattableString.Invariant($"{preset}, share of a step's time spent waiting for the loader: {waits[Rounds / 2]:P2} [{waits[0]:P2}, {waits[^1]:P2}]"));
        Console.WriteLine(FormattableString.Invariant($"the loader alone, one thread, flips and shifts: {LoaderRate(large, batch, seconds):N0} images/s"));
        return 0;
    }

    static void Pair(string name, Func<double> above, Func<double> below)
    {
        var ratios = Enumerable.Range(0, Rounds).Select(_ => above() / below()).Order().ToArray();
        Console.WriteLine(FormattableString.Invariant($"{name}: {ratios[Rounds / 2]:0.000} [{ratios[0]:0.000}, {ratios[^1]:0.000}]"));
    }

    static double Fixed(NetworkSpec network, int batch, int? threads, double seconds) =>
        NetworkBenchmark.Train(network, new TrainingOptions { BatchSize = batch, Threads = threads }, seconds).ImagesPerSecond;

    // A training run without validation: the loader shuffles, augments and normalises beside the steps.
    static (double Rate, double Wait) Loaded(NetworkSpec network, int batch, ImageSet images, double seconds)
    {
        var normalization = Normalization.Compute(images);
        using var session = new TrainingSession(network, new TrainingOptions { BatchSize = batch }, images, normalization);
        using var loader = Loader(images, normalization, batch);
        double best = 0, waited = 0, total = 0;
        var epoch = 0;
        loader.Start(epoch);

        // The first window is the warm-up.
        for (var window = 0; window < 4; window++)
        {
            long wait = 0, count = 0;
            var watch = Stopwatch.StartNew();
            while (watch.Elapsed.TotalSeconds < seconds / 3)
            {
                var start = Stopwatch.GetTimestamp();
                var next = loader.Next();
                if (next is null)
                {
                    loader.Start(++epoch);
                    next = loader.Next()!;
                }

                wait += Stopwatch.GetTimestamp() - start;
                session.Step(next, 0, out _, 0.1f);
                count += next.Count;
            }

            if (window == 0)
                continue;
            best = Math.Max(best, count / watch.Elapsed.TotalSeconds);
            waited += (double)wait / Stopwatch.Frequency;
            total += watch.Elapsed.TotalSeconds;
        }

        return (best, waited / total);
    }

    static double LoaderRate(ImageSet images, int batch, double seconds)
    {
        using var loader = Loader(images, Normalization.Compute(images), batch);
        var count = 0L;
        var watch = Stopwatch.StartNew();
        for (var epoch = 0; watch.Elapsed.TotalSeconds < seconds; epoch++)
        {
            loader.Start(epoch);
            while (watch.Elapsed.TotalSeconds < seconds && loader.Next() is { } next)
                count += next.Count;
        }

        return count / watch.Elapsed.TotalSeconds;
    }

    static BatchLoader Loader(ImageSet images, Normalization normalization, int batch) =>
        new(images, normalization, new BatchLoaderOptions { BatchSize = batch, Shuffle = true, Augmentation = Augmentation.Standard(32) });
}
