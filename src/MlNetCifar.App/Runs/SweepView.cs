using MlNetCifar.App.Cli;
using MlNetCifar.Tuning;
using Spectre.Console;

namespace MlNetCifar.App.Runs;

/// <summary>Shows a sweep: a line for each trial that ends, and where a person looks, the trials that run in one line that is written over; with --json an object a line.</summary>
/// <param name="call">Terminal and options.</param>
internal sealed class SweepView(Call call) : IMonitor, IExperimentObserver, IDisposable
{
    const int Shown = 10;

    readonly SortedDictionary<int, string> _running = [];
    readonly ExperimentView _experiment = new(call);
    string _best = "";
    bool _hasStatus;

    public void OnStageStart(ExperimentStage stage, string title) => _experiment.OnStageStart(stage, title);

    public void OnStageEnd(ExperimentStage stage) => _experiment.OnStageEnd(stage);

    public void OnProgress(ExperimentStage stage, double share, string text) => _experiment.OnProgress(stage, share, text);

    public void OnMessage(string? subject, string text) => _experiment.OnMessage(subject, text);

    public void OnWarning(string warning) => _experiment.OnWarning(warning);

    public void ReportWarning(string warning) => Above(() => call.Terminal.Warn(warning));

    public void ReportRunningTrial(TrialSettings settings)
    {
        _running[settings.TrialId] = "begins";
        Status();
    }

    public void ReportStep(TrialSettings settings, int step, double metric)
    {
        _running[settings.TrialId] = Invariant($"epoch {step}, {metric:0.000}");
        Status();
    }

    public void ReportCompletedTrial(TrialResult result) => Ended(result, result.State == TrialState.Pruned ? "ended early" : "");

    public void ReportFailTrial(TrialResult result) => Ended(result, $"failed: {result.Error}");

    public void ReportBestTrial(TrialResult result)
    {
        _best = Invariant($"best {result.Metric:0.0000} of trial {result.TrialSettings.TrialId}");
        Above(() => call.Terminal.Log(_best, "best", "green"));
    }

    /// <summary>Prints the best trials, and what was found.</summary>
    public void Print(SweepResult result)
    {
        Clear();
        if (call.Json)
        {
            WriteResult(result);
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("Trial").RightAligned()).AddColumn(new TableColumn("Accuracy").RightAligned())
            .AddColumn(new TableColumn("Epochs").RightAligned()).AddColumn(new TableColumn("Seconds").RightAligned());
        foreach (var (name, _) in result.Best.TrialSettings.Parameters)
            table.AddColumn(new TableColumn(Markup.Escape(name)).RightAligned());
        foreach (var trial in result.Trials.Where(trial => trial.State == TrialState.Completed).OrderBy(trial => trial.Loss).Take(Shown))
            table.AddRow(
            [
                Invariant($"{trial.TrialSettings.TrialId}"), Invariant($"{trial.Metric:0.0000}"), Invariant($"{trial.Curve.Length}"), Invariant($"{trial.DurationInMilliseconds / 1000:0.0}"),
                .. trial.TrialSettings.Parameters.Select(p => Markup.Escape(p.Value)),
            ]);
        call.Terminal.Tables.Write(table);
        foreach (var sentence in result.Words)
            call.Terminal.Out.WriteLine(sentence);
        call.Terminal.Log($"report   {result.Report}");
        call.Terminal.Log($"again    {result.Command}");
    }

    /// <summary>Prints what was found and chosen, and where it lies.</summary>
    public void Print(AutoResult result)
    {
        Clear();
        if (call.Json)
        {
            WriteResult(result);
            return;
        }

        foreach (var sentence in result.Words)
            call.Terminal.Out.WriteLine(sentence);
        if (result.Report is not null)
            call.Terminal.Log($"search   {result.Report}");
        if (result.Final is { } final)
        {
            call.Terminal.Log($"report   {final.Report}");
            call.Terminal.Log($"weights  {final.Best}");
        }

        call.Terminal.Log($"again    {result.Command}");
    }

    public void Dispose() => Clear();

    void Ended(TrialResult result, string how)
    {
        _running.Remove(result.TrialSettings.TrialId);
        var values = string.Join("  ", result.TrialSettings.Parameters.Select(p => $"{p.Key} {p.Value}"));
        var accuracy = double.IsFinite(result.Metric) ? Invariant($"{result.Metric:0.0000}") : "–     ";
        Above(() => call.Terminal.Log(Invariant($"trial {result.TrialSettings.TrialId,4}  {accuracy}  {result.DurationInMilliseconds / 1000,6:0.0} s  {values}{(how.Length > 0 ? "  " : "")}{how}")));
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("event", "trial");
                json.WriteNumber("trial", result.TrialSettings.TrialId);
                json.WriteString("state", OptionText.Of(result.State));
                JsonLine.Number(json, "accuracy", result.Metric);
                json.WriteNumber("epochs", result.Curve.Length);
                json.WriteNumber("seconds", Math.Round(result.DurationInMilliseconds / 1000, 3));
                json.WriteStartObject("parameters");
                foreach (var (name, value) in result.TrialSettings.Parameters)
                    json.WriteString(name, value);
                json.WriteEndObject();
                if (result.Error is not null)
                    json.WriteString("error", result.Error);
            });
        Status();
    }

    void WriteResult(SweepResult result) => JsonLine.Write(call.Terminal.Out, json =>
    {
        json.WriteString("event", "result");
        json.WriteString("run", result.Folder.Path);
        json.WriteString("report", result.Report);
        json.WriteNumber("trials", result.Trials.Count);
        json.WriteNumber("best", result.Best.TrialSettings.TrialId);
        JsonLine.Number(json, "accuracy", result.Best.Metric);
        json.WriteString("command", result.Command);
        if (result.Comparison is { } comparison)
        {
            JsonLine.Number(json, "testAccuracy", comparison.Metrics[0].B);
            JsonLine.Number(json, "defaultTestAccuracy", comparison.Metrics[0].A);
            json.WriteBoolean("distinguishable", comparison.IsDistinguishable);
        }

        Words(json, result.Words);
    });

    void WriteResult(AutoResult result) => JsonLine.Write(call.Terminal.Out, json =>
    {
        json.WriteString("event", "result");
        json.WriteString("run", result.Folder.Path);
        json.WriteString("model", result.Final?.Best);
        json.WriteNumber("trials", result.Trials.Count);
        if (result.Best is { } best)
        {
            json.WriteNumber("best", best.TrialSettings.TrialId);
            JsonLine.Number(json, "accuracy", best.Metric);
        }

        if (result.Evaluation is { } evaluation)
            JsonLine.Number(json, "testAccuracy", evaluation.MicroAccuracy);
        if (result.Comparison is { } comparison)
        {
            JsonLine.Number(json, "defaultTestAccuracy", comparison.Metrics[0].A);
            json.WriteBoolean("distinguishable", comparison.IsDistinguishable);
        }

        json.WriteString("command", result.Command);
        Words(json, result.Words);
    });

    static void Words(System.Text.Json.Utf8JsonWriter json, IReadOnlyList<string> words)
    {
        json.WriteStartArray("words");
        foreach (var sentence in words)
            json.WriteStringValue(sentence);
        json.WriteEndArray();
    }

    /// <summary>Writes a line above the one that is written over.</summary>
    void Above(Action write)
    {
        Clear();
        write();
    }

    void Status()
    {
        if (!call.Terminal.IsErrorTerminal)
            return;
        Clear();
        if (_running.Count == 0)
            return;
        var text = string.Join("   ", _running.Select(pair => Invariant($"trial {pair.Key}: {pair.Value}")).Append(_best));
        call.Terminal.Error.Write(text.Length < call.Terminal.Width ? text : text[..(call.Terminal.Width - 1)]);
        _hasStatus = true;
    }

    void Clear()
    {
        if (_hasStatus)
            call.Terminal.Error.Write("\r\u001b[2K");
        _hasStatus = false;
    }
}
