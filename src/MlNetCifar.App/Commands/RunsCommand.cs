using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using Spectre.Console;

namespace MlNetCifar.App.Commands;

/// <summary>Lists what was run.</summary>
internal sealed class RunsCommand() : Verb("runs", "List the runs, newest first: data, network, accuracy, time.")
{
    static readonly OptionDescription<int> s_last = OptionDescription.Of("last", "N", "Show so many at most", OptionText.Positive, 20);

    protected override IEnumerable<OptionDescription> OwnOptions => [ExperimentTable.Output, s_last];

    public override IReadOnlyList<string> Examples => ["--last 5", "--json"];

    public override int Run(Call call)
    {
        var folder = RunFolder.LocalRuns(call.Get(ExperimentTable.Output)!, new HdfsStorage(call));
        RunSummary[] runs = [.. RunSummary.All(folder).Take(call.Get(s_last))];
        if (call.Json)
        {
            foreach (var run in runs)
                JsonLine.Write(call.Terminal.Out, json => Write(json, run));
            return ExitCodes.Ok;
        }

        if (runs.Length == 0)
        {
            call.Terminal.Log($"there is no run in {folder}");
            return ExitCodes.Ok;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumns("Run", "Data", "Network").AddColumn(new TableColumn("Accuracy").RightAligned())
            .AddColumn("95 % interval").AddColumn(new TableColumn("Epochs").RightAligned()).AddColumn(new TableColumn("Time").RightAligned()).AddColumn("When");
        foreach (var run in runs)
            table.AddRow(Cells(run, run.Accuracy is { } accuracy && IsBest(accuracy, run, runs)));
        call.Terminal.Tables.Write(table);
        return ExitCodes.Ok;
    }

    /// <summary>Whether no other run shown on the same data is better.</summary>
    static bool IsBest(double accuracy, RunSummary run, RunSummary[] runs) =>
        runs.Count(other => other.Data == run.Data && other.Accuracy is not null) > 1 && runs.All(other => other.Data != run.Data || !(other.Accuracy > accuracy));

    static string[] Cells(RunSummary run, bool best)
    {
        var accuracy = run.Accuracy is { } value ? Invariant($"{value:0.0000}") : run.IsDone ? "" : "running or cut off";
        return
        [
            Markup.Escape(run.Folder), Markup.Escape(run.Data ?? ""), Markup.Escape(run.Network ?? ""), best ? $"[green]{accuracy}[/]" : accuracy,
            run.Interval is { } interval ? Markup.Escape(Invariant($"[{interval.Lower:0.000}, {interval.Upper:0.000}]")) : "", run.Epochs == 0 ? "" : Invariant($"{run.Epochs}"),
            run.Epochs == 0 ? "" : OptionText.Of(TimeSpan.FromSeconds(Math.Round(run.Seconds, run.Seconds < 10 ? 1 : 0))), Invariant($"{run.Changed.ToLocalTime():yyyy-MM-dd HH:mm}"),
        ];
    }

    static void Write(Utf8JsonWriter json, RunSummary run)
    {
        json.WriteString("run", run.Folder);
        json.WriteString("command", run.Verb);
        json.WriteString("data", run.Data);
        json.WriteString("network", run.Network);
        json.WriteBoolean("done", run.IsDone);
        if (run.Accuracy is { } accuracy)
            json.WriteNumber("accuracy", accuracy);
        if (run.Interval is { } interval)
        {
            json.WriteStartArray("accuracyInterval");
            json.WriteNumberValue(interval.Lower);
            json.WriteNumberValue(interval.Upper);
            json.WriteEndArray();
        }

        json.WriteNumber("epochs", run.Epochs);
        json.WriteNumber("seconds", Math.Round(run.Seconds, 3));
        if (run.BestValidation is { } validation)
            json.WriteNumber("bestValidationAccuracy", validation);
        json.WriteString("changed", run.Changed);
    }
}
