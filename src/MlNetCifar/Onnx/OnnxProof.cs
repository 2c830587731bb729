using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;
using MlNetCifar.Onnx;

namespace MlNetCifar;

/// <summary>
/// What an exported file carries to show that it works where it is used: a few preprocessed pictures and the logits that the model gave for them when it was exported. They are
/// in its metadata under <c>proof</c>: <c>pixels</c>, base64 (URL alphabet) of bytes [count, H, W, C], and <c>logits</c>, base64 of little-endian 32-bit floats [count, classes].
/// </summary>
public static class OnnxProof
{
    /// <summary>Most pictures that a file carries.</summary>
    public const int MostPictures = 16;

    /// <summary>Difference of logits that counts as equal, as a share of the largest.</summary>
    public const double Tolerance = 1e-4;

    internal const string Name = "proof";

    /// <summary>Runs a file's pictures through the network that the file holds, and compares.</summary>
    /// <param name="path">A file of <see cref="OnnxExport"/> with a proof.</param>
    /// <exception cref="MlNetCifarException">The file cannot be imported (MNC41xx), or has no proof or a damaged one (MNC4114).</exception>
    public static ProofResult Check(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var content = OnnxImport.Content(path);
        var importer = new Importer(content, path, new());
        var text = importer.Model.Metadata.FirstOrDefault(pair => pair.Name == Name).Value ?? throw OnnxErrors.Proof(path, "it has none");
        using var imported = OnnxImport.Read(content, path, new());
        if (!imported.IsClassifier)
            throw OnnxErrors.Proof(path, "the network gives no classes");
        using var model = imported.ToClassifier();
        var (pixels, expected) = Read(text, model, path);
        var (spec, classes) = (model.Network, model.Classes.Length);
        var source = new ImageSet(pixels, new int[expected.Length / classes], spec.Width, spec.Height, spec.Channels, model.Classes);
        return Compare(model.Logits(source), expected, classes);
    }

    /// <summary>The proof of a model, for its metadata.</summary>
    internal static string Write(ImageClassifier model, ImageSource pictures)
    {
        var count = Math.Min(MostPictures, pictures.Count);
        var (length, spec) = (model.Preprocess.Length, model.Network);
        if ((pictures.Height, pictures.Width, pictures.Channels) != (spec.Height, spec.Width, spec.Channels))
            throw Inference.ModelErrors.OtherImages($"{pictures.Height}×{pictures.Width}×{pictures.Channels}", $"{spec.Height}×{spec.Width}×{spec.Channels}");
        var pixels = new byte[count * length];
        for (var i = 0; i < count; i++)
            pictures.CopyPixels(i, pixels.AsSpan(i * length, length));
        var logits = model.Logits(new ImageSet(pixels, new int[count], spec.Width, spec.Height, spec.Channels, model.Classes));
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("count", count);
            json.WriteString("preprocess_sha256", model.Preprocess.Hash());
            json.WriteString("pixels", Base64Url.EncodeToString(pixels));
            json.WriteString("logits", Base64Url.EncodeToString(MemoryMarshal.AsBytes(logits.AsSpan())));
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    static (byte[] Pixels, float[] Logits) Read(string text, ImageClassifier model, string path)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            var count = root.GetProperty("count").GetInt32();
            var pixels = Base64Url.DecodeFromChars(root.GetProperty("pixels").GetString());
            var logits = MemoryMarshal.Cast<byte, float>(Base64Url.DecodeFromChars(root.GetProperty("logits").GetString())).ToArray();
            if (root.GetProperty("preprocess_sha256").GetString() != model.Preprocess.Hash())
                throw OnnxErrors.Proof(path, "it is of pictures that were prepared in another way than the model's description says");
            return count is >= 1 and <= MostPictures && pixels.Length == count * model.Preprocess.Length && logits.Length == count * model.Classes.Length && logits.All(float.IsFinite)
                ? (pixels, logits)
                : throw OnnxErrors.Proof(path, $"{count} pictures of {pixels.Length} bytes with {logits.Length} logits do not fit the network");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw OnnxErrors.Proof(path, "it cannot be read");
        }
    }

    static ProofResult Compare(float[] found, float[] expected, int classes)
    {
        var largest = expected.Max(Math.Abs);
        double most = 0;
        int? first = null;
        for (var i = 0; i < expected.Length; i++)
        {
            var difference = Math.Abs((double)found[i] - expected[i]) / Math.Max(largest, 1e-30);
            most = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(most, difference);
            if (!(difference <= Tolerance))
                first ??= i / classes;
        }

        return new(expected.Length / classes, most, first);
    }
}

/// <summary>What a check of a file's proof has found.</summary>
/// <param name="Pictures">Pictures compared.</param>
/// <param name="LargestDifference">Largest difference of a logit from the expected one, as a share of the largest expected.</param>
/// <param name="FirstDifferent">The first picture, from 0, whose logits differ by more than <see cref="OnnxProof.Tolerance"/>; null where all agree.</param>
public sealed record ProofResult(int Pictures, double LargestDifference, int? FirstDifferent)
{
    /// <summary>Whether all agree.</summary>
    public bool Passes => FirstDifferent is null;
}
