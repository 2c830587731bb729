using Microsoft.ML;
using MlNetCifar.Imaging;

namespace MlNetCifar.MLNet;

/// <summary>When training stops early.</summary>
/// <param name="Patience">Epochs without improvement of the validation accuracy after which it does, ≥ 1.</param>
/// <param name="MinDelta">Gain of accuracy, 0 … 1, above which an epoch counts as better; ≥ 0.</param>
public sealed record EarlyStopping(int Patience = 20, double MinDelta = 0.01);

/// <summary>
/// How an <see cref="ImageNetworkTrainer"/> trains, and which columns it reads and adds. Immutable. Names are those of ML.NET's <c>ImageClassificationTrainer.Options</c> where it
/// has them; what is null is as the recipe of the architecture has it, as on the command line.
/// </summary>
public sealed record ImageNetworkOptions
{
    /// <summary>
    /// The column of pictures: paths (text), encoded files (variable vectors of bytes, as <c>LoadRawImageBytes</c> gives), <c>MLImage</c>, or pixels (vectors of bytes or singles of
    /// known size [H, W, C] or [C, H, W]). The default is <c>Image</c>.
    /// </summary>
    public string ImageColumnName { get; init; } = "Image";

    /// <summary><see cref="ImageColumnName"/>, by the name that ML.NET's trainer has for it.</summary>
    public string FeatureColumnName
    {
        get => ImageColumnName;
        init => ImageColumnName = value;
    }

    /// <summary>The folder that paths are relative to; null (the default) for the current folder.</summary>
    public string? ImageFolder { get; init; }

    /// <summary>What pixels that are singles are multiplied by to lie between 0 and 255; 255 where the pipeline has divided by it. Bytes are taken as they are. The default is 1.</summary>
    public float PixelScale { get; init; } = 1;

    /// <summary>The column of labels: a key, or text. Rows without one are left out. The default is <c>Label</c>.</summary>
    public string LabelColumnName { get; init; } = "Label";

    /// <summary>The column of probabilities, one for each value of the label, in the order of its key. The default is <c>Score</c>.</summary>
    public string ScoreColumnName { get; init; } = "Score";

    /// <summary>The column of the most probable value, a key with the label's values. The default is <c>PredictedLabel</c>.</summary>
    public string PredictedLabelColumnName { get; init; } = "PredictedLabel";

    /// <summary>A column of the inputs of the network's last layer, for any other trainer; null (the default) for none.</summary>
    public string? OutputFeaturesColumnName { get; init; }

    /// <summary>A column that says whether the answer should be <c>unknown</c>, which takes a calibrated model; null (the default) for none.</summary>
    public string? IsUnknownColumnName { get; init; }

    /// <summary>A column of the names of the classes that hold the true one as often as the calibration promises; null (the default) for none.</summary>
    public string? LabelSetColumnName { get; init; }

    /// <summary>
    /// A column of pictures (<c>MLImage</c>, of the package Microsoft.ML.ImageAnalytics) of where the network looked: its input, and beside it the same under the Grad-CAM map of the
    /// most probable class. Null (the default) for none.
    /// </summary>
    public string? GradCamColumnName { get; init; }

    /// <summary>One of <see cref="Architectures.Names"/>, or <c>auto</c> (the default): a head on a frozen backbone for photographs, where <see cref="Backbones"/> has one, else <c>seed-cnn</c>.</summary>
    public string Architecture { get; init; } = ExperimentOptions.Auto;

    /// <summary><see cref="Architecture"/>, by the name that ML.NET's trainer has for it.</summary>
    public string Arch
    {
        get => Architecture;
        init => Architecture = value;
    }

    /// <summary>A trained network on whose features a head is trained: a name of <see cref="Backbones"/>, or a model file. The default is null.</summary>
    public string? Backbone { get; init; }

    /// <summary>The backbones there are, for example <c>new PretrainedBackbones()</c>. The default is none.</summary>
    public IBackboneCatalog Backbones { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = IBackboneCatalog.Empty;

    /// <summary>
    /// Size of the pictures that a backbone sees; smaller ones than its own take less time, in proportion to their pixels, and tell less. Null (the default) for its own.
    /// </summary>
    public ImageSize? BackboneSize { get; init; }

    /// <summary>Width and height of the network's input; null (the default) for 32×32, or what the backbone takes.</summary>
    public ImageSize? ImageSize { get; init; }

    /// <summary>How pictures become inputs, where that is more than their size; null (the default) for the defaults.</summary>
    public PreprocessSpec? Preprocess { get; init; }

    /// <summary>Passes over the training pictures, ≥ 1.</summary>
    public int? Epoch { get; init; }

    /// <summary>Pictures a step, ≥ 1.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Largest step size of the schedule, &gt; 0.</summary>
    public float? LearningRate { get; init; }

    /// <summary>When training stops early; null (the default) for as the recipe has it.</summary>
    public EarlyStopping? EarlyStoppingCriteria { get; init; }

    /// <summary>Time after which training ends, with its schedule stretched or shrunk to it; null (the default) for none.</summary>
    public TimeSpan? TimeBudget { get; init; }

    /// <summary>Told of each epoch, on the training thread. The default is null.</summary>
    public Action<EpochRecord>? MetricsCallback { get; init; }

    /// <summary>Rows to validate with; null (the default) for a share of the training rows.</summary>
    public IDataView? ValidationSet { get; init; }

    /// <summary>Share of the training rows to validate with where <see cref="ValidationSet"/> is null, 0 ≤ s &lt; 1; 0 for none. The default is 0.1.</summary>
    public double ValidationSetFraction { get; init; } = 0.1;

    /// <summary>Whether the features that a backbone gave are kept, by the hashes of pictures and weights, and taken from there the next time. The default is true.</summary>
    public bool ReuseTrainSetBottleneckCachedValues { get; init; } = true;

    /// <summary>Where the run's folder with its report, tables and checkpoints lies; null (the default) for a temporary one that is removed.</summary>
    public string? WorkspacePath { get; init; }

    /// <summary>What to do about a picture that cannot be read when the model is trained. The default is to leave it out and to log that.</summary>
    public OnBadImage OnBadImage { get; init; } = OnBadImage.Skip;

    /// <summary>
    /// What to do about a picture that cannot be read when rows are transformed. The default is to end with its error; <see cref="OnBadImage.Skip"/> gives a missing label and scores
    /// of NaN, which evaluators leave out, and logs how many.
    /// </summary>
    public OnBadImage OnBadImageInTransform { get; init; } = OnBadImage.Fail;

    /// <summary>Decides initial weights, order, augmentation and the validation rows. The default is 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads, ≥ 1; the result does not depend on it. The default is null: the cores this process may use.</summary>
    public int? Threads { get; init; }

    /// <summary>Every other change to how the network is trained, applied last: <c>Adjust = recipe => recipe with { LabelSmoothing = 0.1f }</c>. The default is null.</summary>
    public Func<TrainingOptions, TrainingOptions>? Adjust { get; init; }

    /// <summary>
    /// Asks to end. Once training has begun that is no error: it gives the best weights so far. <c>MLContext.CancelExecution</c> does the same.
    /// </summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Where pictures are.</summary>
    internal PictureInput Input => new(ImageColumnName, ImageFolder, PixelScale);

    /// <summary>The columns that are added.</summary>
    internal OutputNames Names => new(ScoreColumnName, PredictedLabelColumnName, OutputFeaturesColumnName, IsUnknownColumnName, LabelSetColumnName, GradCamColumnName);

    /// <summary>The same as options of an experiment.</summary>
    /// <param name="output">The folder of runs.</param>
    internal ExperimentOptions ToExperiment(string output) => new()
    {
        Preset = Architecture,
        Backbone = Backbone,
        BackboneSize = BackboneSize,
        Preprocess = ImageSize is { } size ? (Preprocess ?? new()) with { Width = size.Width, Height = size.Height } : Preprocess,
        Split = 0,
        ValidationSplit = ValidationSet is null ? ValidationSetFraction : 0,
        OnBadImage = OnBadImage,
        CacheFolder = ReuseTrainSetBottleneckCachedValues ? new ExperimentOptions().CacheFolder : null,
        Output = output,
        Report = WorkspacePath is not null,
        Adjust = Adjusted,
    };

    TrainingOptions Adjusted(TrainingOptions recipe)
    {
        recipe = recipe with
        {
            Epochs = Epoch ?? recipe.Epochs,
            BatchSize = BatchSize ?? recipe.BatchSize,
            LearningRate = LearningRate ?? recipe.LearningRate,
            Patience = EarlyStoppingCriteria?.Patience ?? recipe.Patience,
            MinimumDelta = EarlyStoppingCriteria?.MinDelta ?? recipe.MinimumDelta,
            TimeBudget = TimeBudget ?? recipe.TimeBudget,
            Seed = Seed,
            Threads = Threads,
        };
        return Adjust is null ? recipe : Adjust(recipe);
    }
}
