using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Runs;

/// <summary>Shows an experiment: a bar for each long stage, its log, a line after each epoch, and with --json an object a line.</summary>
/// <param name="call">Terminal and options.</param>
internal sealed class ExperimentView(Call call) : IExperimentObserver, ITrainingObserver
{
    Bar? _bar;

    public void OnStageStart(ExperimentStage stage, string title)
    {
        if (stage is not (ExperimentStage.Calibrating or ExperimentStage.Reporting))
            _bar = new Bar(call.Terminal, title);
    }

    public void OnProgress(ExperimentStage stage, double share, string text) => _bar?.Advance(share, text);

    public void OnStageEnd(ExperimentStage stage)
    {
        _bar?.Dispose();
        _bar = null;
    }

    public void OnMessage(string? subject, string text) => call.Terminal.Log(subject is null ? text : $"{subject,-8} {text}");

    public void OnWarning(string warning) => call.Terminal.Warn(warning);

    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        var of = run.Options.TimeBudget is null ? Invariant($"/{run.Options.Epochs}") : "";
        var validation = epoch.ValidationAccuracy is null ? "" : Invariant($"  val loss {epoch.ValidationLoss:0.000}  val accuracy {epoch.ValidationAccuracy:0.000}");
        var best = run.BestEpoch == epoch.Epoch && epoch.ValidationAccuracy is not null ? "  best" : "";
        call.Terminal.Log(
            Invariant($"epoch {epoch.Epoch,3}{of}  loss {epoch.TrainLoss:0.000}  accuracy {epoch.TrainAccuracy:0.000}{validation}")
            + Invariant($"  {epoch.ImagesPerSecond,6:N0} images/s  {epoch.Seconds:0.0} s{best}"), best.Trim(), "green");
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
}
