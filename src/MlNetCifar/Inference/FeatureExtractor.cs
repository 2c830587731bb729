using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Inference;
using MlNetCifar.Nn;

namespace MlNetCifar;

/// <summary>
/// A network that describes pictures by numbers, with all it needs to be used: a classifier without its last dense layer, or what was imported without one. Pictures that are
/// alike lie close together; a classifier is trained on them in seconds. Immutable; thread-safe.
/// </summary>
public sealed class FeatureExtractor : IDisposable
{
    readonly Preprocessor _preprocessor;

    /// <summary>Puts an extractor together.</summary>
    /// <param name="weights">Of a network with <see cref="LossKind.None"/>; owned by the extractor from now on.</param>
    /// <param name="preprocess">How pictures become inputs.</param>
    /// <param name="normalization">How bytes become numbers.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public FeatureExtractor(NetworkWeights weights, PreprocessSpec preprocess, Normalization normalization)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(preprocess);
        ArgumentNullException.ThrowIfNull(normalization);
        var spec = weights.Spec;
        if (spec.Loss != LossKind.None)
            throw new ArgumentException($"The network '{spec.Name}' gives classes, no features.", nameof(weights));
        if ((preprocess.Height, preprocess.Width, preprocess.Channels) != (spec.Height, spec.Width, spec.Channels))
            throw new ArgumentException($"The preprocessing gives {preprocess.Height}×{preprocess.Width}×{preprocess.Channels}; the network takes {spec.Height}×{spec.Width}×{spec.Channels}.", nameof(preprocess));
        if (!normalization.Fits(spec.Height, spec.Width, spec.Channels))
            throw new ArgumentException($"The normalisation does not fit pictures of {spec.InputShape(1)}.", nameof(normalization));
        (Weights, Preprocess, Normalization, WeightsSha256) = (weights, preprocess, normalization, weights.Sha256());
        _preprocessor = new Preprocessor(preprocess);
        Scorer = new Scorer(weights, normalization);
    }

    /// <summary>The network's description, without a layer for classes.</summary>
    public NetworkSpec Network => Weights.Spec;

    /// <summary>The weights; not to be changed.</summary>
    public NetworkWeights Weights { get; }

    /// <summary>SHA-256 of the weights, 64 hexadecimal digits.</summary>
    public string WeightsSha256 { get; }

    /// <summary>How pictures become inputs.</summary>
    public PreprocessSpec Preprocess { get; }

    /// <summary>How bytes become numbers.</summary>
    public Normalization Normalization { get; }

    /// <summary>Numbers that describe a picture.</summary>
    public int Count => Network.Classes;

    /// <summary>Makes the features, for whoever runs pictures in a way of its own.</summary>
    internal Scorer Scorer { get; }

    /// <summary>What stands before the last dense layer of a classifier.</summary>
    /// <param name="classifier">Only read; its weights are copied.</param>
    /// <exception cref="MlNetCifarException">It has no dense layer behind others (MNC4009).</exception>
    public static FeatureExtractor Of(ImageClassifier classifier)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        return new(Without(classifier.Weights), classifier.Preprocess, classifier.Normalization);
    }

    /// <summary>Reads a file of <see cref="Save(string)"/>, or a classifier's, whose last dense layer and what follows it are left out.</summary>
    /// <param name="path">A .safetensors file.</param>
    /// <exception cref="MlNetCifarException">The file is missing, foreign, damaged or too new (MNC40xx).</exception>
    public static FeatureExtractor Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ModelFile.LoadFeatures(path, LocalFileStore.Instance);
    }

    /// <summary>Reads the content of such a file, for example out of an archive.</summary>
    /// <param name="stream">Read from where it stands to its end; not closed.</param>
    /// <exception cref="MlNetCifarException">The content is foreign, damaged or too new (MNC40xx).</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static FeatureExtractor Load(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return ModelFile.LoadFeatures(stream);
    }

    /// <summary>
    /// The same network for pictures of another size: smaller ones take less time, in proportion to their pixels, and tell less. What it computes must not depend on the size, as that
    /// of convolutions and global pooling does not. A mean image is brought to the size.
    /// </summary>
    /// <param name="size">Width and height, ≥ 1.</param>
    /// <returns>A new extractor with a copy of the weights; the caller disposes both.</returns>
    /// <exception cref="MlNetCifarException">A layer does not take that size (MNC4012).</exception>
    public FeatureExtractor Resized(ImageSize size)
    {
        var was = new ImageSize(Network.Width, Network.Height);
        NetworkWeights weights;
        try
        {
            weights = new NetworkWeights(Network with { Width = size.Width, Height = size.Height });
        }
        catch (Exception e) when (e is MlNetCifarException or ArgumentException)
        {
            throw ModelErrors.OtherSize(Network.Name, was, size, e.Message.TrimEnd('.'));
        }

        foreach (var tensor in weights.Tensors)
        {
            var same = Weights.Find(tensor.Name)!.Values;
            if (same.Length != tensor.Values.Length)
            {
                weights.Dispose();
                throw ModelErrors.OtherSize(Network.Name, was, size, $"the number of weights of '{tensor.Name}' depends on the size");
            }

            same.CopyTo(tensor.Values);
        }

        weights.Changed();
        return new(weights, Preprocess with { Width = size.Width, Height = size.Height, ShorterSide = Shorter() }, Normalization.Resized(was, size));

        // The share of the picture that the crop takes stays.
        int Shorter() => Preprocess.ShorterSide == 0 ? 0
            : Math.Max(Math.Max(size.Width, size.Height), (int)Math.Round((double)Preprocess.ShorterSide * Math.Min(size.Width, size.Height) / Math.Min(was.Width, was.Height)));
    }

    /// <summary>Writes the content of the file that <see cref="Save(string)"/> writes, to be kept within another.</summary>
    /// <param name="stream">Written from where it stands; not closed.</param>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ModelFile.Save(this, stream);
    }

    /// <summary>Writes one file, as <see cref="ImageClassifier.Save(string, ImageSource?)"/> does. Atomic.</summary>
    /// <param name="path">Usually ends in <c>.safetensors</c>.</param>
    /// <exception cref="MlNetCifarException">The file cannot be written (MNC4006); what was there before is untouched.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ModelFile.Save(this, path);
    }

    /// <summary>Features of many preprocessed pictures.</summary>
    /// <param name="source">Of the network's size and channels.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="views">Views of each picture whose features are averaged. The default is the picture alone.</param>
    /// <param name="progress">Told the number of pictures done.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>[N, <see cref="Count"/>].</returns>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public float[] Features(
        ImageSource source, int? threads = null, TestTimeViews views = TestTimeViews.None, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
        Scorer.Run(source, threads, views, [], progress, cancellation);

    /// <summary>Features of a decoded picture of any size.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    /// <returns>[<see cref="Count"/>].</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public float[] Features(RgbImage image, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var lane = Scorer.Rent();
        _preprocessor.Apply(image, lane.Pixels);
        var features = new float[Count];
        lane.Run(TestTimeViews.None, [], features, cancellation);
        return features;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Scorer.Dispose();
        Weights.Dispose();
    }

    /// <summary>A copy of the weights of all layers before the last dense one.</summary>
    static NetworkWeights Without(NetworkWeights whole)
    {
        var last = LastFeatures.DenseIndex(whole);
        if (last < 1)
            throw ModelErrors.NoFeatures(whole.Spec.Name);
        var weights = new NetworkWeights(whole.Spec with { Layers = whole.Spec.Layers[..last], Loss = LossKind.None, Classes = whole.Nodes[last].Input.C });
        foreach (var tensor in weights.Tensors)
            whole.Find(tensor.Name)!.Values.CopyTo(tensor.Values);
        weights.Changed();
        return weights;
    }
}
