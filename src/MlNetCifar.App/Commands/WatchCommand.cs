using System.Globalization;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;

namespace MlNetCifar.App.Commands;

/// <summary>Follows a run from another terminal.</summary>
internal sealed class WatchCommand() : Verb("watch", "Follow a run from another terminal, or as a local page, until it ends.")
{
    static readonly OptionDescription<string?> s_html = OptionDescription.Text("html", "FILE", "Keep a page up to date as well, which reloads itself");
    static readonly OptionDescription<bool> s_once = OptionDescription.Flag("once", "Show what there is and end");

    public override string Arguments => "[RUN]";

    public override string ArgumentsHelp => "The run's folder; without it the one that wrote last";

    public override (int Least, int Most) ArgumentCount => (0, 1);

    protected override IEnumerable<OptionDescription> OwnOptions => [s_html, s_once, ExperimentTable.Output];

    public override IReadOnlyList<string> Examples => ["", "runs/train/seed-cnn --html live.html"];

    /// <summary>How often the files are looked at.</summary>
    public static TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    public override int Run(Call call)
    {
        if (call.Get(s_html) is { } page)
            OutputFile.Format(s_html, page, "the page", ".html", ".htm");
        var folder = Folder(call);
        call.Terminal.Log($"watching {folder}");
        for (var shown = 0; ;)
        {
            var run = RunSummary.Read(folder);
            var rows = RunSummary.Rows(Path.Combine(folder, "results.csv"));

            // Fewer rows than shown: a new run in the same folder.
            var first = rows.Count < shown ? 0 : shown;
            foreach (var row in rows.Skip(first))
                Print(call, run, row);
            if (call.Get(s_html) is { } html && (rows.Count != shown || run.IsDone || shown == 0))
                WatchPage.Write(html, run, rows);
            shown = rows.Count;
            if (run.IsDone || call.Get(s_once) || call.Stop.WaitHandle.WaitOne(Interval))
            {
                End(call, run);
                return call.Done();
            }
        }
    }

    static string Folder(Call call)
    {
        if (call.Arguments is [var given])
            return Directory.Exists(given) ? Path.TrimEndingDirectorySeparator(given) : throw CliErrors.InputNotFound(given);
        var runs = RunFolder.LocalRuns(call.Get(ExperimentTable.Output)!, new HdfsStorage(call));
        return RunSummary.All(runs).FirstOrDefault(run => run.Verb is "train" or "quickstart")?.Folder ?? throw CliErrors.NoRun(runs);
    }

    static void Print(Call call, RunSummary run, Dictionary<string, double?> row)
    {
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("event", "epoch");
                foreach (var (name, value) in row.Where(cell => cell.Value is not null))
                    JsonLine.Number(json, name, value!.Value);
            });
            return;
        }

        var best = row.GetValueOrDefault("val_accuracy") is { } accuracy && accuracy == run.BestValidation;
        call.Terminal.Out.WriteLine($"{Line(run, row)}{(best ? "  best" : "")}");
    }

    /// <summary>One epoch in a line.</summary>
    public static string Line(RunSummary run, Dictionary<string, double?> row)
    {
        var of = run.Planned is { } planned ? Invariant($"/{planned}") : "";
        var validation = row.GetValueOrDefault("val_accuracy") is { } accuracy ? Invariant($"  val loss {row.GetValueOrDefault("val_loss"):0.000}  val accuracy {accuracy:0.000}") : "";
        return Invariant($"epoch {row.GetValueOrDefault("epoch"),3:0}{of}  loss {row.GetValueOrDefault("train_loss"):0.000}  accuracy {row.GetValueOrDefault("train_accuracy"):0.000}{validation}")
            + Invariant($"  {row.GetValueOrDefault("seconds"):0.0} s");
    }

    /// <summary>How long the epochs that are left will take, by those done; null where that is not known.</summary>
    public static string? Left(RunSummary run) => run.IsDone || run.Epochs == 0 || run.Planned is not { } planned || planned <= run.Epochs ? null
        : string.Create(CultureInfo.InvariantCulture, $"about {OptionText.Of(TimeSpan.FromSeconds(Math.Ceiling(run.Seconds / run.Epochs * (planned - run.Epochs))))} of training left");

    static void End(Call call, RunSummary run)
    {
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("event", run.IsDone ? "result" : "state");
                json.WriteNumber("epochs", run.Epochs);
                if (run.Accuracy is { } accuracy)
                    json.WriteNumber("accuracy", accuracy);
            });
            return;
        }

        if (run.IsDone)
            call.Terminal.Out.WriteLine(Invariant($"done: {(run.Accuracy is { } final ? Invariant($"accuracy {final:0.0000}; ") : "")}{run.Page}"));
        else if (Left(run) is { } left)
            call.Terminal.Out.WriteLine(left);
    }
}
