using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Distributed;
using MlNetCifar.Pretrained;
using MlNetCifar.Spark.Executors;

namespace MlNetCifar.App.Commands;

/// <summary>Trains a network on images of the user's.</summary>
internal sealed class TrainCommand() : Verb("train", "Train a network on labelled images, evaluate it and write a report.")
{
    static readonly OptionDescription<bool> s_findRate = OptionDescription.Flag("lr-find", "Search for a learning rate instead of training, and print it", "Network");

    static readonly OptionDescription<bool> s_worker = new("worker-process", "Used by a run itself: work for the run that the standard input names", OptionText.Bool, false) { Group = "Run", IsRecorded = false };

    protected override IReadOnlyList<OptionDescription> Inner => [s_worker];

    protected override IEnumerable<OptionDescription> OwnOptions =>
    [
        .. ExperimentTable.OfData, .. ExperimentTable.OfNetwork, .. ExperimentTable.OfSizes, .. ExperimentTable.OfFineTuning, s_findRate, .. ExperimentTable.OfTeaching, ExperimentTable.Views, .. TrainingTable.Steps.Descriptions, ExperimentTable.Augment,
        .. TrainingTable.Changes.Descriptions, .. ExperimentTable.OfSaving, .. ExperimentTable.OfWorkers, .. ClusterOptions.OfTraining, .. ExperimentTable.OfRun, s_worker,
    ];

    public override IReadOnlyList<string> Aliases => ["fit"];

    public override OptionDescription ArgumentOption => ExperimentTable.Data;

    public override IReadOnlyList<string> Common =>
    [
        "data", "size", "preset", "backbone", "fine-tune", "epochs", "batch-size", "learning-rate", "optimizer", "time-budget", "patience", "augment", "class-weights", "val-split", "seed",
        "output", "name", "resume",
    ];

    public override IReadOnlyList<string> Examples =>
    [
        "photos",
        "photos --size 64 --preset cats-dogs-cnn",
        "--data cifar10.tar.gz --preset advanced-cnn --time-budget 15m",
        "photos --fine-tune all --time-budget 30m",
        "photos --preset seed-cnn --teacher ensemble.safetensors",
        "--data hdfs:///shards --output hdfs:///runs",
        "--data cifar10.tar.gz --preset seed-cnn --workers 2",
        "--data hdfs:///shards --preset seed-cnn --workers 4 --master sc://127.0.0.1:15002",
        "--resume runs/train/seed-cnn --epochs 40",
    ];

    public override string Note => "The defaults of training are those of the preset; above, of seed-cnn.\nA head on a backbone is fitted without steps; what is trained further has defaults of its own.";

    /// <summary>A run to go on with has its options beside it.</summary>
    public override string? Configuration(IReadOnlyDictionary<string, string> commandLine) => OptionsOf(ExperimentTable.Resume, commandLine);

    public override int Run(Call call)
    {
        if (call.Get(s_worker))
        {
            using var input = new StreamReader(call.Terminal.Input());
            Experiment.RunWorker(input, new HdfsStorage(call));
            return ExitCodes.Ok;
        }

        call.Values.Required(ExperimentTable.Data);
        var experiment = new Experiment(ExperimentOptions.From(call.Values))
        {
            Worker = () => Resuming.SelfProcess.Start([Name, s_worker.Option]), Launcher = Executors(call),
            Arguments = call.Values, Command = call.Command, Storage = new HdfsStorage(call), Backbones = new PretrainedBackbones(),
        };
        return call.Get(s_findRate) ? RateSearch.Run(call, experiment) : ResultView.Run(call, experiment);
    }

    /// <summary>Starts workers on the cluster that was asked for; null where none was.</summary>
    static Func<IWorkerLauncher>? Executors(Call call)
    {
        var (master, workers) = (call.Get(ClusterOptions.Master), call.Get(ExperimentTable.Workers));
        if (!SparkWorkers.IsCluster(master) || workers is null)
        {
            ClusterOptions.WarnOfIdle(call, ClusterOptions.OfTraining.Where(option => workers is null || option != ClusterOptions.Master), workers is null ? "there are no workers" : "they are on this machine");
            return null;
        }

        var options = ClusterOptions.Executors(call) with
        {
            Listen = call.Get(ClusterOptions.Listen),
            Paths = [.. new[] { call.Get(ExperimentTable.Data), call.Get(ExperimentTable.Teacher) }.OfType<string>()],
        };
        return () => new SparkWorkers(options);
    }
}
