using System.Globalization;
using System.Text.Json;
using MlNetCifar.Distributed;
using MlNetCifar.Files;
using MlNetCifar.Reporting;

namespace MlNetCifar.Experiments;

/// <summary>What a run's workers did, as it is said, kept and reported.</summary>
/// <param name="group">The workers, after the last step.</param>
/// <param name="training">What they computed.</param>
/// <param name="rehearsal">What a rehearsal came to; null for none.</param>
internal sealed class WorkerRecord(WorkerGroup group, TrainingOptions training, Rehearsal? rehearsal)
{
    /// <summary>The file in a run's folder.</summary>
    public const string FileName = "workers.json";

    string Unit => training.DistributedMode == DistributedMode.Synchronous ? "slices" : training.HasModels ? "models" : "batches";

    /// <summary>Who held up the others, in words: where all wait for each other it is the one that has waited least. Null where nobody did for long.</summary>
    string? Slowest
    {
        get
        {
            WorkerFigures[] there = [.. group.Figures.Where(figures => figures.Lost is null).OrderBy(figures => figures.WaitedSeconds)];
            return !training.IsServed && there is [var least, .. { Length: > 0 } others] && others.Average(figures => figures.WaitedSeconds) is var waited && waited > 1 + (2 * least.WaitedSeconds)
                ? FormattableString.Invariant($"worker {least.Worker + 1} has waited {least.WaitedSeconds:0.0} s and the others {waited:0.0} s in the mean: they waited for it{(training.SyncBatchNorm ? ", at every layer of batch normalisation" : "")}")
                : null;
        }
    }

    /// <summary>Says it.</summary>
    public void Say(ExperimentLog log)
    {
        foreach (var figures in group.Figures)
            log.Say("worker", FormattableString.Invariant(
                $"{figures.Worker + 1}: {figures.Slices:N0} {Unit}, {Mebibytes(figures.BytesSent)} MiB to it and {Mebibytes(figures.BytesReceived)} from it, {(figures.BytesPassed > 0 ? $"{Mebibytes(figures.BytesPassed)} from it to others, " : "")}{(figures.BytesAhead > 0 ? $"{Mebibytes(figures.BytesAhead)} sent while it computed, " : "")}{figures.WaitedSeconds:0.0} s waited{(figures.Lost is null ? "" : ", lost")}"));
        if (Slowest is { } slowest)
            log.Say("waiting", slowest);
        if (group.Staleness is { Count: > 0 } staleness)
            log.Say("staleness", FormattableString.Invariant($"of {staleness.Sum():N0} {(training.HasModels ? "models" : "gradients")}: mean {Mean(staleness):0.0}, at most {staleness.Count - 1} updates by others since their weights were sent"));
        if (group.Proofs is { } proofs)
            log.Say("copies", FormattableString.Invariant($"workers have proved {proofs.Times:N0} times that they hold the run's weights and moments, to the bit"));
        if (rehearsal is null)
            return;
        log.Say("rehearsal", rehearsal.Summary);
        if (!rehearsal.IsSame && !training.IsServed)
            log.Warn("the faults that were rehearsed changed the weights, which they must not in this mode");
    }

    /// <summary>Writes <see cref="FileName"/>.</summary>
    public void Write(RunFolder folder) => folder.WriteBytes(FileName, stream => OptionFile.WriteObject(stream, json =>
    {
        json.WriteString(FileOrigin.Property, FileOrigin.Current);
        json.WriteString("mode", OptionText.Of(training.DistributedMode));
        json.WriteString("unit", Unit);
        json.WriteNumber("slices_handed_over", group.HandedOver);
        if (group.Proofs is { } proofs)
        {
            json.WriteNumber("copies_proved", proofs.Times);
            json.WriteString("copies_sha256", proofs.Hash);
        }

        if (group.Staleness is { Count: > 0 } staleness)
            WriteStaleness(json, staleness);
        rehearsal?.Write(json);
        json.WriteStartArray("workers");
        foreach (var figures in group.Figures)
            Write(json, figures);
        json.WriteEndArray();
    }));

    /// <summary>For the report.</summary>
    /// <param name="summary">What was shared, in words.</param>
    public ReportWorkers ForReport(string summary) => new(
        FormattableString.Invariant($"{group.Figures.Select(f => f.Worker).Distinct().Count()} processes {summary}.{(Slowest is { } slowest ? $" Of them {slowest}." : "")}"), Unit,
        [.. group.Figures.Select(f => new ReportWorker(
            f.Worker + 1, f.Slices, f.BytesSent, f.BytesReceived, f.BytesPassed, f.BytesAhead, f.WaitedSeconds, f.Lost is null ? null : f.LostAtStep is { } step ? FormattableString.Invariant($"at step {step:N0}: {f.Lost}") : f.Lost))],
        group.Staleness, group.HandedOver, rehearsal?.Summary);

    static void Write(Utf8JsonWriter json, WorkerFigures figures)
    {
        json.WriteStartObject();
        json.WriteNumber("worker", figures.Worker + 1);
        json.WriteNumber("slices", figures.Slices);
        json.WriteNumber("bytes_sent", figures.BytesSent);
        json.WriteNumber("bytes_received", figures.BytesReceived);
        json.WriteNumber("bytes_passed", figures.BytesPassed);
        json.WriteNumber("bytes_ahead", figures.BytesAhead);
        json.WriteNumber("seconds_waited", Math.Round(figures.WaitedSeconds, 3));
        json.WriteString("lost", figures.Lost);
        if (figures.LostAtStep is { } step)
            json.WriteNumber("lost_at_step", step);
        json.WriteEndObject();
    }

    /// <summary>How many gradients were how stale: the first of fresh weights.</summary>
    static void WriteStaleness(Utf8JsonWriter json, IReadOnlyList<long> counts)
    {
        json.WriteStartArray("staleness");
        foreach (var count in counts)
            json.WriteNumberValue(count);
        json.WriteEndArray();
        json.WriteNumber("mean_staleness", Math.Round(Mean(counts), 3));
    }

    static double Mean(IReadOnlyList<long> counts) => counts.Select((count, staleness) => (double)count * staleness).Sum() / Math.Max(1, counts.Sum());

    static string Mebibytes(long bytes) => (bytes / (double)(1 << 20)).ToString("N0", CultureInfo.InvariantCulture);
}
