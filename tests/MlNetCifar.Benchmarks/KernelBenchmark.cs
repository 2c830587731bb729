using System.Diagnostics;
using System.Globalization;
using MlNetCifar.Numerics;

namespace MlNetCifar.Benchmarks;

/// <summary>Time, GFLOP/s by direct count and share of the measured peak, for each pass of each layer of the nets that matter.</summary>
internal static class KernelBenchmark
{
    static readonly (string Net, string Layer, ConvShape Shape)[] s_layers =
    [
        ("seed-cnn", "conv1 3→32 @32²", Same(64, 32, 3, 32)),
        ("seed-cnn", "conv2 32→64 @16²", Same(64, 16, 32, 64)),
        ("seed-cnn", "conv3 64→128 @8²", Same(64, 8, 64, 128)),
        ("seed-cnn", "dense 2048→128", ConvShape.Dense(64, 2048, 128)),
        ("seed-cnn", "dense 128→10", ConvShape.Dense(64, 128, 10)),
        ("airbench94", "whiten 2×2 3→24 @31²", new ConvShape(64, 32, 32, 3, 24, 2, 2)),
        ("airbench94", "conv 24→64 @31²", Same(64, 31, 24, 64)),
        ("airbench94", "conv 64→64 @15²", Same(64, 15, 64, 64)),
        ("airbench94", "conv 64→256 @15²", Same(64, 15, 64, 256)),
        ("airbench94", "conv 256→256 @7²", Same(64, 7, 256, 256)),
        ("airbench94", "conv 256→256 @3²", Same(64, 3, 256, 256)),
        ("airbench94", "dense 256→10", ConvShape.Dense(64, 256, 10)),
        ("airbench96", "conv 128→128 @15²", Same(64, 15, 128, 128)),
        ("airbench96", "conv 128→384 @15²", Same(64, 15, 128, 384)),
        ("airbench96", "conv 384→512 @7²", Same(64, 7, 384, 512)),
        ("airbench96", "conv 512→512 @3²", Same(64, 3, 512, 512)),
        ("resnet18", "conv 64→64 @56²", Same(16, 56, 64, 64)),
        ("resnet18", "conv 128→128 @28²", Same(16, 28, 128, 128)),
        ("resnet18", "conv 256→256 @14²", Same(16, 14, 256, 256)),
        ("resnet18", "conv 512→512 @7²", Same(16, 7, 512, 512)),
        ("other", "5×5 32→64 @16²", new ConvShape(64, 16, 16, 32, 64, 5, 5, 1, 2, 2, 2, 2)),
        ("other", "1×1 64→64 @16²", new ConvShape(64, 16, 16, 64, 64, 1, 1)),
        ("other", "3×3/2 64→128 @16²", new ConvShape(64, 16, 16, 64, 128, 3, 3, 2, 1, 1, 1, 1)),
        ("other", "1×1/2 64→128 @16²", new ConvShape(64, 16, 16, 64, 128, 1, 1, 2)),
        ("other", "3×3 128→128 @16²", Same(64, 16, 128, 128)),
    ];

    /// <summary>Prints the table. Arguments: <c>--net NAME</c>, <c>--batch N</c>, <c>--threads N</c>, <c>--width BITS</c>, <c>--winograd true|false</c> (else where it is the faster one).</summary>
    public static int Run(string[] args)
    {
        var net = Option(args, "--net", "");
        var batch = int.Parse(Option(args, "--batch", "64"), CultureInfo.InvariantCulture);
        var threads = int.Parse(Option(args, "--threads", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
        var bits = int.Parse(Option(args, "--width", "1024"), CultureInfo.InvariantCulture);
        var width = SimdLevel.Available.First(w => (int)w <= bits);
        bool? winograd = bool.TryParse(Option(args, "--winograd", ""), out var asked) ? asked : null;
        using var pool = new WorkerPool(threads);
        var peak = FmaPeak.Measure(width, pool);
        Console.WriteLine($"{width}, {threads} threads, batch {batch}, measured FMA peak {peak:F0} GFLOP/s");
        Console.WriteLine($"{"layer",-34} {"pack",8} {"forward",22} {"backward data",22} {"backward weights",22}  algorithm");
        foreach (var (name, layer, shape) in s_layers)
            if (name.Contains(net, StringComparison.Ordinal))
            {
                Layer($"{name} {layer}", shape with { N = batch }, width, pool, peak, winograd, pooled: false);
                if (layer is [.., '²'] && new ConvPlan(shape, width, 1).PoolSize > 0)
                    Layer("  with 2×2 max-pooling", shape with { N = batch }, width, pool, peak, winograd, pooled: true);
            }
        return 0;
    }

    static void Layer(string name, ConvShape shape, SimdWidth width, WorkerPool pool, double peak, bool? winograd, bool pooled)
    {
        var plan = new ConvPlan(shape, width, pool.Threads, winograd: winograd);
        using var arena = new Arena(
            Arena.Align(shape.InputLength) + (3 * Arena.Align(shape.OutputLength)) + (2 * Arena.Align(shape.FilterLength)) + Arena.Align(shape.InputLength)
            + (2 * Arena.Align(shape.K)) + Arena.Align(plan.PackedLength) + plan.WorkspaceLength);
        var next = 0L;
        Span<float> Take(int length)
        {
            var span = arena.Span(next, length);
            next += Arena.Align(length);
            return span;
        }

        Span<float> x = Take(shape.InputLength), y = Take(shape.OutputLength), gradY = Take(shape.OutputLength), gradX = Take(shape.InputLength);
        Span<float> f = Take(shape.FilterLength), gradF = Take(shape.FilterLength), bias = Take(shape.K), gradBias = Take(shape.K);
        Span<float> argMax = Take(shape.OutputLength), packed = Take(plan.PackedLength), workspace = Take(plan.WorkspaceLength);
        var random = new SplitRandom(1, RandomPurpose.Initialize);
        Fill(x, ref random);
        Fill(f, ref random);
        Fill(gradY, ref random);

        double pack = double.MaxValue, forward = pack, data = pack, weights = pack;
        var clock = Stopwatch.StartNew();
        for (var turn = 0; turn < 5 || (clock.Elapsed.TotalSeconds < 1 && turn < 1000); turn++)
        {
            var t0 = Stopwatch.GetTimestamp();
            plan.PackWeights(f, packed, true, pool);
            var t1 = Stopwatch.GetTimestamp();
            if (pooled)
                plan.ForwardPooled(shape.N, x, packed, bias, true, y, argMax, workspace, pool);
            else
                plan.Forward(shape.N, x, packed, bias, true, y, workspace, pool);
            var t2 = Stopwatch.GetTimestamp();
            if (pooled)
                plan.BackwardDataPooled(shape.N, gradY, argMax, packed, gradX, workspace, pool);
            else
                plan.BackwardData(shape.N, gradY, packed, gradX, workspace, pool);
            var t3 = Stopwatch.GetTimestamp();
            if (pooled)
                plan.BackwardWeightsPooled(shape.N, x, gradY, argMax, gradF, gradBias, workspace, pool);
            else
                plan.BackwardWeights(shape.N, x, gradY, gradF, gradBias, workspace, pool);
            var t4 = Stopwatch.GetTimestamp();
            pack = Math.Min(pack, Stopwatch.GetElapsedTime(t0, t1).TotalSeconds);
            forward = Math.Min(forward, Stopwatch.GetElapsedTime(t1, t2).TotalSeconds);
            data = Math.Min(data, Stopwatch.GetElapsedTime(t2, t3).TotalSeconds);
            weights = Math.Min(weights, Stopwatch.GetElapsedTime(t3, t4).TotalSeconds);
        }

        string Cell(double seconds) => string.Create(
            CultureInfo.InvariantCulture, $"{seconds * 1e6,7:F0}us {shape.Flops / seconds / 1e9,5:F0} {shape.Flops / seconds / 1e7 / peak,4:F0}%");
        Console.WriteLine($"{name,-34} {pack * 1e6,6:F0}us {Cell(forward),22} {Cell(data),22} {Cell(weights),22}  {plan.Algorithm}");
    }

    static void Fill(Span<float> values, ref SplitRandom random)
    {
        foreach (ref var value in values)
            value = (float)random.NextGaussian();
    }

    static string Option(string[] args, string name, string fallback)
    {
        var index = Array.IndexOf(args, name);
        return index >= 0 && index + 1 < args.Length ? args[index + 1] : fallback;
    }

    static ConvShape Same(int n, int size, int c, int k) => new(n, size, size, c, k, 3, 3, 1, 1, 1, 1, 1);
}
