using MlNetCifar.Data;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>The data in the sizes that trials ask for, each read once and split alike.</summary>
/// <param name="open">Prepares a run with options.</param>
internal sealed class AutoInputs(Func<ExperimentOptions, ExperimentRun> open) : IDisposable
{
    readonly Dictionary<(ImageSize?, ImageSize?), (ExperimentRun Run, ImageDataset Data)> _opened = [];

    /// <summary>The data as options want them; stays this object's.</summary>
    public ImageDataset Of(ExperimentOptions options) => Run(options).Data;

    /// <summary>The data as trials see them: with validation images that are set aside for the choice alone where there are none, or too few to go by.</summary>
    /// <param name="options">As at <see cref="Of"/>.</param>
    /// <param name="share">Of the training images; 0 for none.</param>
    public ImageDataset ForTrials(ExperimentOptions options, double share) =>
        Of(options) is var data && share > 0 && data.TryEnsure(DatasetSplit.Validation, share, options.TrainingFor(32).Seed) is { } cut ? cut : data;

    /// <summary>The same with the run that opened them.</summary>
    public (ExperimentRun Run, ImageDataset Data) Run(ExperimentOptions options)
    {
        var key = (options.Size, options.BackboneSize);
        if (_opened.TryGetValue(key, out var known))
            return known;
        var run = open(options);
        try
        {
            return _opened[key] = (run, run.Open());
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var (run, _) in _opened.Values)
            run.Dispose();
    }
}

/// <summary>Trains what a trial's values stand for and gives its accuracy on the validation images: a network as a sweep does, a head on a backbone as <c>train</c> does, without the test images.</summary>
/// <param name="space">Says what values stand for.</param>
/// <param name="options">What holds for all trials.</param>
/// <param name="backbones">For heads.</param>
/// <param name="inputs">The data.</param>
/// <param name="share">As at <see cref="AutoInputs.ForTrials"/>.</param>
/// <param name="folder">Of what a trial leaves while it runs.</param>
internal sealed class AutoTrialRunner(AutoSpace space, ExperimentOptions options, IBackboneCatalog backbones, AutoInputs inputs, double share, RunFolder folder) : ITrialRunner
{
    const string Trials = "trials";

    public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
    {
        var chosen = AutoSpace.Apply(options, space.Meaning(settings.Parameters));
        return chosen.Backbone is null
            ? TrainAsync(chosen, settings, cancellation)
            : Task.Factory.StartNew(() => Fit(chosen, settings, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    async Task<TrialResult> TrainAsync(ExperimentOptions chosen, TrialSettings settings, CancellationToken cancellation)
    {
        var data = await Task.Run(() => inputs.ForTrials(chosen, share), cancellation).ConfigureAwait(false);
        var meant = new TrialSettings(settings.TrialId, [], settings.Report);
        return await new TrainingTrialRunner(chosen, data, folder.File(Trials), new()).RunAsync(meant, cancellation).ConfigureAwait(false) with { TrialSettings = settings };
    }

    TrialResult Fit(ExperimentOptions chosen, TrialSettings settings, CancellationToken cancellation)
    {
        var data = inputs.ForTrials(chosen, share);
        var experiment = new Experiment(chosen with { Output = folder.Path, Name = FormattableString.Invariant($"{settings.TrialId:00000}"), ExistOk = true, Report = false })
        {
            Dataset = ImageDataset.Create(data.Train, data.Validation), Backbones = backbones, Verb = Trials,
        };
        using var result = experiment.Run(cancellation);
        cancellation.ThrowIfCancellationRequested();
        Directory.Delete(result.Folder.Path, recursive: true);
        var accuracy = result.Evaluation.MicroAccuracy;
        return new() { TrialSettings = settings, Metric = accuracy, Loss = 1 - accuracy, Right = TrialTraining.Right(result.Evaluation.Scores, result.Evaluation.Classes.Count, result.Evaluation.Labels) };
    }
}
