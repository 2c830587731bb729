using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Pretrained;
using MlNetCifar.Tuning;

namespace MlNetCifar.App.Commands;

/// <summary>From data to a calibrated model within a time.</summary>
internal sealed class AutoMLCommand() : Verb("automl", "From data to a calibrated model within a time: examine, choose, search, train, evaluate.")
{
    static readonly OptionDescription<TimeSpan> s_budget = OptionDescription.Of("time-budget", "TIME", "Time for all of it: 90s, 15m, 1h30m", OptionText.Limit, TimeSpan.FromMinutes(30), "Search");

    static readonly OptionDescription<string?> s_resume = new("resume", "Go on in this folder, with its options; --time-budget and --trials may be given anew", text => text, null)
    {
        ValueName = "FOLDER", Group = "Run", IsRecorded = false,
    };

    protected override IEnumerable<OptionDescription> OwnOptions =>
    [
        .. ExperimentTable.OfData, s_budget, SweepTable.Trials, .. new[] { "class-weights", "flip", "seed", "threads" }.Select(name => TrainingTable.All[name]), s_resume, .. ExperimentTable.OfRun,
    ];

    public override OptionDescription ArgumentOption => ExperimentTable.Data;

    public override IReadOnlyList<string> Common => ["data", "time-budget", "trials", "class-weights", "val-split", "seed", "output", "name", "resume"];

    public override IReadOnlyList<string> Examples => ["photos", "cifar10.tar.gz --time-budget 2h", "digits --flip none --time-budget 10m", "--resume runs/automl/auto"];

    public override string Note => "Network, augmentation, rate and epochs are chosen;\nwhat 'train' would do without options is the first trial, and stays unless another does better.";

    /// <summary>A folder to go on in has the options beside it.</summary>
    public override string? Configuration(IReadOnlyDictionary<string, string> commandLine) => OptionsOf(s_resume, commandLine);

    public override int Run(Call call)
    {
        call.Values.Required(ExperimentTable.Data);
        var auto = new AutoExperiment(ExperimentOptions.From(call.Values) with { Resume = call.Get(s_resume) }, call.Get(s_budget))
        {
            Trials = call.Get(SweepTable.Trials), Arguments = call.Values, Storage = new HdfsStorage(call), Backbones = new PretrainedBackbones(),
        };
        using var view = new SweepView(call);
        auto.Observers.Add(view);
        auto.Monitors.Add(view);
        view.Print(auto.Run(call.Stop));
        return call.Done();
    }
}
