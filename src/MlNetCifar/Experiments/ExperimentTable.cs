using MlNetCifar.Data;

namespace MlNetCifar.Experiments;

/// <summary>The one table behind the options of experiments besides those of training: what they are called, mean and hold.</summary>
public static class ExperimentTable
{
    const string OfImages = "Data";
    const string Network = "Network";
    const string Teaching = "Teacher";
    const string Saving = "Saving and following";
    const string Run = "Run";
    const string Distribution = "Workers";
    static readonly ExperimentOptions s_defaults = new();

    /// <summary>The data set.</summary>
    public static OptionDescription<string?> Data { get; } = OptionDescription.Text(
        "data", "PATH", "Folder of class folders, archive of one, .csv or .jsonl manifest, CIFAR binary files, .npy or .parquet files, or shards of 'prepare'; also on hdfs://",
        group: OfImages);

    /// <summary>Size of the network's input.</summary>
    public static OptionDescription<ImageSize?> Size { get; } = OptionDescription.Of<ImageSize?>(
        "size", "SIZE", "Size of the network's input: 64, or 64x48 for width and height", t => OptionText.Size(t), null, OfImages, "32; arrays and shards as they are");

    /// <summary>Whether pictures turn grey.</summary>
    public static OptionDescription<bool> Grey { get; } = OptionDescription.Flag("grey", "Turn pictures grey", OfImages);

    /// <summary>How other proportions are brought to the size.</summary>
    internal static OptionDescription<ResizeMode> Resize { get; } = OptionDescription.Of(
        "resize", "NAME", $"How other proportions are brought to the size: {OptionText.Choices<ResizeMode>()}", OptionText.Choice<ResizeMode>, ResizeMode.Stretch, OfImages);

    /// <summary>Kernel of the resize.</summary>
    internal static OptionDescription<ResizeFilter> Filter { get; } = OptionDescription.Of(
        "filter", "NAME", $"Kernel of the resize: {OptionText.Choices<ResizeFilter>()}", OptionText.Choice<ResizeFilter>, ResizeFilter.Bilinear, OfImages);

    /// <summary>Side of a median filter.</summary>
    internal static OptionDescription<int> Median { get; } = OptionDescription.Of(
        "median", "PIXELS", "Side of a median filter against noise: 0, 3, 5 or 7", OptionText.Int, 0, OfImages);

    /// <summary>Standard deviation of a blur.</summary>
    internal static OptionDescription<double> Blur { get; } = OptionDescription.Of(
        "blur", "PIXELS", "Standard deviation of a Gaussian blur", t => (double)OptionText.Number(t), 0.0, OfImages);

    /// <summary>Share to train on where there is no test split.</summary>
    public static OptionDescription<double> Split { get; } = OptionDescription.Of(
        "split", "SHARE", "Share of the images to train on where the data have no test split; the rest is the test split", OptionText.Fraction, s_defaults.Split, OfImages);

    /// <summary>Share to validate with where there is no validation split.</summary>
    internal static OptionDescription<double> ValidationSplit { get; } = OptionDescription.Of(
        "val-split", "SHARE", "Share of the training images to validate with where the data have no validation split; 0 for none",
        OptionText.Fraction, s_defaults.ValidationSplit, OfImages);

    /// <summary>What to do about unreadable files.</summary>
    public static OptionDescription<OnBadImage> OnBadImage { get; } = OptionDescription.Of(
        "on-bad-image", "NAME", $"What to do about a file that cannot be read: {OptionText.Choices<OnBadImage>()}", OptionText.Choice<OnBadImage>, s_defaults.OnBadImage, OfImages);

    /// <summary>What tells the class of an image file.</summary>
    public static OptionDescription<LabelSource> LabelsFrom { get; } = OptionDescription.Of(
        "labels-from", "NAME", $"What tells the class of an image file: {OptionText.Choices<LabelSource>()}; the name of cat.0.jpg tells cat",
        OptionText.Choice<LabelSource>, s_defaults.LabelsFrom, OfImages);

    /// <summary>What to do about pictures that end early.</summary>
    public static OptionDescription<OnTruncated> OnTruncated { get; } = OptionDescription.Of(
        "on-truncated", "NAME", "What to do about a picture that ends early: refuse it, as one that cannot be read, or use what is there",
        OptionText.Choice<OnTruncated>, s_defaults.OnTruncated, OfImages);

    /// <summary>Largest picture that is read.</summary>
    public static OptionDescription<long> MaxPixels { get; } = OptionDescription.Of(
        "max-pixels", "N", "Largest picture that is read, in pixels, for example 200m", OptionText.Pixels, s_defaults.MaxPixels, OfImages, "179m, less on a small machine");

    /// <summary>Largest image file that is read.</summary>
    public static OptionDescription<long?> MaxFileSize { get; } = OptionDescription.Of(
        "max-file-size", "SIZE", "Largest image file that is read; none for no limit", OptionText.Bytes, s_defaults.MaxFileSize, OfImages, "256m");

    /// <summary>Folder of cached shards.</summary>
    public static OptionDescription<string?> CacheFolder { get; } = OptionDescription.Text(
        "cache", "FOLDER", "Where shards on HDFS, and features of backbones, are kept once read or computed, by their SHA-256; none for no such folder", s_defaults.CacheFolder, OfImages);

    /// <summary>Most that folder may take.</summary>
    internal static OptionDescription<long?> CacheLimit { get; } = OptionDescription.Of(
        "cache-limit", "SIZE", "Most that the shards there, and the features, may take each, for example 500m; what was not used for longest goes first; none for no limit",
        OptionText.Bytes, s_defaults.CacheLimit, OfImages, "20g");

    /// <summary>Name of the network.</summary>
    public static OptionDescription<string?> Preset { get; } = new(
        "preset", $"Network: {string.Join(", ", Architectures.Names)}; or auto: a frozen backbone for photographs, else seed-cnn", text => text, s_defaults.Preset)
    {
        ValueName = "NAME",
        DefaultText = s_defaults.Preset,
        Group = Network,
        Choices = [ExperimentOptions.Auto, .. Architectures.Names],
    };

    /// <summary>What a head is trained on.</summary>
    public static OptionDescription<string?> Backbone { get; } = OptionDescription.Text(
        "backbone", "NAME", "Train a head on the features of this trained network instead, or examine data by them: a name such as resnet18, or a model file", group: Network);

    /// <summary>Size of the pictures that the backbone sees.</summary>
    internal static OptionDescription<ImageSize?> BackboneSize { get; } = OptionDescription.Of<ImageSize?>(
        "backbone-size", "SIZE", "Size of the pictures that the backbone sees; smaller ones take less time and tell less: 160 half of 224", t => OptionText.Size(t), null, Network, "its own");

    /// <summary>How much of the backbone is trained further.</summary>
    internal static OptionDescription<FineTuning> FineTune { get; } = OptionDescription.Of(
        "fine-tune", "NAME", $"How much of the backbone is trained further once the head is fitted: {OptionText.Choices<FineTuning>()}; auto does where --time-budget has room for it",
        OptionText.Choice<FineTuning>, s_defaults.FineTune, Network);

    /// <summary>Whether running statistics stay the backbone's.</summary>
    internal static OptionDescription<bool> FreezeStatistics { get; } = OptionDescription.Of(
        "freeze-statistics", "BOOL", "Whether batch normalisation keeps the backbone's statistics when that is trained further", OptionText.Bool, s_defaults.FreezeStatistics, Network);

    /// <summary>Filters of the first convolution.</summary>
    internal static OptionDescription<int?> Filters { get; } = OptionDescription.Of(
        "filters", "N", "Filters of the first convolution; those of the others change in proportion", OptionText.IntOrNone, s_defaults.Filters, Network, "as the preset");

    /// <summary>Units of the first hidden dense layer.</summary>
    internal static OptionDescription<int?> DenseUnits { get; } = OptionDescription.Of(
        "dense-units", "N", "Units of the first hidden dense layer; those of the others change in proportion", OptionText.IntOrNone, s_defaults.DenseUnits, Network, "as the preset");

    /// <summary>Rate of the last dropout layer.</summary>
    public static OptionDescription<float?> Dropout { get; } = OptionDescription.Of(
        "dropout", "RATE", "Rate of the last dropout layer; those of the others change in proportion", OptionText.NumberOrNone, s_defaults.Dropout, Network, "as the preset");

    /// <summary>Whose answers are learned.</summary>
    public static OptionDescription<string?> Teacher { get; } = OptionDescription.Text(
        "teacher", "MODEL", "A trained model whose answers the network learns besides the labels, often one of 'ensemble': a model file, or the folder of a run", group: Teaching);

    /// <summary>By which both sides' logits are divided.</summary>
    internal static OptionDescription<float> DistillTemperature { get; } = OptionDescription.Of(
        "distill-temperature", "T", "With a teacher: what both sides' logits are divided by; the higher, the more the classes that are not the answer count",
        OptionText.Number, s_defaults.DistillTemperature, Teaching);

    /// <summary>The teacher's part in the loss.</summary>
    internal static OptionDescription<float> DistillWeight { get; } = OptionDescription.Of(
        "distill-weight", "SHARE", "With a teacher: its share of the loss; the labels' is the rest", OptionText.Number, s_defaults.DistillWeight, Teaching);

    /// <summary>Views whose scores are averaged.</summary>
    public static OptionDescription<TestTimeViews> Views { get; } = OptionDescription.Of(
        "views", "NAME", $"Views of each test image whose scores are averaged: {OptionText.Choices<TestTimeViews>()}; more views, more time",
        OptionText.Choice<TestTimeViews>, s_defaults.Views, "Model");

    /// <summary>Preset of the augmentation; single changes go on top of it.</summary>
    public static OptionDescription<string?> Augment { get; } =
        new("augment", "Random changes to training images: none, standard (flips and shifts) or photographs (crops, flips and colours) [as the preset]", text => text, null)
        {
            ValueName = "NAME",
            Group = "Augmentation",
            Choices = ["none", "standard", "photographs"],
        };

    /// <summary>The run folder to go on in.</summary>
    public static OptionDescription<string?> Resume { get; } = new(
        "resume", "Go on with the run in this folder, with its settings; --epochs, --time-budget, --patience, --minimum-delta and --threads may be given anew", text => text, null)
    {
        ValueName = "FOLDER",
        Group = Saving,
        IsRecorded = false,
    };

    /// <summary>Steps between two checkpoints.</summary>
    public static OptionDescription<int?> CheckpointEvery { get; } = OptionDescription.Of(
        "checkpoint-every", "STEPS", "Steps between two checkpoints", OptionText.IntOrNone, s_defaults.CheckpointEvery, Saving, "by time alone");

    /// <summary>Time between two checkpoints.</summary>
    public static OptionDescription<TimeSpan?> CheckpointTime { get; } = OptionDescription.Of(
        "checkpoint-time", "TIME", "Time between two checkpoints", OptionText.Duration, s_defaults.CheckpointTime, Saving);

    /// <summary>Memory to stay within.</summary>
    public static OptionDescription<long?> MemoryLimit { get; } = OptionDescription.Of(
        "memory-limit", "SIZE", "Memory to stay within, for example 512m: the batch is made smaller where it must", OptionText.Bytes, s_defaults.MemoryLimit, Saving);

    /// <summary>Whether TensorBoard is written for.</summary>
    public static OptionDescription<bool> TensorBoard { get; } = OptionDescription.Flag("tensorboard", "Write event files for TensorBoard into the run's folder", Saving);

    /// <summary>An MLflow server.</summary>
    public static OptionDescription<Uri?> Mlflow { get; } = OptionDescription.Of(
        "mlflow", "ADDRESS", "Log to this MLflow server; while it is away, entries wait in the run's folder", OptionText.Address, s_defaults.Mlflow, Saving);

    /// <summary>Processes that compute gradients.</summary>
    public static OptionDescription<int?> Workers { get; } = OptionDescription.Of(
        "workers", "N", "Processes, on this machine or where --master says, that share the work as --distributed-mode says; synchronous: the weights of one process with as many --slices", OptionText.IntOrNone, s_defaults.Workers,
        Distribution);

    /// <summary>How many there may be.</summary>
    public static OptionDescription<int?> MaxWorkers { get; } = OptionDescription.Of(
        "max-workers", "N", "Workers that there may be when the cluster has got room for more than --workers while the run lasts", OptionText.IntOrNone, s_defaults.MaxWorkers, Distribution, "as many as --workers");

    /// <summary>Longest that a worker may take.</summary>
    public static OptionDescription<TimeSpan> WorkerTimeout { get; } = OptionDescription.Of(
        "worker-timeout", "TIME", "Longest that a worker may take for its part of a step; then it is lost, and the others do its part",
        OptionText.Limit, s_defaults.WorkerTimeout, Distribution);

    /// <summary>Longest that workers may take to come.</summary>
    public static OptionDescription<TimeSpan> JoinTimeout { get; } = OptionDescription.Of(
        "join-timeout", "TIME", "Longest that workers may take to come and open the data, and a cluster to have room for all of them", OptionText.Limit, s_defaults.JoinTimeout, Distribution);

    /// <summary>How stale gradients may be.</summary>
    public static OptionDescription<int?> MaxStaleness { get; } = OptionDescription.Of(
        "max-staleness", "N", "With asynchronous: updates that others may make before a gradient of older weights comes; who would exceed that waits", OptionText.IntOrNone, s_defaults.MaxStaleness,
        Distribution, "twice the workers");

    /// <summary>Whether workers sum up among each other.</summary>
    public static OptionDescription<string?> WorkerLinks { get; } = OptionDescription.Of<string?>(
        "worker-links", "HOW", "Synchronous workers sum up among each other (on), on these ports (7100-7163), or by way of the run (off): the same weights", text => text, s_defaults.WorkerLinks, Distribution,
        "on, unless all are on this machine");

    /// <summary>What run and workers must know.</summary>
    public static OptionDescription<string?> WorkerSecret { get; } = OptionDescription.Text(
        "worker-secret", "FILE", "Encrypt what run and workers send; both prove that they know the secret in this file, workers elsewhere in that of their variable MLNETCIFAR_WORKER_SECRET", group: Distribution);

    /// <summary>What goes wrong in a rehearsal.</summary>
    public static OptionDescription<string?> Chaos { get; } = OptionDescription.Text(
        "chaos", "PLAN", "Rehearse faults, for example kill:w1@step40,hang:w2@step60,delay:w2:500ms,drop:5%,partition:w1|w2@60s, then train undisturbed and compare the weights", group: Distribution);

    /// <summary>The folder of runs.</summary>
    public static OptionDescription<string?> Output { get; } = OptionDescription.Text(
        "output", "FOLDER", "Where runs are kept; hdfs://… for a copy there of the run in runs", s_defaults.Output, Run);

    /// <summary>Name of the run.</summary>
    public static OptionDescription<string?> Name { get; } = OptionDescription.Text("name", "NAME", "Name of the run; a number is added where it is taken", group: Run);

    /// <summary>Whether an existing folder is used again.</summary>
    public static OptionDescription<bool> ExistOk { get; } = OptionDescription.Flag("exist-ok", "Use the folder again where it exists", Run);

    /// <summary>All of them, in the order of help.</summary>
    public static OptionTable<ExperimentOptions> All { get; } = new(
        ExperimentOptions.Ranges,
        Bind(Data, nameof(ExperimentOptions.Data), o => o.Data, (o, v) => o with { Data = v }),
        Bind(Size, nameof(ExperimentOptions.Size), o => o.Size, (o, v) => o with { Size = v }),
        Making(Grey, nameof(PreprocessSpec.Channels), p => p.Channels == 1, (p, v) => p with { Channels = v ? 1 : 3 }),
        Making(Resize, nameof(PreprocessSpec.Resize), p => p.Resize, (p, v) => p with { Resize = v }),
        Making(Filter, nameof(PreprocessSpec.Filter), p => p.Filter, (p, v) => p with { Filter = v }),
        Making(Median, nameof(PreprocessSpec.Median), p => p.Median, (p, v) => p with { Median = v }),
        Making(Blur, nameof(PreprocessSpec.Blur), p => p.Blur, (p, v) => p with { Blur = v }),
        Bind(Split, nameof(ExperimentOptions.Split), o => o.Split, (o, v) => o with { Split = v }),
        Bind(ValidationSplit, nameof(ExperimentOptions.ValidationSplit), o => o.ValidationSplit, (o, v) => o with { ValidationSplit = v }),
        Bind(OnBadImage, nameof(ExperimentOptions.OnBadImage), o => o.OnBadImage, (o, v) => o with { OnBadImage = v }),
        Bind(LabelsFrom, nameof(ExperimentOptions.LabelsFrom), o => o.LabelsFrom, (o, v) => o with { LabelsFrom = v }),
        Bind(OnTruncated, nameof(ExperimentOptions.OnTruncated), o => o.OnTruncated, (o, v) => o with { OnTruncated = v }),
        Bind(MaxPixels, nameof(ExperimentOptions.MaxPixels), o => o.MaxPixels, (o, v) => o with { MaxPixels = v }),
        Bind(MaxFileSize, nameof(ExperimentOptions.MaxFileSize), o => o.MaxFileSize, (o, v) => o with { MaxFileSize = v }),
        Bind(CacheFolder, nameof(ExperimentOptions.CacheFolder), o => o.CacheFolder, (o, v) => o with { CacheFolder = v }),
        Bind(CacheLimit, nameof(ExperimentOptions.CacheLimit), o => o.CacheLimit, (o, v) => o with { CacheLimit = v }),
        Bind(Preset, nameof(ExperimentOptions.Preset), o => o.Preset, (o, v) => o with { Preset = v! }),
        Bind(Backbone, nameof(ExperimentOptions.Backbone), o => o.Backbone, (o, v) => o with { Backbone = v }),
        Bind(BackboneSize, nameof(ExperimentOptions.BackboneSize), o => o.BackboneSize, (o, v) => o with { BackboneSize = v }),
        Bind(FineTune, nameof(ExperimentOptions.FineTune), o => o.FineTune, (o, v) => o with { FineTune = v }),
        Bind(FreezeStatistics, nameof(ExperimentOptions.FreezeStatistics), o => o.FreezeStatistics, (o, v) => o with { FreezeStatistics = v }),
        Bind(Filters, nameof(ExperimentOptions.Filters), o => o.Filters, (o, v) => o with { Filters = v }),
        Bind(DenseUnits, nameof(ExperimentOptions.DenseUnits), o => o.DenseUnits, (o, v) => o with { DenseUnits = v }),
        Bind(Dropout, nameof(ExperimentOptions.Dropout), o => o.Dropout, (o, v) => o with { Dropout = v }),
        Bind(Teacher, nameof(ExperimentOptions.Teacher), o => o.Teacher, (o, v) => o with { Teacher = v }),
        Bind(DistillTemperature, nameof(ExperimentOptions.DistillTemperature), o => o.DistillTemperature, (o, v) => o with { DistillTemperature = v }),
        Bind(DistillWeight, nameof(ExperimentOptions.DistillWeight), o => o.DistillWeight, (o, v) => o with { DistillWeight = v }),
        Bind(Views, nameof(ExperimentOptions.Views), o => o.Views, (o, v) => o with { Views = v }),
        Bind(Augment, nameof(ExperimentOptions.Augment), o => o.Augment, (o, v) => o with { Augment = v }),
        Bind(Resume, nameof(ExperimentOptions.Resume), o => o.Resume, (o, v) => o with { Resume = v }),
        Bind(CheckpointEvery, nameof(ExperimentOptions.CheckpointEvery), o => o.CheckpointEvery, (o, v) => o with { CheckpointEvery = v }),
        Bind(CheckpointTime, nameof(ExperimentOptions.CheckpointTime), o => o.CheckpointTime, (o, v) => o with { CheckpointTime = v }),
        Bind(MemoryLimit, nameof(ExperimentOptions.MemoryLimit), o => o.MemoryLimit, (o, v) => o with { MemoryLimit = v }),
        Bind(TensorBoard, nameof(ExperimentOptions.TensorBoard), o => o.TensorBoard, (o, v) => o with { TensorBoard = v }),
        Bind(Mlflow, nameof(ExperimentOptions.Mlflow), o => o.Mlflow, (o, v) => o with { Mlflow = v }),
        Bind(Workers, nameof(ExperimentOptions.Workers), o => o.Workers, (o, v) => o with { Workers = v }),
        Bind(MaxWorkers, nameof(ExperimentOptions.MaxWorkers), o => o.MaxWorkers, (o, v) => o with { MaxWorkers = v }),
        Bind(WorkerTimeout, nameof(ExperimentOptions.WorkerTimeout), o => o.WorkerTimeout, (o, v) => o with { WorkerTimeout = v }),
        Bind(JoinTimeout, nameof(ExperimentOptions.JoinTimeout), o => o.JoinTimeout, (o, v) => o with { JoinTimeout = v }),
        Bind(MaxStaleness, nameof(ExperimentOptions.MaxStaleness), o => o.MaxStaleness, (o, v) => o with { MaxStaleness = v }),
        Bind(WorkerLinks, nameof(ExperimentOptions.WorkerLinks), o => o.WorkerLinks, (o, v) => o with { WorkerLinks = v }),
        Bind(WorkerSecret, nameof(ExperimentOptions.WorkerSecret), o => o.WorkerSecret, (o, v) => o with { WorkerSecret = v }),
        Bind(Chaos, nameof(ExperimentOptions.Chaos), o => o.Chaos, (o, v) => o with { Chaos = v }),
        Bind(Output, nameof(ExperimentOptions.Output), o => o.Output, (o, v) => o with { Output = v! }),
        Bind(Name, nameof(ExperimentOptions.Name), o => o.Name, (o, v) => o with { Name = v }),
        Bind(ExistOk, nameof(ExperimentOptions.ExistOk), o => o.ExistOk, (o, v) => o with { ExistOk = v }));

    /// <summary>Which data are opened.</summary>
    public static IEnumerable<OptionDescription> OfData => [Data, .. OfPictures, Split, ValidationSplit, OnBadImage, .. OfFiles, CacheFolder, CacheLimit];

    /// <summary>Which image files are read, and what they are taken for.</summary>
    public static IEnumerable<OptionDescription> OfFiles => [LabelsFrom, OnTruncated, MaxPixels, MaxFileSize];

    /// <summary>How inputs are made of pictures; where none is given, the data decide.</summary>
    public static IEnumerable<OptionDescription> OfPictures => [Size, Grey, Resize, Filter, Median, Blur];

    /// <summary>What is trained.</summary>
    public static IEnumerable<OptionDescription> OfNetwork => [Preset, Backbone, BackboneSize];

    /// <summary>How large a network is, and how much of it is left out at random.</summary>
    public static IEnumerable<OptionDescription> OfSizes => [Filters, DenseUnits, Dropout];

    /// <summary>How a backbone is trained further.</summary>
    public static IEnumerable<OptionDescription> OfFineTuning => [FineTune, FreezeStatistics];

    /// <summary>Whose answers are learned besides the labels.</summary>
    public static IEnumerable<OptionDescription> OfTeaching => [Teacher, DistillTemperature, DistillWeight];

    /// <summary>How a run is saved, resumed, followed and kept within memory.</summary>
    public static IEnumerable<OptionDescription> OfSaving => [Resume, CheckpointEvery, CheckpointTime, MemoryLimit, TensorBoard, Mlflow];

    /// <summary>Which processes train.</summary>
    public static IEnumerable<OptionDescription> OfWorkers => [Workers, MaxWorkers, WorkerTimeout, JoinTimeout, MaxStaleness, WorkerLinks, WorkerSecret, Chaos];

    /// <summary>Where the run is kept.</summary>
    public static IEnumerable<OptionDescription> OfRun => [Output, Name, ExistOk];

    /// <summary>A binding to one property.</summary>
    internal static OptionBinding<TOptions> Bind<TOptions, T>(OptionDescription<T> option, string property, Func<TOptions, T> get, Func<TOptions, T, TOptions> set) =>
        new(option, property, o => get(o), (o, v) => set(o, (T)v!));

    static OptionBinding<ExperimentOptions> Bind<T>(
        OptionDescription<T> option, string property, Func<ExperimentOptions, T> get, Func<ExperimentOptions, T, ExperimentOptions> set) =>
        Bind<ExperimentOptions, T>(option, property, get, set);

    static OptionBinding<ExperimentOptions> Making<T>(OptionDescription<T> option, string property, Func<PreprocessSpec, T> get, Func<PreprocessSpec, T, PreprocessSpec> set) =>
        new(option, property, o => o.Preprocess is { } spec ? get(spec) : null, (o, v) => o with { Preprocess = set(o.Preprocess ?? new(), (T)v!) });
}
