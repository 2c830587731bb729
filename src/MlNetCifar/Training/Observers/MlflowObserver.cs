using System.Globalization;
using System.Net;
using System.Text.Json;

namespace MlNetCifar.Training;

/// <summary>
/// Logs a run to an MLflow server: options as parameters, every epoch's figures as metrics over the steps, the end as status. Never fails and never delays a run:
/// entries are put into a spool on disk and sent from another thread; while the server is away they wait, also beyond the end of the process, for the next run
/// with the same folder. Dispose it after the run; a run that ended by an exception is marked as failed then.
/// </summary>
public sealed class MlflowObserver : ITrainingObserver, IDisposable
{
    const int LongestParameter = 500;
    static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    readonly MlflowOptions _options;
    readonly TimeProvider _time;
    readonly MlflowSpool? _spool;
    readonly AutoResetEvent _wake = new(false);
    readonly ManualResetEventSlim _idle = new(true);
    readonly Thread _thread;
    readonly long _started;
    volatile string? _failure;
    volatile bool _stopping;
    int _rejected;
    bool _running;
    bool _told;

    /// <summary>Opens the spool; nothing is sent before the run starts.</summary>
    /// <param name="options">Server, names and folder.</param>
    /// <param name="time">The clock; null for the system's.</param>
    public MlflowObserver(MlflowOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _time) = (options, time ?? TimeProvider.System);
        _started = Now;
        _thread = new Thread(Work) { IsBackground = true, Name = "mlnetcifar-mlflow" };
        try
        {
            _spool = new MlflowSpool(options.Folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            _failure = e.Message;
        }

        _thread.Start();
    }

    /// <summary>Entries the server has not taken yet.</summary>
    public int Waiting => _spool?.Waiting ?? 0;

    /// <summary>The run's identity at the server; null before it is known.</summary>
    public string? RunId => _spool?.RunId;

    long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public void OnFitStart(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        _running = true;
        if (run.ResumedFrom is null)
            Add("runs/log-batch", json => Parameters(json, run));
        else
            Add("runs/update", json => json.WriteString("status", "RUNNING"));
    }

    /// <inheritdoc/>
    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(epoch);
        var now = Now;
        Add("runs/log-batch", json =>
        {
            json.WriteStartArray("metrics");
            foreach (var (tag, value) in TensorBoardObserver.Scalars(epoch).Append(("epoch", epoch.Epoch)).Where(s => double.IsFinite(s.Item2)))
            {
                json.WriteStartObject();
                json.WriteString("key", tag);
                json.WriteNumber("value", value);
                json.WriteNumber("timestamp", now);
                json.WriteNumber("step", run.Step);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
        Tell(run);
    }

    /// <inheritdoc/>
    public void OnFitEnd(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Finish(run.StopReason == StopReason.Cancelled ? "KILLED" : "FINISHED", run.BestWeights.Sha256());
        _idle.Wait(_options.FinalWait);
        Tell(run);
        if (Waiting > 0 && _spool is not null)
            run.Warn($"{Waiting} entries for the MLflow server {_options.Server} wait in {_options.Folder} ({_failure ?? "it is slow"}). They are sent by the next run that is resumed here.");
    }

    /// <summary>Ends the sending; what waits stays on disk.</summary>
    public void Dispose()
    {
        if (_stopping)
            return;
        if (_running)
        {
            Finish("FAILED", null);
            _idle.Wait(_options.FinalWait);
        }

        _stopping = true;
        _wake.Set();
        _thread.Join();
        _wake.Dispose();
        _idle.Dispose();
    }

    void Finish(string status, string? hash)
    {
        _running = false;
        if (hash is not null)
            Add("runs/set-tag", json =>
            {
                json.WriteString("key", "weights_sha256");
                json.WriteString("value", hash);
            });
        var now = Now;
        Add("runs/update", json =>
        {
            json.WriteString("status", status);
            json.WriteNumber("end_time", now);
        });
    }

    static void Parameters(Utf8JsonWriter json, TrainingRun run)
    {
        using var options = JsonDocument.Parse(run.Options.ToJson());
        json.WriteStartArray("params");
        Parameter("network", run.Network.Name);
        foreach (var option in options.RootElement.EnumerateObject())
            Parameter(option.Name, option.Value.ToString());
        json.WriteEndArray();

        void Parameter(string key, string value)
        {
            json.WriteStartObject();
            json.WriteString("key", key);
            json.WriteString("value", value.Length <= LongestParameter ? value : value[..LongestParameter]);
            json.WriteEndObject();
        }
    }

    void Tell(TrainingRun run)
    {
        if (_told || (_failure is null && _rejected == 0))
            return;
        _told = true;
        run.Warn(string.Create(CultureInfo.InvariantCulture, $"The MLflow server {_options.Server} does not take entries ({_failure}). Training goes on; they are kept in {_options.Folder} and sent when it is back."));
    }

    void Add(string call, Action<Utf8JsonWriter> members)
    {
        try
        {
            _spool?.Add(call, members);
            _idle.Reset();
            _wake.Set();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _failure = e.Message;
        }
    }

    void Work()
    {
        using var client = new MlflowClient(_options);
        var pause = _options.Backoff;
        while (!_stopping)
        {
            try
            {
                while (!_stopping && _spool?.Next() is { } line)
                {
                    Send(client, line);
                    (_failure, pause) = (null, _options.Backoff);
                }

                _idle.Set();
                _wake.WaitOne();
            }
            catch (Exception e)
            {
                // Whatever it is, the run must not notice: this is the last frame of a thread of its own.
                _failure = e.Message;
                _wake.WaitOne(pause);
                pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, s_longestPause.Ticks));
            }
        }
    }

    void Send(MlflowClient client, string line)
    {
        if (_spool!.RunId is null)
            _spool.Named(client.CreateRun(client.ExperimentId(_options.Experiment), _options.RunName, _started));
        using var entry = JsonDocument.Parse(line);
        try
        {
            client.Send(entry.RootElement.GetProperty("call").GetString()!, _spool.RunId!, entry.RootElement.GetProperty("body"));
        }
        catch (HttpRequestException e) when (e.StatusCode is >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError and not (HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden))
        {
            // The server will never take this one; those behind it may be fine.
            Interlocked.Increment(ref _rejected);
            _failure = e.Message;
        }

        _spool.Done();
    }
}
