using System.Net;
using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Files;

namespace MlNetCifar.Experiments;

/// <summary>The workers of a run, and what a worker does.</summary>
internal static class ExperimentWorkers
{
    /// <summary>Slices of a batch where workers were asked for and no number of slices: the same for every number of workers, so that the result is.</summary>
    public const int UsualSlices = 8;

    /// <summary>Slices, or models that are averaged, where workers were asked for and no number of slices. There is one model for every worker; a resumed run keeps its number, whatever its workers.</summary>
    public static int UsualSlicesOf(TrainingOptions training, int workers) =>
        training.DistributedMode == DistributedMode.Averaged ? Math.Max(2, workers) : Math.Min(UsualSlices, training.BatchSize);

    /// <summary>What is shared among workers, in words.</summary>
    public static string Describe(TrainingOptions training) => training.DistributedMode == DistributedMode.Averaged
        ? FormattableString.Invariant($"{training.Slices} models, averaged {(training.UpdateFrequency == 0 ? "once an epoch" : FormattableString.Invariant($"after {training.UpdateFrequency} batches of each"))}")
        : FormattableString.Invariant($"{training.Slices} slices of a batch");

    /// <summary>The file of what each worker has done.</summary>
    public const string FileName = "workers.json";

    /// <summary>Checks that an experiment can be trained by workers.</summary>
    /// <exception cref="MlNetCifarException">It cannot (MNC3302, MNC3303).</exception>
    public static void Check(Experiment experiment, bool hasBackbone)
    {
        if (hasBackbone)
            throw DistributedErrors.OnlyNetworks("a head on a frozen backbone is trained");
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
            Arguments = arguments.Where(a => a.Value is not null || a.Option.AllowsNone).ToDictionary(a => a.Option.Name, a => OptionText.Of(a.Value)),
        });

    /// <summary>Threads of each worker: all of them share those of the run.</summary>
    public static int ThreadsOf(int workers, int? threads) => Math.Max(1, (threads ?? Environment.ProcessorCount) / workers);

    /// <summary>Says and records what the workers did.</summary>
    public static void Tell(WorkerGroup group, RunFolder folder, ExperimentLog log)
    {
        foreach (var figures in group.Figures)
            log.Say("worker", FormattableString.Invariant(
                $"{figures.Worker + 1}: {figures.Slices:N0} slices, {Mebibytes(figures.BytesSent)} MiB to it and {Mebibytes(figures.BytesReceived)} from it, {figures.WaitedSeconds:0.0} s waited for work{(figures.Lost is null ? "" : ", lost")}"));
        folder.WriteBytes(FileName, stream => OptionFile.WriteObject(stream, json =>
        {
            json.WriteString(FileOrigin.Property, FileOrigin.Current);
            json.WriteNumber("slices_handed_over", group.HandedOver);
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

    static WorkerImages Open(Welcome welcome, IExperimentStorage storage)
    {
        OptionDescription[] all = [.. ExperimentTable.All.Descriptions, .. TrainingTable.All.Descriptions];
        var values = new OptionValues(all, new OptionSource(option => welcome.Arguments.GetValueOrDefault(option.Name), option => option.Option));
        var options = ExperimentOptions.From(values) with { Workers = null };
        return new ExperimentRun(new Experiment(options) { Storage = storage }, CancellationToken.None).OpenForWorker();
    }

    static string Mebibytes(long bytes) => (bytes / (double)(1 << 20)).ToString("N0", System.Globalization.CultureInfo.InvariantCulture);
}
