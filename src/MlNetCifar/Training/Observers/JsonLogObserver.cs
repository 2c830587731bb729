using System.Buffers;
using System.Text;
using System.Text.Json;

namespace MlNetCifar.Training;

/// <summary>
/// Writes a structured log: one JSON object a line with <c>time</c> (ISO 8601, UTC), <c>level</c>, <c>event</c> (<c>fit_start</c>, <c>epoch_end</c>, <c>warning</c>, <c>fit_end</c>)
/// and the event's figures. Numbers that are not finite are written as null.
/// </summary>
/// <param name="writer">Where to; not disposed. Flushed after every line.</param>
/// <param name="time">The clock; null for the system's.</param>
public sealed class JsonLogObserver(TextWriter writer, TimeProvider? time = null) : ITrainingObserver
{
    readonly ArrayBufferWriter<byte> _line = new();

    /// <inheritdoc/>
    public void OnFitStart(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Write("information", "fit_start", json =>
        {
            json.WriteString("network", run.Network.Name);
            json.WriteNumber("steps_per_epoch", run.StepsPerEpoch);
            if (run.ResumedFrom is { } step)
                json.WriteNumber("resumed_from", step);
            json.WritePropertyName("options");
            json.WriteRawValue(run.Options.ToJson());
        });
    }

    /// <inheritdoc/>
    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(epoch);
        Write("information", "epoch_end", json =>
        {
            json.WriteNumber("epoch", epoch.Epoch);
            json.WriteNumber("step", run.Step);
            Number(json, "train_loss", epoch.TrainLoss);
            Number(json, "train_accuracy", epoch.TrainAccuracy);
            Number(json, "validation_loss", epoch.ValidationLoss);
            Number(json, "validation_accuracy", epoch.ValidationAccuracy);
            Number(json, "learning_rate", epoch.LearningRate);
            Number(json, "images_per_second", epoch.ImagesPerSecond);
            Number(json, "seconds", epoch.Seconds);
        });
    }

    /// <inheritdoc/>
    public void OnWarning(TrainingRun run, string warning) => Write("warning", "warning", json => json.WriteString("message", warning));

    /// <inheritdoc/>
    public void OnFitEnd(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Write("information", "fit_end", json =>
        {
            json.WriteNumber("step", run.Step);
            json.WriteNumber("best_epoch", run.BestEpoch);
            json.WriteString("stop_reason", run.StopReason?.ToString());
            json.WriteString("weights_sha256", run.BestWeights.Sha256());
        });
    }

    static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }

    void Write(string level, string name, Action<Utf8JsonWriter> fields)
    {
        _line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_line))
        {
            json.WriteStartObject();
            json.WriteString("time", (time ?? TimeProvider.System).GetUtcNow().UtcDateTime);
            json.WriteString("level", level);
            json.WriteString("event", name);
            fields(json);
            json.WriteEndObject();
        }

        writer.Write(Encoding.UTF8.GetString(_line.WrittenSpan) + "\n");
        writer.Flush();
    }
}
