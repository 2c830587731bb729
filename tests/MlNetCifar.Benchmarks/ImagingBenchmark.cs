using System.Diagnostics;
using MlNetCifar.Imaging;

namespace MlNetCifar.Benchmarks;

/// <summary>Speed of decoding, and of decoding and resizing on several threads, over the picture files of a folder.</summary>
static class ImagingBenchmark
{
    /// <summary>Measures and prints.</summary>
    /// <param name="args">Folder; then threads (default 2), side of the result (default 64), turns (default 4).</param>
    public static int Run(string[] args)
    {
        var files = Directory.GetFiles(args[0], "*.*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllBytes).ToArray();
        var threads = args.Length > 1 ? int.Parse(args[1]) : 2;
        var side = args.Length > 2 ? int.Parse(args[2]) : 64;
        var turns = args.Length > 3 ? int.Parse(args[3]) : 4;
        for (var turn = 0; turn < turns; turn++)
        {
            Report("decode, 1 thread", files.Length, Time(() => Array.ForEach(files, file => ImageDecoder.Decode(file))));
            foreach (var isScaled in (bool[])[false, true])
            {
                var spec = new PreprocessSpec { Width = side, Height = side, ScaledDecoding = isScaled };
                Report($"decode + resize to {side}×{side}{(isScaled ? ", scaled" : "")}, {threads} threads", files.Length, Time(() => Prepare(files, spec, threads)));
            }
        }
        return 0;
    }

    static void Prepare(byte[][] files, PreprocessSpec spec, int threads)
    {
        var preprocessor = new Preprocessor(spec);
        var options = spec.ForDecoding();
        var next = -1;
        var workers = new Thread[threads];
        for (var i = 0; i < threads; i++)
        {
            workers[i] = new Thread(() =>
            {
                var result = new byte[spec.Length];
                for (var index = Interlocked.Increment(ref next); index < files.Length; index = Interlocked.Increment(ref next))
                {
                    preprocessor.Apply(ImageDecoder.Decode(files[index], options), result);
                }
            });
            workers[i].Start();
        }
        foreach (var worker in workers) worker.Join();
    }

    static TimeSpan Time(Action work)
    {
        var clock = Stopwatch.StartNew();
        work();
        return clock.Elapsed;
    }

    static void Report(string what, int count, TimeSpan time) => Console.WriteLine($"{what}: {count / time.TotalSeconds:F0} pictures/s");
}
