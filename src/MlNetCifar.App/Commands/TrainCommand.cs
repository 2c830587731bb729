using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.App.Runs.Saving;
using MlNetCifar.Nn;

namespace MlNetCifar.App.Commands;

/// <summary>Trains a network on images of the user's.</summary>
internal sealed class TrainCommand() : Verb("train", "Train a network on labelled images, evaluate it and write a report.")
{
    public static Setting<string?> Preset { get; } =
        Cli.Settings.Text("preset", "NAME", $"Network: {string.Join(", ", Architectures.Names)}", "seed-cnn", "Network");

    static readonly Setting<bool> s_findRate = Cli.Settings.Flag("lr-find", "Search for a learning rate instead of training, and print it", "Network");

    protected override IEnumerable<Setting> OwnSettings =>
        [.. DataSettings.All, Preset, s_findRate, ModelSettings.Views, .. TrainingSettings.Everything, .. SavingSettings.All, .. RunFolder.All];

    public override IReadOnlyList<string> Examples =>
    [
        "--data photos --size 64 --preset cats-dogs-cnn",
        "--data cifar10.tar.gz --preset advanced-cnn --time-budget 15m",
        "--data hdfs:///shards --output hdfs:///runs",
        "--resume runs/train/seed-cnn --epochs 40",
    ];

    public override string Note => "The defaults of training are those of the preset; the ones above are those of seed-cnn.";

    public override int Run(Call call) => new TrainingJob(call, Name)
    {
        Data = call.Values.Required(DataSettings.Data),
        Preset = call.Get(Preset)!,
        FindRate = call.Get(s_findRate),
        Views = call.Get(ModelSettings.Views),
        Recipe = side => Recipes.For(call.Get(Preset)!, side),
        Preprocess = DataSettings.Preprocess(call),
        Split = (call.Get(DataSettings.Split), call.Get(DataSettings.ValidationSplit)),
    }.Run();
}
