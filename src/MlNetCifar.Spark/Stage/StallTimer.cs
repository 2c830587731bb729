namespace MlNetCifar.Spark.Stage;

/// <summary>Cancels where nothing has been fed to it for a time.</summary>
sealed class StallTimer : IDisposable
{
    readonly CancellationTokenSource _source;
    readonly CancellationToken _outer;
    readonly TimeSpan _limit;

    public StallTimer(TimeSpan limit, CancellationToken outer)
    {
        _limit = limit;
        _outer = outer;
        _source = CancellationTokenSource.CreateLinkedTokenSource(outer);
        Feed();
    }

    public CancellationToken Token => _source.Token;

    public bool IsStalled => _source.IsCancellationRequested && !_outer.IsCancellationRequested;

    public void Feed() => _source.CancelAfter(_limit);

    public void Dispose() => _source.Dispose();
}
