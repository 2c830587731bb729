using MlNetCifar.Training;

namespace MlNetCifar.Experiments;

/// <summary>Tells the observers of an experiment, and keeps its warnings; logins and tokens in addresses are masked.</summary>
/// <param name="observers">Told in this order.</param>
/// <param name="asOptions">Whether options are named as on the command line rather than as properties.</param>
internal sealed class ExperimentLog(IEnumerable<IExperimentObserver> observers, bool asOptions)
{
    readonly IExperimentObserver[] _observers = [.. observers];
    readonly List<string> _warnings = [];

    public IReadOnlyList<string> Warnings => _warnings;

    public void Say(string? subject, string text)
    {
        text = Secrets.InText(text);
        foreach (var observer in _observers)
            observer.OnMessage(subject, text);
    }

    public void Warn(string warning)
    {
        warning = Secrets.InText(warning);
        _warnings.Add(warning);
        foreach (var observer in _observers)
            observer.OnWarning(warning);
    }

    /// <summary>A choice of the caller in the caller's own words: <c>--split 0.8</c>, or <c>Split = 0.8</c>.</summary>
    public string Choice(OptionDescription option, string property, object value) =>
        asOptions ? $"{option.Option} {OptionText.Of(value)}" : $"{property} = {(value is Enum ? value : OptionText.Of(value))}";

    /// <summary>Checks options before any work is done; faults are told by the names that the caller used.</summary>
    /// <param name="table">Has their ranges.</param>
    /// <param name="options">The options.</param>
    /// <param name="name">Name of the run; null for none.</param>
    /// <exception cref="MlNetCifarException">A value is out of range (MNC3001), or the name is none for a folder (MNC9002).</exception>
    public void Check<TOptions>(OptionTable<TOptions> table, TOptions options, string? name)
        where TOptions : new()
    {
        if (table.Faults(options, asOptions).ToArray() is { Length: > 0 } faults)
            throw TrainingErrors.Options(faults);
        if (name is not null && !RunFolder.IsName(name))
            throw ExperimentErrors.Name(asOptions ? ExperimentTable.Name.Option : nameof(ExperimentOptions.Name), name);
    }

    /// <summary>Does the work of a stage.</summary>
    /// <param name="stage">Which.</param>
    /// <param name="title">What is done.</param>
    /// <param name="work">Reports shares from any thread.</param>
    public T During<T>(ExperimentStage stage, string title, Func<Action<double, string>, T> work)
    {
        foreach (var observer in _observers)
            observer.OnStageStart(stage, title);
        try
        {
            return work((share, text) =>
            {
                foreach (var observer in _observers)
                    observer.OnProgress(stage, share, text);
            });
        }
        finally
        {
            foreach (var observer in _observers)
                observer.OnStageEnd(stage);
        }
    }

    /// <summary>Copies a finished run where the user wants it elsewhere.</summary>
    /// <returns>Where the copy lies; null for none.</returns>
    public string? Publish(IExperimentStorage storage, RunFolder run, string output, bool replace)
    {
        if (!storage.IsRemote(output))
            return null;
        var copy = During(ExperimentStage.Copying, $"copying to {output}", advance => storage.Publish(run, output, replace, advance));
        Say("copy", copy);
        return copy;
    }
}

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
