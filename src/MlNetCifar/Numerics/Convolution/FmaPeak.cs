using System.Diagnostics;

namespace MlNetCifar.Numerics;

/// <summary>What the multiply-add units of this machine give at most, measured: the roof of every kernel.</summary>
internal static class FmaPeak
{
    const int Turns = 60;
    const int TilesPerTurn = 500;
    const int Depth = 256;
    const int FloatsPerThread = 16384;

    /// <summary>Best rate of the micro-kernel on data in the first-level cache, on all threads of the pool at once, in 10⁹ operations a second; takes well under a second.</summary>
    public static unsafe double Measure(SimdWidth width, WorkerPool pool)
    {
        var tiles = TileSet.For(width);
        using var arena = new Arena(pool.Threads * FloatsPerThread);
        var best = 0.0;
        fixed (float* memory = arena.Span(0, pool.Threads * FloatsPerThread))
        {
            var job = new Job { Tiles = tiles, Memory = memory };
            for (var turn = 0; turn < Turns; turn++)
            {
                var start = Stopwatch.GetTimestamp();
                pool.Run(ref job, pool.Threads);
                var flops = 2.0 * tiles.MaxRows * tiles.Panel * Depth * TilesPerTurn * pool.Threads;
                best = Math.Max(best, flops / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
            }
        }

        return best;
    }

    unsafe struct Job : IParallelJob
    {
        public TileSet Tiles;
        public float* Memory;

        public readonly void Execute(int block, int worker)
        {
            var mine = Memory + (block * FloatsPerThread);
            var args = new DotTileArgs { A = mine, RowStride = 64, Segments = 4, SegmentLength = Depth / 4, B = mine + 1024, C = mine + 15000, ResultStride = Tiles.Panel };
            for (var i = 0; i < TilesPerTurn; i++)
                Tiles.Dot(Tiles.MaxRows, 2, &args);
        }
    }
}
