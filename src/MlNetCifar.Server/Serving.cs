using System.Diagnostics;
using System.Diagnostics.Metrics;
using MlNetCifar.Server.Batching;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Server;

/// <summary>Everything that serves, in one place: models, engine, limits, meter, and the state of the server.</summary>
internal sealed class Serving : IDisposable
{
    readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Serving(ServingOptions options, ILoggerFactory loggers)
    {
        options.Validate();
        (Options, Logger) = (options, loggers.CreateLogger("MlNetCifar.Server"));
        Meter = new ServerMeter();
        Store = new ModelStore(options);
        Watcher = new ModelWatcher(options, Store, Logger);
        Engine = new BatchEngine(options, Meter);
        Admission = new Admission(options, Engine);
        Feedback = new AnswerLog();
        Watch();
    }

    public ServingOptions Options { get; }

    public ILogger Logger { get; }

    public ServerMeter Meter { get; }

    public ModelStore Store { get; }

    public ModelWatcher Watcher { get; }

    public BatchEngine Engine { get; }

    public Admission Admission { get; }

    public AnswerLog Feedback { get; }

    /// <summary>Whether the server was asked to end.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Done when the first look at the files is over.</summary>
    public Task Loaded => _loaded.Task;

    /// <summary>Null when requests are welcome; else why not.</summary>
    public string? WhyNotReady => IsDraining ? "The server is about to end."
        : !_loaded.Task.IsCompleted ? "Models are being loaded."
        : Store.Models.IsEmpty ? "There is no usable model."
        : Options.Models.Keys.FirstOrDefault(name => !Store.Models.ContainsKey(name)) is { } missing ? $"Model '{missing}' is not loaded." : null;

    /// <summary>Loads all models, then looks for changes until it is cancelled.</summary>
    public void Run(CancellationToken cancellation)
    {
        try
        {
            Watcher.LoadAll();
            _loaded.TrySetResult();
        }
        catch (Exception e)
        {
            _loaded.TrySetException(e);
            throw;
        }

        while (!cancellation.WaitHandle.WaitOne(Options.WatchInterval))
            Watcher.Look();
    }

    /// <summary>Says from now on that the server is not ready.</summary>
    public void Drain()
    {
        if (IsDraining)
            return;
        IsDraining = true;
        Logger.Draining();
    }

    public void Dispose()
    {
        Engine.Dispose();
        Store.Dispose();
        Meter.Dispose();
    }

    void Watch()
    {
        Meter.Watch("mlnetcifar_queue_depth", "Pictures that wait for the engine", () => [new(Engine.Waiting)]);
        Meter.Watch("mlnetcifar_pictures_in_flight", "Pictures under way", () => [new(Admission.Pictures)]);
        Meter.Watch("mlnetcifar_ready", "1 when requests are welcome", () => [new(WhyNotReady is null ? 1 : 0)]);
        Meter.Watch("mlnetcifar_model_swaps", "Models replaced since the start", () => [new(Store.Swaps)]);
        Meter.Watch("mlnetcifar_model_info", "1 for each model served", () => PerModel(m => 1, "version", m => m.Version));
        Meter.Watch("mlnetcifar_feedback_accuracy", "Accuracy over the last answers told about", () => Store.All().Where(m => m.Feedback.Read().Count > 0)
            .Select(m => new Measurement<double>(m.Feedback.Read() is var (n, right, _, _) ? (double)right / n : 0, new KeyValuePair<string, object?>("model", m.Name))));
        Meter.Watch("mlnetcifar_drift_p_value", "Probability of the last window's difference without drift", () =>
            from model in Store.All()
            from reading in model.Drift.Last
            select new Measurement<double>(reading.PValue, new("model", model.Name), new("statistic", reading.Statistic)));
        Meter.Watch("process_resident_memory_bytes", "Resident memory", () => [new(Environment.WorkingSet)]);
        Meter.Watch("process_cpu_seconds_total", "Processor time used", () => [new(Environment.CpuUsage.TotalTime.TotalSeconds)]);
        var start = new DateTimeOffset(Process.GetCurrentProcess().StartTime).ToUnixTimeMilliseconds() / 1000.0;
        Meter.Watch("process_start_time_seconds", "Start, seconds since 1970", () => [new(start)]);

        IEnumerable<Measurement<double>> PerModel(Func<LoadedModel, double> value, string label, Func<LoadedModel, object> text) =>
            Store.All().Select(m => new Measurement<double>(value(m), new("model", m.Name), new(label, text(m))));
    }
}
