using System.Net;
using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Reporting;

namespace MlNetCifar.Experiments;

/// <summary>The workers of a run, and what a worker does.</summary>
internal static class ExperimentWorkers
{
    /// <summary>
    /// Slices where workers were asked for and no number of slices: of a batch 8, the same for every number of workers, so that the result is; where models are trained, one for every worker (a resumed
    /// run keeps their number, whatever its workers).
    /// </summary>
    public static int UsualSlices(TrainingOptions training, int workers) => training.DistributedMode switch
    {
        DistributedMode.Synchronous => Math.Min(8, training.BatchSize),
        DistributedMode.Averaged => Math.Max(2, workers),
        _ => training.HasModels ? workers : 1,
    };

    /// <summary>What is shared among workers, in words.</summary>
    public static string Describe(TrainingOptions training) => training.DistributedMode switch
    {
        DistributedMode.Synchronous => FormattableString.Invariant($"for {training.Slices} slices of a batch{(training.GradientFormat == GradientFormat.F32 ? "" : $" whose gradients are rounded to {OptionText.Of(training.GradientFormat)}")}{(training.SyncBatchNorm ? ", batch normalisation over all of them" : "")}"),
        DistributedMode.Averaged => FormattableString.Invariant($"for {training.Slices} models, averaged {Frequency(training)}"),
        _ when training.HasModels => FormattableString.Invariant($"{OptionText.Of(training.DistributedMode)}: {training.Slices} models side by side, each added to the weights {Frequency(training)}"),
        _ => $"{OptionText.Of(training.DistributedMode)}: each gradient updates the weights when it comes",
    };

    /// <summary>What is shared among workers and how they sum it up, in words.</summary>
    public static string Describe(TrainingOptions training, bool isLinked) =>
        training.DistributedMode == DistributedMode.Synchronous ? $"{Describe(training)}, summed up {(isLinked ? "among each other" : "by this program")}" : Describe(training);

    /// <summary>Ports that workers listen on for each other, as was asked for; null where they are not to.</summary>
    /// <param name="links">As at <see cref="ExperimentOptions.WorkerLinks"/>.</param>
    /// <param name="isHere">Whether all of them are on this machine: there it costs no fewer bytes, and they would repeat the run's updates on its own cores.</param>
    /// <exception cref="MlNetCifarException">The text says nothing (MNC3317).</exception>
    public static PortRange? PortsOf(string? links, bool isHere) => links switch
    {
        "on" => PortRange.Any,
        "off" => null,
        null => isHere ? null : PortRange.Any,
        _ => PortRange.Parse(links) ?? throw DistributedErrors.NoPorts(links),
    };

    /// <summary>The same for the workers of a launcher.</summary>
    public static PortRange? PortsOf(IWorkerLauncher launcher, ExperimentOptions options, TrainingOptions training) =>
        MaySumUp(training) ? PortsOf(options.WorkerLinks, IPAddress.IsLoopback(launcher.Listen.Address)) : null;

    /// <summary>Whether workers may sum up among each other: sums in the middle of a batch are the run's.</summary>
    public static bool MaySumUp(TrainingOptions training) => training is { DistributedMode: DistributedMode.Synchronous, SyncBatchNorm: false };

    /// <summary>Checks that an experiment can be trained by workers.</summary>
    /// <exception cref="MlNetCifarException">It cannot (MNC3302, MNC3303).</exception>
    public static void Check(Experiment experiment, bool hasBackbone)
    {
        if (hasBackbone)
            throw DistributedErrors.OnlyNetworks("a head on a frozen backbone is trained");
        if (experiment.Options.Workers is null)
            return;
        if (experiment.Dataset is not null || experiment.Images is not null)
            throw DistributedErrors.OnlyNetworks("the images are those of the program, which workers cannot open");
        if (experiment.Worker is null && experiment.Launcher is null)
            throw DistributedErrors.NoProgram();
    }

    /// <summary>Makes the workers of a run; nobody is started yet.</summary>
    /// <param name="launcher">Starts them; the group's from now on.</param>
    /// <param name="experiment">What they work for.</param>
    /// <param name="workers">How many.</param>
    /// <param name="training">What they do; its threads are those of all together.</param>
    /// <param name="arguments">Options that the data are opened by.</param>
    /// <param name="chaos">Faults to rehearse; null for none.</param>
    /// <param name="log">Told what is waited for.</param>
    public static WorkerGroup Create(
        IWorkerLauncher launcher, Experiment experiment, int workers, TrainingOptions training, IEnumerable<(OptionDescription Option, object? Value)> arguments, string? chaos, ExperimentLog log) =>
        new(launcher, new WorkerGroupOptions
        {
            Workers = workers,
            MaxWorkers = experiment.Options.MaxWorkers,
            Threads = ThreadsOf(launcher, workers, training.Threads),
            Timeout = experiment.Options.WorkerTimeout,
            JoinTime = experiment.Options.JoinTimeout,
            MaxStaleness = experiment.Options.MaxStaleness,
            Listen = launcher.Listen,
            PeerPorts = PortsOf(launcher, experiment.Options, training),
            Secret = experiment.Options.WorkerSecret is { } secret ? WorkerSecret.Read(secret) : null,
            Say = text => log.Say("workers", text),
            Chaos = chaos is null ? null : ChaosPlan.Parse(chaos, workers),
            Restarts = chaos is null ? new WorkerGroupOptions { Workers = workers }.Restarts : ChaosPlan.Restarts,
            Arguments = Arguments(arguments),
        });

    /// <summary>What starts the workers of an experiment, which has one or the other.</summary>
    public static IWorkerLauncher Launcher(Experiment experiment) => experiment.Launcher?.Invoke() ?? new WorkerProcesses(experiment.Worker!, experiment.Options.WorkerSecret);

    /// <summary>Threads of each worker: all of them share those of the run, where that says how many or they are on its machine.</summary>
    public static int ThreadsOf(IWorkerLauncher launcher, int workers, int? threads) =>
        launcher.Threads is { } each && threads is null ? each : Math.Max(1, (threads ?? Environment.ProcessorCount) / workers);

    /// <summary>Says and records what the workers did.</summary>
    /// <returns>For the report.</returns>
    public static ReportWorkers Tell(WorkerGroup group, TrainingOptions training, Rehearsal? rehearsal, RunFolder folder, ExperimentLog log)
    {
        var record = new WorkerRecord(group, training, rehearsal);
        record.Say(log);
        record.Write(folder);
        return record.ForReport(Describe(training));
    }

    /// <summary>Works for the run that the first line of <paramref name="input"/> names, as 'address:port token'.</summary>
    /// <param name="input">Usually the standard input.</param>
    /// <param name="storage">Where data lie.</param>
    /// <exception cref="MlNetCifarException">The line is none (MNC3313), or the worker cannot take part.</exception>
    public static void Work(TextReader input, IExperimentStorage storage)
    {
        var (address, token) = Invitation(input);
        WorkerProgram.Run(address, token, welcome => Open(welcome.Arguments, storage, CancellationToken.None).OpenForWorker(), secret: WorkerSecret.OfThisMachine());
    }

    /// <summary>Whom a worker is to dial, and what it is to say there.</summary>
    /// <param name="input">Its first line.</param>
    /// <exception cref="MlNetCifarException">The line is none (MNC3313).</exception>
    public static (IPEndPoint Address, string Token) Invitation(TextReader input)
    {
        var line = input.ReadLine();
        return line?.Split(' ') is [var where, { Length: > 0 } token, .. { Length: <= 1 } rest] && IPEndPoint.TryParse(where, out var address)
            ? (address, string.Join(' ', rest.Prepend(token)))
            : throw DistributedErrors.NoInvitation(line is null ? "nothing" : line[..Math.Min(line.Length, 12)]);
    }

    /// <summary>A run that opens the data as options say that came from another process.</summary>
    /// <param name="arguments">Names and texts.</param>
    /// <param name="storage">Where data lie.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static ExperimentRun Open(IReadOnlyDictionary<string, string> arguments, IExperimentStorage storage, CancellationToken cancellation)
    {
        OptionDescription[] all = [.. ExperimentTable.All.Descriptions, .. TrainingTable.All.Descriptions];
        var values = new OptionValues(all, new OptionSource(option => arguments.GetValueOrDefault(option.Name), option => option.Option));
        return new(new Experiment(ExperimentOptions.From(values) with { Workers = null }) { Storage = storage }, cancellation);
    }

    static string Frequency(TrainingOptions training) => training.UpdateFrequency == 0 ? "once an epoch" : FormattableString.Invariant($"after {training.UpdateFrequency} batches of each");

    /// <summary>Options as they are sent to other processes.</summary>
    public static Dictionary<string, string> Arguments(IEnumerable<(OptionDescription Option, object? Value)> options) =>
        options.Where(a => a.Value is not null || a.Option.AllowsNone).ToDictionary(a => a.Option.Name, a => Text(a.Option, a.Value));

    /// <summary>A value as it is sent: workers elsewhere have another working directory.</summary>
    static string Text(OptionDescription option, object? value) =>
        value is string path && (option == ExperimentTable.Data || option == ExperimentTable.Teacher) && (File.Exists(path) || Directory.Exists(path)) ? Path.GetFullPath(path) : OptionText.Of(value);
}
