using MlNetCifar.App.Cli;
using MlNetCifar.Explain;
using MlNetCifar.Inference;
using MlNetCifar.Reporting;
using Spectre.Console;

namespace MlNetCifar.App.Runs;

/// <summary>Evaluates a model, writes the report of a run, and prints the figures.</summary>
/// <param name="call">Terminal and settings.</param>
/// <param name="folder">Where the report goes.</param>
internal sealed class EvaluationJob(Call call, RunFolder folder)
{
    /// <summary>Mistakes whose pictures the report explains.</summary>
    const int Explained = 12;

    /// <summary>Shorter side of their pictures; the report shows no more.</summary>
    const int ExplainedSide = 96;

    CalibrationCheck? _check;
    ReportInput? _report;

    /// <summary>Heading of the report.</summary>
    public required string Title { get; init; }

    /// <summary>Whether to say what the model's calibration is worth on the images; not on those it was fitted on.</summary>
    public bool CheckCalibration { get; init; } = true;

    /// <summary>Name of the split, for people.</summary>
    public required string Split { get; init; }

    /// <summary>What the data were.</summary>
    public required ImageDataset Dataset { get; init; }

    /// <summary>Settings of the run.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>Further members of the JSON result.</summary>
    public IReadOnlyList<(string Name, object? Value)> Extra { get; init; } = [];

    /// <summary>Where a copy of the run lies; null for none.</summary>
    public string? Copy { get; set; }

    /// <summary>Scores the images, under a bar, and writes the report.</summary>
    public EvaluationResult Run(ImageClassifier model, ImageSource images, CancellationToken stop)
    {
        var labels = new int[images.Count];
        for (var i = 0; i < labels.Length; i++)
            labels[i] = images.Label(i);
        var started = TimeProvider.System.GetTimestamp();
        var calibration = CheckCalibration ? model.Calibration : null;
        if (calibration is not null && AbstainBelow is { } least)
            calibration = calibration with { Abstain = calibration.Abstain with { Threshold = least } };
        var averaged = MlNetCifar.Views.Of(Views).Length;
        if (calibration is not null && calibration.Views != averaged)
            call.Terminal.Warn(Texts.Invariant($"the model's calibration was fitted on {calibration.Views} of the views of each image, --{ModelSettings.Views.Name} {Texts.Of(Views)} averages {averaged}: its confidences, label sets and thresholds fit these less well"));
        var outputs = Bars.Run(call.Terminal, $"evaluating {Split}", advance => Outputs(model, calibration is not null, images, new Count(done =>
            advance((double)done / labels.Length, Texts.Invariant($"evaluating {Split} {done:N0}/{labels.Length:N0}  {done / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3):N0} images/s"))), stop));
        if (calibration is not null)
        {
            // The report shows the network's own probabilities; only calibration errors are read from the check, so it needs no bootstrap.
            _check = CalibrationCheck.Measure(
                calibration, labels, outputs.Logits, model.Classes, new EvaluationOptions { BootstrapResamples = 0 }, outputs.Features, outputs.Texture);
            TemperatureScaling.None.Apply(outputs.Logits, model.Classes.Length, outputs.Logits);
        }

        var result = Evaluator.Evaluate(labels, outputs.Logits, model.Classes);
        var machine = new MachineInfo();
        RunRecord.Machine(folder, machine);
        _report = new ReportInput
        {
            Title = Title,
            Result = result,
            History = model.History,
            Images = images,
            Calibration = _check,
            Command = call.CommandLine,
            Created = DateTimeOffset.UtcNow,
            Dataset = [new("Data", Dataset.Path), new("Split", Split), new("Images", Texts.Invariant($"{images.Count:N0}")), new("Size", $"{images.Width}×{images.Height}×{images.Channels}"), new("Files left out", Texts.Of(Dataset.BadFiles.Count))],
            Environment = [.. machine.Rows().Select(row => new KeyValuePair<string, string>(row.Name, row.Text))],
            Settings = [new("network", model.Network.Name), new("weights", model.WeightsSha256), .. Settings],
            Explained = Explain(model, images, result),
        };
        ReportWriter.Write(folder.Path, _report);
        if (Dataset.BadFiles.Count > 0)
            BadFile.Write(Dataset.BadFiles, folder.File(BadFile.FileName));
        return result;
    }

    /// <summary>Views of each image whose scores are averaged.</summary>
    public TestTimeViews Views { get; init; }

    /// <summary>Threads; null for all cores.</summary>
    public int? Threads { get; init; }

    /// <summary>Least confidence of an answer; null leaves it to the calibration.</summary>
    public double? AbstainBelow { get; init; }

    /// <summary>Logits for a calibration to make probabilities of; without one, probabilities in their place.</summary>
    ImageOutputs Outputs(ImageClassifier model, bool logits, ImageSource images, Count count, CancellationToken stop) =>
        logits ? model.Outputs(images, Threads, Views, count, stop) : new(model.Score(images, Threads, Views, count, stop), [], []);

    /// <summary>Where the network looked when it was surest and wrong; nothing where it has no convolution, or the user asked to stop.</summary>
    ExplainedImage[] Explain(ImageClassifier model, ImageSource images, EvaluationResult result)
    {
        int[] rows = [.. Mistakes.Of(result).Take(Explained).Select(mistake => mistake.Row)];
        if (rows.Length == 0 || call.Stop.IsCancellationRequested || GradCam.Layers(model).Count == 0)
            return [];
        var length = images.ImageLength;
        var pixels = new byte[rows.Length * length];
        for (var i = 0; i < rows.Length; i++)
            images.CopyPixels(rows[i], pixels.AsSpan(i * length, length));
        using var gradCam = new GradCam(model, batchSize: rows.Length, threads: Threads);
        return [.. gradCam.Explain(pixels).Select((map, i) => new ExplainedImage(
            rows[i], map.Class, map.Degenerate ? null : map.Probability, HeatmapOverlay.Draw(map, pixels.AsSpan(i * length, length), images.Channels, ExplainedSide), $"Grad-CAM, layer {gradCam.Layer}"))];
    }

    /// <summary>Prints the figures: data, so to standard output.</summary>
    public void Print(ImageClassifier model, EvaluationResult result)
    {
        if (call.Json)
        {
            PrintJson(model, result);
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumn("Metric").AddColumn(new TableColumn("Value").RightAligned()).AddColumn("95 % interval");
        foreach (var metric in result.Headline.Where(m => double.IsFinite(m.Value)))
            table.AddRow(Spectre.Console.Markup.Escape(metric.Name), Texts.Invariant($"{metric.Value:0.0000}"), Spectre.Console.Markup.Escape(metric.Interval.IsDefined ? metric.Interval.ToString() : ""));
        call.Terminal.Tables.Write(table);
        call.Terminal.Out.WriteLine(Texts.Invariant(
            $"{Split} accuracy {result.MicroAccuracy:0.0000}, 95 % interval {result.MicroAccuracyInterval}, on {result.Count:N0} images"));
        if (_check is { } check)
            call.Terminal.Out.WriteLine(Texts.Invariant(
                $"calibration error {check.ErrorBefore:0.0000} before, {check.ErrorAfter:0.0000} after; label sets hold the true label for {check.Coverage:0.0 %} of the images (promised {check.PromisedCoverage:0.0 %}), {check.MeanSetSize:0.00} labels on average; {check.Answered:0.0 %} answered, the rest unknown"));
        if (_report!.Rejection is { Count: > 0 } rejection)
            call.Terminal.Out.WriteLine($"right when only the surest are answered: {string.Join(", ", rejection.Select(r => Texts.Invariant($"{r.Accuracy:0.0 %} of {r.Coverage:0.0 %} (from {r.Threshold:0.000})")))}");
        if (AbstainBelow is { } least && _check is null)
        {
            var given = RejectionCurve.Of(result).Points.LastOrDefault(point => point.Threshold >= least);
            call.Terminal.Out.WriteLine(Texts.Invariant($"answers from {least} on: {given.Coverage:0.0 %} of the images, {given.Accuracy:0.0 %} of them right"));
        }

        call.Terminal.Log($"report   {folder.File("report.html")}");
    }

    void PrintJson(ImageClassifier model, EvaluationResult result) => JsonLine.Write(call.Terminal.Out, json =>
    {
        json.WriteString("event", "result");
        json.WriteString("run", folder.Path);
        if (Copy is not null)
            json.WriteString("copy", Copy);
        json.WriteString("report", folder.File("report.html"));
        json.WriteString("network", model.Network.Name);
        json.WriteString("weightsSha256", model.WeightsSha256);
        json.WriteString("split", Split);
        json.WriteNumber("images", result.Count);
        foreach (var metric in result.Headline)
        {
            JsonLine.Number(json, metric.Key, metric.Value);
            if (metric.Interval.IsDefined)
            {
                json.WriteStartArray(metric.Key + "Interval");
                json.WriteNumberValue(metric.Interval.Lower);
                json.WriteNumberValue(metric.Interval.Upper);
                json.WriteEndArray();
            }
        }

        if (_check is { } check)
        {
            json.WriteStartObject("calibration");
            JsonLine.Number(json, "errorBefore", check.ErrorBefore);
            JsonLine.Number(json, "errorAfter", check.ErrorAfter);
            JsonLine.Number(json, "promisedCoverage", check.PromisedCoverage);
            JsonLine.Number(json, "coverage", check.Coverage);
            JsonLine.Number(json, "meanSetSize", check.MeanSetSize);
            JsonLine.Number(json, "answered", check.Answered);
            JsonLine.Number(json, "answerAccuracy", check.AnswerAccuracy);
            json.WriteEndObject();
        }

        json.WriteStartArray("rejection");
        foreach (var rule in _report!.Rejection)
        {
            json.WriteStartObject();
            JsonLine.Number(json, "threshold", rule.Threshold);
            JsonLine.Number(json, "answered", rule.Coverage);
            JsonLine.Number(json, "accuracy", rule.Accuracy);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        foreach (var (name, value) in Extra)
            Setting.WriteValue(json, name, value);
    });

    sealed class Count(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }
}
