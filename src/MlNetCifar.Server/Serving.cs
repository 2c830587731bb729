using System.Diagnostics;
using System.Diagnostics.Metrics;
using MlNetCifar.Server.Batching;
using MlNetCifar.Server.Candidates;
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
        Capture = options.CaptureFolder is null ? null : new PictureCapture(options, Logger);
        Meter = new ServerMeter();
        Store = new ModelStore(options);
        Watcher = new ModelWatcher(options, Store, Logger);
        Engine = new BatchEngine(options, Meter);
        Admission = new Admission(options, Engine);
        Feedback = new AnswerLog();
        Candidates = new CandidateModels(options, Store, Engine, Feedback, Logger);
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

    public CandidateModels Candidates { get; }

    /// <summary>Null where no picture is written.</summary>
    public PictureCapture? Capture { get; }

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
            Candidates.Watcher.LoadAll();
            _loaded.TrySetResult();
        }
        catch (Exception e)
        {
            _loaded.TrySetException(e);
            throw;
        }

        while (!cancellation.WaitHandle.WaitOne(Options.WatchInterval))
        {
            Watcher.Look();
            Candidates.Watcher.Look();
        }
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
        Candidates.Dispose();
        Capture?.Dispose();
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
        WatchCandidates();
        if (Capture is not null)
        {
            Meter.Watch("mlnetcifar_captured_pictures", "Pictures written since the start", () => [new(Capture.Written)]);
            Meter.Watch("mlnetcifar_captured_skipped", "Pictures that were to be written and were not", () => [new(Capture.Skipped)]);
            Meter.Watch("mlnetcifar_captured_bytes", "Bytes of the pictures kept", () => [new(Capture.Bytes)]);
        }

        Meter.Watch("process_resident_memory_bytes", "Resident memory", () => [new(Environment.WorkingSet)]);
        Meter.Watch("process_cpu_seconds_total", "Processor time used", () => [new(Environment.CpuUsage.TotalTime.TotalSeconds)]);
        var start = new DateTimeOffset(Process.GetCurrentProcess().StartTime).ToUnixTimeMilliseconds() / 1000.0;
        Meter.Watch("process_start_time_seconds", "Start, seconds since 1970", () => [new(start)]);

        IEnumerable<Measurement<double>> PerModel(Func<LoadedModel, double> value, string label, Func<LoadedModel, object> text) =>
            Store.All().Select(m => new Measurement<double>(value(m), new("model", m.Name), new(label, text(m))));
    }

    void WatchCandidates()
    {
        if (Options.Candidates.Count == 0)
            return;
        Watch("share", "Share of requests that the candidate answers", c => c.Share);
        Watch("skipped", "Pictures that were not compared, because the engine had no room", c => c.Skipped);
        Watch("pictures", "Pictures that both models answered", c => c.Comparison?.Pictures);
        Watch("disagreements", "Of these, answered differently", c => c.Comparison?.Disagreements);
        Watch("failures", "Pictures that the candidate failed to answer", c => c.Comparison?.Failures);
        Watch("classes_p_value", "Probability of the difference in how often a class is said, without one", c => c.Comparison?.ClassesP);
        Watch("accuracy_p_value", "Probability of the difference in labels told that one model alone had, without one", c => c.Comparison?.AccuracyP);

        void Watch(string name, string help, Func<CandidateState, double?> value) => Meter.Watch($"mlnetcifar_candidate_{name}", help, () =>
            from model in Options.Candidates.Keys
            let state = Candidates.Read(model)
            where state is not null
            let found = value(state)
            where found is not null
            select new Measurement<double>(found.Value, new KeyValuePair<string, object?>("model", model)));
    }
}
