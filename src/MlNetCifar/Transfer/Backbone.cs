using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Transfer;

namespace MlNetCifar;

/// <summary>
/// A trained network without its head: it makes features of pictures, on which a head for other classes is trained in seconds (<see cref="TransferTrainer"/>).
/// Immutable; thread-safe. A picture's features have the same bits alone and among others, and on any number of threads.
/// </summary>
public sealed class Backbone : IDisposable
{
    readonly NetworkWeights _weights;

    /// <summary>Puts a backbone together.</summary>
    /// <param name="weights">
    /// Only read; copied. The features are what the last dense layer reads, where the network ends in one; else what it gives itself.
    /// </param>
    /// <param name="preprocess">How pictures become inputs.</param>
    /// <param name="normalization">How bytes become numbers.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    /// <exception cref="MlNetCifarException">The network has no features, or more than 1024 (MNC3101).</exception>
    public Backbone(NetworkWeights weights, PreprocessSpec preprocess, Normalization normalization)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(preprocess);
        ArgumentNullException.ThrowIfNull(normalization);
        var spec = weights.Spec;
        if ((preprocess.Height, preprocess.Width, preprocess.Channels) != (spec.Height, spec.Width, spec.Channels))
            throw new ArgumentException($"The preprocessing gives {preprocess.Height}×{preprocess.Width}×{preprocess.Channels}; the network takes {spec.Height}×{spec.Width}×{spec.Channels}.", nameof(preprocess));
        if (normalization.Channels != spec.Channels)
            throw new ArgumentException($"The normalisation has {normalization.Channels} channels; the network takes {spec.Channels}.", nameof(normalization));
        (Name, Preprocess, Normalization, Layers) = (spec.Name, preprocess, normalization, Body(spec.Layers));
        (_weights, FeatureCount) = Headless(spec, weights);
        Sha256 = _weights.Sha256();
        Scorer = new Scorer(_weights, normalization);
    }

    /// <summary>What it is called, for example <c>resnet18</c>.</summary>
    public string Name { get; init; }

    /// <summary>Who lets whom use the weights, for example <c>MIT</c>; null where nobody said.</summary>
    public string? Licence { get; init; }

    /// <summary>The layers, first to last, without a head.</summary>
    public ImmutableArray<LayerSpec> Layers { get; }

    /// <summary>How pictures become inputs.</summary>
    public PreprocessSpec Preprocess { get; }

    /// <summary>How bytes become numbers.</summary>
    public Normalization Normalization { get; }

    /// <summary>Numbers that describe a picture.</summary>
    public int FeatureCount { get; }

    /// <summary>SHA-256 of the weights, 64 hexadecimal digits.</summary>
    public string Sha256 { get; }

    /// <summary>Makes the features: the inputs of a dense layer that stands in for a head.</summary>
    internal Scorer Scorer { get; }

    /// <summary>A trained model's network without its head.</summary>
    /// <param name="model">Only read; may be disposed afterwards.</param>
    /// <exception cref="MlNetCifarException">It has no features (MNC3101).</exception>
    public static Backbone From(ImageClassifier model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new(model.Weights, model.Preprocess, model.Normalization);
    }

    /// <summary>The network of a model file without its head.</summary>
    /// <param name="path">A file that <see cref="ImageClassifier.Save"/> wrote.</param>
    /// <exception cref="MlNetCifarException">The file cannot be used (MNC40xx), or has no features (MNC3101).</exception>
    public static Backbone Load(string path)
    {
        using var model = ImageClassifier.Load(path);
        return From(model);
    }

    /// <summary>The backbone with a head: one dense layer.</summary>
    /// <param name="classes">Number of classes, ≥ 2.</param>
    public NetworkSpec WithHead(int classes)
    {
        var taken = Layers.Any(layer => layer.WeightName == "fc");
        var spec = _weights.Spec;
        return spec with
        {
            Name = Name, Classes = classes, Layers = [.. Layers, new Linear(classes) { Initializer = Initializer.GlorotUniform, WeightName = taken ? "head" : "fc" }],
        };
    }

    /// <summary>Weights of the backbone with a head, which is filled by its initializer.</summary>
    /// <param name="classes">Number of classes, ≥ 2.</param>
    /// <param name="seed">Of the initializer.</param>
    /// <returns>The caller disposes them.</returns>
    public NetworkWeights WeightsWithHead(int classes, ulong seed = 0)
    {
        var weights = NetworkWeights.Initialize(WithHead(classes), seed);
        Copy(_weights, weights);
        return weights;
    }

    /// <summary>The features of many pictures.</summary>
    /// <param name="source">Pictures as <see cref="Preprocess"/> makes them.</param>
    /// <param name="flipped">Whether the pictures are mirrored left to right first.</param>
    /// <param name="options">Threads, and where features are kept; null for the defaults.</param>
    /// <param name="progress">Told the number of pictures done, from any thread.</param>
    /// <param name="cancellation">Ends the work between two pictures; what was kept until then is found again.</param>
    /// <returns>[N, <see cref="FeatureCount"/>].</returns>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC3102), cannot be read (MNC10xx, MNC12xx), or the features cannot be kept (MNC3103).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public float[] Features(
        ImageSource source, bool flipped = false, TransferOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new FeaturePass(this, options ?? new(), progress, cancellation).Run(source, flipped);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Scorer.Dispose();
        _weights.Dispose();
    }

    /// <summary>The layers before the last dense one where only scaling and dropout follow that.</summary>
    static ImmutableArray<LayerSpec> Body(ImmutableArray<LayerSpec> layers)
    {
        var end = layers.Length;
        while (end > 0 && layers[end - 1] is Scale or Dropout)
            end--;
        return end > 0 && layers[end - 1] is Linear ? layers[..(end - 1)] : layers;
    }

    (NetworkWeights Weights, int Features) Headless(NetworkSpec spec, NetworkWeights weights)
    {
        // Two outputs, which nobody reads, make a network of it; dropout before a head changes nothing out of training.
        var own = spec with { Name = spec.Name, Classes = 2, Loss = LossKind.SoftmaxCrossEntropy, Layers = [.. Layers, new Linear(2) { WeightName = "stand_in_head" }] };
        NetworkWeights headless;
        try
        {
            headless = new NetworkWeights(own);
        }
        catch (MlNetCifarException e)
        {
            throw TransferErrors.NoFeatures(spec.Name, e.Reason.TrimEnd('.'));
        }

        Copy(weights, headless);
        if (LastFeatures.Of(headless) is { } features)
            return (headless, features.Length);
        headless.Dispose();
        throw TransferErrors.NoFeatures(spec.Name, "its last dense layer reads the picture itself, or more than 1024 features");
    }

    /// <summary>Copies the tensors of the body; names and shapes are the same, for the body is.</summary>
    static void Copy(NetworkWeights from, NetworkWeights to)
    {
        foreach (var tensor in to.Tensors)
        {
            if (from.Find(tensor.Name) is { } source && source.Length == tensor.Length)
                source.Values.CopyTo(tensor.Values);
        }

        to.Changed();
    }
}
