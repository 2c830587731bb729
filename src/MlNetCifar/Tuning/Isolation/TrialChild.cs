using System.Collections.Concurrent;

namespace MlNetCifar.Tuning;

/// <summary>The process of one trial: reads the request, runs it, and tells the sweep, as <see cref="TrialWire"/> says.</summary>
/// <param name="input">What the sweep says; at its end the sweep is gone, and the trial with it.</param>
/// <param name="output">What it is told.</param>
/// <param name="cancellation">Ends the trial.</param>
internal sealed class TrialChild(TextReader input, TextWriter output, CancellationToken cancellation) : IDisposable
{
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
            Say(TrialWire.OfEnd(result));
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            Say(TrialWire.Cancelled);
        }
        catch (Exception e)
        {
            Say(TrialWire.OfFailure(e));
        }
    }

    public void Dispose()
    {
        // The reader's thread may still use the rest.
        _end.Cancel();
    }

    bool Report(int step, double metric)
    {
        Say(TrialWire.OfStep(step, metric));
        return _lines.Take(_end.Token) == TrialWire.Go;
    }

    void Listen()
    {
        while (input.ReadLine() is { } line)
            _lines.Add(line);
        _end.Cancel();
    }

    void Say(string line)
    {
        try
        {
            output.WriteLine(line);
            output.Flush();
        }
        catch (IOException)
        {
            // Nobody is there to hear it.
        }
    }
}
