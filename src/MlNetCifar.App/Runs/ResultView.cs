using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.Inference;
using Spectre.Console;

namespace MlNetCifar.App.Runs;

/// <summary>Runs an experiment of training under its view, and prints the figures.</summary>
internal static class ResultView
{
    /// <summary>Runs, shows and prints.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Call call, Experiment experiment)
    {
        var view = new ExperimentView(call);
        experiment.Observers.Add(view);
        experiment.TrainingObservers.Add(view);
        using var result = experiment.Run(call.Stop);
        Print(call, result);
        call.Terminal.Log($"weights  {result.Folder.Best} (SHA-256 {result.Model.WeightsSha256})");
        return call.Done();
    }

    /// <summary>Prints the figures: data, so to standard output.</summary>
    /// <param name="call">Terminal and options.</param>
    /// <param name="result">What an experiment left behind.</param>
    /// <param name="least">Least confidence of an answer; null where none was asked for.</param>
    public static void Print(Call call, ExperimentResult result, double? least = null)
    {
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json => Write(json, result));
            return;
        }

        var (figures, output) = (result.Evaluation, call.Terminal.Out);
        call.Terminal.Tables.Write(Figures(figures, result.Calibration?.Uncalibrated));
        call.Terminal.Tables.MarkupLine(Invariant($"{Markup.Escape(result.Split)} accuracy [bold green]{figures.MicroAccuracy:0.0000}[/], 95 % interval {Markup.Escape(figures.MicroAccuracyInterval.ToString())}, on {figures.Count:N0} images"));
        if (result.Calibration is { } check)
            output.WriteLine(
                Invariant($"calibration error {check.ErrorBefore:0.0000} before, {check.ErrorAfter:0.0000} after; ")
                + Invariant($"label sets hold the true label for {check.Coverage:0.0 %} of the images (promised {check.PromisedCoverage:0.0 %}), ")
                + Invariant($"{check.MeanSetSize:0.00} labels on average; {check.Answered:0.0 %} answered, the rest unknown"));
        if (result.Rejection is { Count: > 0 } rejection)
            output.WriteLine("right when only the surest are answered: "
                + string.Join(", ", rejection.Select(r => Invariant($"{r.Accuracy:0.0 %} of {r.Coverage:0.0 %} (from {r.Threshold:0.000})"))));
        if (least is not null && result.Calibration is null)
        {
            var given = RejectionCurve.Of(figures).Points.LastOrDefault(point => point.Threshold >= least);
            output.WriteLine(Invariant($"answers from {least} on: {given.Coverage:0.0 %} of the images, {given.Accuracy:0.0 %} of them right"));
        }

        call.Terminal.Log($"report   {result.Folder.Report}");
        for (var i = 0; i < result.NextSteps.Count; i++)
            call.Terminal.Log($"{(i == 0 ? "try next" : ""),-8} {result.NextSteps[i]}", result.NextSteps[i].Try, "aqua");
    }

    /// <summary>The headline numbers; those of the network's own probabilities beside them where a calibration makes others of these.</summary>
    static Table Figures(EvaluationResult figures, EvaluationResult? raw)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("Metric").AddColumn(new TableColumn("Value").RightAligned()).AddColumn("95 % interval");
        if (raw is not null)
            table.AddColumn(new TableColumn("Uncalibrated").RightAligned());
        var before = raw?.Headline.ToDictionary(m => m.Key, m => m.Value);
        foreach (var metric in figures.Headline.Where(m => double.IsFinite(m.Value)))
        {
            string[] row = [Markup.Escape(metric.Name), Invariant($"{metric.Value:0.0000}"), Markup.Escape(metric.Interval.IsDefined ? metric.Interval.ToString() : "")];
            table.AddRow(before is null ? row : [.. row, Invariant($"{before[metric.Key]:0.0000}")]);
        }

        return table;
    }

    static void Write(Utf8JsonWriter json, ExperimentResult result)
    {
        json.WriteString("event", "result");
        json.WriteString("run", result.Folder.Path);
        if (result.Copy is not null)
            json.WriteString("copy", result.Copy);
        json.WriteString("report", result.Folder.Report);
        json.WriteString("network", result.Model.Network.Name);
        json.WriteString("weightsSha256", result.Model.WeightsSha256);
        json.WriteString("split", result.Split);
        json.WriteNumber("images", result.Evaluation.Count);
        foreach (var metric in result.Evaluation.Headline)
        {
            JsonLine.Number(json, metric.Key, metric.Value);
            if (!metric.Interval.IsDefined)
                continue;
            json.WriteStartArray(metric.Key + "Interval");
            json.WriteNumberValue(metric.Interval.Lower);
            json.WriteNumberValue(metric.Interval.Upper);
            json.WriteEndArray();
        }

        if (result.Calibration is { } check)
            Write(json, check);
        json.WriteStartArray("rejection");
        foreach (var rule in result.Rejection)
        {
            json.WriteStartObject();
            JsonLine.Number(json, "threshold", rule.Threshold);
            JsonLine.Number(json, "answered", rule.Coverage);
            JsonLine.Number(json, "accuracy", rule.Accuracy);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("tryNext");
        foreach (var step in result.NextSteps)
        {
            json.WriteStartObject();
            json.WriteString("found", step.Found);
            json.WriteString("try", step.Try);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("warnings");
        foreach (var warning in result.Warnings)
            json.WriteStringValue(warning);
        json.WriteEndArray();
        if (result.StopReason is not { } reason)
            return;
        json.WriteNumber("bestEpoch", result.BestEpoch);
        json.WriteString("stopReason", OptionText.Of(reason));
        json.WriteString("lastWeightsSha256", result.LastWeightsSha256);
        json.WriteNumber("seconds", Math.Round(result.TrainingTime!.Value.TotalSeconds, 3));
    }

    static void Write(Utf8JsonWriter json, CalibrationCheck check)
    {
        json.WriteStartObject("calibration");
        JsonLine.Number(json, "errorBefore", check.ErrorBefore);
        JsonLine.Number(json, "errorAfter", check.ErrorAfter);
        JsonLine.Number(json, "promisedCoverage", check.PromisedCoverage);
        JsonLine.Number(json, "coverage", check.Coverage);
        JsonLine.Number(json, "meanSetSize", check.MeanSetSize);
        JsonLine.Number(json, "answered", check.Answered);
        JsonLine.Number(json, "answerAccuracy", check.AnswerAccuracy);
        json.WriteStartObject("uncalibrated");
        foreach (var metric in check.Uncalibrated.Headline)
            JsonLine.Number(json, metric.Key, metric.Value);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
