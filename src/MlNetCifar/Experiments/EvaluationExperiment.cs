using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Imaging;

namespace MlNetCifar;

/// <summary>Everything that decides the evaluation of a model on data. Immutable. Each property is an option of the command line <c>evaluate</c>.</summary>
public sealed record EvaluationExperimentOptions
{
    /// <summary>The range of every number among the options.</summary>
    internal static ImmutableArray<OptionRange<EvaluationExperimentOptions>> Ranges { get; } =
    [
        new(nameof(AbstainBelow), o => o.AbstainBelow, 0, 1) { Below = true },
        new(nameof(MaxPixels), o => o.MaxPixels, 1),
        new(nameof(MaxFileSize), o => o.MaxFileSize, 0) { Above = true },
        new(nameof(CacheLimit), o => o.CacheLimit, 0) { Above = true },
        new(nameof(Threads), o => o.Threads, 1, 1024),
    ];

    /// <summary>A model file, or the folder of a run. Needed.</summary>
    public string? Model { get; init; }

    /// <summary>The data set, as at <see cref="ExperimentOptions.Data"/>. Needed.</summary>
    public string? Data { get; init; }

    /// <summary>Which split; null (the default) for test where there is one, else validation, else all images.</summary>
    public DatasetSplit? Subset { get; init; }

    /// <summary>Views of each image whose scores are averaged. The default is the image alone.</summary>
    public TestTimeViews Views { get; init; }

    /// <summary>Least probability of an answer, 0 ≤ p &lt; 1; below it the answer is unknown. Null (the default) for what the model's calibration says, if it has one.</summary>
    public double? AbstainBelow { get; init; }

    /// <summary>What to do about an image that cannot be read. The default is to leave it out and list it.</summary>
    public OnBadImage OnBadImage { get; init; } = OnBadImage.Skip;

    /// <summary>What tells the class of an image file. The default is the folder it lies in.</summary>
    public LabelSource LabelsFrom { get; init; }

    /// <summary>What to do about a picture whose file ends early. The default is to treat it as one that cannot be read.</summary>
    public OnTruncated OnTruncated { get; init; }

    /// <summary>Largest picture that is read, in pixels, ≥ 1, as at <see cref="DecodeOptions.MaxPixels"/>. The default is 178,956,970.</summary>
    public long MaxPixels { get; init; } = DecodeOptions.DefaultMaxPixels;

    /// <summary>Largest image file that is read, in bytes, &gt; 0; null for no limit. The default is 256 MiB.</summary>
    public long? MaxFileSize { get; init; } = 256L << 20;

    /// <summary>Where shards on a remote store are kept once read, as at <see cref="ExperimentOptions.CacheFolder"/>.</summary>
    public string? CacheFolder { get; init; } = ExperimentOptions.DefaultCache;

    /// <summary>Bytes that <see cref="CacheFolder"/> may take, &gt; 0; null for no limit. The default is 20 GiB.</summary>
    public long? CacheLimit { get; init; } = 20L << 30;

    /// <summary>Where shards are kept once read, which <see cref="CacheFolder"/> decides; null for nowhere.</summary>
    public string? ShardFolder => ExperimentData.Cache(CacheFolder);

    /// <summary>Threads, 1 … 1024; the result does not depend on it. The default is null: the cores this process may use.</summary>
    public int? Threads { get; init; }

    /// <summary>The folder of runs; a run lies in a folder of its own below it. The default is <c>runs</c>.</summary>
    public string Output { get; init; } = "runs";

    /// <summary>Name of the run's folder; a number is added where it is taken. Null (the default) for the network's name.</summary>
    public string? Name { get; init; }

    /// <summary>Whether the folder is used again where it exists. The default is false.</summary>
    public bool ExistOk { get; init; }

    /// <summary>Options of values by name.</summary>
    /// <param name="values">Values; what is not given has its default.</param>
    public static EvaluationExperimentOptions From(OptionValues values) => EvaluationTable.All.Apply(new(), values);
}

/// <summary>Evaluates a trained model on labelled images, with a report in a run folder. Prints nothing; observers are told. May be run again.</summary>
/// <param name="options">Model, data, and where the run is kept.</param>
public sealed class EvaluationExperiment(EvaluationExperimentOptions options)
{
    /// <summary>Model, data, and where the run is kept.</summary>
    public EvaluationExperimentOptions Options { get; } = options ?? throw new ArgumentNullException(nameof(options));

    /// <summary>Told of every stage, in this order.</summary>
    public IList<IExperimentObserver> Observers { get; } = [];

    /// <summary>Where model and data lie and runs are copied to. The default is the local disk.</summary>
    public IExperimentStorage Storage { get; init; } = LocalStorage.Instance;

    /// <summary>Scores the images, which have to be shards, elsewhere than in this process; the figures are the same, to the bit. The default is null: this process does.</summary>
    public IImageScoring? Scoring { get; init; }

    /// <summary>The values that <see cref="Options"/> were made of, where they were, as at <see cref="Experiment.Arguments"/>. The default is null.</summary>
    public OptionValues? Arguments { get; init; }

    /// <summary>The command that repeats the run, for the report. The default is null, none.</summary>
    public string? Command { get; init; }

    /// <summary>Evaluates and reports.</summary>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The result; the caller disposes it, and with it the model.</returns>
    /// <exception cref="MlNetCifarException">Options, model or data are wrong (MNC10xx, MNC40xx, MNC90xx), or the run cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ExperimentResult Run(CancellationToken cancellation = default)
    {
        var log = new ExperimentLog(Observers, Arguments is not null);
        log.Check(EvaluationTable.All, Options, Options.Name);
        var data = Options.Data ?? throw ExperimentErrors.NoData();
        var model = RunFolder.LoadModel(Options.Model ?? throw ExperimentErrors.NoModel(), Storage);
        try
        {
            return Run(model, data, log, cancellation);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>As <see cref="Run(CancellationToken)"/>, on a thread of its own.</summary>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The result; the caller disposes it, and with it the model.</returns>
    /// <exception cref="MlNetCifarException">As <see cref="Run(CancellationToken)"/>.</exception>
    public Task<ExperimentResult> RunAsync(CancellationToken cancellation = default) =>
        Task.Factory.StartNew(() => Run(cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>A set without splits goes by its own name: <c>cifar/test</c> is no training split.</summary>
    static string SetName(string data)
    {
        var path = Path.TrimEndingDirectorySeparator(data);
        return Path.GetFileName(path) is { Length: > 0 } and not ("." or "..") and var name ? name : Path.GetFileName(Path.GetFullPath(path));
    }

    ExperimentResult Run(ImageClassifier model, string data, ExperimentLog log, CancellationToken cancellation)
    {
        var path = Storage.Normalize(data);
        if (Scoring is not null && !ImageDataset.IsShards(path, Storage.StoreOf(path)))
            throw ExperimentErrors.NotShards(data);
        using var dataset = ExperimentData.Open(
            data,
            new ImageDatasetOptions
            {
                Spec = model.Preprocess,
                Files = ExperimentData.Files(Options.LabelsFrom, Options.MaxFileSize) with { Classes = model.Classes },
                Decode = ExperimentData.Decode(Options.OnTruncated, Options.MaxPixels),
                CacheFolder = ExperimentData.Cache(Options.CacheFolder),
                CacheLimit = Options.CacheLimit,
                OnBadImage = Options.OnBadImage,
                Threads = Options.Threads ?? Environment.ProcessorCount,
            },
            Storage, log, cancellation);
        var facts = new DataFacts(dataset.Kind, dataset.Splits.Keys, Storage.IsRemote(data), ExperimentData.Cache(Options.CacheFolder) is not null);
        foreach (var idle in IdleData.Find(EvaluationTable.All, Options, facts, Arguments is not null))
            log.Warn(idle);
        var split = Options.Subset ?? new[] { DatasetSplit.Test, DatasetSplit.Validation, DatasetSplit.Train }.First(dataset.Has);
        var isWhole = Options.Subset is null && dataset.Splits.Count == 1 && split == DatasetSplit.Train;
        var name = isWhole ? SetName(data) : split.ToString().ToLowerInvariant();
        var all = dataset.Get(split);
        var record = SplitRecord.Find(Options.Model!, model.WeightsSha256, Storage);
        var scores = Scoring is null ? null : Collect(model, dataset, split, name, record is not null, log, cancellation);
        var honesty = new UnseenImages(record, split, log);
        var unseen = honesty.Of(
            all.Count, name, !isWhole, () => scores?.Hashes ?? SourceHash.OfPictures(all, Options.Threads ?? Environment.ProcessorCount, cancellation));
        var images = unseen is null ? all : all.Subset(unseen);
        if (images.Count < all.Count)
            name = FormattableString.Invariant($"{name}, the {images.Count:N0} of {all.Count:N0} not trained on");
        var folder = RunFolder.Create(Options.Output, "evaluate", Options.Name ?? model.Network.Name, Options.ExistOk, Storage);
        RunRecord.Arguments(folder, Arguments is { } given ? RunRecord.Of(given, null) : RunRecord.Of(EvaluationTable.All, Options));
        var report = new ModelReport(folder, log)
        {
            Title = $"{model.Network.Name} on {Path.GetFileName(Path.TrimEndingDirectorySeparator(data))}",
            Split = name,
            Dataset = dataset,
            Command = Command,
            Views = Options.Views,
            Threads = Options.Threads,
            AbstainBelow = Options.AbstainBelow,
            Doubt = honesty.Doubt,
            Scores = unseen is null ? scores?.Raw : scores?.Only(unseen).Raw,
        };
        var judgement = report.Write(model, images, cancellation);
        // At the end, beside the figures.
        if (honesty.Doubt is { } doubt)
            log.Warn(doubt);
        return new ExperimentResult
        {
            Folder = folder, Model = model, Evaluation = judgement.Result, Split = judgement.Split, Calibration = judgement.Calibration, Rejection = judgement.Rejection,
            NextSteps = judgement.NextSteps, Copy = log.Publish(Storage, folder, Options.Output, Options.ExistOk), Warnings = log.Warnings,
        };
    }

    CollectedScores Collect(ImageClassifier model, ImageDataset dataset, DatasetSplit split, string name, bool withHashes, ExperimentLog log, CancellationToken cancellation) => CollectedScores.Of(
        Scoring!,
        new ScoringJob
        {
            Model = model, Data = Options.Data!, Split = split, Count = dataset.Get(split).Count,
            Views = Options.Views, WithFeatures = model.Calibration is not null, WithHashes = withHashes, CacheFolder = Options.CacheFolder, CacheLimit = Options.CacheLimit,
        },
        name, log, cancellation);
}
