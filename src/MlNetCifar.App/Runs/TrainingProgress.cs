using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Runs;

/// <summary>Shows a run: a bar while it goes, a line after each epoch, and with --json an object a line.</summary>
/// <param name="call">Terminal and settings.</param>
/// <param name="advance">The bar.</param>
internal sealed class TrainingProgress(Call call, Advance advance) : ITrainingObserver
{
    static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    long _shown;

    public void OnFitStart(TrainingRun run)
    {
        if (run.ResumeNote is not null)
            call.Terminal.Log($"resumed  {run.ResumeNote}");
    }

    public void OnWarning(TrainingRun run, string warning) => call.Terminal.Warn(warning);

    public void OnStep(TrainingRun run)
    {
        if (_shown != 0 && TimeProvider.System.GetElapsedTime(_shown) < s_interval)
            return;
        _shown = TimeProvider.System.GetTimestamp();
        advance(run.Progress, Texts.Invariant(
            $"epoch {run.Epoch + 1}{Epochs(run.Options)}  loss {run.EpochLoss:0.000}  accuracy {run.EpochAccuracy:0.000}  {run.ImagesPerSecond:N0} images/s"));
    }

    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        var validation = epoch.ValidationAccuracy is null ? "" : Texts.Invariant($"  val loss {epoch.ValidationLoss:0.000}  val accuracy {epoch.ValidationAccuracy:0.000}");
        call.Terminal.Log(Texts.Invariant(
            $"epoch {epoch.Epoch,3}{Epochs(run.Options)}  loss {epoch.TrainLoss:0.000}  accuracy {epoch.TrainAccuracy:0.000}{validation}  {epoch.ImagesPerSecond,6:N0} images/s  {epoch.Seconds:0.0} s{(run.BestEpoch == epoch.Epoch && epoch.ValidationAccuracy is not null ? "  best" : "")}"));
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("event", "epoch");
                json.WriteNumber("epoch", epoch.Epoch);
                json.WriteNumber("trainLoss", epoch.TrainLoss);
                json.WriteNumber("trainAccuracy", epoch.TrainAccuracy);
                if (epoch.ValidationLoss is { } loss)
                    json.WriteNumber("validationLoss", loss);
                if (epoch.ValidationAccuracy is { } accuracy)
                    json.WriteNumber("validationAccuracy", accuracy);
                json.WriteNumber("learningRate", epoch.LearningRate);
                json.WriteNumber("imagesPerSecond", Math.Round(epoch.ImagesPerSecond, 1));
                json.WriteNumber("seconds", Math.Round(epoch.Seconds, 3));
            });
    }

    static string Epochs(TrainingOptions options) => options.TimeBudget is null ? Texts.Invariant($"/{options.Epochs}") : "";
}
