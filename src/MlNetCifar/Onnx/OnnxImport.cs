using MlNetCifar.Files;
using MlNetCifar.Nn;
using MlNetCifar.Onnx;

namespace MlNetCifar;

/// <summary>What an import is told beside the file.</summary>
public sealed record OnnxImportOptions
{
    /// <summary>An ONNX file that turns pixels 0 … 255 into what the model takes; null (the default) where the model does so itself, or <see cref="Normalization"/> says how.</summary>
    public string? Preprocessing { get; init; }

    /// <summary>How pixels become what the model takes; null (the default) where a file says so.</summary>
    public Normalization? Normalization { get; init; }

    /// <summary>How pictures are brought to the model's size; null (the default) for a bilinear resize to it. Width, height and channels are the model's.</summary>
    public PreprocessSpec? Preprocess { get; init; }

    /// <summary>Height and width of the pictures, for a file that leaves them open; null (the default) for the file's.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>The output to import up to; null (the default) for the first.</summary>
    public string? Output { get; init; }

    /// <summary>Class names in the order of the outputs; null (the default) for those in the file, and where it has none "0", "1", ….</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>Name of the network; null (the default) for that of the file.</summary>
    public string? Name { get; init; }
}

/// <summary>
/// Reads ONNX models whose graph is a chain of layers with residual blocks: Conv, BatchNormalization, activations, MaxPool, AveragePool, global pooling, Flatten, Reshape,
/// Gemm, MatMul, Add, Mul by a number, Dropout, Identity, a Softmax or Sigmoid at the end, and constant scaling of pixels at the beginning. Anything else is a named error that
/// says which node. Nothing of the file is executed. A file that <see cref="OnnxExport"/> wrote, of 32-bit weights, gives the exported model to the bit, with its calibration and history.
/// </summary>
public static class OnnxImport
{
    /// <summary>Reads a model.</summary>
    /// <param name="path">An .onnx file of any producer, at most 2 GB, weights included.</param>
    /// <param name="options">What the file does not say; null where it says all.</param>
    /// <returns>Network, weights and scaling; the caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">The file is missing, damaged, or holds something else (MNC41xx); the network is none (MNC20xx).</exception>
    public static ImportedModel Load(string path, OnnxImportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new();
        return Read(Content(path), path, options);
    }

    internal static ImportedModel Read(ReadOnlyMemory<byte> content, string path, OnnxImportOptions options)
    {
        var pixels = options.Preprocessing is { } file ? new Importer(Content(file), file, options with { Output = null }).ReadPixels() : null;
        var importer = new Importer(content, path, options);
        string? doubt = null;
        if (options == new OnnxImportOptions() && DescribedModel.Read(importer.Model, path, out doubt) is { } described)
            return new(described);
        var model = importer.Read(pixels);
        return doubt is null ? model : model.With(doubt);
    }

    internal static ReadOnlyMemory<byte> Content(string path) => Reading(path, () =>
    {
        IFileStore store = LocalFileStore.Instance;
        if (store.FindLength(path) is not { } length)
            throw OnnxErrors.Missing(path);
        return length <= Array.MaxLength ? store.ReadFile(path, length) : throw OnnxErrors.TooLarge(path, length);
    });

    /// <summary>Reads of a file, whose faults become errors about ONNX files.</summary>
    internal static T Reading<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw OnnxErrors.Missing(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw OnnxErrors.Unreadable(path, e);
        }
    }
}

/// <summary>What an import has read: a classifier, or a network that gives features. Owns its weights until <see cref="ToClassifier"/> or <see cref="ToFeatures"/> copies them.</summary>
public sealed class ImportedModel : IDisposable
{
    readonly ImageClassifier? _described;

    internal ImportedModel(NetworkWeights weights, PreprocessSpec preprocess, Normalization normalization) =>
        (Weights, Preprocess, Normalization) = (weights, preprocess, normalization);

    /// <summary>What this library exported, with calibration and history.</summary>
    internal ImportedModel(ImageClassifier described)
        : this(described.Weights, described.Preprocess, described.Normalization) =>
        (_described, Classes) = (described, described.Classes);

    /// <summary>The network. Without classes its loss is <see cref="LossKind.None"/>.</summary>
    public NetworkSpec Network => Weights.Spec;

    /// <summary>The weights; owned.</summary>
    public NetworkWeights Weights { get; }

    /// <summary>How pictures become inputs.</summary>
    public PreprocessSpec Preprocess { get; }

    /// <summary>How bytes become numbers.</summary>
    public Normalization Normalization { get; }

    /// <summary>Class names; none for a network that gives features.</summary>
    public IReadOnlyList<string> Classes { get; internal init; } = [];

    /// <summary>What was left out or supplied, one sentence each; may be empty.</summary>
    public IReadOnlyList<string> Notes { get; internal init; } = [];

    /// <summary>Whether the network ends in scores of classes; else in features.</summary>
    public bool IsClassifier => Network.Loss != LossKind.None;

    internal ImportedModel With(string note) => new(Weights, Preprocess, Normalization) { Classes = Classes, Notes = [note, .. Notes] };

    /// <summary>A classifier with its own copy of the weights; the caller disposes it.</summary>
    /// <exception cref="InvalidOperationException">The network gives features.</exception>
    public ImageClassifier ToClassifier() => _described is not null
        ? _described.WithWeights(Weights.Clone())
        : IsClassifier
        ? new ImageClassifier(Weights.Clone(), Classes, Preprocess, Normalization)
        : throw new InvalidOperationException($"The network '{Network.Name}' gives features, no classes.");

    /// <summary>An extractor of features with its own copy of the weights, a classifier's last dense layer left out; the caller disposes it.</summary>
    /// <exception cref="MlNetCifarException">It is a classifier without a dense layer behind others (MNC4009).</exception>
    public FeatureExtractor ToFeatures()
    {
        if (!IsClassifier)
            return new FeatureExtractor(Weights.Clone(), Preprocess, Normalization);
        using var classifier = ToClassifier();
        return FeatureExtractor.Of(classifier);
    }

    /// <summary>Writes a model file: of a classifier one for <see cref="ImageClassifier.Load(string)"/>, of a network that gives features one for <see cref="FeatureExtractor.Load(string)"/>. Atomic.</summary>
    /// <param name="path">Usually ends in <c>.safetensors</c>.</param>
    /// <exception cref="MlNetCifarException">The file cannot be written (MNC4006).</exception>
    public void Save(string path)
    {
        if (IsClassifier)
        {
            using var classifier = ToClassifier();
            classifier.Save(path);
        }
        else
        {
            using var features = ToFeatures();
            features.Save(path);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _described?.Dispose();
        Weights.Dispose();
    }
}
