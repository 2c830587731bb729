using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Inference;
using MlNetCifar.Nn;

namespace MlNetCifar;

/// <summary>
/// A trained network with all it needs to be used: classes, preprocessing and normalisation. Immutable; prediction is thread-safe. What it says about a picture is the same, bit by
/// bit, whether the picture comes alone or with others, as a file, a stream or a decoded image, and on any number of threads.
/// </summary>
public sealed partial class ImageClassifier : IDisposable
{
    readonly Scorer _scorer;
    readonly Preprocessor _preprocessor;

    /// <summary>Puts a model together.</summary>
    /// <param name="weights">Owned by the model from now on.</param>
    /// <param name="classes">Names in the order of the outputs.</param>
    /// <param name="preprocess">How pictures become inputs.</param>
    /// <param name="normalization">How bytes become numbers.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public ImageClassifier(NetworkWeights weights, IReadOnlyList<string> classes, PreprocessSpec preprocess, Normalization normalization)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(preprocess);
        ArgumentNullException.ThrowIfNull(normalization);
        var spec = weights.Spec;
        if (classes.Count != spec.Classes)
            throw new ArgumentException($"{classes.Count} class names for a network of {spec.Classes} classes.", nameof(classes));
        if ((preprocess.Height, preprocess.Width, preprocess.Channels) != (spec.Height, spec.Width, spec.Channels))
            throw new ArgumentException($"The preprocessing gives {preprocess.Height}×{preprocess.Width}×{preprocess.Channels}; the network takes {spec.Height}×{spec.Width}×{spec.Channels}.", nameof(preprocess));
        if (!normalization.Fits(spec.Height, spec.Width, spec.Channels))
            throw new ArgumentException($"The normalisation has {normalization.Channels} channels{(normalization.MeanImage is { } image ? $" and a mean image of {image.Count} values" : "")}; the network takes {spec.InputShape(1)}.", nameof(normalization));
        if (spec.Loss == LossKind.None)
            throw new ArgumentException($"The network '{spec.Name}' gives features, no classes; use it as a {nameof(FeatureExtractor)}.", nameof(weights));
        Weights = weights;
        Classes = [.. classes];
        Preprocess = preprocess;
        Normalization = normalization;
        WeightsSha256 = weights.Sha256();
        _preprocessor = new Preprocessor(preprocess);
        _scorer = new Scorer(weights, normalization);
    }

    /// <summary>The network's description.</summary>
    public NetworkSpec Network => Weights.Spec;

    /// <summary>The weights; not to be changed.</summary>
    public NetworkWeights Weights { get; }

    /// <summary>SHA-256 of the weights, 64 hexadecimal digits.</summary>
    public string WeightsSha256 { get; }

    /// <summary>Class names in the order of the outputs.</summary>
    public ImmutableArray<string> Classes { get; }

    /// <summary>How pictures become inputs.</summary>
    public PreprocessSpec Preprocess { get; }

    /// <summary>How bytes become numbers.</summary>
    public Normalization Normalization { get; }

    /// <summary>The epochs of its training; may be empty.</summary>
    public IReadOnlyList<EpochRecord> History { get; init; } = [];

    /// <summary>The epoch (from 1) the weights are from; 0 where that is not known.</summary>
    public int BestEpoch { get; init; }

    /// <summary>The training options as text, for the record; may be empty.</summary>
    public string TrainingSettings { get; init; } = "";

    /// <summary>What makes probabilities honest and unsure answers <c>unknown</c>; null where none was fitted.</summary>
    public CalibrationModel? Calibration { get; init; }

    /// <summary>Whether filters and matrices are rounded to 16-bit floats, and saved as such.</summary>
    public bool IsHalfPrecision { get; internal init; }

    /// <summary>Pictures with the logits that these weights gave for them, as <see cref="ProofRecord"/> writes them; null, the usual case, for none.</summary>
    internal string? Proof { get; set; }

    /// <summary>Makes features from what is known of pictures; whose last layer is a dense one behind those features. Null, the usual case, for none.</summary>
    internal FeatureSource? FeaturesOf
    {
        get => _scorer.FeaturesOf;
        set => _scorer.FeaturesOf = value;
    }

    /// <summary>Runs pictures, for whoever does so in a way of its own.</summary>
    internal Scorer Scorer => _scorer;

    /// <summary>Sets of activations kept for the next pictures.</summary>
    internal int IdleLanes => _scorer.Idle;

    /// <summary>Reads a model file.</summary>
    /// <param name="path">A file that <see cref="Save(string, ImageSource?)"/> wrote.</param>
    /// <exception cref="MlNetCifarException">The file is missing, foreign, damaged or too new (MNC40xx).</exception>
    public static ImageClassifier Load(string path) => LoadFrom(path, LocalFileStore.Instance);

    /// <summary>Reads a model file of any store.</summary>
    /// <param name="path">A file that <see cref="Save(string, ImageSource?)"/> wrote.</param>
    /// <param name="store">Where it lies.</param>
    /// <exception cref="MlNetCifarException">The file is missing, foreign, damaged or too new (MNC40xx).</exception>
    public static ImageClassifier LoadFrom(string path, IFileStore store)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(store);
        return ModelFile.Load(path, store);
    }

    /// <summary>Reads the content of a model file, for example out of an archive.</summary>
    /// <param name="stream">What <see cref="Save(Stream)"/> wrote, from where it stands to its end; not closed.</param>
    /// <exception cref="MlNetCifarException">The content is foreign, damaged or too new (MNC40xx).</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static ImageClassifier Load(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return ModelFile.Load(stream);
    }

    /// <summary>Writes one file: safetensors with PyTorch's tensor names and layouts, the rest as JSON in its metadata. Atomic.</summary>
    /// <param name="path">Usually ends in <c>.safetensors</c>.</param>
    /// <param name="proof">
    /// Pictures of the model's size of which the file carries the first 16 with the logits that the model gives for them, for <c>ModelProof.Check</c>; null (the default) for those that the
    /// model carries, if it does. A source without pictures for none.
    /// </param>
    /// <exception cref="MlNetCifarException">The pictures have another size (MNC4008), or the file cannot be written (MNC4006); what was there before is untouched.</exception>
    public void Save(string path, ImageSource? proof = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ModelFile.Save(this, path, proof is null ? Proof : proof.Count == 0 ? null : ProofRecord.Of(this, proof).ToJson(this));
    }

    /// <summary>Writes the content of the file that <see cref="Save(string, ImageSource?)"/> writes, to be kept within another.</summary>
    /// <param name="stream">Written from where it stands; not closed.</param>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ModelFile.Save(this, stream, Proof);
    }

    /// <summary>Fits a calibration and gives the model with it.</summary>
    /// <param name="validation">Images that the network was not trained on, of the model's size, channels and classes; a hundred at least make sense.</param>
    /// <param name="options">Coverage of the label sets and the like; null for the defaults.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <param name="views">Views of each picture whose logits are averaged, here and whenever the calibrated model classifies. The default is the picture alone.</param>
    /// <returns>A model with its own copy of the weights; the caller disposes both.</returns>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008), or there is no usable one (MNC5001).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ImageClassifier Calibrate(
        ImageSource validation, CalibrationOptions? options = null, int? threads = null, CancellationToken cancellation = default, TestTimeViews views = TestTimeViews.None)
    {
        var (labels, outputs) = (LabelsOf(validation), Outputs(validation, threads, views, cancellation: cancellation));
        return Calibrate(labels, outputs, options, views);
    }

    /// <summary>As <see cref="Calibrate(ImageSource, CalibrationOptions?, int?, CancellationToken, TestTimeViews)"/>; null where no picture is usable: there is none, or the outputs are not finite.</summary>
    internal ImageClassifier? TryCalibrate(
        ImageSource validation, CalibrationOptions? options = null, int? threads = null, CancellationToken cancellation = default, TestTimeViews views = TestTimeViews.None)
    {
        var (labels, outputs) = (LabelsOf(validation), Outputs(validation, threads, views, cancellation: cancellation));
        return CalibrationModel.CanFit(labels.Length, outputs) ? Calibrate(labels, outputs, options, views) : null;
    }

    ImageClassifier Calibrate(int[] labels, ImageOutputs outputs, CalibrationOptions? options, TestTimeViews views)
    {
        var fitted = CalibrationModel.Fit(labels, outputs.Logits, Classes.Length, options, outputs.Features, outputs.Texture) with { Views = Views.Of(views).Length };
        return With(Weights.Clone(), fitted, IsHalfPrecision);
    }

    /// <summary>
    /// The model with filters and matrices rounded to the nearest 16-bit float, 11 bits of precision: half the file, the same speed. It keeps the calibration.
    /// </summary>
    /// <returns>A model with its own weights; the caller disposes both.</returns>
    public ImageClassifier ToHalfPrecision()
    {
        var rounded = Weights.Clone();
        foreach (var tensor in rounded.Tensors.Where(t => t.Spec.Dimensions.Length > 1))
        {
            foreach (ref var value in tensor.Values)
                value = (float)(Half)value;
        }

        rounded.Changed();
        var half = With(rounded, Calibration, half: true);
        half.Proof = Proof is { } proof ? ProofRecord.Again(proof, this, half) : null;
        return half;
    }

    /// <summary>The model with other weights, of the same network or one that computes the same.</summary>
    /// <param name="weights">Owned by the new model.</param>
    internal ImageClassifier WithWeights(NetworkWeights weights) => With(weights, Calibration, IsHalfPrecision);

    ImageClassifier With(NetworkWeights weights, CalibrationModel? calibration, bool half) => new(weights, Classes, Preprocess, Normalization)
    {
        History = History, BestEpoch = BestEpoch, TrainingSettings = TrainingSettings, Calibration = calibration, IsHalfPrecision = half, FeaturesOf = half ? null : FeaturesOf,
        Proof = Proof is not null && weights.Sha256() == WeightsSha256 ? Proof : null,
    };

    /// <summary>Class probabilities of many preprocessed pictures: the network's own, without the <see cref="Calibration"/>.</summary>
    /// <param name="source">Of the model's size and channels.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="views">Views of each picture whose logits are averaged. The default is the picture alone.</param>
    /// <param name="progress">Told the number of pictures done.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>[N, classes], each row summing to 1.</returns>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public float[] Score(
        ImageSource source, int? threads = null, TestTimeViews views = TestTimeViews.None, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
        ClassScores.Probabilities(Network, _scorer.Run(source, threads, views, [], progress, cancellation));

    /// <summary>
    /// What the model answers for many preprocessed pictures: bit for bit the probabilities of <see cref="Classify(ImageSource, int, int, CancellationToken)"/>, of as many views of
    /// each and calibrated where the model is.
    /// </summary>
    /// <param name="source">Of the model's size and channels.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>[N, classes], each row summing to 1.</returns>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public float[] Probabilities(ImageSource source, int? threads = null, CancellationToken cancellation = default) => Answers(source, threads, OwnViews, cancellation);

    /// <summary>What the softmax makes the probabilities of, for many preprocessed pictures.</summary>
    /// <param name="source">Of the model's size and channels.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="views">Views of each picture whose logits are averaged. The default is the picture alone.</param>
    /// <param name="progress">Told the number of pictures done.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>[N, classes]; the single output z of a sigmoid network as −z ÷ 2 and z ÷ 2.</returns>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public float[] Logits(
        ImageSource source, int? threads = null, TestTimeViews views = TestTimeViews.None, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
        ClassScores.Logits(Network, _scorer.Run(source, threads, views, [], progress, cancellation));

    /// <summary>Numbers that describe a picture to the network's last dense layer; 0 where it has none behind other layers, or one of more than 1024 inputs.</summary>
    public int FeatureCount => _scorer.Features?.Length ?? 0;

    /// <summary>The inputs of the network's last dense layer, for many preprocessed pictures: pictures that are alike lie close together.</summary>
    /// <param name="source">Of the model's size and channels.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="views">Views of each picture whose features are averaged. The default is the picture alone.</param>
    /// <param name="progress">Told the number of pictures done.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>[N, <see cref="FeatureCount"/>].</returns>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008), or the network has no features (MNC4009).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public float[] Features(
        ImageSource source, int? threads = null, TestTimeViews views = TestTimeViews.None, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (FeatureCount == 0)
            throw ModelErrors.NoFeatures(Network.Name);
        var features = new float[source.Count * FeatureCount];
        _scorer.Run(source, threads, views, features, progress, cancellation);
        return features;
    }

    /// <summary>As <see cref="Logits"/>, with what else the <see cref="Calibration"/> looks at.</summary>
    internal ImageOutputs Outputs(
        ImageSource source, int? threads = null, TestTimeViews views = TestTimeViews.None, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        var raw = RawOutputs(source, threads, views, progress, cancellation);
        return raw with { Logits = ClassScores.Logits(Network, raw.Logits) };
    }

    /// <summary>As <see cref="Outputs"/>, with the network's outputs in the place of logits.</summary>
    internal ImageOutputs RawOutputs(
        ImageSource source, int? threads = null, TestTimeViews views = TestTimeViews.None, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        var features = new float[source.Count * FeatureCount];
        var outputs = _scorer.Run(source, threads, views, features, progress, cancellation);
        var texture = new float[source.Count * PictureTexture.Length];
        Parallel.For(
            0, source.Count, new ParallelOptions { MaxDegreeOfParallelism = threads ?? Environment.ProcessorCount, CancellationToken = cancellation },
            () => new byte[source.ImageLength],
            (i, _, pixels) =>
            {
                source.CopyPixels(i, pixels);
                PictureTexture.Measure(pixels, source.Width, source.Channels, texture.AsSpan(i * PictureTexture.Length, PictureTexture.Length));
                return pixels;
            },
            static _ => { });
        return new ImageOutputs(outputs, features, texture);
    }

    /// <summary>Scores labelled pictures and measures what the model answers: the calibrated probabilities where it has a <see cref="Calibration"/>.</summary>
    /// <param name="source">Of the model's size, channels and number of classes.</param>
    /// <param name="options">Of the evaluation; null for the defaults.</param>
    /// <param name="views">Views of each picture whose logits are averaged. The default is the picture alone.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008).</exception>
    public EvaluationResult Evaluate(
        ImageSource source, EvaluationOptions? options = null, TestTimeViews views = TestTimeViews.None, CancellationToken cancellation = default)
    {
        var labels = LabelsOf(source);
        return Evaluator.Evaluate(labels, Answers(source, null, views, cancellation), Classes, options);
    }

    /// <summary>What the model answers for many pictures: calibrated probabilities where it has a <see cref="Calibration"/>, [N, classes].</summary>
    internal float[] Answers(ImageSource source, int? threads, TestTimeViews views, CancellationToken cancellation)
    {
        if (Calibration is not { } calibration)
            return Score(source, threads, views, cancellation: cancellation);
        var scores = Logits(source, threads, views, cancellation: cancellation);
        calibration.Scaling.Apply(scores, Classes.Length, scores);
        return scores;
    }

    /// <summary>The views of a picture that the model looks at when it classifies.</summary>
    internal TestTimeViews OwnViews => Calibration is { } calibration ? Views.Averaging(calibration.Views) : TestTimeViews.None;

    /// <inheritdoc/>
    public void Dispose()
    {
        _scorer.Dispose();
        Weights.Dispose();
    }

    int[] LabelsOf(ImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (ClassNames.Difference(source.Classes, Classes) is { } difference)
            throw ModelErrors.OtherClasses(difference);
        var labels = new int[source.Count];
        for (var i = 0; i < labels.Length; i++)
            labels[i] = source.Label(i);
        return labels;
    }
}
