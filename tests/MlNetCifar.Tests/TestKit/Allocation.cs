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
        var arrived = new int[1];
        var least = long.MaxValue;
        for (var i = 0; i < Attempts && least > 0; i++)
        {
            Read(pool, before, arrived);
            work();
            Read(pool, after, arrived);
            least = Math.Min(least, after.Sum() - before.Sum());
        }

        return least;
    }

    static void Read(WorkerPool pool, long[] bytes, int[] arrived)
    {
        var job = new Reader { Bytes = bytes, Arrived = arrived };
        arrived[0] = 0;
        pool.Run(ref job, pool.Threads);
    }

    struct Reader : IParallelJob
    {
        public long[] Bytes;
        public int[] Arrived;

        public readonly void Execute(int block, int worker)
        {
            // Nobody is done before all have begun, so that no thread takes another's block.
            Interlocked.Increment(ref Arrived[0]);
            while (Volatile.Read(ref Arrived[0]) < Bytes.Length)
                Thread.Yield();
            Bytes[worker] = GC.GetAllocatedBytesForCurrentThread();
        }
    }
}
