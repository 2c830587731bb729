using System.Buffers.Binary;
using MlNetCifar.Inference;
using MlNetCifar.Onnx;

namespace MlNetCifar;

/// <summary>
/// What a file carries to show that it works where it is used: a few preprocessed pictures and the logits that the model gave for them when it was written. They are
/// in its metadata under <c>proof</c>: <c>pixels</c>, base64 (URL alphabet) of bytes [count, H, W, C], and <c>logits</c>, base64 of little-endian 32-bit floats [count, classes].
/// </summary>
public static class ModelProof
{
    /// <summary>Most pictures that a file carries.</summary>
    public const int MostPictures = ProofRecord.MostPictures;

    const int HeadLength = sizeof(long) + 1;

    /// <summary>Difference of logits that counts as equal, as a share of the largest.</summary>
    public const double Tolerance = ProofRecord.Tolerance;

    /// <summary>Runs a file's pictures through the network that the file holds, and compares.</summary>
    /// <param name="path">An .onnx file of <see cref="OnnxExport"/>, or a model file, with a proof.</param>
    /// <exception cref="MlNetCifarException">The file cannot be read (MNC40xx, MNC41xx), or has no proof or a damaged one (MNC4114).</exception>
    public static ProofResult Check(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            return CheckModelFile(path);
        var content = OnnxImport.Content(path);
        return IsSafeTensors(content.Span, content.Length) ? CheckModelFile(path) : CheckOnnx(content, path, [Itself])[0];
    }

    /// <summary>Runs the pictures of an .onnx file through another engine, and compares.</summary>
    /// <param name="path">A file of <see cref="OnnxExport"/> with a proof.</param>
    /// <param name="engine">Given the model as the file describes it, and pictures prepared for it, returns the logits that the engine gives for them, [count, classes].</param>
    /// <exception cref="MlNetCifarException">The file cannot be read (MNC41xx), or has no proof or a damaged one (MNC4114).</exception>
    /// <exception cref="ArgumentException">The engine returns another number of logits.</exception>
    public static ProofResult Check(string path, Func<ImageClassifier, ImageSource, float[]> engine)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(engine);
        return CheckOnnx(OnnxImport.Content(path), path, [engine])[0];
    }

    /// <summary>As <see cref="Check(string)"/> for the network that an .onnx file holds, and then as <see cref="Check(string, Func{ImageClassifier, ImageSource, float[]})"/>, reading the file once.</summary>
    /// <param name="path">A file of <see cref="OnnxExport"/> with a proof.</param>
    /// <param name="engine">As there.</param>
    /// <returns>What each of both gives.</returns>
    /// <exception cref="MlNetCifarException">The file cannot be read (MNC41xx), or has no proof or a damaged one (MNC4114).</exception>
    /// <exception cref="ArgumentException">The engine returns another number of logits.</exception>
    public static (ProofResult Itself, ProofResult Engine) CheckBoth(string path, Func<ImageClassifier, ImageSource, float[]> engine)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(engine);
        var results = CheckOnnx(OnnxImport.Content(path), path, [Itself, engine]);
        return (results[0], results[1]);
    }

    /// <summary>Whether a file is one of ONNX, by its content.</summary>
    /// <param name="path">An .onnx file, or a model file.</param>
    /// <exception cref="MlNetCifarException">The file cannot be read (MNC41xx).</exception>
    public static bool IsOnnx(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            return false;
        return OnnxImport.Reading(path, () =>
        {
            using var file = File.OpenRead(path);
            Span<byte> head = stackalloc byte[HeadLength];
            return !IsSafeTensors(head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)], file.Length);
        });
    }

    static ProofResult CheckModelFile(string path)
    {
        using var model = ImageClassifier.Load(path);
        return Run(model.Proof, model, path, [Itself])[0];
    }

    static float[] Itself(ImageClassifier model, ImageSource pictures) => model.Logits(pictures);

    static ProofResult[] CheckOnnx(ReadOnlyMemory<byte> content, string path, IEnumerable<Func<ImageClassifier, ImageSource, float[]>> engines)
    {
        var importer = new Importer(content, path, new());
        var text = importer.Model.Metadata.FirstOrDefault(pair => pair.Name == ProofRecord.Key).Value ?? throw OnnxErrors.Proof(path, "it has none");
        using var imported = OnnxImport.Read(content, path, new());
        if (!imported.IsClassifier)
            throw OnnxErrors.Proof(path, "the network gives no classes");
        using var model = imported.ToClassifier();
        return Run(text, model, path, engines);
    }

    static ProofResult[] Run(string? proof, ImageClassifier model, string path, IEnumerable<Func<ImageClassifier, ImageSource, float[]>> engines)
    {
        ProofRecord record;
        try
        {
            record = ProofRecord.Read(proof ?? throw new InvalidDataException("it has none"), model);
        }
        catch (InvalidDataException e)
        {
            throw OnnxErrors.Proof(path, e.Message);
        }

        return [.. engines.Select(engine => record.Compare(engine(model, record.Pictures(model)), model.Classes.Length))];
    }

    /// <summary>Such a file begins with the length of a JSON object.</summary>
    static bool IsSafeTensors(ReadOnlySpan<byte> head, long length) => head.Length >= HeadLength && BinaryPrimitives.ReadUInt64LittleEndian(head) < (ulong)length && head[sizeof(long)] == '{';
}
