using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Distributed;
using MlNetCifar.Spark.Executors;
using MlNetCifar.Tuning;

namespace MlNetCifar.App.Commands;

/// <summary>Searches options for the best model within a budget.</summary>
internal sealed class TuneCommand() : Verb("tune", "Search options for the best model within a budget, and say how much of the gain is luck.")
{
    static readonly OptionDescription<string?> s_resume = new(
        "resume", "Go on with the sweep in this folder, with its options; --trials, --time-budget, --parallel-trials, --trial-timeout and --final-seeds may be given anew", text => text, null)
    {
        ValueName = "FOLDER", Group = "Run", IsRecorded = false,
    };

    static readonly OptionDescription<bool> s_trial = new(
        "isolated-trial", "Used by a sweep itself: run the trial that the standard input asks for", OptionText.Bool, false)
    {
        Group = "Run", IsRecorded = false,
    };

    protected override IReadOnlyList<OptionDescription> Inner => [s_trial];

    protected override IEnumerable<OptionDescription> OwnOptions =>
    [
        .. ExperimentTable.OfData, SweepTable.Param, SweepTable.Space, SweepTable.WarmStart, .. SweepTable.All.Descriptions, ExperimentTable.Preset, .. ExperimentTable.OfSizes,
        .. TrainingTable.Steps.Descriptions.Where(option => option.Name != SweepTable.TimeBudget.Name), ExperimentTable.Augment, .. TrainingTable.Changes.Descriptions,
        s_resume, s_trial, ExperimentTable.CheckpointTime, ExperimentTable.MemoryLimit, ExperimentTable.Mlflow, ExperimentTable.JoinTimeout, .. ClusterOptions.OfTraining, .. ExperimentTable.OfRun,
    ];

    public override IReadOnlyList<string> Aliases => ["sweep"];

    public override OptionDescription ArgumentOption => ExperimentTable.Data;

    public override IReadOnlyList<string> Common =>
        ["data", "param", "space", "tuner", "pruning", "trials", "time-budget", "parallel-trials", "trial-timeout", "isolate", "final-seeds", "preset", "epochs", "val-split", "seed", "output", "name", "resume"];

    public override IReadOnlyList<string> Examples =>
    [
        "cifar10.tar.gz --preset seed-cnn --trials 60",
        "photos --param learning-rate=1e-4..1e-2:log --param dropout=0.1..0.6 --time-budget 30m",
        "photos --space space.json --tuner gp --pruning median --epochs 12",
        "photos --isolate --trial-memory 4g --second-objective milliseconds --warm-start runs/tune/seed-cnn",
        "hdfs:///shards --parallel-trials 4 --master sc://127.0.0.1:15002",
        "--resume runs/tune/seed-cnn --trials 100",
    ];

    public override string Note => "Options that are not searched hold for all trials.\nWithout --param and --space the preset's own space is searched; auto is seed-cnn here.";

    /// <summary>A sweep to go on with has its options beside it.</summary>
    public override string? Configuration(IReadOnlyDictionary<string, string> commandLine) => OptionsOf(s_resume, commandLine);

    public override int Run(Call call)
    {
        call.Values.Required(ExperimentTable.Data);
        var sweep = new Sweep(ExperimentOptions.From(call.Values) with { Resume = call.Get(s_resume) }, SweepTable.From(call.Values))
        {
            Arguments = call.Values, Storage = new HdfsStorage(call), Launcher = Executors(call),
            Child = folder => Resuming.SelfProcess.Start(["tune", s_resume.Option, folder.Path, s_trial.Option, SweepTable.ParallelTrials.Option, OptionText.Of(call.Get(SweepTable.ParallelTrials))], call.Values),
        };
        if (call.Get(s_trial))
        {
            using var input = new StreamReader(call.Terminal.Input());
            sweep.RunTrial(input, call.Terminal.Out, call.Stop);
            return ExitCodes.Ok;
        }

        using var view = new SweepView(call);
        sweep.Observers.Add(view);
        sweep.Monitors.Add(view);
        var result = sweep.Run(call.Stop);
        view.Print(result);
        return call.Done();
    }

    /// <summary>Starts trials on the cluster that was asked for; null where none was.</summary>
    static Func<IWorkerLauncher>? Executors(Call call)
    {
        if (!ClusterOptions.IsAsked(call) || !SparkWorkers.IsCluster(call.Get(ClusterOptions.Master)))
        {
            ClusterOptions.WarnOfIdle(call, ClusterOptions.OfTraining.Where(option => option != ClusterOptions.Master), "trials run on this machine");
            return null;
        }

        var options = ClusterOptions.Executors(call) with { Listen = call.Get(ClusterOptions.Listen), Paths = [call.Get(ExperimentTable.Data)!] };
        return () => new SparkWorkers(options) { RunTrials = true };
    }
}
