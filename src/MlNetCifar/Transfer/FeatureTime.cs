using System.Diagnostics;

namespace MlNetCifar.Transfer;

/// <summary>Measures how long features take, before they are computed.</summary>
internal static class FeatureTime
{
    const int Passes = 2;

    /// <summary>Pictures a second, decoding left out: each thread computes one at a time, as a pass over pictures does.</summary>
    /// <param name="backbone">What computes them.</param>
    /// <param name="threads">Threads; null for the cores this process may use.</param>
    public static double PerSecond(FeatureExtractor backbone, int? threads)
    {
        var count = threads ?? Environment.ProcessorCount;
        var options = new ParallelOptions { MaxDegreeOfParallelism = count };

        // The first pictures pack weights and compile code.
        Parallel.For(0, count, options, Run);
        var clock = Stopwatch.StartNew();
        Parallel.For(0, Passes * count, options, Run);
        return Passes * count / Math.Max(clock.Elapsed.TotalSeconds, 1e-6);

        void Run(int index)
        {
            using var lane = backbone.Scorer.Rent();
            Array.Clear(lane.Pixels);
            lane.Run(TestTimeViews.None, [], new float[backbone.Count], CancellationToken.None);
        }
    }
}
