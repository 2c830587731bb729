using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;

namespace MlNetCifar.App.Commands.Resuming;

/// <summary>One short run of verify-resume, in a process of its own.</summary>
/// <param name="call">Settings and terminal.</param>
/// <param name="data">The data set.</param>
/// <param name="images">Training images.</param>
/// <param name="folder">Checkpoints: gone on with where there are some.</param>
internal sealed class ResumeTrial(Call call, string data, int images, string folder)
{
    /// <summary>Steps between checkpoints: few, so that a kill often falls into the writing of one.</summary>
    const int EverySteps = 3;

    /// <summary>Trains; prints hash, steps, and the step it went on from.</summary>
    public int Run(int killStep, double killShare)
    {
        using var dataset = Open();
        var train = dataset.Train.Sample(images, 1);
        var validation = dataset.Train.Sample(Math.Max(2, images / 5), 2);
        var side = Math.Min(train.Width, train.Height);
        var recipe = Recipes.For(call.Get(NetworkChoice.Preset)!, side);
        var options = NetworkChoice.Training(call, recipe with { Epochs = 2, BatchSize = Math.Min(recipe.BatchSize, Math.Max(1, images / 16)) });
        var trainer = new Trainer(
            Architectures.Create(call.Get(NetworkChoice.Preset)!, height: train.Height, width: train.Width, channels: train.Channels, classes: train.Classes.Count),
            options)
        {
            Checkpoints = new CheckpointOptions { Folder = folder, EverySteps = call.Get(ExperimentTable.CheckpointEvery) ?? EverySteps, Every = null, Resume = true },
        };
        trainer.Observers.Add(new KillSwitch(killStep, killShare));
        using var result = trainer.Fit(train, validation, cancellation: call.Stop);
        call.Terminal.Out.WriteLine(Invariant($"{result.LastWeightsSha256} {result.WeightsSha256} {result.Steps} {result.ResumedFrom ?? 0}"));
        return call.Done();
    }

    ImageDataset Open()
    {
        var storage = new HdfsStorage(call);
        var path = storage.Normalize(data);
        var options = new ImageDatasetOptions
        {
            Spec = ExperimentOptions.From(call.Values).Preprocess,
            Files = new() { Store = storage.StoreOf(path) },
            OnBadImage = call.Get(ExperimentTable.OnBadImage),
        };
        return ImageDataset.Open(path, options, cancellation: call.Stop);
    }
}
