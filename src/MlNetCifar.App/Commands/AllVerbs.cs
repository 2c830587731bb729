using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Commands;

/// <summary>The commands in the order of help.</summary>
internal static class AllVerbs
{
    public static IReadOnlyList<Verb> Create() =>
    [
        new TrainCommand(),
    ];
}
