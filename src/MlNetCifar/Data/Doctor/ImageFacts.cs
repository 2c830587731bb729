using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using MlNetCifar.Imaging;

namespace MlNetCifar.Data;

/// <summary>What the examination keeps of a picture: a few hundred bytes, whatever its size.</summary>
internal sealed class ImageFacts
{
    public const int SignatureSide = 8;

    public required string Path { get; init; }

    public required DatasetSplit Split { get; init; }

    public required int Label { get; init; }

    /// <summary>Why it cannot be read; everything below is then empty.</summary>
    public BadFile? Fault { get; init; }

    public ImageInfo? Info { get; private set; }

    public bool IsTruncated { get; private set; }

    public bool IsDamaged { get; private set; }

    public int Width { get; private set; }

    public int Height { get; private set; }

    public bool IsGrey { get; private set; }

    /// <summary>SHA-256 over size and pixels.</summary>
    public UInt128 Content { get; private set; }

    public ulong Perceptual { get; private set; }

    /// <summary>An 8×8 version, for a second look at what the perceptual hash finds.</summary>
    public byte[] Signature { get; private set; } = [];

    /// <summary>Decodes a file and takes its facts.</summary>
    public static ImageFacts FromFile(ReadOnlySpan<byte> file, string path, DatasetSplit split, int label, DecodeOptions options)
    {
        try
        {
            var info = ImageDecoder.ReadInfo(file, path);
            var image = ImageDecoder.Decode(file, options with { AllowTruncated = true }, path, out var report);
            var facts = FromPixels(image.Pixels, image.Width, image.Height, 3, path, split, label);
            (facts.Info, facts.IsTruncated, facts.IsDamaged) = (info, report.IsTruncated, report.IsDamaged);
            return facts;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return Unreadable(Data.ImageReading.Describe(path, e), path, split, label);
        }
    }

    public static ImageFacts Unreadable(BadFile fault, string path, DatasetSplit split, int label) =>
        new() { Path = path, Split = split, Label = label, Fault = fault };

    /// <summary>Takes the facts of decoded pixels, [H, W, C].</summary>
    public static ImageFacts FromPixels(ReadOnlySpan<byte> pixels, int width, int height, int channels, string path, DatasetSplit split, int label)
    {
        var facts = new ImageFacts
        {
            Path = path,
            Split = split,
            Label = label,
            Width = width,
            Height = height,
            IsGrey = channels == 3 && IsColourless(pixels),
            Content = Hash(pixels, width, height),
            Perceptual = PerceptualHash.Compute(pixels, width, height, channels),
        };
        Span<float> means = stackalloc float[SignatureSide * SignatureSide * 3];
        means = means[..(SignatureSide * SignatureSide * channels)];
        AreaShrink.Means(pixels, width, height, channels, SignatureSide, SignatureSide, means);
        facts.Signature = new byte[means.Length];
        for (var i = 0; i < means.Length; i++)
            facts.Signature[i] = (byte)MathF.Round(means[i]);
        return facts;
    }

    /// <summary>Mean absolute difference of the 8×8 versions, in grey levels.</summary>
    public double Difference(ImageFacts other)
    {
        if (Signature.Length != other.Signature.Length)
            return double.PositiveInfinity;
        var sum = 0;
        for (var i = 0; i < Signature.Length; i++)
            sum += Math.Abs(Signature[i] - other.Signature[i]);
        return (double)sum / Signature.Length;
    }

    public int HashDistance(ImageFacts other) => BitOperations.PopCount(Perceptual ^ other.Perceptual);

    static UInt128 Hash(ReadOnlySpan<byte> pixels, int width, int height)
    {
        Span<byte> digest = stackalloc byte[32];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> size = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(size, width);
        BinaryPrimitives.WriteInt32LittleEndian(size[4..], height);
        hash.AppendData(size);
        hash.AppendData(pixels);
        hash.GetHashAndReset(digest);
        return BinaryPrimitives.ReadUInt128LittleEndian(digest);
    }

    static bool IsColourless(ReadOnlySpan<byte> pixels)
    {
        for (var i = 0; i + 2 < pixels.Length; i += 3)
        {
            if (pixels[i] != pixels[i + 1] || pixels[i] != pixels[i + 2])
                return false;
        }

        return true;
    }
}
