using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// Our engine beside ONNX Runtime on the exported presets, from bytes to logits, in turn: the network alone at several batch sizes, and whole scorings of many pictures. Printed are
/// images a second and the median ratio with its range; above 1 ours is faster.
/// </summary>
internal static class OnnxBenchmark
{
    const int Rounds = 5;
    const int ScoredAtOnce = 256;
    static readonly int[] s_batches = [1, 16, 256];
    static readonly int[] s_scored = [1_000, 10_000];

    /// <summary>Prints the table. Arguments: seconds of a measurement (1), threads (2), then presets, with a size behind @ where it is not 32 (all presets, and resnet18@224).</summary>
    public static int Run(string[] args)
    {
        var seconds = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 1;
        var threads = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 2;
        string[] presets = args.Length > 2 ? args[2..] : [.. Architectures.Names, "resnet18@224"];
        Console.WriteLine("| network | pictures | ours, images/s | ONNX Runtime, images/s | ratio |");
        Console.WriteLine("| --- | --- | --- | --- | --- |");
        foreach (var name in presets)
        {
            var parts = name.Split('@');
            var side = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 32;
            using var model = Model(parts[0], side);
            using var peer = new Peer(model, threads);
            foreach (var batch in s_batches.Where(batch => (long)batch * side * side <= 256 * 224 * 224))
            {
                using var ours = new Engine(model, batch, threads);
                Pair($"{name} | {batch} at once", batch, seconds, ours.Run, () => peer.Run(batch));
            }

            foreach (var count in s_scored.Where(count => (long)count * side * side <= 10_000 * 32 * 32))
            {
                var pictures = Pictures(model, count);
                Pair($"{name} | `Score` of {count.ToString("N0", CultureInfo.InvariantCulture)}", count, seconds, () => model.Score(pictures, threads), () => peer.Score(pictures));
            }
        }

        return 0;
    }

    static void Pair(string name, int images, double seconds, Action ours, Action theirs)
    {
        ours();
        theirs();
        var rounds = Enumerable.Range(0, Rounds).Select(_ => (Ours: Rate(ours, images, seconds), Theirs: Rate(theirs, images, seconds))).ToArray();
        double[] ratios = [.. rounds.Select(r => r.Ours / r.Theirs).Order()];
        Console.WriteLine(FormattableString.Invariant(
            $"| {name} | {Timing.Median([.. rounds.Select(r => r.Ours)]):N0} | {Timing.Median([.. rounds.Select(r => r.Theirs)]):N0} | {ratios[Rounds / 2]:0.00} [{ratios[0]:0.00}, {ratios[^1]:0.00}] |"));
    }

    static double Rate(Action work, int images, double seconds)
    {
        var start = TimeProvider.System.GetTimestamp();
        long done = 0;
        do
        {
            work();
            done += images;
        }
        while (TimeProvider.System.GetElapsedTime(start).TotalSeconds < seconds);
        return done / TimeProvider.System.GetElapsedTime(start).TotalSeconds;
    }

    static ImageClassifier Model(string preset, int side)
    {
        var spec = Architectures.Create(preset, side, side, 3, 10);
        return new ImageClassifier(
            NetworkWeights.Initialize(spec, seed: 1), [.. Enumerable.Range(0, 10).Select(k => $"class{k}")], new PreprocessSpec { Width = side, Height = side },
            new Normalization([0.5f, 0.5f, 0.5f], [0.25f, 0.25f, 0.25f]));
    }

    static ImageSet Pictures(ImageClassifier model, int count) =>
        new(Noise(count * model.Preprocess.Length), new int[count], model.Network.Width, model.Network.Height, 3, model.Classes);

    static byte[] Noise(int length)
    {
        var pixels = new byte[length];
        new Random(1).NextBytes(pixels);
        return pixels;
    }

    /// <summary>Our network, compiled once.</summary>
    sealed class Engine : IDisposable
    {
        readonly WorkerPool _pool;
        readonly Network _network;
        readonly PixelNormalizer _normalizer;
        readonly byte[] _pixels;
        readonly int _batch;

        public Engine(ImageClassifier model, int batch, int threads)
        {
            _pool = new WorkerPool(threads);
            _network = new Network(model.Weights, batch, training: false, _pool);
            _normalizer = new PixelNormalizer(model.Network.Width, model.Normalization, SimdLevel.Active);
            _batch = batch;
            _pixels = Noise(batch * model.Preprocess.Length);
        }

        public void Run()
        {
            _normalizer.Apply(_pixels, _network.Input(_batch));
            _network.Forward(_batch);
        }

        public void Dispose()
        {
            _network.Dispose();
            _pool.Dispose();
        }
    }

    /// <summary>The exported model in ONNX Runtime.</summary>
    sealed class Peer : IDisposable
    {
        static readonly string[] s_inputs = ["pixels"], s_outputs = ["logits"];
        readonly InferenceSession _session;
        readonly RunOptions _run = new();
        readonly (int Height, int Width, int Channels) _shape;

        public Peer(ImageClassifier model, int threads)
        {
            var folder = Directory.CreateTempSubdirectory("mlnetcifar-onnx-");
            try
            {
                var path = Path.Combine(folder.FullName, "model.onnx");
                model.ExportOnnx(path);
                using var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
                _session = new InferenceSession(path, options);
            }
            finally
            {
                folder.Delete(recursive: true);
            }

            _shape = (model.Network.Height, model.Network.Width, model.Network.Channels);
        }

        int Length => _shape.Height * _shape.Width * _shape.Channels;

        public void Run(int batch) => Run(Noises(batch));

        public void Score(ImageSet pictures)
        {
            for (var first = 0; first < pictures.Count; first += ScoredAtOnce)
            {
                var pixels = new byte[Math.Min(ScoredAtOnce, pictures.Count - first) * Length];
                for (var i = 0; i < pixels.Length / Length; i++)
                    pictures.CopyPixels(first + i, pixels.AsSpan(i * Length, Length));
                Run(pixels);
            }
        }

        public void Dispose()
        {
            _session.Dispose();
            _run.Dispose();
        }

        readonly Dictionary<int, byte[]> _noises = [];

        byte[] Noises(int batch) => _noises.TryGetValue(batch, out var pixels) ? pixels : _noises[batch] = Noise(batch * Length);

        void Run(byte[] pixels)
        {
            using var value = OrtValue.CreateTensorValueFromMemory(pixels, [pixels.Length / Length, _shape.Height, _shape.Width, _shape.Channels]);
            using var results = _session.Run(_run, s_inputs, [value], s_outputs);
        }
    }
}
