using MlNetCifar.Data;
using MlNetCifar.Evaluation;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Inference;
using MlNetCifar.Reporting;

namespace MlNetCifar;

/// <summary>Writes evaluations, comparisons and examinations as pages and files. Thread-safe for different folders.</summary>
public static class ReportWriter
{
    /// <summary>
    /// Writes <c>report.html</c> (self-contained, no network), <c>report.json</c>, <c>per_class.csv</c>, <c>confusion.csv</c>, <c>roc.csv</c>,
    /// <c>predictions.csv</c>, <c>summary.md</c>, the plots under <c>plots/</c> and, when there is a history or a gate, <c>results.csv</c> and
    /// <c>junit.xml</c>. Each file is replaced only when its successor is complete.
    /// </summary>
    /// <param name="folder">Created when missing.</param>
    /// <param name="input">What to report.</param>
    /// <returns>Path of <c>report.html</c>.</returns>
    /// <exception cref="ArgumentException">Names or images do not match the rows.</exception>
    public static string Write(string folder, ReportInput input)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(input);
        Check(input);
        input = input.WithoutSecrets();
        Directory.CreateDirectory(folder);
        var verdict = Verdict.Of(input.Result, input.Calibration);
        var hash = input.DataHash ?? Fingerprint(input);
        WriteText(folder, "per_class.csv", writer => CsvFiles.PerClass(writer, input.Result));
        WriteText(folder, "confusion.csv", writer => CsvFiles.Confusion(writer, input.Result.ConfusionMatrix));
        WriteText(folder, "roc.csv", writer => CsvFiles.Roc(writer, input.Result));
        WriteText(folder, "predictions.csv", writer => CsvFiles.Predictions(writer, input));
        if (input.History.Count > 0)
            WriteText(folder, "results.csv", writer => CsvFiles.History(writer, input.History));
        LocalFileStore.Instance.Write(Path.Combine(folder, "report.json"), stream => JsonReport.Write(stream, input, hash, verdict));
        WriteText(folder, "summary.md", writer => writer.Write(MarkdownSummary.Build(input, hash, verdict)));
        if (input.Gate is { } gate)
            WriteText(folder, "junit.xml", writer => writer.Write(gate.ToJUnitXml()));
        WritePlots(Path.Combine(folder, "plots"), input);
        WriteText(folder, "report.html", writer => writer.Write(HtmlReport.Build(input, hash, verdict)));
        return Path.Combine(folder, "report.html");
    }

    /// <summary>A comparison as one self-contained HTML page, with the images that flipped by name.</summary>
    /// <param name="comparison">Of two runs.</param>
    public static string ToHtml(this ComparisonResult comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        return ComparisonPage.Build(comparison);
    }

    /// <summary>The ranking and every pair as one self-contained HTML page.</summary>
    /// <param name="comparison">Of several runs.</param>
    public static string ToHtml(this MultiComparison comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        return ComparisonPage.Build(comparison);
    }

    /// <summary>The curve of a search for a learning rate as a picture: one SVG element, with the rate suggested.</summary>
    /// <param name="curve">What <see cref="Trainer.FindLearningRate"/> found.</param>
    public static string ToSvg(this RateCurve curve)
    {
        ArgumentNullException.ThrowIfNull(curve);
        return RatePlot.Of(curve).ToSvg();
    }

    /// <summary>Writes the examination of a data set as one self-contained page.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="stream">Where to; stays open.</param>
    public static void WriteHtml(this DoctorReport report, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(stream);
        DoctorHtml.Write(report, stream);
    }

    /// <summary>Writes a page of explained pictures, with captions and the scale of their colours.</summary>
    /// <param name="path">The page; the pictures lie in the same folder.</param>
    /// <param name="title">Heading.</param>
    /// <param name="subtitle">Line below it.</param>
    /// <param name="pictures">In the order of the page.</param>
    public static void WriteSheet(string path, string title, string subtitle, IReadOnlyList<SheetPicture> pictures)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(pictures);
        AtomicFile.WriteText(path, writer => writer.Write(ExplainSheet.Build(title, subtitle, pictures)));
    }

    /// <summary>Writes pictures of a batch as a page with labels, and as one picture without.</summary>
    /// <param name="path">The page.</param>
    /// <param name="picture">The picture, a PNG file.</param>
    /// <param name="title">Heading.</param>
    /// <param name="subtitle">Line below it.</param>
    /// <param name="train">What the pictures are from.</param>
    /// <param name="images">At least one.</param>
    internal static void WriteBatch(string path, string picture, string title, string subtitle, ImageSource train, IReadOnlyList<PreviewImage> images)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(picture);
        ArgumentNullException.ThrowIfNull(train);
        ArgumentNullException.ThrowIfNull(images);
        AtomicFile.WriteText(path, writer => writer.Write(BatchSheet.Page(title, subtitle, train.Classes, images, train.Name)));
        var sheet = BatchSheet.Picture(images);
        LocalFileStore.Instance.Write(picture, stream => stream.Write(sheet.ToPng()));
    }

    static void WritePlots(string folder, ReportInput input)
    {
        Directory.CreateDirectory(folder);
        Save("recall", EvaluationPlots.Recall(input.Result));
        Save("reliability", EvaluationPlots.Reliability(input.Result));
        if (input.Result.Classes.Count <= 100)
            Save("confusion", EvaluationPlots.Confusion(input.Result.ConfusionMatrix));
        if (input.Result.Rows is not null)
        {
            Save("roc", EvaluationPlots.Roc(input.Result));
            Save("precision_recall", EvaluationPlots.PrecisionRecall(input.Result));
            Save("rejection", EvaluationPlots.Rejection(RejectionCurve.Of(input.Result)));
        }

        if (input.History.Count > 0)
        {
            Save("accuracy", EvaluationPlots.Accuracy(input.History, input.BestEpoch));
            Save("loss", EvaluationPlots.Loss(input.History, input.BestEpoch));
            Save("learning_rate", EvaluationPlots.LearningRate(input.History));
        }

        void Save(string name, SvgPlot plot) => plot.Save(Path.Combine(folder, name + ".svg"));
    }

    static string Fingerprint(ReportInput input)
    {
        if (input.Result.Rows is not { } rows)
            return "";
        var names = input.Names ?? (input.Images is { } images ? [.. Enumerable.Range(0, images.Count).Select(images.Name)] : null);
        return DataFingerprint.Compute(input.Result.Classes, rows.Labels, names);
    }

    static void Check(ReportInput input)
    {
        var rows = input.Result.Rows?.Count ?? -1;
        if (input.Names is { } names && rows >= 0 && names.Count != rows)
            throw new ArgumentException($"There are {names.Count} names for {rows} rows.", nameof(input));
        if (input.Images is { } images && rows >= 0 && images.Count != rows)
            throw new ArgumentException($"There are {images.Count} images for {rows} rows.", nameof(input));
    }

    static void WriteText(string folder, string name, Action<TextWriter> write) => AtomicFile.WriteText(Path.Combine(folder, name), write);
}
