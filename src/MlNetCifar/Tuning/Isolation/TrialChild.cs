using System.Collections.Concurrent;

namespace MlNetCifar.Tuning;

/// <summary>The process of one trial: reads the request, runs it, and tells the sweep, as <see cref="TrialWire"/> says.</summary>
/// <param name="input">What the sweep says; at its end the sweep is gone, and the trial with it.</param>
/// <param name="output">What it is told.</param>
/// <param name="cancellation">Ends the trial.</param>
internal sealed class TrialChild(TextReader input, TextWriter output, CancellationToken cancellation) : IDisposable
{
    /// <summary>Told the trial's end; null (the default) for what is told the rest.</summary>
    public TextWriter? Results { get; init; }

    readonly BlockingCollection<string> _lines = [];
    readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);

    /// <summary>Runs it.</summary>
    /// <param name="start">Makes the runner: what it throws is the trial's error, too.</param>
    public void Run(Func<CancellationToken, ITrialRunner> start)
    {
        new Thread(Listen) { IsBackground = true, Name = "sweep" }.Start();
        try
        {
            var settings = TrialWire.Settings(_lines.Take(_end.Token), Report);
            var result = start(_end.Token).RunAsync(settings, _end.Token).GetAwaiter().GetResult();
            Say(Results ?? output, TrialWire.OfEnd(result));
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            Say(Results ?? output, TrialWire.Cancelled);
        }
        catch (Exception e)
        {
            Say(Results ?? output, TrialWire.OfFailure(e));
        }
    }

    public void Dispose()
    {
        // The reader's thread may still use the rest.
        _end.Cancel();
    }

    bool Report(int step, double metric)
    {
        Say(output, TrialWire.OfStep(step, metric));
        return _lines.Take(_end.Token) == TrialWire.Go;
    }

    void Listen()
    {
        try
        {
            while (input.ReadLine() is { } line)
                _lines.Add(line);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The connection is gone, and the sweep with it.
        }

        _end.Cancel();
    }

    static void Say(TextWriter to, string line)
    {
        try
        {
            to.WriteLine(line);
            to.Flush();
        }
        catch (IOException)
        {
            // Nobody is there to hear it.
        }
    }
}
