using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Inference;

/// <summary>A few preprocessed pictures and the logits that a model gave for them.</summary>
/// <param name="Pixels">[count, H, W, C].</param>
/// <param name="Logits">[count, classes].</param>
internal sealed record ProofRecord(byte[] Pixels, float[] Logits)
{
    /// <summary>Where a file's metadata have it.</summary>
    public const string Key = "proof";

    public const int MostPictures = 16;

    public const double Tolerance = 1e-4;

    /// <summary>What a model gives for the first pictures of a source.</summary>
    /// <exception cref="MlNetCifarException">They have another size (MNC4008).</exception>
    public static ProofRecord Of(ImageClassifier model, ImageSource pictures)
    {
        var count = Math.Min(MostPictures, pictures.Count);
        var (length, spec) = (model.Preprocess.Length, model.Network);
        if ((pictures.Height, pictures.Width, pictures.Channels) != (spec.Height, spec.Width, spec.Channels))
            throw ModelErrors.OtherImages($"{pictures.Height}×{pictures.Width}×{pictures.Channels}", $"{spec.Height}×{spec.Width}×{spec.Channels}");
        var pixels = new byte[count * length];
        for (var i = 0; i < count; i++)
            pictures.CopyPixels(i, pixels.AsSpan(i * length, length));
        return new(pixels, model.Logits(Pictures(pixels, model)));
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is none, or not one of such a model.</exception>
    public static ProofRecord Read(string text, ImageClassifier model)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            var count = root.GetProperty("count").GetInt32();
            var pixels = Base64Url.DecodeFromChars(root.GetProperty("pixels").GetString());
            var logits = MemoryMarshal.Cast<byte, float>(Base64Url.DecodeFromChars(root.GetProperty("logits").GetString())).ToArray();
            if (root.GetProperty("preprocess_sha256").GetString() != model.Preprocess.Hash())
                throw new InvalidDataException("it is of pictures that were prepared in another way than the model's description says");
            return count is >= 1 and <= MostPictures && pixels.Length == count * model.Preprocess.Length && logits.Length == count * model.Classes.Length && logits.All(float.IsFinite)
                ? new(pixels, logits)
                : throw new InvalidDataException($"{count} pictures of {pixels.Length} bytes with {logits.Length} logits do not fit the network");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new InvalidDataException("it cannot be read", e);
        }
    }

    /// <summary>The same pictures with what another model of the same preprocessing gives for them; a text that cannot be read stays as it is, to be named by a check.</summary>
    public static string Again(string text, ImageClassifier model, ImageClassifier other)
    {
        try
        {
            return Of(other, Read(text, model).Pictures(model)).ToJson(other);
        }
        catch (InvalidDataException)
        {
            return text;
        }
    }

    public string ToJson(ImageClassifier model) => JsonText.Object(json =>
    {
        json.WriteNumber("count", Pixels.Length / model.Preprocess.Length);
        json.WriteString("preprocess_sha256", model.Preprocess.Hash());
        json.WriteString("pixels", Base64Url.EncodeToString(Pixels));
        json.WriteString("logits", Base64Url.EncodeToString(MemoryMarshal.AsBytes(Logits.AsSpan())));
    });

    /// <summary>The pictures, without labels.</summary>
    public ImageSet Pictures(ImageClassifier model) => Pictures(Pixels, model);

    /// <summary>What logits that were found for the pictures say.</summary>
    /// <param name="found">[count, classes].</param>
    /// <param name="classes">How many.</param>
    public ProofResult Compare(float[] found, int classes)
    {
        if (found.Length != Logits.Length)
            throw new ArgumentException($"{found.Length} logits; expected {Logits.Length}.", nameof(found));
        var largest = Logits.Max(Math.Abs);
        double most = 0;
        int? first = null;
        for (var i = 0; i < Logits.Length; i++)
        {
            var difference = Math.Abs((double)found[i] - Logits[i]) / Math.Max(largest, 1e-30);
            most = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(most, difference);
            if (!(difference <= Tolerance))
                first ??= i / classes;
        }

        return new(Logits.Length / classes, most, first);
    }

    static ImageSet Pictures(byte[] pixels, ImageClassifier model)
    {
        var spec = model.Network;
        return new(pixels, new int[pixels.Length / model.Preprocess.Length], spec.Width, spec.Height, spec.Channels, model.Classes);
    }
}
