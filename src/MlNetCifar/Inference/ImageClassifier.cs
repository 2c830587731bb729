using System.Collections.Concurrent;
using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar;

/// <summary>A trained network with all it needs to be used: classes, preprocessing and normalisation. Immutable; prediction is thread-safe.</summary>
public sealed class ImageClassifier : IDisposable
{
    /// <summary>Input values scored together: 256 pictures of 32×32×3, fewer larger ones, so that scoring takes less memory than training did.</summary>
    const int ValuesAtOnce = 256 * 32 * 32 * 3;

    readonly ConcurrentBag<Network> _networks = [];
    readonly WorkerPool _caller = new(1);
    readonly Preprocessor _preprocessor;
    readonly LastFeatures? _features;

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
        if (normalization.Channels != spec.Channels)
            throw new ArgumentException($"The normalisation has {normalization.Channels} channels; the network takes {spec.Channels}.", nameof(normalization));
        Weights = weights;
        Classes = [.. classes];
        Preprocess = preprocess;
        Normalization = normalization;
        WeightsSha256 = weights.Sha256();
        _preprocessor = new Preprocessor(preprocess);
        _features = LastFeatures.Of(weights);
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

    /// <summary>Reads a model file.</summary>
    /// <param name="path">A file that <see cref="Save"/> wrote.</param>
    /// <exception cref="MlNetCifarException">The file is missing, foreign, damaged or too new (MNC40xx).</exception>
    public static ImageClassifier Load(string path) => ModelFile.Load(path, LocalFileStore.Instance);

    /// <summary>Reads a model file of any store.</summary>
    /// <param name="path">A file that <see cref="Save"/> wrote.</param>
    /// <param name="store">Where it lies.</param>
    /// <exception cref="MlNetCifarException">The file is missing, foreign, damaged or too new (MNC40xx).</exception>
    public static ImageClassifier LoadFrom(string path, IFileStore store) => ModelFile.Load(path, store);

    /// <summary>Writes one file: safetensors with PyTorch's tensor names and layouts, the rest as JSON in its metadata. Atomic.</summary>
    /// <param name="path">Usually ends in <c>.safetensors</c>.</param>
    /// <exception cref="MlNetCifarException">The file cannot be written (MNC4006); what was there before is untouched.</exception>
    public void Save(string path) => ModelFile.Save(this, path);

    /// <summary>Classifies an encoded picture of any size.</summary>
    /// <param name="file">A whole JPEG, PNG, … file.</param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    /// <returns>The most probable classes, in falling order.</returns>
    /// <exception cref="MlNetCifarException">The file cannot be decoded (MNC12xx).</exception>
    public IReadOnlyList<Prediction> Predict(ReadOnlySpan<byte> file, int top = 5) => Predict(ImageDecoder.Decode(file, Preprocess.ForDecoding()), top);

    /// <summary>Classifies a decoded picture of any size.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    /// <returns>The most probable classes, in falling order; of equals the lower index first. Calibrated where the model is.</returns>
    public IReadOnlyList<Prediction> Predict(RgbImage image, int top = 5) => Classify(image, top).Predictions;

    /// <summary>Classifies an encoded picture of any size, and says how far the answer can be trusted.</summary>
    /// <param name="file">A whole JPEG, PNG, … file.</param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    /// <exception cref="MlNetCifarException">The file cannot be decoded (MNC12xx).</exception>
    public Classification Classify(ReadOnlySpan<byte> file, int top = 5) => Classify(ImageDecoder.Decode(file, Preprocess.ForDecoding()), top);

    /// <summary>
    /// Classifies a decoded picture of any size, and says how far the answer can be trusted. A calibrated model looks at as many views of it as its calibration did.
    /// </summary>
    /// <param name="image">The picture.</param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    public Classification Classify(RgbImage image, int top = 5)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        var pixels = new byte[Network.InputShape(1).Length];
        _preprocessor.Apply(image, pixels);
        var source = new ImageSet(pixels, [0], Network.Width, Network.Height, Network.Channels, Classes);
        if (Calibration is not { } calibration)
        {
            var scores = Score(source, threads: 1).Select((p, k) => new Prediction(Classes[k], k, p));
            return new Classification([.. scores.OrderByDescending(p => p.Probability).ThenBy(p => p.Index).Take(top)], false, null);
        }

        var outputs = Outputs(source, threads: 1, Views.Averaging(calibration.Views));
        var answer = calibration.Predict(outputs.Logits, outputs.Features, outputs.Texture);
        Prediction[] sorted = [.. answer.Labels.Select(p => new Prediction(Classes[p.Label], p.Label, p.Probability))];
        return new Classification([.. sorted.Take(top)], answer.IsUnknown, [.. sorted.Where(p => answer.Set.Contains(p.Index))]);
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
        return With(rounded, Calibration, half: true);
    }

    ImageClassifier With(NetworkWeights weights, CalibrationModel? calibration, bool half) => new(weights, Classes, Preprocess, Normalization)
    {
        History = History, BestEpoch = BestEpoch, TrainingSettings = TrainingSettings, Calibration = calibration, IsHalfPrecision = half,
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
        Run(source, threads, views, static (network, logits, row) => network.ToProbabilities(logits, row), [], progress, cancellation);

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
        Run(source, threads, views, ToLogits, [], progress, cancellation);

    /// <summary>As <see cref="Logits"/>, with what else the <see cref="Calibration"/> looks at.</summary>
    internal ImageOutputs Outputs(
        ImageSource source, int? threads = null, TestTimeViews views = TestTimeViews.None, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        var features = new float[source.Count * (_features?.Length ?? 0)];
        var logits = Run(source, threads, views, ToLogits, features, progress, cancellation);
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
        return new ImageOutputs(logits, features, texture);
    }

    /// <summary>Scores pictures and, where <paramref name="features"/> has room for them, keeps the inputs of the last layer.</summary>
    float[] Run(
        ImageSource source, int? threads, TestTimeViews views, Finish finish, float[] features, IProgress<int>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(source);
        if ((source.Height, source.Width, source.Channels) != (Network.Height, Network.Width, Network.Channels))
            throw ModelErrors.OtherImages($"{source.Height}×{source.Width}×{source.Channels}", $"{Network.Height}×{Network.Width}×{Network.Channels}");
        var scores = new float[source.Count * Classes.Length];
        if (source.Count == 0)
            return scores;
        if (source.Count == 1 && views == TestTimeViews.None)
        {
            ScoreOne(source, finish, features, scores);
            return scores;
        }

        using var pool = new WorkerPool(threads ?? Environment.ProcessorCount);
        using var network = new Network(Weights, Math.Clamp(ValuesAtOnce / source.ImageLength, 1, Math.Min(256, source.Count)), training: false, pool, keep: _features?.Position);
        using var loader = new BatchLoader(source, Normalization, new BatchLoaderOptions { BatchSize = network.BatchSize });
        loader.Start(0);
        var done = 0;
        while (loader.Next() is { } batch)
        {
            cancellation.ThrowIfCancellationRequested();
            var kept = features.Length / source.Count;
            ScoreBatch(network, batch, views, finish, features.AsSpan(done * kept, batch.Count * kept), scores.AsSpan(done * Classes.Length, batch.Count * Classes.Length));
            done += batch.Count;
            progress?.Report(done);
        }

        return scores;
    }

    /// <summary>Scores labelled pictures and measures the result.</summary>
    /// <param name="source">Of the model's size, channels and number of classes.</param>
    /// <param name="options">Of the evaluation; null for the defaults.</param>
    /// <param name="views">Views of each picture whose logits are averaged. The default is the picture alone.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008).</exception>
    public EvaluationResult Evaluate(
        ImageSource source, EvaluationOptions? options = null, TestTimeViews views = TestTimeViews.None, CancellationToken cancellation = default)
    {
        var labels = LabelsOf(source);
        return Evaluator.Evaluate(labels, Score(source, views: views, cancellation: cancellation), Classes, options);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var network in _networks)
            network.Dispose();
        _networks.Clear();
        _caller.Dispose();
        Weights.Dispose();
    }

    int[] LabelsOf(ImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!source.Classes.SequenceEqual(Classes))
            throw ModelErrors.OtherImages($"classes {string.Join(", ", source.Classes)}", $"classes {string.Join(", ", Classes)}");
        var labels = new int[source.Count];
        for (var i = 0; i < labels.Length; i++)
            labels[i] = source.Label(i);
        return labels;
    }

    static void ToLogits(Network network, ReadOnlySpan<float> logits, Span<float> rows)
    {
        if (network.Weights.Spec.Loss != LossKind.SigmoidCrossEntropy)
        {
            logits.CopyTo(rows);
            return;
        }

        // Halves, so that both classes have the same energy when equally sure.
        for (var i = 0; i < logits.Length; i++)
            (rows[2 * i], rows[(2 * i) + 1]) = (-logits[i] / 2, logits[i] / 2);
    }

    static void ScoreBatch(Network network, Batch batch, TestTimeViews views, Finish finish, Span<float> features, Span<float> scores)
    {
        var spec = network.Weights.Spec;
        var sums = new float[batch.Count * spec.Outputs];
        var kept = new float[features.Length];
        foreach (var view in Views.Of(views))
        {
            Views.Write(view, spec.Height, spec.Width, spec.Channels, batch.Pixels, network.Input(batch.Count));
            Pass(network, batch.Count, kept);
            Add(view.Weight, network.Logits(batch.Count), sums);
            Add(view.Weight, kept, features);
        }

        finish(network, sums, scores);

        static void Add(float weight, ReadOnlySpan<float> values, Span<float> sums)
        {
            for (var i = 0; i < sums.Length; i++)
                sums[i] += weight * values[i];
        }
    }

    static void Pass(Network network, int count, Span<float> features)
    {
        if (features.IsEmpty)
            network.Forward(count);
        else
            network.Probe(count, features);
    }

    /// <summary>One picture on the calling thread, by a network from the bag: several callers at once each have their own.</summary>
    void ScoreOne(ImageSource source, Finish finish, Span<float> features, Span<float> scores)
    {
        if (!_networks.TryTake(out var network))
            network = new Network(Weights, 1, training: false, _caller, keep: _features?.Position);
        var pixels = new byte[source.ImageLength];
        source.CopyPixels(0, pixels);
        var input = network.Input(1);
        for (var i = 0; i < input.Length; i++)
        {
            var channel = i % Normalization.Channels;
            input[i] = ((pixels[i] / 255f) - Normalization.Mean[channel]) / Normalization.Std[channel];
        }

        Pass(network, 1, features);
        finish(network, network.Logits(1), scores);
        _networks.Add(network);
    }

    /// <summary>Makes [N, classes] of [N, outputs].</summary>
    delegate void Finish(Network network, ReadOnlySpan<float> logits, Span<float> rows);
}
