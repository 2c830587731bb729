namespace MlNetCifar.Experiments;

/// <summary>Passes on to the observers of an experiment what happens in training.</summary>
/// <param name="log">Told of warnings.</param>
/// <param name="advance">Told of progress, a few times a second.</param>
internal sealed class TrainingNews(ExperimentLog log, Action<double, string> advance) : ITrainingObserver
{
    static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    long _shown;

    public void OnFitStart(TrainingRun run)
    {
        if (run.ResumeNote is not null)
            log.Say("resumed", run.ResumeNote);
    }

    public void OnWarning(TrainingRun run, string warning) => log.Warn(warning);

    public void OnStep(TrainingRun run)
    {
        if (_shown != 0 && TimeProvider.System.GetElapsedTime(_shown) < s_interval)
            return;
        _shown = TimeProvider.System.GetTimestamp();
        var of = run.Options.TimeBudget is null ? $"/{OptionText.Of(run.Options.Epochs)}" : "";
        advance(run.Progress, FormattableString.Invariant(
            $"epoch {run.Epoch + 1}{of}  loss {run.EpochLoss:0.000}  accuracy {run.EpochAccuracy:0.000}  {run.ImagesPerSecond:N0} images/s"));
    }
}
