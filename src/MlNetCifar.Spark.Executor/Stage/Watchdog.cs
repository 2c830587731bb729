namespace MlNetCifar.Spark.Stage;

/// <summary>Ends the process where it makes no progress: Spark then tries the task again.</summary>
sealed class Watchdog : IDisposable
{
    const int HangingExitCode = 76;

    readonly Timer _timer;
    readonly TimeSpan _limit;
    long _last = Environment.TickCount64;

    public Watchdog(TimeSpan limit, TextWriter error)
    {
        _limit = limit;
        var interval = TimeSpan.FromMilliseconds(Math.Clamp(limit.TotalMilliseconds / 4, 50, 10_000));
        _timer = new(_ =>
        {
            if (Environment.TickCount64 - Volatile.Read(ref _last) < _limit.TotalMilliseconds)
                return;
            error.WriteLine(StageErrors.Hanging("in an image, a read or a write", _limit).Message);
            error.Flush();
            Environment.Exit(HangingExitCode);
        }, null, interval, interval);
    }

    public void Feed() => Volatile.Write(ref _last, Environment.TickCount64);

    public void Dispose() => _timer.Dispose();
}
