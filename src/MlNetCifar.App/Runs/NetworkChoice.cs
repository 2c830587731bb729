using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Runs;

/// <summary>A network without data, by preset, size and number of classes, and how it is trained.</summary>
internal static class NetworkChoice
{
    public static OptionDescription<string?> Preset { get; } = new("preset", $"Network: {string.Join(", ", Architectures.Names)}", text => text, "seed-cnn")
    {
        ValueName = "NAME",
        DefaultText = "seed-cnn",
        Group = "Network",
        Choices = Architectures.Names,
    };

    public static OptionDescription<int> Classes { get; } = OptionDescription.Of("classes", "N", "Number of classes", OptionText.Int, 10, "Network");

    public static IEnumerable<OptionDescription> All => [Preset, ExperimentTable.Size, ExperimentTable.Grey, Classes];

    public static NetworkSpec Create(Call call)
    {
        var size = call.Get(ExperimentTable.Size) ?? 32;
        return Architectures.Create(
            call.Get(Preset)!, height: size.Height, width: size.Width, channels: call.Get(ExperimentTable.Grey) ? 1 : 3,
            classes: call.Get(Classes));
    }

    /// <summary>The options of training that a call asks for.</summary>
    /// <param name="call">Its options decide.</param>
    /// <param name="start">What holds where nothing is given.</param>
    public static TrainingOptions Training(Call call, TrainingOptions start)
    {
        var options = TrainingTable.All.Apply(start, call.Values);
        TrainingTable.Check(options, asOptions: true);
        return options;
    }
}
