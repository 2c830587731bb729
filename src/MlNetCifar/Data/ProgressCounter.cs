namespace MlNetCifar.Data;

/// <summary>Counts finished images and reports about ten times a second, from whichever thread is there.</summary>
internal sealed class ProgressCounter(int total, IProgress<LoadProgress>? progress)
{
    const long Interval = 100;

    int _done;
    int _bad;
    long _next = Environment.TickCount64 + Interval;

    public void Advance(bool bad)
    {
        var done = Interlocked.Increment(ref _done);
        if (bad)
            Interlocked.Increment(ref _bad);
        if (progress is null)
            return;
        var now = Environment.TickCount64;
        var next = Volatile.Read(ref _next);
        if (done == total || (now >= next && Interlocked.CompareExchange(ref _next, now + Interval, next) == next))
            progress.Report(new(done, total, Volatile.Read(ref _bad)));
    }
}
