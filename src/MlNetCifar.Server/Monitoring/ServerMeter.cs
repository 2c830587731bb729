using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MlNetCifar.Server.Monitoring;

/// <summary>The instruments, by the meter <c>MlNetCifar.Server</c>: OpenTelemetry takes them from there, and <c>/metrics</c> writes the same.</summary>
internal sealed class ServerMeter : IDisposable
{
    /// <summary>Of meter and spans.</summary>
    public const string Name = "MlNetCifar.Server";

    /// <summary>Spans of requests' parts.</summary>
    public static ActivitySource Spans { get; } = new(Name);

    /// <summary>A picture's wait for the engine as a span, linked to the batch that it became part of.</summary>
    /// <param name="queued">When it began to wait.</param>
    /// <param name="started">When it was taken.</param>
    /// <param name="batch">The batch's span.</param>
    public static void Queued(long queued, long started, ActivityContext batch)
    {
        if (!Spans.HasListeners())
            return;
        var end = DateTimeOffset.UtcNow - Stopwatch.GetElapsedTime(started);
        using var span = Spans.StartActivity(
            "queue", ActivityKind.Internal, Activity.Current?.Context ?? default, links: batch == default ? null : [new(batch)], startTime: end - Stopwatch.GetElapsedTime(queued, started));
        span?.SetEndTime(end.UtcDateTime);
    }

    readonly Meter _meter = new(Name);
    readonly Histogram<double> _requests;
    readonly Histogram<double> _scoring;
    readonly Histogram<double> _waiting;
    readonly Histogram<double> _batches;
    readonly Counter<long> _predictions;
    readonly Counter<long> _rejected;
    readonly Counter<long> _unknown;
    readonly Counter<long> _alarms;

    public ServerMeter()
    {
        _requests = _meter.CreateHistogram<double>("http_request_duration_seconds", "s", "Duration of requests");
        _scoring = _meter.CreateHistogram<double>("mlnetcifar_score_duration_seconds", "s", "Duration of a batch in the engine");
        _waiting = _meter.CreateHistogram<double>("mlnetcifar_queue_duration_seconds", "s", "Time a picture waited for the engine");
        _batches = _meter.CreateHistogram<double>("mlnetcifar_batch_size", null, "Pictures scored together");
        _predictions = _meter.CreateCounter<long>("mlnetcifar_predictions_total", null, "Answers by their most probable class");
        _rejected = _meter.CreateCounter<long>("mlnetcifar_rejected_total", null, "Requests refused, by code");
        _unknown = _meter.CreateCounter<long>("mlnetcifar_unknown_total", null, "Answers that are unknown");
        _alarms = _meter.CreateCounter<long>("mlnetcifar_drift_alarms_total", null, "Windows of answers that differ from the model's reference");
        Text = new PrometheusText(_meter);
    }

    /// <summary>Everything as text.</summary>
    public PrometheusText Text { get; }

    /// <summary>Adds a value that is looked up when it is asked for.</summary>
    public void Watch(string name, string help, Func<IEnumerable<Measurement<double>>> values) => _meter.CreateObservableGauge(name, values, null, help);

    public void Answered(string route, string method, int status, double seconds) =>
        _requests.Record(seconds, new("route", route), new("method", method), new("code", Digits(status)));

    public void Scored(string model, int pictures, double seconds)
    {
        _scoring.Record(seconds, new KeyValuePair<string, object?>("model", model));
        _batches.Record(pictures, new KeyValuePair<string, object?>("model", model));
    }

    public void Waited(string model, double seconds) => _waiting.Record(seconds, new KeyValuePair<string, object?>("model", model));

    public void Predicted(string model, string label, bool isUnknown)
    {
        _predictions.Add(1, new("model", model), new("label", label));
        if (isUnknown)
            _unknown.Add(1, new KeyValuePair<string, object?>("model", model));
    }

    public void Rejected(string code) => _rejected.Add(1, new KeyValuePair<string, object?>("reason", code));

    public void Drifted(string model, string statistic) => _alarms.Add(1, new("model", model), new("statistic", statistic));

    public void Dispose()
    {
        Text.Dispose();
        _meter.Dispose();
    }

    static string Digits(int status) => status.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
