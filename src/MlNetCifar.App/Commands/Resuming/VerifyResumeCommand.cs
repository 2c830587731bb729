using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;

namespace MlNetCifar.App.Commands.Resuming;

/// <summary>Proves on this machine, with these data, that a run killed at any moment ends in the same weights as one that was left alone.</summary>
internal sealed class VerifyResumeCommand() : Verb("verify-resume", "Kill short training runs at random batches, resume them, and compare the weights bit by bit.")
{
    const string Sample = "cifar10-sample.tar.gz";
    const string Group = "Check";

    static readonly OptionDescription<int> s_kills = OptionDescription.Of("kills", "N", "How often a run is killed and resumed", OptionText.Positive, 5, Group);
    static readonly OptionDescription<int> s_images = OptionDescription.Of("images", "N", "Training images; fewer are quicker", OptionText.Positive, 1000, Group);
    static readonly OptionDescription<bool> s_keep = OptionDescription.Flag("keep", "Leave the folders of the runs behind", Group);
    static readonly OptionDescription<string?> s_child = OptionDescription.Text(
        "child", "FOLDER", "Used by the check itself: the run to begin or to go on with", group: Group);
    static readonly OptionDescription<int> s_killStep = OptionDescription.Of(
        "kill-step", "STEP", "Used by the check itself: the step after which the run ends itself", OptionText.Int, 0, Group);
    static readonly OptionDescription<double> s_killShare = OptionDescription.Of(
        "kill-share", "SHARE", "Used by the check itself: how far into the next step", OptionText.Fraction, 0.5, Group);

    static readonly string[] s_training = ["epochs", "batch-size", "optimizer", "ema-decay", "swa-start", "shuffle-window", "seed", "threads"];

    protected override IEnumerable<OptionDescription> OwnOptions =>
    [
        ExperimentTable.Data, ExperimentTable.Size, ExperimentTable.OnBadImage, NetworkChoice.Preset, .. s_training.Select(name => TrainingTable.All[name]),
        ExperimentTable.CheckpointEvery, s_kills, s_images, s_keep, s_child, s_killStep, s_killShare,
    ];

    protected override IReadOnlyList<OptionDescription> Inner => [s_child, s_killStep, s_killShare];

    public override IReadOnlyList<string> Examples => ["", "--preset airbench94 --data shards --images 2000 --batch-size 200 --kills 20"];

    public override int Run(Call call)
    {
        var data = call.Get(ExperimentTable.Data) ?? Path.Combine(AppContext.BaseDirectory, "Sample", Sample);
        if (call.Get(s_child) is { } folder)
            return new ResumeTrial(call, data, call.Get(s_images), folder).Run(call.Get(s_killStep), call.Get(s_killShare));
        var parent = Directory.CreateTempSubdirectory("mlnetcifar-verify-").FullName;
        try
        {
            return Verify(call, parent);
        }
        finally
        {
            if (call.Get(s_keep))
                call.Terminal.Log($"kept     {parent}");
            else
                Directory.Delete(parent, recursive: true);
        }
    }

    int Verify(Call call, string parent)
    {
        var whole = Child(call, Path.Combine(parent, "whole"), 2, 0, 0) ?? throw CliErrors.ChildFailed();
        call.Terminal.Log(Invariant($"unbroken run: {whole.Steps} steps, SHA-256 {whole.Hash}"));
        var random = new Random((int)call.Get(TrainingTable.Seed));
        var failures = 0;
        for (var kill = 1; kill <= call.Get(s_kills); kill++)
        {
            var step = 1 + random.Next((int)whole.Steps - 1);
            var (before, after) = (1 + random.Next(3), 1 + random.Next(3));
            var folder = Path.Combine(parent, $"{kill}");
            if (Child(call, folder, before, step, random.NextDouble()) is not null)
                throw CliErrors.ChildFailed();
            var resumed = Child(call, folder, after, 0, 0) ?? throw CliErrors.ChildFailed();
            var same = (resumed.Hash, resumed.Best, resumed.Steps) == (whole.Hash, whole.Best, whole.Steps);
            failures += same ? 0 : 1;
            var found = same ? "identical" : $"DIFFERENT, {resumed.Hash}, best {resumed.Best}";
            call.Terminal.Log(Invariant($"kill {kill,2}: -9 after step {step,4} with {before} threads, resumed from step {resumed.From,4} with {after}: {found}"));
        }

        call.Terminal.Out.WriteLine(Invariant($"{(failures == 0 ? "PASS" : "FAIL")} {call.Get(s_kills) - failures} of {call.Get(s_kills)} identical {whole.Hash}"));
        return failures == 0 ? ExitCodes.Ok : ExitCodes.Failure;
    }

    /// <summary>Trains in a process of its own; null where that was killed.</summary>
    Outcome? Child(Call call, string folder, int threads, int killStep, double killShare)
    {
        List<string> arguments =
        [
            "verify-resume", s_child.Option, folder, s_killStep.Option, OptionText.Of(killStep), s_killShare.Option, OptionText.Of(killShare),
            TrainingTable.Threads.Option, OptionText.Of(threads),
        ];
        foreach (var option in call.Values.Options)
        {
            if (!Inner.Contains(option) && option.Name is not ("threads" or "kills" or "keep" or "json") && call.Values.Given(option) is { } value)
                arguments.AddRange([option.Option, OptionText.Of(value)]);
        }

        var log = new StringWriter();
        var (code, output) = SelfProcess.Run(arguments, log, call.Stop);
        var words = output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (code == ExitCodes.Ok && words is [var last, var best, var steps, var from])
            return new(last, best, long.Parse(steps, System.Globalization.CultureInfo.InvariantCulture), from);
        if (killStep == 0)
            call.Terminal.Log(log.ToString());
        return null;
    }

    /// <param name="Hash">SHA-256 of the weights after the last step.</param>
    /// <param name="Best">SHA-256 of the best weights.</param>
    /// <param name="Steps">Steps done.</param>
    /// <param name="From">The step it went on from.</param>
    sealed record Outcome(string Hash, string Best, long Steps, string From);
}
