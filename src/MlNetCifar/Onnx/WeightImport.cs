using MlNetCifar.Files;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Onnx;

namespace MlNetCifar;

/// <summary>What weights from elsewhere do not say of themselves.</summary>
public sealed record WeightImportOptions
{
    /// <summary>The network that they are of, one of <see cref="Architectures.Names"/>.</summary>
    public required string Preset { get; init; }

    /// <summary>Height and width of the pictures; null (the default) for 224 × 224, or 32 × 32 where the first filter is a small one.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>Class names in the order of the outputs; null (the default) for "0", "1", ….</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>How pixels become what the network takes; null (the default) for the mean and deviation of ImageNet, as torchvision's weights were trained with.</summary>
    public Normalization? Normalization { get; init; }

    /// <summary>
    /// How pictures are brought to <see cref="Size"/>, whose width, height and channels are the network's; null (the default) for torchvision's way at 224 × 224, which is the shorter side to 256 and
    /// the centre of that, and a plain resize at other sizes.
    /// </summary>
    public PreprocessSpec? Preprocess { get; init; }
}

/// <summary>
/// Reads weights alone: safetensors of torchvision, timm or any PyTorch model whose tensors are named as those of a preset (<c>conv1.weight</c>, <c>layer1.0.bn1.running_mean</c>,
/// <c>fc.weight</c>), of 32-bit, 16-bit or brain floats. Every tensor of the preset must be there, and no other but the counters of batches.
/// </summary>
public static class WeightImport
{
    const int PhotographSide = 224, SmallSide = 32, ShorterSide = 256;
    const string Counter = ".num_batches_tracked";
    const string Parallel = "module.";
    static readonly float[] s_mean = [0.485f, 0.456f, 0.406f], s_deviation = [0.229f, 0.224f, 0.225f];

    /// <summary>Reads a file.</summary>
    /// <param name="path">A .safetensors file.</param>
    /// <param name="options">What the file does not say.</param>
    /// <returns>A classifier; the caller disposes it. Its notes say what was taken for granted.</returns>
    /// <exception cref="MlNetCifarException">
    /// The preset is unknown (MNC2004), the file is missing, foreign or damaged (MNC40xx), a pickle (MNC4116) or a whole model (MNC4117), or a tensor is missing, of another shape, or none of the network's (MNC2006);
    /// class names (MNC4112) or scaling (MNC4118) do not fit.
    /// </exception>
    public static ImportedModel Load(string path, WeightImportOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        return Read(ModelFile.Content(path, LocalFileStore.Instance), path, options);
    }

    internal static ImportedModel Read(ReadOnlyMemory<byte> content, string path, WeightImportOptions options)
    {
        if (IsPickle(content.Span))
            throw OnnxErrors.Pickle(path);
        var notes = new List<string>();
        var file = Named(SafeTensors.Read(content, path), notes);
        if (file.Metadata.ContainsKey(ModelFile.Key))
            throw OnnxErrors.WholeModel(path);
        if (file.Skipped is [var (name, type), ..])
            throw NetworkErrors.Weights($"'{name}' of type {type}", "tensors of F32, F16 or BF16", path);
        var spec = Network(file, options, notes);
        ModelFile.CheckTensors(spec, file, path);
        var (preprocess, normalization, classes) = (Preprocess(spec, options, notes), Scaling(spec, options, notes, path), Classes(spec, options, path));
        var weights = new NetworkWeights(spec);
        ModelFile.Fill(weights, file.Tensors);
        return new ImportedModel(weights, preprocess, normalization) { Classes = classes, Notes = notes };
    }

    /// <summary>A zip archive, or the pickle of older versions; a safetensors file may begin with the same bytes, but has a brace behind its length.</summary>
    static bool IsPickle(ReadOnlySpan<byte> file) => (file.Length < 9 || file[8] != '{') && (file.StartsWith("PK\u0003\u0004"u8) || file.StartsWith((ReadOnlySpan<byte>)[0x80, 0x02]));

    /// <summary>The tensors without counters, and without the prefix of a model that was trained in parallel.</summary>
    static TensorFile Named(TensorFile file, List<string> notes)
    {
        var counters = file.Skipped.Count(IsCounter);
        if (counters > 0)
            notes.Add(FormattableString.Invariant($"{counters} counters of batches (num_batches_tracked) were left out."));
        var tensors = file.Tensors;
        if (tensors.Count > 0 && tensors.All(t => t.Name.StartsWith(Parallel, StringComparison.Ordinal)))
        {
            notes.Add($"All names begin with '{Parallel}', which was left out.");
            tensors = [.. tensors.Select(t => t with { Name = t.Name[Parallel.Length..] })];
        }

        return file with { Tensors = tensors, Skipped = [.. file.Skipped.Where(s => !IsCounter(s))] };

        static bool IsCounter((string Name, string Type) tensor) => tensor.Type == "I64" && tensor.Name.EndsWith(Counter, StringComparison.Ordinal);
    }

    /// <summary>The preset, with the channels that its first filter takes and the classes that its last matrix gives.</summary>
    static NetworkSpec Network(TensorFile file, WeightImportOptions options, List<string> notes)
    {
        var byName = file.Tensors.ToDictionary(t => t.Name, t => t.Dimensions);
        var first = byName.GetValueOrDefault("conv1.weight");
        var channels = first is [_, 1, _, _] ? 1 : 3;
        var isPhotograph = options.Preset.StartsWith("resnet", StringComparison.Ordinal) && first is [_, _, 7, 7];
        var (height, width) = options.Size ?? (isPhotograph ? (PhotographSide, PhotographSide) : (SmallSide, SmallSide));
        if (options.Size is null)
            notes.Add(FormattableString.Invariant($"Pictures of {width}×{height} were taken for granted."));
        var known = Architectures.Create(options.Preset, width, height, channels, 2);
        var head = known.Resolve().LastOrDefault(node => node.Layer is Linear)?.WeightName;
        var outputs = byName.GetValueOrDefault($"{head}.weight") is [> 0 and var rows, _] ? rows : 2;
        return Architectures.Create(options.Preset, width, height, channels, Math.Max(outputs, 2));
    }

    static PreprocessSpec Preprocess(NetworkSpec spec, WeightImportOptions options, List<string> notes)
    {
        if (options.Preprocess is { } given)
            return given with { Width = spec.Width, Height = spec.Height, Channels = spec.Channels };
        if (spec is not { Width: PhotographSide, Height: PhotographSide })
            return new() { Width = spec.Width, Height = spec.Height, Channels = spec.Channels };
        notes.Add("Pictures are resized as torchvision does for evaluation: the shorter side to 256, then the centre of 224×224.");
        return new() { Width = spec.Width, Height = spec.Height, Channels = spec.Channels, Resize = ResizeMode.ShorterSideCrop, ShorterSide = ShorterSide };
    }

    static Normalization Scaling(NetworkSpec spec, WeightImportOptions options, List<string> notes, string path)
    {
        if (options.Normalization is { } given)
            return given.Fits(spec.Height, spec.Width, spec.Channels) ? given : throw OnnxErrors.OtherScaling(path, given.Channels, spec.Channels);
        notes.Add("Pixels are scaled by the mean and deviation of ImageNet (--mean and --std say otherwise).");
        return spec.Channels == 3 ? new(s_mean, s_deviation) : new([s_mean.Average()], [s_deviation.Average()]);
    }

    static IReadOnlyList<string> Classes(NetworkSpec spec, WeightImportOptions options, string path) => options.Classes switch
    {
        null => [.. Enumerable.Range(0, spec.Classes).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))],
        { } names when names.Count == spec.Classes => names,
        { } names => throw OnnxErrors.ClassNames(path, names.Count, spec.Classes),
    };
}
