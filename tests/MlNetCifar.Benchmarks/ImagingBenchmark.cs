using System.Diagnostics;
using System.Globalization;
using MlNetCifar.Imaging;

namespace MlNetCifar.Benchmarks;

/// <summary>Speed of decoding, and of decoding and resizing on several threads, over the picture files of a folder, which are held in memory.</summary>
static class ImagingBenchmark
{
    /// <summary>Measures and prints one line of JSON.</summary>
    /// <param name="args">
    /// decode, resize or scaled (resize after decoding at a fraction of the size), then the folder; then seconds (default 4), threads (default 1), side of the result (default 64).
    /// </param>
    public static int Run(string[] args)
    {
        var files = Directory.GetFiles(args[1], "*.*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllBytes).ToArray();
        var seconds = args.Length > 2 ? double.Parse(args[2], CultureInfo.InvariantCulture) : 4;
        var threads = args.Length > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : 1;
        var side = args.Length > 4 ? int.Parse(args[4], CultureInfo.InvariantCulture) : 64;
        var preprocessor = args[0] == "decode" ? null : new Preprocessor(new PreprocessSpec { Width = side, Height = side, ScaledDecoding = args[0] == "scaled" });
        var results = new byte[files.Length * (preprocessor?.Spec.Length ?? 0)];

        Pass(files, preprocessor, results, threads);
        var clock = Stopwatch.StartNew();
        var count = 0;
        do
        {
            Pass(files, preprocessor, results, threads);
            count += files.Length;
        }
        while (clock.Elapsed.TotalSeconds < seconds);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $$"""{"pictures_per_s":{{count / clock.Elapsed.TotalSeconds:F1}}}"""));
        return 0;
    }

    static void Pass(byte[][] files, Preprocessor? preprocessor, byte[] results, int threads)
    {
        var next = -1;
        var workers = Array.ConvertAll(new Thread[threads], _ => new Thread(Work));
        foreach (var worker in workers) worker.Start();
        foreach (var worker in workers) worker.Join();

        void Work()
        {
            var options = preprocessor?.Spec.ForDecoding();
            var length = preprocessor?.Spec.Length ?? 0;
            for (var index = Interlocked.Increment(ref next); index < files.Length; index = Interlocked.Increment(ref next))
            {
                var image = ImageDecoder.Decode(files[index], options);
                preprocessor?.Apply(image, results.AsSpan(index * length, length));
            }
        }
    }
}
