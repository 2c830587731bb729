using MlNetCifar.App.Cli;
using MlNetCifar.Training;

namespace MlNetCifar.App.Runs.Saving;

/// <summary>How a run is saved, resumed, followed and kept within memory.</summary>
internal static class SavingSettings
{
    const string Group = "Saving and following";

    /// <summary>Name of the folder of checkpoints in a run's.</summary>
    public const string Checkpoints = "checkpoints";

    /// <summary>The run folder to go on in.</summary>
    public static Setting<string?> Resume { get; } = Settings.Text(
        "resume", "FOLDER", "Go on with the run in this folder, with its settings; --epochs, --time-budget, --patience, --minimum-delta and --threads may be given anew", group: Group);

    public static Setting<int?> EverySteps { get; } = Settings.Of("checkpoint-every", "STEPS", "Steps between two checkpoints", Texts.IntOrNone, (int?)null, Group, "by time alone");

    public static Setting<TimeSpan?> EveryTime { get; } = Settings.Of("checkpoint-time", "TIME", "Time between two checkpoints", Texts.Duration, (TimeSpan?)TimeSpan.FromMinutes(1), Group);

    public static Setting<long?> MemoryLimit { get; } = Settings.Of("memory-limit", "SIZE", "Memory to stay within, for example 512m: the batch is made smaller where it must", Texts.Bytes, (long?)null, Group);

    public static Setting<bool> TensorBoard { get; } = Settings.Flag("tensorboard", "Write event files for TensorBoard into the run's folder", Group);

    public static Setting<string?> Mlflow { get; } = Settings.Text("mlflow", "ADDRESS", "Log to this MLflow server; while it is away, entries wait in the run's folder", group: Group);

    public static IEnumerable<Setting> All => [Resume, EverySteps, EveryTime, MemoryLimit, TensorBoard, Mlflow];

    /// <summary>Where and how often to save.</summary>
    public static CheckpointOptions Options(Call call, RunFolder folder) => new()
    {
        Folder = folder.File(Checkpoints), EverySteps = call.Get(EverySteps), Every = call.Get(EveryTime), Resume = call.Get(Resume) is not null, Replace = call.Get(RunFolder.ExistOk),
    };

    /// <summary>The observers asked for.</summary>
    public static IEnumerable<ITrainingObserver> Observers(Call call, RunFolder folder, string experiment)
    {
        if (call.Get(TensorBoard))
            yield return new TensorBoardObserver(folder.File("tensorboard"));
        if (call.Get(Mlflow) is { } address)
            yield return new MlflowObserver(new MlflowOptions { Server = Address(address), Experiment = experiment, RunName = System.IO.Path.GetFileName(folder.Path), Folder = folder.File("mlflow") });
        yield return new MeterObserver();
    }

    static Uri Address(string text) => Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
        ? address
        : throw CliErrors.Value(Mlflow.Option, text, "an address, for example http://localhost:5000; in a password / is written %2F, @ %40 and : %3A");
}
