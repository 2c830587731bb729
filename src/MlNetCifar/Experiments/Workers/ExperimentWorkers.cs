using System.Net;
using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Files;

namespace MlNetCifar.Experiments;

/// <summary>The workers of a run, and what a worker does.</summary>
internal static class ExperimentWorkers
{
    /// <summary>
    /// Slices where workers were asked for and no number of slices: of a batch 8, the same for every number of workers, so that the result is; of averaged training a model for every worker (a resumed
    /// run keeps their number, whatever its workers).
    /// </summary>
    public static int UsualSlices(TrainingOptions training, int workers) => training.DistributedMode switch
    {
        DistributedMode.Synchronous => Math.Min(8, training.BatchSize),
        DistributedMode.Averaged => Math.Max(2, workers),
        _ => 1,
    };

    /// <summary>What is shared among workers, in words.</summary>
    public static string Describe(TrainingOptions training) => training.DistributedMode switch
    {
        DistributedMode.Synchronous => FormattableString.Invariant($"for {training.Slices} slices of a batch"),
        DistributedMode.Averaged => FormattableString.Invariant($"for {training.Slices} models, averaged {(training.UpdateFrequency == 0 ? "once an epoch" : FormattableString.Invariant($"after {training.UpdateFrequency} batches of each"))}"),
        _ => $"{OptionText.Of(training.DistributedMode)}: each gradient updates the weights when it comes",
    };

    /// <summary>The file of what each worker has done.</summary>
    public const string FileName = "workers.json";

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
        if (experiment.Worker is null)
            throw DistributedErrors.NoProgram();
    }

    /// <summary>Makes the workers of a run; nobody is started yet.</summary>
    /// <param name="experiment">Has a program for workers.</param>
    /// <param name="workers">How many.</param>
    /// <param name="threads">Threads of all together; null for all cores.</param>
    /// <param name="arguments">Options that the data are opened by.</param>
    public static WorkerGroup Create(Experiment experiment, int workers, int? threads, IEnumerable<(OptionDescription Option, object? Value)> arguments) =>
        new(new WorkerProcesses(experiment.Worker!), new WorkerGroupOptions
        {
            Workers = workers,
            Threads = ThreadsOf(workers, threads),
            Timeout = experiment.Options.WorkerTimeout,
            MaxStaleness = experiment.Options.MaxStaleness,
            Arguments = arguments.Where(a => a.Value is not null || a.Option.AllowsNone).ToDictionary(a => a.Option.Name, a => OptionText.Of(a.Value)),
        });

    /// <summary>Threads of each worker: all of them share those of the run.</summary>
    public static int ThreadsOf(int workers, int? threads) => Math.Max(1, (threads ?? Environment.ProcessorCount) / workers);

    /// <summary>Says and records what the workers did.</summary>
    public static void Tell(WorkerGroup group, DistributedMode mode, RunFolder folder, ExperimentLog log)
    {
        var unit = UnitOf(mode);
        foreach (var figures in group.Figures)
            log.Say("worker", FormattableString.Invariant(
                $"{figures.Worker + 1}: {figures.Slices:N0} {unit}, {Mebibytes(figures.BytesSent)} MiB to it and {Mebibytes(figures.BytesReceived)} from it, {figures.WaitedSeconds:0.0} s waited for work{(figures.Lost is null ? "" : ", lost")}"));
        var staleness = group.Staleness;
        if (staleness.Count > 0)
            log.Say("staleness", FormattableString.Invariant($"of {staleness.Sum():N0} gradients: mean {Mean(staleness):0.0}, at most {staleness.Count - 1} updates by others since their weights were sent"));
        folder.WriteBytes(FileName, stream => OptionFile.WriteObject(stream, json =>
        {
            json.WriteString(FileOrigin.Property, FileOrigin.Current);
            json.WriteString("mode", OptionText.Of(mode));
            json.WriteString("unit", unit);
            json.WriteNumber("slices_handed_over", group.HandedOver);
            if (staleness.Count > 0)
                WriteStaleness(json, staleness);
            json.WriteStartArray("workers");
            foreach (var figures in group.Figures)
            {
                json.WriteStartObject();
                json.WriteNumber("worker", figures.Worker + 1);
                json.WriteNumber("slices", figures.Slices);
                json.WriteNumber("bytes_sent", figures.BytesSent);
                json.WriteNumber("bytes_received", figures.BytesReceived);
                json.WriteNumber("seconds_waited", Math.Round(figures.WaitedSeconds, 3));
                json.WriteString("lost", figures.Lost);
                if (figures.LostAtStep is { } step)
                    json.WriteNumber("lost_at_step", step);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }));
    }

    /// <summary>Works for the run that the first line of <paramref name="input"/> names, as 'address:port token'.</summary>
    /// <param name="input">Usually the standard input.</param>
    /// <param name="storage">Where data lie.</param>
    /// <exception cref="MlNetCifarException">The line is none (MNC3313), or the worker cannot take part.</exception>
    public static void Work(TextReader input, IExperimentStorage storage)
    {
        var line = input.ReadLine();
        if (line?.Split(' ') is not [var where, { Length: > 0 } token] || !IPEndPoint.TryParse(where, out var address))
            throw DistributedErrors.NoInvitation(line is null ? "nothing" : line[..Math.Min(line.Length, 12)]);
        WorkerProgram.Run(address, token, welcome => Open(welcome, storage));
    }

    /// <summary>How many gradients were how stale: the first of fresh weights.</summary>
    static void WriteStaleness(System.Text.Json.Utf8JsonWriter json, IReadOnlyList<long> counts)
    {
        json.WriteStartArray("staleness");
        foreach (var count in counts)
            json.WriteNumberValue(count);
        json.WriteEndArray();
        json.WriteNumber("mean_staleness", Math.Round(Mean(counts), 3));
    }

    static double Mean(IReadOnlyList<long> counts) => counts.Select((count, staleness) => (double)count * staleness).Sum() / Math.Max(1, counts.Sum());

    static string UnitOf(DistributedMode mode) => mode switch { DistributedMode.Synchronous => "slices", DistributedMode.Averaged => "models", _ => "batches" };

    static WorkerImages Open(Welcome welcome, IExperimentStorage storage)
    {
        OptionDescription[] all = [.. ExperimentTable.All.Descriptions, .. TrainingTable.All.Descriptions];
        var values = new OptionValues(all, new OptionSource(option => welcome.Arguments.GetValueOrDefault(option.Name), option => option.Option));
        var options = ExperimentOptions.From(values) with { Workers = null };
        return new ExperimentRun(new Experiment(options) { Storage = storage }, CancellationToken.None).OpenForWorker();
    }

    static string Mebibytes(long bytes) => (bytes / (double)(1 << 20)).ToString("N0", System.Globalization.CultureInfo.InvariantCulture);
}
