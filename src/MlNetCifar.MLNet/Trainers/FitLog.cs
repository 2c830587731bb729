using Microsoft.ML.Runtime;

namespace MlNetCifar.MLNet;

/// <summary>Passes on what an experiment says to the log of ML.NET.</summary>
internal sealed class FitLog(IChannel channel, Action<EpochRecord>? callback) : IExperimentObserver, ITrainingObserver
{
    public void OnMessage(string? subject, string text) => channel.Info(MessageSensitivity.None, subject is null ? text : $"{subject}: {text}");

    public void OnWarning(string warning) => channel.Warning(MessageSensitivity.None, warning);

    public void OnProgress(ExperimentStage stage, double share, string text)
    {
        lock (channel)
            channel.Trace(MessageSensitivity.None, text);
    }

    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        var validation = epoch.ValidationAccuracy is { } accuracy ? FormattableString.Invariant($", validation loss {epoch.ValidationLoss:0.0000}, accuracy {accuracy:0.0000}") : "";
        channel.Info(
            MessageSensitivity.None,
            FormattableString.Invariant($"epoch {epoch.Epoch}: loss {epoch.TrainLoss:0.0000}, accuracy {epoch.TrainAccuracy:0.0000}{validation}; {epoch.ImagesPerSecond:N0} images/s"));
        callback?.Invoke(epoch);
    }
}
