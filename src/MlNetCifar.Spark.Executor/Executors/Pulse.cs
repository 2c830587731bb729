namespace MlNetCifar.Spark.Executors;

/// <summary>
/// Writes a row every few seconds for as long as a worker works. An executor that is gone reads none: then the process ends, for what it held is another's by now.
/// </summary>
sealed class Pulse : IDisposable
{
    /// <summary>What the row says.</summary>
    public const string Row = "working";

    static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    readonly Stream _output;
    readonly Timer _timer;

    public Pulse(Stream output)
    {
        _output = output;
        _timer = new Timer(_ => Beat());
        Again();
    }

    /// <summary>Waits for a row that is being written: what is written afterwards is another.</summary>
    public void Dispose() => _timer.DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>One after the other: where nobody reads for a while, a write waits.</summary>
    void Again() => _timer.Change(s_interval, Timeout.InfiniteTimeSpan);

    void Beat()
    {
        try
        {
            _output.Write(System.Text.Encoding.UTF8.GetBytes($"{Row}\n"));
            _output.Flush();
            Again();
        }
        catch (IOException)
        {
            Environment.Exit(1);
        }
        catch (ObjectDisposedException)
        {
            // The work is done.
        }
    }
}
