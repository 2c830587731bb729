using MlNetCifar.Data;
using MlNetCifar.Imaging;
using MlNetCifar.Inference;
using MlNetCifar.Numerics;

namespace MlNetCifar.Explain;

/// <summary>
/// Gradient-weighted class activation maps (Selvaraju et al. 2017): L = max(Σₖ αₖ·Aₖ, 0), αₖ being the mean gradient of the class's logit by the feature
/// map Aₖ of one convolution. The map Aₖ is the convolution's result after the batch normalisation and the activation that directly follow it, before
/// any pooling; inside a residual block, before the sum. L is enlarged bilinearly to the input's size and scaled to a largest value of 1.
/// The map of an ensemble is the sum over its members of what each gives. An image's map does not depend on its batch. Not thread-safe; several may share one model.
/// </summary>
public sealed class GradCam : IDisposable
{
    readonly ImageClassifier _model;
    readonly FeatureProbe _probe;
    readonly Preprocessor _preprocessor;
    readonly PixelNormalizer _normalizer;
    readonly int? _threads;

    /// <summary>Prepares to explain a model's answers.</summary>
    /// <param name="model">Borrowed; must outlive this.</param>
    /// <param name="layer">Name of a convolution as in <see cref="Layers"/>; null for the last on the main path whose map has more than one pixel, of an ensemble for that of each member.</param>
    /// <param name="batchSize">Most images computed at once, ≥ 1. The default is 16.</param>
    /// <param name="threads">Threads, ≥ 1; null for the cores this process may use.</param>
    /// <exception cref="MlNetCifarException">The network has no convolution (MNC5501), or none of that name (MNC5502).</exception>
    public GradCam(ImageClassifier model, string? layer = null, int batchSize = 16, int? threads = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        _model = model;
        _threads = threads;
        _preprocessor = new Preprocessor(model.Preprocess);
        _normalizer = new PixelNormalizer(model.Network.Width, model.Normalization, SimdLevel.Active);
        _probe = new FeatureProbe(model.Weights, layer, batchSize, threads ?? Environment.ProcessorCount);
    }

    /// <summary>Name of the convolution that is looked at; of an ensemble those of all members, with commas between.</summary>
    public string Layer => string.Join(", ", _probe.Layers.Select(layer => layer.Name));

    /// <summary>Names of a model's convolutions in the order of computation.</summary>
    /// <param name="model">The model.</param>
    public static IReadOnlyList<string> Layers(ImageClassifier model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. ConvLayer.Of(model.Network).Select(layer => layer.Name)];
    }

    /// <summary>Explains the picture in a file.</summary>
    /// <param name="path">A JPEG, PNG, BMP, PNM or GIF file.</param>
    /// <param name="target">Index of the class to explain; null for the most probable.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>A map over the network's input, that is over the preprocessed picture.</returns>
    /// <exception cref="ArgumentException">The path is empty, or there is no such class.</exception>
    /// <exception cref="MlNetCifarException">The file cannot be read or decoded (MNC12xx).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Heatmap Explain(string path, int? target = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var pixels = new byte[_model.Preprocess.Length];
        _preprocessor.Apply(PictureFile.Read(path, _preprocessor.Decoding.MaxFileBytes), pixels, path);
        return Explain(pixels, target, cancellation)[0];
    }

    /// <summary>Explains one picture of any size.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="target">Index of the class to explain; null for the most probable.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>A map over the network's input, that is over the preprocessed picture.</returns>
    /// <exception cref="ArgumentException">The picture is null, or there is no such class.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Heatmap Explain(RgbImage image, int? target = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        var pixels = new byte[_model.Preprocess.Length];
        _preprocessor.Apply(image, pixels);
        return Explain(pixels, target, cancellation)[0];
    }

    /// <summary>Explains preprocessed pictures.</summary>
    /// <param name="pixels">[N, H, W, C] bytes of the network's size.</param>
    /// <param name="target">Index of the class to explain; null for each picture's most probable.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>N maps. Class and probability are those of the model's <see cref="ImageClassifier.Classify(RgbImage, int, CancellationToken)"/>.</returns>
    /// <exception cref="ArgumentException">The length is no whole number of pictures, or there is no such class.</exception>
    public IReadOnlyList<Heatmap> Explain(ReadOnlySpan<byte> pixels, int? target = null, CancellationToken cancellation = default)
    {
        var maps = new List<Heatmap>();
        foreach (var probed in Probe(pixels, target, cancellation))
            maps.Add(Map(probed, _probe.Maps, _model.Network.Height, _model.Network.Width));
        return maps;
    }

    /// <summary>The feature maps of one preprocessed picture that count most, on one sheet; of an ensemble those of its first member.</summary>
    /// <param name="pixels">[H, W, C] bytes of the network's size.</param>
    /// <param name="target">Index of the class; null for the most probable.</param>
    /// <param name="top">How many maps at most, ≥ 1. The default is 16.</param>
    /// <param name="cancellation">Ends the work.</param>
    public FeatureSheet Features(ReadOnlySpan<byte> pixels, int? target = null, int top = 16, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        return FeatureSheet.Of(Probe(pixels, target, cancellation)[0][0], _probe.Maps[0], top);
    }

    /// <inheritdoc/>
    public void Dispose() => _probe.Dispose();

    internal static Heatmap Map(IReadOnlyList<Probed> probed, IReadOnlyList<Shape> maps, int height, int width)
    {
        var sum = new float[height * width];
        for (var i = 0; i < probed.Count; i++)
            foreach (var (at, value) in Enlarged(probed[i], maps[i], height, width).Index())
                sum[at] += value;
        return Heatmap.Normalized(sum, height, width, probed[0].Class, probed[0].Probability);
    }

    static float[] Enlarged(Probed probed, Shape maps, int height, int width)
    {
        var weights = probed.ChannelWeights(maps.C);
        var small = new float[maps.H * maps.W];
        for (var i = 0; i < probed.Features.Length; i++)
            small[i / maps.C] += weights[i % maps.C] * probed.Features[i];
        foreach (ref var value in small.AsSpan())
            value = Math.Max(value, 0);
        return MapDrawing.Enlarge(small, maps.H, maps.W, height, width);
    }

    /// <summary>What the probe finds in each picture.</summary>
    List<Probed[]> Probe(ReadOnlySpan<byte> pixels, int? target, CancellationToken cancellation)
    {
        var length = _model.Preprocess.Length;
        if (pixels.Length == 0 || pixels.Length % length != 0)
            throw new ArgumentException($"{pixels.Length} bytes given, a multiple of {length} expected.", nameof(pixels));
        if (target is { } k && (k < 0 || k >= _model.Classes.Length))
            throw new ArgumentOutOfRangeException(nameof(target), target, $"There are {_model.Classes.Length} classes.");
        var found = new List<Probed[]>();
        var most = length * _probe.BatchSize;
        for (var start = 0; start < pixels.Length; start += most)
        {
            var part = pixels.Slice(start, Math.Min(most, pixels.Length - start));
            var inputs = new float[part.Length];
            _normalizer.Apply(part, inputs);
            var answers = Answers(part, target, cancellation);
            found.AddRange(_probe.Run(inputs, answers, cancellation));
        }

        return found;
    }

    /// <summary>What the model itself says, so that class and probability are those of its predictions.</summary>
    (int Class, float Probability)[] Answers(ReadOnlySpan<byte> pixels, int? target, CancellationToken cancellation)
    {
        var (network, classes) = (_model.Network, _model.Classes.Length);
        var labels = new int[pixels.Length / _model.Preprocess.Length];
        var images = new ImageSet(pixels.ToArray(), labels, network.Width, network.Height, network.Channels, _model.Classes);
        var scores = _model.Answers(images, _threads, _model.OwnViews, cancellation);
        return [.. Enumerable.Range(0, images.Count).Select(i =>
        {
            var k = target ?? ClassScores.Best(scores.AsSpan(i * classes, classes));
            return (k, scores[(i * classes) + k]);
        })];
    }
}
