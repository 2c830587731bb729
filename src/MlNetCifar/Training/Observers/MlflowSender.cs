using System.Text.Json;

namespace MlNetCifar.Training;

/// <summary>
/// Sends what is in a spool, in order, from a thread of its own. After failures in a row it pauses longer and longer, and after <see cref="Attempts"/> of them it asks no more
/// until there is another entry: a server that fails for ever is asked as often as entries come, and no oftener than once in the longest pause.
/// </summary>
internal sealed class MlflowSender : IDisposable
{
    /// <summary>Failures in a row after which the next attempt waits for the next entry.</summary>
    public const int Attempts = 8;

    /// <summary>Failures in a row after which a server that answers is taken for one that will not take the entry soon.</summary>
    const int BusyAttempts = 3;

    static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    /// <summary>A name that is being looked up cannot be given up; the process need not wait for it.</summary>
    static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(1);

    readonly object _gate = new();
    readonly MlflowOptions _options;
    readonly MlflowSpool _spool;
    readonly CancellationTokenSource _stop = new();
    readonly Thread _thread;
    volatile string? _failure;
    volatile string? _refusal;
    bool _woken;
    bool _hurried;
    bool _again;
    int _misses;
    int _failures;

    public MlflowSender(MlflowOptions options, MlflowSpool spool)
    {
        (_options, _spool) = (options, spool);
        _thread = new Thread(Work) { IsBackground = true, Name = "mlnetcifar-mlflow" };
        _thread.Start();
    }

    /// <summary>Why the last attempt failed; null where it did not.</summary>
    public string? Failure => _failure;

    /// <summary>Why the server refused an entry for good, the last one; null where it took all.</summary>
    public string? Refusal => _refusal;

    /// <summary>Looks into the spool at once, or when the pause after a failure is over.</summary>
    public void Wake() => Wake(hurry: false);

    /// <summary>Waits until all is sent, at most for a while, and no longer than it takes to see that nobody is there.</summary>
    public void Settle(TimeSpan longest)
    {
        Wake(hurry: true);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        lock (_gate)
        {
            var before = _misses;
            while (_spool.Waiting > 0 && _misses == before && longest - clock.Elapsed is var left && left > TimeSpan.Zero)
                Monitor.Wait(_gate, left);
        }
    }

    /// <summary>Ends the thread, in the middle of a call where it must; what was not taken stays in the spool.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        Wake(hurry: true);
        if (_thread.Join(s_farewell))
            _stop.Dispose();
    }

    void Work()
    {
        using var client = new MlflowClient(_options);
        var pause = _options.Backoff;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                while (_spool.Next() is { } entry)
                {
                    Send(client, entry.Line, entry.RunId);
                    (_failure, _failures, pause) = (null, 0, _options.Backoff);
                    if (_stop.IsCancellationRequested)
                        return;
                }

                Rest(TimeSpan.Zero, isMiss: false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is, the run must not notice: this is the last frame of a thread of its own.
                _failure = e.Message;
                _failures++;
                Rest(pause, isMiss: e is MlflowFault { Outcome: MlflowOutcome.Away } || _failures >= BusyAttempts);
                pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, s_longestPause.Ticks));
            }
        }
    }

    /// <summary>Tells those who wait how it went; then lets the pause pass, and waits for the next entry unless this one is still to be tried.</summary>
    void Rest(TimeSpan pause, bool isMiss)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        lock (_gate)
        {
            _misses += isMiss ? 1 : 0;
            Monitor.PulseAll(_gate);
            while (!_hurried && pause - clock.Elapsed is var left && left > TimeSpan.Zero)
                Monitor.Wait(_gate, left);
            while (!_woken && _failures is 0 or >= Attempts)
                Monitor.Wait(_gate);
            (_woken, _hurried) = (false, false);
        }
    }

    void Wake(bool hurry)
    {
        lock (_gate)
        {
            _woken = true;
            _hurried |= hurry;
            Monitor.PulseAll(_gate);
        }
    }

    void Send(MlflowClient client, string line, string? run)
    {
        using var entry = JsonDocument.Parse(line);
        var (call, body) = (entry.RootElement.GetProperty("call").GetString()!, entry.RootElement.GetProperty("body"));
        try
        {
            if (call == MlflowSpool.Begin)
                run = Create(client, body);
            else
                client.Send(call, run!, body, _stop.Token);
        }
        catch (MlflowFault e) when (e.Outcome == MlflowOutcome.Unknown && !_again && call != MlflowSpool.Begin)
        {
            // A server with a new data base, or another one: it gets the run from its beginning, once.
            _again = true;
            _spool.Again();
            return;
        }
        catch (MlflowFault e) when (e.Outcome is MlflowOutcome.Refused or MlflowOutcome.Unknown && call != MlflowSpool.Begin)
        {
            // Those behind it may be fine.
            _refusal = e.Message;
        }

        _spool.Done(run);
    }

    string Create(MlflowClient client, JsonElement body)
    {
        var experiment = client.ExperimentId(body.GetProperty("experiment").GetString()!, _stop.Token);
        return client.CreateRun(experiment, body.GetProperty("run_name").GetString()!, body.GetProperty("start_time").GetInt64(), _stop.Token);
    }
}
