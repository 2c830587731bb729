using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Inference;

namespace MlNetCifar;

/// <summary>Makes one model of several, on images that none of them was trained on where their runs' records tell. Prints nothing; observers are told. May be run again.</summary>
/// <param name="options">Models, method and data.</param>
public sealed class EnsembleExperiment(EnsembleOptions options)
{
    /// <summary>Models, method and data.</summary>
    public EnsembleOptions Options { get; } = options ?? throw new ArgumentNullException(nameof(options));

    /// <summary>Told of every stage, in this order.</summary>
    public IList<IExperimentObserver> Observers { get; } = [];

    /// <summary>Where models and data lie. The default is the local disk.</summary>
    public IExperimentStorage Storage { get; init; } = LocalStorage.Instance;

    /// <summary>Makes the model.</summary>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The result; the caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">
    /// The models do not belong together (MNC4011), the method needs data (MNC9004), every image was trained on (MNC9020), or models or data are wrong (MNC10xx, MNC40xx).
    /// </exception>
    /// <exception cref="ArgumentException">There are too few or too many models.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public EnsembleResult Run(CancellationToken cancellation = default)
    {
        if (Options.Data is null && Options.Method != EnsembleMethod.Average)
            throw ExperimentErrors.NoData();
        var log = new ExperimentLog(Observers, asOptions: false);
        var models = new List<ImageClassifier>();
        try
        {
            foreach (var path in Options.Models)
                models.Add(RunFolder.LoadModel(path, Storage));
            if (Options.Method == EnsembleMethod.Soup)
                ModelSoup.Check(models, Options.Models);
            else
                ModelEnsemble.Check(models, Options.Models);
            SplitRecord?[] records = [.. Options.Models.Zip(models, (path, model) => SplitRecord.Find(path, model.WeightsSha256, Storage))];
            if (Options.Data is not { } data)
                return Of(ModelEnsemble.Average(models), Even(models.Count), [], null, Known(records, []));
            using var dataset = Open(data, models[0], log, cancellation);
            return Measured(models, Unseen(dataset, records, log, cancellation), records, log, cancellation);
        }
        finally
        {
            models.ForEach(model => model.Dispose());
        }
    }

    EnsembleResult Measured(
        IReadOnlyList<ImageClassifier> models, (ImageSource Images, ulong[] Hashes) unseen, SplitRecord?[] records, ExperimentLog log, CancellationToken cancellation)
    {
        var images = unseen.Images;
        var scored = log.During(ExperimentStage.Evaluating, FormattableString.Invariant($"scoring {images.Count:N0} images"), advance =>
            models.Select((model, i) =>
            {
                advance((double)i / models.Count, Options.Models[i]);
                return Score(model);
            }).ToArray());
        var (made, weights) = Make(models, scored, images, cancellation);
        try
        {
            var own = Score(made);
            var model = Calibrating.Of(made, images, "images", TestTimeViews.None, Options.Threads, log, cancellation);
            return Of(model, weights, scored, own, Known(records, unseen.Hashes));
        }
        catch
        {
            made.Dispose();
            throw;
        }

        ScoredLabels Score(ImageClassifier model) => ScoredLabels.Of(model, images, Options.Threads, cancellation);
    }

    (ImageClassifier Model, double[] Weights) Make(IReadOnlyList<ImageClassifier> models, ScoredLabels[] scored, ImageSource images, CancellationToken cancellation)
    {
        if (Options.Method == EnsembleMethod.Soup)
        {
            var soup = ModelSoup.Greedy(models, [.. scored.Select(one => one.Accuracy)], images, Options.Threads, cancellation);
            return (soup.Model, [.. models.Select((_, i) => soup.Members.Contains(i) ? 1.0 / soup.Members.Count : 0)]);
        }

        if (Options.Method == EnsembleMethod.Average)
            return (ModelEnsemble.Average(models), Even(models.Count));
        var fitted = ModelEnsemble.Fit([.. scored.Select(one => one.OfLabels)]);
        return (ModelEnsemble.Average(models, fitted), [.. fitted.Select(weight => (double)weight)]);
    }

    EnsembleResult Of(ImageClassifier model, double[] weights, ScoredLabels[] scored, ScoredLabels? own, SplitRecord? record) => new()
    {
        Model = model,
        Record = record,
        Parts = [.. Options.Models.Select((path, i) => new EnsemblePart(path, weights[i], scored.ElementAtOrDefault(i)?.Accuracy, scored.ElementAtOrDefault(i)?.LogLoss))],
        Images = own?.OfLabels.Length ?? 0,
        Accuracy = own?.Accuracy,
        LogLoss = own?.LogLoss,
    };

    ImageDataset Open(string data, ImageClassifier model, ExperimentLog log, CancellationToken cancellation) => ExperimentData.Open(
        data,
        new ImageDatasetOptions { Spec = model.Preprocess, Files = new() { Classes = model.Classes }, OnBadImage = OnBadImage.Skip, Threads = Options.Threads ?? Environment.ProcessorCount },
        Storage, log, cancellation);

    static SplitRecord? Known(SplitRecord?[] records, ulong[] chosen) =>
        records.OfType<SplitRecord>().ToArray() is var known && known.Length == records.Length ? SplitRecord.Union(known, chosen) : null;

    /// <summary>The images that were asked for; of a split that was not, those that no model was trained on.</summary>
    /// <returns>With their hashes, where any model has a record.</returns>
    (ImageSource Images, ulong[] Hashes) Unseen(ImageDataset dataset, SplitRecord?[] records, ExperimentLog log, CancellationToken cancellation)
    {
        var split = Options.Subset ?? (dataset.Has(DatasetSplit.Validation) ? DatasetSplit.Validation : DatasetSplit.Train);
        var (images, name) = (dataset.Get(split), split.ToString().ToLowerInvariant());
        foreach (var (path, _) in Options.Models.Zip(records).Where(pair => pair.Second is null))
            log.Say(null, $"whether {UnseenImages.NoRecord(path)}");
        if (records.All(record => record is null))
            return (images, []);
        var hashes = SourceHash.OfPictures(images, Options.Threads ?? Environment.ProcessorCount, cancellation);
        int[] unseen = [.. Enumerable.Range(0, hashes.Length).Where(i => !records.Any(record => record?.Has(DatasetSplit.Train, hashes[i]) == true))];
        if (unseen.Length == images.Count)
            return (images, hashes);
        var seen = FormattableString.Invariant($"trained on {images.Count - unseen.Length:N0}");
        if (Options.Subset is not null)
        {
            log.Warn(FormattableString.Invariant($"of the {images.Count:N0} {name} images one model or another was {seen}: weights, calibration and figures suit those it knows by heart"));
            return (images, hashes);
        }

        if (unseen.Length == 0)
            throw ExperimentErrors.AllSeen(name, images.Count, seen);
        log.Say("data", FormattableString.Invariant($"the {unseen.Length:N0} of {images.Count:N0} {name} images that no model was trained on"));
        return (images.Subset(unseen), [.. unseen.Select(i => hashes[i])]);
    }

    static double[] Even(int count) => [.. Enumerable.Repeat(1.0 / count, count)];
}
