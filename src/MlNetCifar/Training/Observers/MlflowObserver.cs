using System.Globalization;
using System.Text.Json;

namespace MlNetCifar.Training;

/// <summary>
/// Logs a run to an MLflow server: options as parameters, every epoch's figures as metrics over the steps, the end as status. Never fails and hardly delays a run:
/// entries are put into a spool on disk and sent from another thread; while the server is away they wait, also beyond the end of the process, for the next run
/// with the same folder. A resumed run goes on in its MLflow run, a new one begins one of its own. Dispose it after the run; a run that ended by an exception is marked
/// as failed then.
/// </summary>
public sealed class MlflowObserver : ITrainingObserver, IDisposable
{
    const int LongestParameter = 500;

    /// <summary>Share of a time budget that the end may wait.</summary>
    const double BudgetShare = 1.0 / 20;

    readonly MlflowOptions _options;
    readonly TimeProvider _time;
    readonly MlflowSpool _spool;
    readonly MlflowSender _sender;
    TimeSpan _finalWait;
    bool _running;
    bool _toldAway;
    bool _toldRefused;
    bool _toldDisk;
    bool _disposed;

    /// <summary>Opens the spool and sends what an earlier run left in it.</summary>
    /// <param name="options">Server, names and folder.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <exception cref="ArgumentException">The server's address is not one of HTTP.</exception>
    public MlflowObserver(MlflowOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!options.Server.IsAbsoluteUri || options.Server.Scheme is not ("http" or "https"))
            throw new ArgumentException("The server's address is none of http or https.", nameof(options));
        (_options, _time, _finalWait) = (options, time ?? TimeProvider.System, options.FinalWait);
        _spool = new MlflowSpool(options.Folder);
        _sender = new MlflowSender(options, _spool);
    }

    /// <summary>Entries the server has not taken yet.</summary>
    public int Waiting => _spool.Waiting;

    /// <summary>The run's identity at the server; null before it is known.</summary>
    public string? RunId => _spool.RunId;

    long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    string Server => Secrets.InAddress(_options.Server.OriginalString);

    /// <inheritdoc/>
    public void OnFitStart(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        _running = true;
        if (run.Options.TimeBudget * BudgetShare is { } share && share < _finalWait)
            _finalWait = share;
        if (run.ResumedFrom is not null && _spool.HasRun)
        {
            Add("runs/update", json => json.WriteString("status", "RUNNING"));
            return;
        }

        var now = Now;
        Add(MlflowSpool.Begin, json =>
        {
            json.WriteString("experiment", _options.Experiment);
            json.WriteString("run_name", _options.RunName);
            json.WriteNumber("start_time", now);
        });
        foreach (var (key, value) in _options.Tags)
            Tag(key, value);
        Add("runs/log-batch", json => Parameters(json, run));
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
        Tell(run);
        if (Waiting is var waiting and > 0)
            run.Warn(string.Create(CultureInfo.InvariantCulture, $"{waiting} entries for the MLflow server {Server} {Fate}: {_sender.Failure ?? "it is slow"}."));
    }

    /// <summary>Ends the sending; what waits stays on disk.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        if (_running)
            Finish("FAILED", null);
        _sender.Dispose();
    }

    /// <summary>What becomes of entries that wait at the end.</summary>
    string Fate => _spool.Fault is null ? $"wait in {_options.Folder}, where the next run with this folder sends them" : "are lost";

    void Finish(string status, string? hash)
    {
        _running = false;
        if (hash is not null)
            Tag("weights_sha256", hash);
        var now = Now;
        Add("runs/update", json =>
        {
            json.WriteString("status", status);
            json.WriteNumber("end_time", now);
        });
        _sender.Settle(_finalWait);
    }

    void Tag(string key, string value) => Add("runs/set-tag", json =>
    {
        json.WriteString("key", key);
        json.WriteString("value", value);
    });

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

    /// <summary>Says each kind of trouble once.</summary>
    void Tell(TrainingRun run)
    {
        if (_spool.Fault is { } fault && !_toldDisk)
        {
            _toldDisk = true;
            run.Warn(
                $"Entries for the MLflow server {Server} cannot be kept in {_options.Folder} ({fault}). "
                + "They are sent as long as this process lives; free some space, or name another folder.");
        }

        if (_sender.Failure is { } failure && !_toldAway)
        {
            _toldAway = true;
            run.Warn($"The MLflow server {Server} takes no entries now: {failure}. Training goes on; they are kept and sent in order when it does.");
        }

        if (_sender.Refusal is { } refusal && !_toldRefused)
        {
            _toldRefused = true;
            run.Warn($"The MLflow server {Server} refused an entry, which is left out there: {refusal}.");
        }
    }

    void Add(string call, Action<Utf8JsonWriter> members)
    {
        _spool.Add(call, members);
        _sender.Wake();
    }
}
