namespace MlNetCifar.Experiments;

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
