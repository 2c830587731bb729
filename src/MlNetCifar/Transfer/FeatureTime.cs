using System.Diagnostics;
using MlNetCifar.Numerics;

namespace MlNetCifar.Transfer;

/// <summary>Measures how long features take, before they are computed.</summary>
internal static class FeatureTime
{
    /// <summary>Pictures a second, decoding left out: in batches, as a pass over pictures computes them.</summary>
    /// <param name="backbone">What computes them.</param>
    /// <param name="threads">Threads; null for the cores this process may use.</param>
    public static double PerSecond(FeatureExtractor backbone, int? threads)
    {
        using var pool = new WorkerPool(threads ?? Environment.ProcessorCount);
        using var network = backbone.Scorer.Compile(backbone.Scorer.PicturesAtOnce, pool);
        network.Input(network.BatchSize).Clear();

        // The first pictures pack weights and compile code.
        network.Forward(network.BatchSize);
        var clock = Stopwatch.StartNew();
        network.Forward(network.BatchSize);
        return network.BatchSize / Math.Max(clock.Elapsed.TotalSeconds, 1e-6);
    }
}
