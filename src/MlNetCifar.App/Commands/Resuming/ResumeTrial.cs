using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.App.Runs.Saving;

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
        using var dataset = DataSettings.Open(call, data, DataSettings.Preprocess(call));
        var train = dataset.Train.Sample(images, 1);
        var validation = dataset.Train.Sample(Math.Max(2, images / 5), 2);
        var side = Math.Min(train.Width, train.Height);
        var recipe = Recipes.For(call.Get(TrainCommand.Preset)!, side);
        var options = TrainingSettings.Options(call.Values, recipe with { Epochs = 2, BatchSize = Math.Min(recipe.BatchSize, Math.Max(1, images / 16)) }, side);
        var trainer = new Trainer(Architectures.Create(call.Get(TrainCommand.Preset)!, train.Width, train.Height, train.Channels, train.Classes.Count), options)
        {
            Checkpoints = new CheckpointOptions { Folder = folder, EverySteps = call.Get(SavingSettings.EverySteps) ?? EverySteps, Every = null, Resume = true },
        };
        trainer.Observers.Add(new KillSwitch(killStep, killShare));
        using var result = trainer.Fit(train, validation, cancellation: call.Stop);
        call.Terminal.Out.WriteLine(Texts.Invariant($"{result.LastWeightsSha256}{result.WeightsSha256[..8]} {result.Steps} {result.ResumedFrom ?? 0}"));
        return call.Done();
    }
}
