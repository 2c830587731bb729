using MlNetCifar.Files;
using MlNetCifar.Inference;
using MlNetCifar.Onnx;

namespace MlNetCifar;

/// <summary>What an exported model takes.</summary>
public enum OnnxInput
{
    /// <summary><c>pixels</c>, bytes 0 … 255, [N, H, W, C], red first; their scaling is part of the graph.</summary>
    Pixels,

    /// <summary><c>input</c>, 32-bit floats, [N, C, H, W], scaled by mean and deviation of each channel already; what a mean image takes beyond that is part of the graph.</summary>
    Normalized,

    /// <summary>
    /// <c>picture_pixels</c>, one picture of any size as it was decoded, bytes 0 … 255, [1, height, width, 3], red first; resize, crop and scaling are part of the graph. Needs opset 18.
    /// </summary>
    Pictures,
}

/// <summary>How an exported model holds filters and matrices; its computation is in 32-bit floats in any case.</summary>
public enum OnnxWeights
{
    /// <summary>32-bit floats, as they are.</summary>
    Float32,

    /// <summary>16-bit floats: half the size.</summary>
    Float16,

    /// <summary>8-bit whole numbers with one scale an output, symmetric about 0: a quarter of the size.</summary>
    Int8,
}

/// <summary>Choices of an export.</summary>
public sealed record OnnxExportOptions
{
    const int UsualOpset = 17;

    /// <summary>Oldest and newest set of operators that can be written.</summary>
    public static (int Oldest, int Newest) Opsets { get; } = (13, 24);

    /// <summary>Version of the standard operators, 13 … 24, from 18 for <see cref="OnnxInput.Pictures"/>; null (the default) for 17, or 18 where that is needed.</summary>
    public int? Opset { get; init; }

    /// <summary>What the model takes. The default is <see cref="OnnxInput.Pixels"/>.</summary>
    public OnnxInput Input { get; init; } = OnnxInput.Pixels;

    /// <summary>How it holds filters and matrices. The default is <see cref="OnnxWeights.Float32"/>.</summary>
    public OnnxWeights Weights { get; init; } = OnnxWeights.Float32;

    /// <summary>Whether batch normalisations directly behind convolutions and dense layers become part of their weights. The default is false.</summary>
    public bool FoldBatchNorm { get; init; }

    /// <summary>
    /// Pictures of the model's size of which the file carries the first <see cref="ModelProof.MostPictures"/> with their logits, for <see cref="ModelProof.Check(string)"/>; null (the default)
    /// for those that the model carries, if it does. A source without pictures for none.
    /// </summary>
    public ImageSource? Proof { get; init; }

    /// <summary>The licence of the model, for its metadata; empty (the default) for none.</summary>
    public string License { get; init; } = "";

    /// <summary>Whether a model card is written beside the file, under its name with <c>.md</c> behind: what the model is, what it takes and gives, how it was made. The default is false.</summary>
    public bool ModelCard { get; init; }

    /// <summary>The version that is written.</summary>
    internal int Version => Opset ?? Math.Max(UsualOpset, OldestOpset(Input));

    /// <summary>The oldest version that has what a model needs.</summary>
    /// <param name="input">What it takes.</param>
    public static int OldestOpset(OnnxInput input) => input == OnnxInput.Pictures ? PictureSteps.Opset : Opsets.Oldest;
}

/// <summary>Writes classifiers as ONNX files.</summary>
public static class OnnxExport
{
    /// <summary>
    /// Writes one .onnx file: the network with the scaling of its pixels, and the outputs <c>logits</c> [N, classes], <c>probabilities</c> [N, classes] (calibrated where the model is)
    /// and <c>label</c> [N], the name of the most probable class; N is open. Classes, preprocessing and all else that the model file holds are in its metadata. It computes what the
    /// model computes of the picture alone, without further views of it. Atomic.
    /// </summary>
    /// <param name="model">The classifier.</param>
    /// <param name="path">Usually ends in <c>.onnx</c>.</param>
    /// <param name="options">Choices; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="MlNetCifarException">
    /// A layer (MNC2009) or, for <see cref="OnnxInput.Pictures"/>, the preprocessing (MNC4115) has no form in ONNX, the pictures of the proof have another size (MNC4008), the file would have 2 GB or more (MNC4113), or it cannot be written (MNC4006); what was there before is untouched.
    /// </exception>
    public static void ExportOnnx(this ImageClassifier model, string path, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new();
        if (options.Version < OnnxExportOptions.OldestOpset(options.Input) || options.Version > OnnxExportOptions.Opsets.Newest || !Enum.IsDefined(options.Input) || !Enum.IsDefined(options.Weights))
            throw new ArgumentOutOfRangeException(
                nameof(options), $"Opset {options.Version}, input {options.Input}, weights {options.Weights}; expected an opset from {OnnxExportOptions.OldestOpset(options.Input)} to {OnnxExportOptions.Opsets.Newest}.");
        if (options.Input == OnnxInput.Pictures && PictureSteps.Obstacle(model.Preprocess) is { } obstacle)
            throw OnnxErrors.Preprocessing(path, obstacle);
        if (options.Proof is null && model.Proof is { } own)
            options = options with { Proof = Carried(own, model, path) };
        var file = Content(model, options, path);
        try
        {
            LocalFileStore.Instance.Write(path, stream => stream.Write(file.Span));
            if (options.ModelCard)
                AtomicFile.WriteText(path + ".md", writer => Card.Write(writer, model, options, path, file.Length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ModelErrors.Unwritable(path, e);
        }
    }

    static ImageSet Carried(string proof, ImageClassifier model, string path)
    {
        try
        {
            return ProofRecord.Read(proof, model).Pictures(model);
        }
        catch (InvalidDataException e)
        {
            throw OnnxErrors.Proof(path, e.Message);
        }
    }

    static ReadOnlyMemory<byte> Content(ImageClassifier model, OnnxExportOptions options, string path)
    {
        if (model.Weights.Tensors.Sum(t => (long)t.Length * sizeof(float)) > OnnxWriter.Most - (1 << 26))
            throw OnnxErrors.TooMuch(path);
        return OnnxWriter.Write(Exporter.Build(model, options));
    }
}
