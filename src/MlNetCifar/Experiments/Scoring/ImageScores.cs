using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Files;
using MlNetCifar.Inference;
using MlNetCifar.Training;

namespace MlNetCifar.Experiments;

/// <summary>
/// What a network gave for a run of images, as another process sends it: to the bit what the receiver would have computed, for who computes with other lanes or another version is refused. As bytes, all numbers
/// little-endian: <c>MNCS</c>, first image, images, and the lengths of what follows as int32; who computed it, outputs, features, textures, hashes; the CRC-32C of all before it.
/// </summary>
public sealed class ImageScores
{
    const int Lengths = 5;
    const int HeaderLength = 4 + ((2 + Lengths) * sizeof(int));

    ImageScores(int first, int count, ImageOutputs raw, ulong[] hashes) => (First, Count, Raw, Hashes) = (first, count, raw, hashes);

    /// <summary>The first image, from 0.</summary>
    public int First { get; }

    /// <summary>How many.</summary>
    public int Count { get; }

    /// <summary>The network's outputs, in the place of logits, and what a calibration looks at; the latter empty where it was not wanted.</summary>
    internal ImageOutputs Raw { get; }

    /// <summary>Hashes of the pictures; empty where they were not wanted.</summary>
    internal ulong[] Hashes { get; }

    static ReadOnlySpan<byte> Magic => "MNCS"u8;

    /// <summary>Who computes here.</summary>
    static string Self => $"{FileOrigin.Current}\n{Hello.OwnArithmetic}";

    /// <summary>Scores a run of images.</summary>
    /// <param name="model">The network.</param>
    /// <param name="images">All of them.</param>
    /// <param name="first">The first of the run, from 0.</param>
    /// <param name="count">Its length, ≥ 1.</param>
    /// <param name="views">As at <see cref="ScoringJob.Views"/>.</param>
    /// <param name="withFeatures">As at <see cref="ScoringJob.WithFeatures"/>.</param>
    /// <param name="withHashes">As at <see cref="ScoringJob.WithHashes"/>.</param>
    /// <param name="threads">Threads, ≥ 1; null for all cores.</param>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008).</exception>
    public static ImageScores Of(ImageClassifier model, ImageSource images, int first, int count, TestTimeViews views, bool withFeatures, bool withHashes, int? threads = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(images);
        var run = images.Subset([.. Enumerable.Range(first, count)]);
        return new(
            first, count, withFeatures ? model.RawOutputs(run, threads, views) : new(model.Scorer.Run(run, threads, views, [], null, default), [], []),
            withHashes ? SourceHash.OfPictures(run, threads ?? Environment.ProcessorCount, default) : []);
    }

    /// <summary>To be sent.</summary>
    public byte[] ToBytes()
    {
        var self = Encoding.UTF8.GetBytes(Self);
        ReadOnlySpan<int> numbers = [First, Count, self.Length, Raw.Logits.Length, Raw.Features.Length, Raw.Texture.Length, Hashes.Length];
        using var stream = new MemoryStream();
        stream.Write(Magic);
        stream.Write(MemoryMarshal.AsBytes(numbers));
        stream.Write(self);
        foreach (var floats in new[] { Raw.Logits, Raw.Features, Raw.Texture })
            stream.Write(MemoryMarshal.AsBytes(floats.AsSpan()));
        stream.Write(MemoryMarshal.AsBytes(Hashes.AsSpan()));
        Span<byte> crc = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(crc, Crc32C.Append(0, stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        stream.Write(crc);
        return stream.ToArray();
    }

    /// <summary>Reads what <see cref="ToBytes"/> gave.</summary>
    /// <param name="bytes">What was received.</param>
    /// <exception cref="InvalidDataException">This is something else, or damaged.</exception>
    /// <exception cref="MlNetCifarException">It was computed by another version (MNC3306) or with other lanes (MNC3307).</exception>
    public static ImageScores Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderLength + sizeof(uint) || !bytes.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(bytes[^sizeof(uint)..]) != Crc32C.Append(0, bytes[..^sizeof(uint)]))
            throw new InvalidDataException("what a worker says of its scores is damaged");
        var numbers = MemoryMarshal.Cast<byte, int>(bytes[Magic.Length..HeaderLength]).ToArray();
        var rest = bytes[HeaderLength..^sizeof(uint)];
        if (numbers.Any(number => number < 0) || numbers[2] + (sizeof(float) * ((long)numbers[3] + numbers[4] + numbers[5])) + ((long)sizeof(ulong) * numbers[6]) != rest.Length)
            throw new InvalidDataException("what a worker says of its scores has another length than it says");
        Check(Encoding.UTF8.GetString(rest[..numbers[2]]));
        rest = rest[numbers[2]..];
        return new(
            numbers[0], numbers[1], new(Take<float>(ref rest, numbers[3]), Take<float>(ref rest, numbers[4]), Take<float>(ref rest, numbers[5])), Take<ulong>(ref rest, numbers[6]));
    }

    static void Check(string who)
    {
        var (found, own) = (who.Split('\n'), Self.Split('\n'));
        if (found.Length != own.Length || found[0] != own[0])
            throw DistributedErrors.OtherVersion(found[0], own[0]);
        if (found[1] != own[1])
            throw DistributedErrors.OtherArithmetic(found[1], own[1]);
    }

    static T[] Take<T>(ref ReadOnlySpan<byte> bytes, int count)
        where T : unmanaged
    {
        var taken = new T[count];
        var target = MemoryMarshal.AsBytes(taken.AsSpan());
        bytes[..target.Length].CopyTo(target);
        bytes = bytes[target.Length..];
        return taken;
    }
}
