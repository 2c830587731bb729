namespace MlNetCifar.Tests.TestKit;

/// <summary>Managed memory that all threads together take for a piece of work.</summary>
internal static class Allocation
{
    const int Attempts = 60;

    /// <summary>
    /// The least of several repetitions: the test host's own threads allocate now and then, most of all on a busy machine; work that allocates does so every time.
    /// </summary>
    public static long Least(Action work)
    {
        var least = long.MaxValue;
        for (var i = 0; i < Attempts && least > 0; i++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            work();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        return least;
    }
}
