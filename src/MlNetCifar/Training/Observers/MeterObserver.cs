using System.Diagnostics.Metrics;

namespace MlNetCifar.Training;

/// <summary>
/// Publishes a run as instruments of the meter <see cref="MeterName"/>, for OpenTelemetry, dotnet-counters and the like: counters <c>mlnetcifar.training.steps</c>,
/// <c>.images</c>, <c>.epochs</c> and <c>.warnings</c>; histograms <c>.step.loss</c> (nats) and <c>.epoch.duration</c> (s); gauges <c>.loss</c>, <c>.accuracy</c>, <c>.validation.loss</c>,
/// <c>.validation.accuracy</c>, <c>.learning_rate</c>, <c>.throughput</c> (images a second) and <c>.progress</c> (0 … 1).
/// </summary>
public sealed class MeterObserver : ITrainingObserver, IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "MlNetCifar.Training";

    const string Prefix = "mlnetcifar.training.";

    readonly Meter _meter = new(MeterName);
    readonly Counter<long> _steps;
    readonly Counter<long> _images;
    readonly Counter<long> _epochs;
    readonly Counter<long> _warnings;
    readonly Histogram<double> _stepLoss;
    readonly Histogram<double> _epochDuration;
    TrainingRun? _run;
    EpochRecord? _epoch;

    /// <summary>Creates the instruments.</summary>
    public MeterObserver()
    {
        _steps = _meter.CreateCounter<long>(Prefix + "steps", "{step}", "Steps done.");
        _images = _meter.CreateCounter<long>(Prefix + "images", "{image}", "Images trained on.");
        _epochs = _meter.CreateCounter<long>(Prefix + "epochs", "{epoch}", "Epochs finished.");
        _warnings = _meter.CreateCounter<long>(Prefix + "warnings", "{warning}", "What went wrong without ending the run.");
        _stepLoss = _meter.CreateHistogram<double>(Prefix + "step.loss", "nat", "Mean loss of a step's batch.");
        _epochDuration = _meter.CreateHistogram<double>(Prefix + "epoch.duration", "s", "Duration of an epoch with its validation.");
        Gauge("loss", "nat", "Mean loss over the epoch so far.", () => _run?.EpochLoss);
        Gauge("accuracy", "1", "Accuracy over the epoch so far.", () => _run?.EpochAccuracy);
        Gauge("validation.loss", "nat", "Loss of the last validation.", () => _epoch?.ValidationLoss);
        Gauge("validation.accuracy", "1", "Accuracy of the last validation.", () => _epoch?.ValidationAccuracy);
        Gauge("learning_rate", "1", "Learning rate of the last step.", () => _run?.LearningRate);
        Gauge("throughput", "{image}/s", "Training speed over the epoch so far.", () => _run?.ImagesPerSecond);
        Gauge("progress", "1", "Share of the run that is done.", () => _run?.Progress);
    }

    /// <inheritdoc/>
    public void OnFitStart(TrainingRun run) => (_run, _epoch) = (run, null);

    /// <inheritdoc/>
    public void OnStep(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        _steps.Add(1);
        _images.Add(run.BatchImages);
        _stepLoss.Record(run.Loss);
    }

    /// <inheritdoc/>
    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        ArgumentNullException.ThrowIfNull(epoch);
        _epoch = epoch;
        _epochs.Add(1);
        _epochDuration.Record(epoch.Seconds);
    }

    /// <inheritdoc/>
    public void OnWarning(TrainingRun run, string warning) => _warnings.Add(1);

    /// <summary>Takes the instruments away.</summary>
    public void Dispose() => _meter.Dispose();

    void Gauge(string name, string unit, string description, Func<double?> value) =>
        _meter.CreateObservableGauge(Prefix + name, () => value() is { } number ? [new Measurement<double>(number)] : Array.Empty<Measurement<double>>(), unit, description);
}
