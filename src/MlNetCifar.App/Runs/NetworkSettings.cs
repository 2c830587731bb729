using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;
using MlNetCifar.Nn;

namespace MlNetCifar.App.Runs;

/// <summary>A network without data: preset, size and number of classes.</summary>
internal static class NetworkSettings
{
    public static Setting<int> Classes { get; } = Settings.Of("classes", "N", "Number of classes", Texts.Int, 10, "Network");

    public static IEnumerable<Setting> All => [TrainCommand.Preset, DataSettings.Size, DataSettings.Grey, Classes];

    public static NetworkSpec Create(Call call)
    {
        var (width, height) = call.Get(DataSettings.Size) ?? (32, 32);
        return Architectures.Create(call.Get(TrainCommand.Preset)!, width, height, call.Get(DataSettings.Grey) ? 1 : 3, call.Get(Classes));
    }
}
