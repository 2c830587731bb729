using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Imaging;
using MlNetCifar.Nn;

namespace MlNetCifar;

/// <summary>
/// Everything that decides an experiment: data, network, training, and where the run is kept. Immutable. Each property is an option of the command line
/// <c>train</c>, and of its configuration files.
/// </summary>
public sealed record ExperimentOptions
{
    /// <summary>Where shards are cached unless asked otherwise.</summary>
    internal const string DefaultCache = "~/.cache/mlnetcifar/shards";

    /// <summary>The range of every number among the options.</summary>
    internal static ImmutableArray<OptionRange<ExperimentOptions>> Ranges { get; } =
    [
        new(nameof(Split), o => o.Split, 0, 1) { Below = true },
        new(nameof(ValidationSplit), o => o.ValidationSplit, 0, 1) { Below = true },
        new(nameof(MaxPixels), o => o.MaxPixels, 1),
        new(nameof(MaxFileSize), o => o.MaxFileSize, 0) { Above = true },
        new(nameof(CacheLimit), o => o.CacheLimit, 0) { Above = true },
        new(nameof(CheckpointEvery), o => o.CheckpointEvery, 1),
        new(nameof(CheckpointTime), o => o.CheckpointTime, 0) { Above = true },
        new(nameof(MemoryLimit), o => o.MemoryLimit, 0) { Above = true },
        new(nameof(Filters), o => o.Filters, 1, 4096),
        new(nameof(DenseUnits), o => o.DenseUnits, 1, 65536),
        new(nameof(Dropout), o => o.Dropout, 0, 1) { Below = true },
        new(nameof(DistillTemperature), o => o.DistillTemperature, 0) { Above = true },
        new(nameof(DistillWeight), o => o.DistillWeight, 0, 1),
        new(nameof(Workers), o => o.Workers, 1, 64),
        new(nameof(MaxWorkers), o => o.MaxWorkers, 1, 64),
        new(nameof(WorkerTimeout), o => o.WorkerTimeout, 0) { Above = true },
        new(nameof(JoinTimeout), o => o.JoinTimeout, 0) { Above = true },
        new(nameof(MaxStaleness), o => o.MaxStaleness, 0),
    ];

    /// <summary>
    /// A folder of class folders, an archive of one, a .csv or .jsonl manifest, CIFAR's binary files, .npy files, or shards made by <c>prepare</c>. Needed, unless
    /// <see cref="Experiment.Dataset"/> is given.
    /// </summary>
    public string? Data { get; init; }

    /// <summary>How pictures become inputs; null (the default): 32×32 RGB for image files, as they are for arrays and shards.</summary>
    public PreprocessSpec? Preprocess { get; init; }

    /// <summary>Width and height of the inputs, for short: <c>Size = 64</c> is that size in <see cref="Preprocess"/>. Null (the default) leaves it as it is there.</summary>
    public ImageSize? Size
    {
        get => Preprocess is { } spec ? new(spec.Width, spec.Height) : null;
        init => Preprocess = value is { } size ? (Preprocess ?? new()) with { Width = size.Width, Height = size.Height } : Preprocess;
    }

    /// <summary>
    /// Share of the images to train on where the data have neither test nor validation split, 0 ≤ s &lt; 1; the rest is the test split; 0 for none. The default is 0.8.
    /// </summary>
    public double Split { get; init; } = 0.8;

    /// <summary>Share of the training images to validate with where the data have no validation split, 0 ≤ s &lt; 1; 0 for none. The default is 0.1.</summary>
    public double ValidationSplit { get; init; } = 0.1;

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

    /// <summary>
    /// Where shards on a remote store are kept once read, by their SHA-256; null or <c>none</c> for no such folder. The default is <c>~/.cache/mlnetcifar/shards</c>, or where
    /// XDG_CACHE_HOME has it.
    /// </summary>
    public string? CacheFolder { get; init; } = DefaultCache;

    /// <summary>
    /// Bytes that shards in <see cref="CacheFolder"/> may take, and features as many, &gt; 0; null for no limit. What was not used for longest goes first; what this run used
    /// stays. Features of a ResNet-18 take 2 KiB a picture. The default is 20 GiB.
    /// </summary>
    public long? CacheLimit { get; init; } = 20L << 30;

    /// <summary>Where features of backbones are kept, which <see cref="CacheFolder"/> decides; null for nowhere.</summary>
    public string? FeatureFolder => ExperimentData.FeatureCache(CacheFolder);

    /// <summary>What stands for a network that is chosen by the pictures.</summary>
    public const string Auto = "auto";

    /// <summary>
    /// Name of the network, one of <see cref="Architectures.Names"/>, or <c>auto</c> (the default): a head on a frozen backbone for photographs, where
    /// <see cref="Experiment.Backbones"/> has one, else <c>seed-cnn</c>.
    /// </summary>
    public string Preset { get; init; } = Auto;

    /// <summary>
    /// A trained network on whose features a head is trained instead of a network from scratch: a name that <see cref="Experiment.Backbones"/> knows, or a model file.
    /// It decides how pictures become inputs. The default is null.
    /// </summary>
    public string? Backbone { get; init; }

    /// <summary>
    /// Size of the pictures that the backbone sees, where that is not the one it was trained on; smaller ones take less time and tell less. Null (the default) for its own.
    /// </summary>
    public ImageSize? BackboneSize { get; init; }

    /// <summary>
    /// How much of the backbone is trained further once its head is fitted; what does better on the validation images is kept, the frozen backbone or the one trained further.
    /// The default is <see cref="FineTuning.Auto"/>.
    /// </summary>
    public FineTuning FineTune { get; init; }

    /// <summary>Whether batch normalisation keeps the backbone's running statistics when that is trained further. The default is true.</summary>
    public bool FreezeStatistics { get; init; } = true;

    /// <summary>
    /// A trained model, often a <see cref="ModelEnsemble"/>, whose answers the network learns besides the labels: a model file, or the folder of a run. It decides how pictures become inputs where
    /// <see cref="Preprocess"/> does not. The default is null.
    /// </summary>
    public string? Teacher { get; init; }

    /// <summary>As <see cref="Distillation.Temperature"/>, &gt; 0. The default is 4.</summary>
    public float DistillTemperature { get; init; } = Distillation.DefaultTemperature;

    /// <summary>As <see cref="Distillation.Weight"/>, 0 … 1. The default is 0.9.</summary>
    public float DistillWeight { get; init; } = Distillation.DefaultWeight;

    /// <summary>A network of your own instead of the preset; it must fit the size of the pictures and the number of classes. The default is null.</summary>
    public NetworkSpec? Network { get; init; }

    /// <summary>
    /// Filters of the first convolution that is trained, 1 … 4096; those of the others change in the same proportion. Null (the default) leaves the network as it is.
    /// </summary>
    public int? Filters { get; init; }

    /// <summary>Units of the first hidden dense layer, 1 … 65536; those of the others change in the same proportion. Null (the default) leaves the network as it is.</summary>
    public int? DenseUnits { get; init; }

    /// <summary>Rate of the last dropout layer, 0 ≤ r &lt; 1; those of the others change in the same proportion. Null (the default) leaves the network as it is.</summary>
    public float? Dropout { get; init; }

    /// <summary>Views of each test image whose scores are averaged. The default is the image alone.</summary>
    public TestTimeViews Views { get; init; }

    /// <summary>How to train; null (the default) for the preset's <see cref="Recipes"/>.</summary>
    public TrainingOptions? Training { get; init; }

    /// <summary>A preset of the augmentation, <c>none</c>, <c>standard</c> or <c>photographs</c>, in place of that of <see cref="Training"/>. The default is null.</summary>
    public string? Augment { get; init; }

    /// <summary>
    /// Changes to <see cref="Training"/>, or to the recipe, which depends on the size of the pictures: <c>Adjust = recipe => recipe with { Epochs = 5 }</c>. Applied after
    /// <see cref="Augment"/>. The default is null.
    /// </summary>
    public Func<TrainingOptions, TrainingOptions>? Adjust { get; init; }

    /// <summary>The folder of a run to go on with; null (the default) for a new one. What may differ from it is said at <see cref="CheckpointOptions.Resume"/>.</summary>
    public string? Resume { get; init; }

    /// <summary>Steps between two checkpoints, ≥ 1. The default is null: by time alone.</summary>
    public int? CheckpointEvery { get; init; }

    /// <summary>Time between two checkpoints, &gt; 0; null for none. The default is one minute.</summary>
    public TimeSpan? CheckpointTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Processes that compute the slices of batches (<see cref="TrainingOptions.Slices"/>, 8 unless asked otherwise), 1 … 64; the result is that of one process with as many slices, to the bit.
    /// In other modes (<see cref="TrainingOptions.DistributedMode"/>) they train models of their own, or push gradients.
    /// <see cref="TrainingOptions.Threads"/> are those of all together. Null (the default): this process alone.
    /// </summary>
    public int? Workers { get; init; }

    /// <summary>
    /// How many <see cref="Workers"/> there may be when others have joined, 1 … 64: while the run lasts, more are started where the cluster has got room for them. Null (the default): no more than at the beginning.
    /// </summary>
    public int? MaxWorkers { get; init; }

    /// <summary>Longest that a worker may take for its part of a step, &gt; 0; then it is lost, and its part is given to the others. The default is one minute.</summary>
    public TimeSpan WorkerTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Longest that workers may take to come and open the data, &gt; 0; who takes longer is lost, and the others do its part. On a cluster, also the longest wait for room for all of them. The default is ten
    /// minutes.
    /// </summary>
    public TimeSpan JoinTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// With <see cref="DistributedMode.Asynchronous"/>: updates that others may make between the sending of weights and the gradient of them, ≥ 0; who would exceed that waits. The default is null: twice the
    /// number of workers.
    /// </summary>
    public int? MaxStaleness { get; init; }

    /// <summary>
    /// Whether workers of the synchronous mode sum up among each other, each making the same steps to a copy of its own, instead of by way of the run: <c>on</c>, <c>off</c>, or the ports that they listen on for
    /// each other, as <c>7100-7163</c>. Where they do not reach each other everything goes through the run; the result is the same to the bit. The default is null: on, where workers are not all on this machine.
    /// </summary>
    public string? WorkerLinks { get; init; }

    /// <summary>
    /// A file that holds a secret of at least 16 characters: then all that run and workers send is encrypted, by certificates made for this run, and both sides prove that they know the secret, which is never sent.
    /// Workers on other machines are told of a file of their own by the variable <c>MLNETCIFAR_WORKER_SECRET</c>. The default is null: nothing is encrypted.
    /// </summary>
    public string? WorkerSecret { get; init; }

    /// <summary>
    /// Faults to rehearse, as <c>kill:w1@step40,hang:w2@step60,delay:w2:500ms,drop:5%,partition:w1|w2@60s</c>: workers are killed or hang at a step (from 1), are slow, answers are lost, or two of them do not reach each other any more. Afterwards the same is trained undisturbed, and
    /// the weights are compared. The default is null, none.
    /// </summary>
    public string? Chaos { get; init; }

    /// <summary>Bytes of memory to stay within, &gt; 0: the batch is made smaller where it must. The default is null, no limit.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>Whether report and tables are written into the run's folder; the result has their figures either way, and comes sooner without them. The default is true.</summary>
    public bool Report { get; init; } = true;

    /// <summary>Whether event files for TensorBoard are written into the run's folder. The default is false.</summary>
    public bool TensorBoard { get; init; }

    /// <summary>An MLflow server to log to; while it is away, entries wait in the run's folder. The default is null.</summary>
    public Uri? Mlflow { get; init; }

    /// <summary>The folder of runs; a run lies in a folder of its own below it. The default is <c>runs</c>.</summary>
    public string Output { get; init; } = "runs";

    /// <summary>Name of the run's folder; a number is added where it is taken. Null (the default) for the network's name.</summary>
    public string? Name { get; init; }

    /// <summary>Whether the folder is used again where it exists. The default is false.</summary>
    public bool ExistOk { get; init; }

    /// <summary>Reads options from a configuration file, for example a run's <c>args.json</c>.</summary>
    /// <param name="path">A JSON object of option names and values.</param>
    /// <exception cref="MlNetCifarException">The file is no such object or names an unknown option (MNC9003), or a value cannot be read (MNC9002).</exception>
    public static ExperimentOptions Load(string path) => From(OptionValues.Load(path, [.. ExperimentTable.All.Descriptions, .. TrainingTable.All.Descriptions]));

    /// <summary>Options of values by name, those of training among them.</summary>
    /// <param name="values">Values; what is not given has its default.</param>
    public static ExperimentOptions From(OptionValues values) =>
        ExperimentTable.All.Apply(new(), values) with { Adjust = training => TrainingTable.All.Apply(training, values) };

    /// <summary>The options that are not as by default, without the secrets of addresses.</summary>
    public override string ToString() => string.Join(", ", RunRecord.Of(ExperimentTable.All, this).Where(pair => !Equals(pair.Value, pair.Option.Default))
        .Select(pair => $"{pair.Option.Name} {Secrets.InAddress(OptionText.Of(pair.Value))}"));

    /// <summary>What the network is called.</summary>
    internal string NetworkName => Network?.Name ?? (Backbone is { } backbone ? Path.GetFileNameWithoutExtension(backbone) : Preset);

    /// <summary>How the network is trained unless something else is asked for; a backbone is trained further in another way than from scratch.</summary>
    /// <param name="side">The pictures' smaller side.</param>
    internal TrainingOptions Recipe(int side) => Recipes.For(Backbone is null ? NetworkName : Recipes.FineTuning, side);

    /// <summary>The network for pictures of a kind, in the sizes that were asked for.</summary>
    /// <param name="images">Of that kind.</param>
    /// <param name="idle">Told which sizes have no effect, by the property's name with a small letter at its beginning, and why.</param>
    internal NetworkSpec NetworkFor(ImageSource images, Action<string, string>? idle = null) => NetworkSizes.Apply(
        Network ?? Architectures.Create(Preset, images.Width, images.Height, images.Channels, images.Classes.Count), Filters, DenseUnits, Dropout, idle ?? ((_, _) => { }));

    /// <summary>How pictures of a size are trained on.</summary>
    /// <param name="side">The pictures' smaller side.</param>
    internal TrainingOptions TrainingFor(int side)
    {
        var training = Training ?? Recipe(side);
        if (Augment is { } preset)
            training = training with { Augmentation = Augmentation.Preset(preset, side) };
        return Adjust is null ? training : Adjust(training);
    }
}
