using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands.Clusters;
using MlNetCifar.App.Commands.Datasets;
using MlNetCifar.App.Commands.Inspect;
using MlNetCifar.App.Commands.Models;
using MlNetCifar.App.Commands.Resuming;
using MlNetCifar.Parquet;

namespace MlNetCifar.App.Commands;

/// <summary>The commands in the order of help, and the formats that they read beside the library's.</summary>
internal static class AllVerbs
{
    static AllVerbs() => ParquetImages.Register();

    public static IReadOnlyList<Verb> Create() =>
    [
        new QuickstartCommand(),
        new TrainCommand(),
        new TuneCommand(),
        new AutoMLCommand(),
        new EvaluateCommand(),
        new PredictCommand(),
        new ExplainCommand(),
        new ServeCommand(),
        new ExportCommand(),
        new ImportCommand(),
        new CheckCommand(),
        new EnsembleCommand(),
        new PrepareCommand(),
        new PresetsCommand(),
        new ShowBatchCommand(),
        new RunsCommand(),
        new WatchCommand(),
        new SummaryCommand(),
        new CompareCommand(),
        new VerbGroup(
            "dataset", "List, download, import and sample data sets.", new DatasetListCommand(), new DatasetGetCommand(), new DatasetImportCommand(),
            new DatasetSampleCommand()),
        new VerbGroup("doctor", "Examine the machine, a data set, or a Spark cluster.", new DoctorMachineCommand(), new DoctorDataCommand(), new DoctorSparkCommand()),
        new VerbGroup(
            "cluster", "Start and stop a local cluster of HDFS, Spark or YARN for development.", new ClusterStartCommand(), new ClusterStatusCommand(),
            new ClusterStopCommand()),
        new VerbGroup("image", "Look into image files.", new ImageInfoCommand(), new ImageDecodeCommand()),
        new BenchmarkCommand(),
        new VerifyResumeCommand(),
        new CompletionCommand(),
    ];
}
