using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace MlNetCifar.Server.Monitoring;

/// <summary>
/// Adds up what a meter's instruments record and writes it in Prometheus's text format, version 0.0.4. Of a name, 1,000 combinations of labels at most are told apart,
/// the rest is added up under empty labels: no client can fill the memory.
/// </summary>
internal sealed class PrometheusText : IDisposable
{
    /// <summary>The format's media type.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    const int MostSeries = 1000;

    static readonly double[] s_seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
    static readonly double[] s_sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

    readonly MeterListener _listener = new();
    readonly ConcurrentDictionary<string, Family> _families = new(StringComparer.Ordinal);

    public PrometheusText(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, meter))
                listener.EnableMeasurementEvents(instrument, _families.GetOrAdd(instrument.Name, _ => new Family(instrument)));
        };
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => ((Family)state!).Add(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => ((Family)state!).Add(value, tags));
        _listener.Start();
    }

    /// <summary>All families in the order of their names.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        lock (_listener)
        {
            foreach (var family in _families.Values)
                family.Forget();
            _listener.RecordObservableInstruments();
            foreach (var family in _families.Values.OrderBy(f => f.Name, StringComparer.Ordinal))
                family.Write(text);
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    sealed class Family(Instrument instrument)
    {
        readonly ConcurrentDictionary<string, Series> _series = new(StringComparer.Ordinal);
        readonly bool _isGauge = instrument.IsObservable;
        readonly double[]? _bounds = instrument is not Histogram<double> ? null : instrument.Unit == "s" ? s_seconds : s_sizes;

        public string Name => instrument.Name;

        public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var key = Labels(tags);
            if (!_series.TryGetValue(key, out var series))
                series = _series.GetOrAdd(_series.Count < MostSeries ? key : "", static (_, bounds) => new Series(bounds), _bounds);
            series.Add(value, _isGauge);
        }

        /// <summary>A gauge has the values of now only.</summary>
        public void Forget()
        {
            if (_isGauge)
                _series.Clear();
        }

        public void Write(StringBuilder text)
        {
            var type = _bounds is not null ? "histogram" : _isGauge ? "gauge" : "counter";
            text.Append("# HELP ").Append(Name).Append(' ').Append(instrument.Description).Append('\n');
            text.Append("# TYPE ").Append(Name).Append(' ').Append(type).Append('\n');
            foreach (var (labels, series) in _series.OrderBy(s => s.Key, StringComparer.Ordinal))
                series.Write(text, Name, labels);
        }

        static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var text = new StringBuilder();
            foreach (var (name, value) in tags)
            {
                if (text.Length > 0)
                    text.Append(',');
                var escaped = $"{value}".Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
                text.Append(name).Append("=\"").Append(escaped).Append('"');
            }

            return text.ToString();
        }
    }

    sealed class Series(double[]? bounds)
    {
        readonly long[] _buckets = new long[(bounds?.Length ?? 0) + 1];
        double _sum;

        public void Add(double value, bool isGauge)
        {
            lock (_buckets)
            {
                _sum = isGauge ? value : _sum + value;
                var bucket = 0;
                while (bounds is not null && bucket < bounds.Length && value > bounds[bucket])
                    bucket++;
                _buckets[bucket]++;
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            lock (_buckets)
            {
                if (bounds is null)
                {
                    Line(text, name, labels, Number(_sum));
                    return;
                }

                var total = 0L;
                for (var i = 0; i < _buckets.Length; i++)
                {
                    var bound = i < bounds.Length ? Number(bounds[i]) : "+Inf";
                    Line(text, $"{name}_bucket", $"{labels}{(labels.Length > 0 ? "," : "")}le=\"{bound}\"", Number(total += _buckets[i]));
                }

                Line(text, $"{name}_sum", labels, Number(_sum));
                Line(text, $"{name}_count", labels, Number(total));
            }
        }

        static void Line(StringBuilder text, string name, string labels, string value)
        {
            text.Append(name);
            if (labels.Length > 0)
                text.Append('{').Append(labels).Append('}');
            text.Append(' ').Append(value).Append('\n');
        }
    }
}
