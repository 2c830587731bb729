namespace MlNetCifar.Server.Monitoring;

/// <summary>One statistic of a window, beside the reference.</summary>
/// <param name="Statistic">answers, confidence, brightness or contrast.</param>
/// <param name="Distance">0 … 1.</param>
/// <param name="PValue">Probability of such a distance, or a larger one, without drift.</param>
/// <param name="IsAlarm">Whether that is too improbable.</param>
internal sealed record DriftReading(string Statistic, double Distance, double PValue, bool IsAlarm);

/// <summary>
/// Compares each window of a model's answers, one after the other, with the reference: four tests, each at a quarter of <see cref="FalseAlarms"/> (Bonferroni), so that at most one
/// window in 10,000 raises an alarm while traffic is what the reference is of. Thread-safe.
/// </summary>
internal sealed class DriftMonitor
{
    /// <summary>Share of windows without drift that raise an alarm, at most.</summary>
    public const double FalseAlarms = 1e-4;

    const int Tests = 4;

    readonly Lock _lock = new();
    readonly ReferenceStatistics _window;
    readonly ReferenceStatistics? _reference;
    readonly int _length;

    public DriftMonitor(ImageClassifier model, int window, ReferenceStatistics? reference)
    {
        (_length, _reference) = (window, reference);
        _window = ReferenceStatistics.Empty(model.Classes);
    }

    public bool HasReference => _reference is not null;

    /// <summary>Windows compared.</summary>
    public long Windows { get; private set; }

    /// <summary>Windows that raised an alarm.</summary>
    public long Alarms { get; private set; }

    /// <summary>The last window's readings; empty before the first.</summary>
    public IReadOnlyList<DriftReading> Last { get; private set; } = [];

    /// <summary>Counts one answer.</summary>
    /// <returns>The readings where it was the last one of a window; empty otherwise.</returns>
    public IReadOnlyList<DriftReading> Add(Classification answer, ReadOnlySpan<byte> pixels)
    {
        if (_reference is null || answer.Predictions.Count == 0)
            return [];
        lock (_lock)
        {
            _window.Add(answer, pixels);
            if (_window.Count < _length)
                return [];
            Last = Compare(_reference, _window);
            Windows++;
            Alarms += Last.Any(reading => reading.IsAlarm) ? 1 : 0;
            _window.Clear();
            return Last;
        }
    }

    internal static IReadOnlyList<DriftReading> Compare(ReferenceStatistics reference, ReferenceStatistics window) =>
    [
        Reading("answers", TwoSample.ChiSquare(reference.Answers, window.Answers)),
        Reading("confidence", TwoSample.KolmogorovSmirnov(reference.Confidence, window.Confidence)),
        Reading("brightness", TwoSample.KolmogorovSmirnov(reference.Brightness, window.Brightness)),
        Reading("contrast", TwoSample.KolmogorovSmirnov(reference.Contrast, window.Contrast)),
    ];

    static DriftReading Reading(string statistic, (double Distance, double PValue) test) =>
        new(statistic, test.Distance, test.PValue, test.PValue < FalseAlarms / Tests);
}
