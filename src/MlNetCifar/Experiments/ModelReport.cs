using MlNetCifar.Explain;
using MlNetCifar.Inference;
using MlNetCifar.Reporting;

namespace MlNetCifar.Experiments;

/// <summary>What an evaluation found.</summary>
/// <param name="Split">Name of the images, for people.</param>
/// <param name="Result">The figures.</param>
/// <param name="Calibration">What the model's calibration is worth on the images; null where it has none, or was fitted on them.</param>
/// <param name="Rejection">What withholding unsure answers gives.</param>
/// <param name="NextSteps">What to try next.</param>
internal sealed record Judgement(
    string Split, EvaluationResult Result, CalibrationCheck? Calibration, IReadOnlyList<AbstainRule> Rejection, IReadOnlyList<NextStep> NextSteps);

/// <summary>Evaluates a model and writes the report of a run.</summary>
/// <param name="folder">Where the report goes.</param>
/// <param name="log">Told what is done.</param>
internal sealed class ModelReport(RunFolder folder, ExperimentLog log)
{
    /// <summary>Mistakes whose pictures the report explains.</summary>
    const int Explained = 12;

    /// <summary>Shorter side of their pictures; the report shows no more.</summary>
    const int ExplainedSide = 96;

    /// <summary>Values of the pictures that are explained at once: 16 of 64×64, fewer larger ones, for all that a network computes of them is kept.</summary>
    const int ValuesExplained = 16 * 64 * 64 * 3;

    /// <summary>Whether the report is written; its figures are found either way.</summary>
    public bool IsWritten { get; init; } = true;

    /// <summary>Heading of the report.</summary>
    public required string Title { get; init; }

    /// <summary>Name of the images, for people.</summary>
    public required string Split { get; init; }

    /// <summary>What the data were.</summary>
    public required ImageDataset Dataset { get; init; }

    /// <summary>The command that repeats the run; null where there was none.</summary>
    public string? Command { get; init; }

    /// <summary>Whether to say what the model's calibration is worth on the images; not on those it was fitted on.</summary>
    public bool CheckCalibration { get; init; } = true;

    /// <summary>How the model was trained, in this run; null where it was not.</summary>
    public TrainingOptions? Training { get; init; }

    /// <summary>Settings of the run.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>How the training was shared by several processes; null where it was not.</summary>
    public ReportWorkers? Workers { get; init; }

    /// <summary>Views of each image whose scores are averaged.</summary>
    public TestTimeViews Views { get; init; }

    /// <summary>Threads; null for all cores.</summary>
    public int? Threads { get; init; }

    /// <summary>What the network gave for the images, with its outputs in the place of logits, where they were scored before; null where not.</summary>
    public ImageOutputs? Scores { get; init; }

    /// <summary>Why the figures may promise too much; null for nothing.</summary>
    public string? Doubt { get; init; }

    /// <summary>Least confidence of an answer; null leaves it to the calibration.</summary>
    public double? AbstainBelow { get; init; }

    /// <summary>Scores the images and writes the report.</summary>
    /// <param name="model">What is evaluated.</param>
    /// <param name="images">On what.</param>
    /// <param name="cancellation">Ends the scoring, with an exception; afterwards it shortens the report.</param>
    public Judgement Write(ImageClassifier model, ImageSource images, CancellationToken cancellation)
    {
        var labels = Enumerable.Range(0, images.Count).Select(images.Label).ToArray();
        var calibration = Calibration(model);
        var outputs = Score(model, images, logits: calibration is not null, cancellation);
        CalibrationCheck? check = null;
        if (calibration is not null)
        {
            // What is shown are the model's answers; of the check only the other figures are read, so it needs no bootstrap.
            if (CheckCalibration)
                check = CalibrationCheck.Measure(
                    calibration, labels, outputs.Logits, model.Classes, new EvaluationOptions { BootstrapResamples = 0 }, outputs.Features, outputs.Texture);
            calibration.Scaling.Apply(outputs.Logits, model.Classes.Length, outputs.Logits);
        }

        var result = Evaluator.Evaluate(labels, outputs.Logits, model.Classes);
        foreach (var warning in result.Warnings)
            log.Warn(warning);
        if (!IsWritten)
        {
            var figures = Report(model, images, result, check, explained: []);
            return new Judgement(Split, result, check, figures.Rejection, figures.NextSteps);
        }

        return log.During(ExperimentStage.Reporting, "writing the report", _ =>
        {
            var report = Report(model, images, result, check, Explain(model, images, result, cancellation));
            if (!cancellation.IsCancellationRequested)
                report = new ReportExtras(model, Dataset, Training).Add(report, outputs.Features);
            ReportWriter.Write(folder.Path, report);
            if (Dataset.BadFiles.Count > 0)
                BadFile.Write(Dataset.BadFiles, folder.File(BadFile.FileName));
            else
                File.Delete(folder.File(BadFile.FileName));
            return new Judgement(Split, result, check, report.Rejection, report.NextSteps);
        });
    }

    CalibrationModel? Calibration(ImageClassifier model)
    {
        if (model.Calibration is not { } calibration)
            return null;
        if (AbstainBelow is { } least)
            calibration = calibration with { Abstain = calibration.Abstain with { Threshold = least } };
        var averaged = MlNetCifar.Views.Of(Views).Length;
        if (calibration.Views != averaged)
            log.Warn(
                FormattableString.Invariant($"the model's calibration was fitted on {calibration.Views} of the views of each image, ")
                + FormattableString.Invariant($"{log.Choice(ExperimentTable.Views, nameof(Views), Views)} averages {averaged}: ")
                + "its confidences, label sets and thresholds fit these less well");
        return calibration;
    }

    /// <summary>Logits for a calibration to make probabilities of; without one, probabilities in their place.</summary>
    ImageOutputs Score(ImageClassifier model, ImageSource images, bool logits, CancellationToken cancellation)
    {
        if (Scores is { } raw)
            return raw with { Logits = logits ? ClassScores.Logits(model.Network, raw.Logits) : ClassScores.Probabilities(model.Network, raw.Logits) };
        var started = TimeProvider.System.GetTimestamp();
        return log.During(ExperimentStage.Evaluating, $"evaluating {Split}", advance =>
        {
            var progress = new Report<int>(done => advance((double)done / images.Count, FormattableString.Invariant(
                $"evaluating {Split} {done:N0}/{images.Count:N0}  {done / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3):N0} images/s")));
            return logits ? model.Outputs(images, Threads, Views, progress, cancellation) : new(model.Score(images, Threads, Views, progress, cancellation), [], []);
        });
    }

    ReportInput Report(ImageClassifier model, ImageSource images, EvaluationResult result, CalibrationCheck? check, ExplainedImage[] explained)
    {
        var machine = new MachineInfo();
        RunRecord.Machine(folder, machine);
        return new ReportInput
        {
            Title = Title,
            Result = result,
            History = model.History,
            BestEpoch = model.BestEpoch,
            Images = images,
            Calibration = check,
            Command = Command,
            Created = DateTimeOffset.UtcNow,
            Dataset =
            [
                new("Data", Dataset.Path), new("Split", Split), new("Images", FormattableString.Invariant($"{images.Count:N0}")),
                new("Size", $"{images.Width}×{images.Height}×{images.Channels}"), new("Files left out", OptionText.Of(Dataset.BadFiles.Count)),
            ],
            Environment = [.. machine.Describe()],
            Settings = [new("network", model.Network.Name), new("weights", model.WeightsSha256), .. Settings],
            Explained = explained,
            Workers = Workers,
            Doubt = Doubt,
            NextSteps = new NextSteps
            {
                Result = result, Network = model.Network, Options = Training, Pictures = Dataset.PictureSize, History = Training is null ? [] : model.History,
                Counts = Training is null ? [] : Dataset.Train.ClassCounts(), Validated = Dataset.Validation?.Count ?? 0,
            }.Find(),
        };
    }

    /// <summary>Where the network looked when it was surest and wrong; nothing where it has no convolution, or the user asked to stop.</summary>
    ExplainedImage[] Explain(ImageClassifier model, ImageSource images, EvaluationResult result, CancellationToken cancellation)
    {
        int[] rows = [.. Mistakes.Of(result).Take(Explained).Select(mistake => mistake.Row)];
        if (rows.Length == 0 || cancellation.IsCancellationRequested || GradCam.Layers(model).Count == 0)
            return [];
        var length = images.ImageLength;
        var pixels = new byte[rows.Length * length];
        for (var i = 0; i < rows.Length; i++)
            images.CopyPixels(rows[i], pixels.AsSpan(i * length, length));
        using var gradCam = new GradCam(model, batchSize: Math.Clamp(ValuesExplained / length, 1, rows.Length), threads: Threads);
        return [.. gradCam.Explain(pixels).Select((map, i) => new ExplainedImage(
            rows[i], map.Class, map.Degenerate ? null : map.Probability,
            HeatmapOverlay.Draw(map, pixels.AsSpan(i * length, length), images.Channels, ExplainedSide), $"Grad-CAM, layer {gradCam.Layer}"))];
    }
}

/// <summary>What a report shows beyond figures: a batch, the balance of the classes, the layers, the images in the plane.</summary>
/// <param name="model">What is reported on.</param>
/// <param name="dataset">What it was trained on.</param>
/// <param name="training">How; null where it was not trained in this run.</param>
internal sealed class ReportExtras(ImageClassifier model, ImageDataset dataset, TrainingOptions? training)
{
    const int Previewed = 16;

    /// <summary>More points hide each other.</summary>
    const int MostPoints = 1_000;

    /// <summary>Adds them.</summary>
    /// <param name="report">What there is.</param>
    /// <param name="features">Features of all images where they are at hand, [images, features]; empty where not.</param>
    public ReportInput Add(ReportInput report, float[] features)
    {
        report = report with { Map = Map(report, features), Layers = Layers() };
        return training is null ? report : report with
        {
            TrainingCounts = dataset.Train.ClassCounts(),
            Augmented = BatchPreview.Of(dataset.Train, training, most: Previewed, normalization: model.Normalization),
        };
    }

    IReadOnlyList<ReportLayer> Layers() =>
    [
        .. NetworkSummary.Of(model.Network, new TrainingOptions { BatchSize = 1, Threads = 1 }, measure: false).Layers
            .Select(layer => new ReportLayer(layer.Name, layer.Details, layer.Output, layer.Parameters, layer.Flops)),
    ];

    EmbeddingMap? Map(ReportInput report, float[] features)
    {
        var count = report.Result.Rows?.Count ?? 0;
        if (features.Length == 0 || count < 3 || features.Length != count * model.FeatureCount || features.Any(value => !float.IsFinite(value)))
            return null;
        int[] rows = [.. Enumerable.Range(0, Math.Min(count, MostPoints)).Select(i => (int)((long)i * count / Math.Min(count, MostPoints)))];
        var taken = new float[rows.Length * model.FeatureCount];
        for (var i = 0; i < rows.Length; i++)
            features.AsSpan(rows[i] * model.FeatureCount, model.FeatureCount).CopyTo(taken.AsSpan(i * model.FeatureCount));
        return EmbeddingMap.Of(taken, rows);
    }
}
