using System.Runtime.CompilerServices;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Nn;
using MlNetCifar.Training;
using MlNetCifar.Transfer;

namespace MlNetCifar;

/// <summary>
/// Trains a head for new classes on a frozen backbone: the features of each picture are computed once, then a dense layer is fitted to them in seconds. The result is one
/// ordinary network with its weights, and a function of backbone, options and pictures alone, whatever the number of threads.
/// </summary>
/// <param name="backbone">Only read; must live until the training has ended.</param>
/// <param name="options">How; null for the defaults.</param>
public sealed class TransferTrainer(FeatureExtractor backbone, TransferOptions? options = null)
{
    readonly ConditionalWeakTable<ImageSource, float[]> _known = [];

    /// <summary>What stands before the head.</summary>
    public FeatureExtractor Backbone { get; } = backbone ?? throw new ArgumentNullException(nameof(backbone));

    /// <summary>How the head is trained.</summary>
    public TransferOptions Options { get; } = options ?? new();

    /// <summary>Trains.</summary>
    /// <param name="train">Training pictures as the backbone's preprocessing makes them; they fix the classes.</param>
    /// <param name="validation">Pictures to choose the penalty by, where they are 200 or more; else parts of the training pictures are held out in turn. Null for none.</param>
    /// <param name="progress">Told of the features, from any thread.</param>
    /// <param name="cancellation">Ends the training between two pictures; features that were kept until then are found again.</param>
    /// <returns>Weights and figures; the caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">Options or pictures are wrong (MNC10xx, MNC12xx, MNC30xx, MNC31xx), or the features cannot be kept (MNC3102).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public TransferResult Fit(ImageSource train, ImageSource? validation = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(train);
        Options.Validate();
        var started = TimeProvider.System.GetTimestamp();
        var counts = train.ClassCounts();
        if (counts.Count(c => c > 0) < 2)
            throw TrainingErrors.OneClass(train.Classes[Math.Max(0, Array.FindIndex(counts, c => c > 0))]);
        var total = ((Options.Flip ? 2 : 1) * train.Count) + (validation?.Count ?? 0);
        var before = 0;
        var learnt = new FeatureRows(Options.Flip ? [Features(train, false), Features(train, true)] : [Features(train, false)], Labels(train), train.Classes.Count);
        var heldOut = validation is null ? null : new FeatureRows([Features(validation, false)], Labels(validation), train.Classes.Count);
        var features = TimeProvider.System.GetElapsedTime(started);
        var head = new HeadFitter(Options, cancellation).Fit(learnt, heldOut);
        return new TransferResult(this, train.Classes, head, features, TimeProvider.System.GetElapsedTime(started));

        float[] Features(ImageSource source, bool flipped)
        {
            var offset = before;
            before += source.Count;
            var report = progress is null ? null : new Count(done => progress.Report(new(offset + done, total, 0)));
            var features = new FeaturePass(Backbone, Options, report, cancellation).Run(source, flipped);
            if (!flipped)
                _known.AddOrUpdate(source, features);
            return features;
        }
    }

    /// <summary>Features of pictures as they are: those that training has computed are there already.</summary>
    internal float[] FeaturesOf(ImageSource source, IProgress<int>? progress, CancellationToken cancellation)
    {
        if (!_known.TryGetValue(source, out var features))
            return new FeaturePass(Backbone, Options, progress, cancellation).Run(source, flipped: false);
        progress?.Report(source.Count);
        return features;
    }

    static int[] Labels(ImageSource source) => [.. Enumerable.Range(0, source.Count).Select(source.Label)];

    /// <summary>Progress that is told on the thread it happens on.</summary>
    sealed class Count(Action<int> tell) : IProgress<int>
    {
        public void Report(int value) => tell(value);
    }
}

/// <summary>What a training on a backbone gives back. Owns its <see cref="Weights"/>; models made of it have copies of their own.</summary>
public sealed class TransferResult : IDisposable
{
    readonly Normalization _normalization;
    readonly PreprocessSpec _preprocess;
    readonly string _settings;

    internal TransferResult(TransferTrainer trainer, IReadOnlyList<string> classes, FittedHead head, TimeSpan features, TimeSpan elapsed)
    {
        Weights = trainer.Backbone.Weights.WithHead(classes.Count, head.Matrix, head.Bias);
        WeightsSha256 = Weights.Sha256();
        (_normalization, _preprocess, Classes, Penalty) = (trainer.Backbone.Normalization, trainer.Backbone.Preprocess, classes, head.Penalty);
        (FeatureTime, Elapsed, HeldOut) = (features, elapsed, head.HeldOut);
        _settings = Settings(trainer, head);
        History = [new EpochRecord(1, head.Loss, head.Accuracy, head.HeldOutLoss, head.HeldOutAccuracy, Seconds: elapsed.TotalSeconds)];
    }

    /// <summary>Those of backbone and head; not to be used after this result is disposed.</summary>
    public NetworkWeights Weights { get; }

    /// <summary>SHA-256 of <see cref="Weights"/>: the same for every number of threads, and for a run that was killed and begun again.</summary>
    public string WeightsSha256 { get; }

    /// <summary>Class names in the order of the outputs.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>λ of the penalty.</summary>
    public double Penalty { get; }

    /// <summary>What was held out to choose <see cref="Penalty"/>, in words.</summary>
    public string HeldOut { get; }

    /// <summary>One record: loss and accuracy on the training pictures, and on those held out.</summary>
    public IReadOnlyList<EpochRecord> History { get; }

    /// <summary>How long the features took.</summary>
    public TimeSpan FeatureTime { get; }

    /// <summary>How long all took.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>The model: a copy of the weights with all it takes to use them. The caller disposes it; it outlives this result.</summary>
    public ImageClassifier ToClassifier() => new(Weights.Clone(), Classes, _preprocess, _normalization) { History = History, BestEpoch = 1, TrainingSettings = _settings };

    /// <summary>As <see cref="ToClassifier()"/>, and the model takes features of many pictures from what <paramref name="trainer"/> has computed or keeps; it must not outlive that.</summary>
    internal ImageClassifier ToClassifier(TransferTrainer trainer) => new(Weights.Clone(), Classes, _preprocess, _normalization)
    {
        History = History, BestEpoch = 1, TrainingSettings = _settings,
        FeaturesOf = trainer.FeaturesOf,
    };

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();

    /// <summary>All that the weights are a function of, besides the pictures.</summary>
    static string Settings(TransferTrainer trainer, FittedHead head) => JsonText.Object(json =>
    {
        json.WriteString("backbone", trainer.Backbone.Network.Name);
        json.WriteString("backboneSha256", trainer.Backbone.WeightsSha256);
        json.WriteBoolean("flip", trainer.Options.Flip);
        json.WriteNumber("penalty", head.Penalty);
        json.WriteString("classWeights", trainer.Options.ClassWeights.ToString());
        json.WriteNumber("labelSmoothing", trainer.Options.LabelSmoothing);
        json.WriteNumber("seed", trainer.Options.Seed);
    });
}
