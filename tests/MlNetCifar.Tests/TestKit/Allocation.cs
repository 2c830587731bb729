using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.TestKit;

/// <summary>Managed memory that a pool's threads, the caller's among them, take for a piece of work.</summary>
internal static class Allocation
{
    const int Attempts = 5;

    /// <summary>
    /// The least of several repetitions, so that what the runtime does once (compiling a method again) does not count. Other threads do not count at all:
    /// the test host's own allocate now and then.
    /// </summary>
    public static long Least(WorkerPool pool, Action work)
    {
        var (before, after) = (new long[pool.Threads], new long[pool.Threads]);
        var least = long.MaxValue;
        for (var i = 0; i < Attempts && least > 0; i++)
        {
            Read(pool, before);
            work();
            Read(pool, after);
            least = Math.Min(least, after.Sum() - before.Sum());
        }

        return least;
    }

    static void Read(WorkerPool pool, long[] bytes)
    {
        var job = new Reader { Bytes = bytes };
        pool.Run(ref job, pool.Threads);
    }

    struct Reader : IParallelJob
    {
        public long[] Bytes;

        public readonly void Execute(int block, int worker) => Bytes[worker] = GC.GetAllocatedBytesForCurrentThread();
    }
}
