using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using MlNetCifar.Data.Files;
using MlNetCifar.Data.Npy;

namespace MlNetCifar.Data.Shards;

/// <summary>One part, built and in memory.</summary>
public sealed class ShardPart
{
    readonly int[] _labels;
    readonly string[] _names;
    readonly (int Height, int Width, int Channels) _shape;
    readonly bool _float32;

    // The rows lie at the buffer's start; it may be longer.
    internal ShardPart(byte[] buffer, int[] labels, string[] names, IReadOnlyList<BadFile> bad, (int Height, int Width, int Channels) shape, bool float32)
    {
        (Buffer, _labels, _names, BadFiles, _shape, _float32) = (buffer, labels, names, bad, shape, float32);
    }

    internal byte[] Buffer { get; }

    ReadOnlySpan<byte> Pixels => Buffer.AsSpan(0, _labels.Length * _shape.Height * _shape.Width * _shape.Channels);

    /// <summary>Pictures.</summary>
    public int Count => _labels.Length;

    /// <summary>Images that could not be read, in their order.</summary>
    public IReadOnlyList<BadFile> BadFiles { get; }

    /// <summary>Writes the part's three files and says what was written.</summary>
    /// <param name="store">Where to.</param>
    /// <param name="folder">The folder of the split.</param>
    /// <param name="part">The part's number, from 0.</param>
    /// <param name="key">The plan's key of the part.</param>
    /// <param name="classes">Number of classes, for the histogram.</param>
    /// <param name="suffix">Appended to the file names on disk but not to those in the result, so that attempts may be written side by side and moved later.</param>
    public ShardPartInfo Write(IFileStore store, string folder, int part, string key, int classes, string suffix = "")
    {
        ArgumentNullException.ThrowIfNull(store);
        var histogram = new int[classes];
        foreach (var label in _labels)
            histogram[label]++;
        var moments = new ChannelMoments(_shape.Channels);
        moments.Add(Pixels);
        return new ShardPartInfo
        {
            Part = part,
            Key = key,
            Count = Count,
            Histogram = histogram,
            Sum = moments.Sum,
            Squares = moments.Squares,
            BadFiles = BadFiles,
            Files =
            [
                WriteFile(store, folder, ShardPartInfo.PicturesName(part), suffix, WritePictures),
                WriteFile(store, folder, ShardPartInfo.LabelsName(part), suffix, WriteLabels),
                WriteFile(store, folder, ShardPartInfo.NamesName(part), suffix, WriteNames),
            ],
        };
    }

    static ShardFile WriteFile(IFileStore store, string folder, string name, string suffix, Action<Stream> content)
    {
        byte[] hash = [];
        var length = 0L;
        store.Write($"{folder}/{name}{suffix}", stream =>
        {
            using var hashing = new HashingStream(stream);
            content(hashing);
            (hash, length) = hashing.Finish();
        });
        return new(name, length, Convert.ToHexStringLower(hash));
    }

    void WritePictures(Stream stream)
    {
        stream.Write(NpyHeader.Format(_float32 ? "<f4" : "|u1", Count, _shape.Height, _shape.Width, _shape.Channels));
        if (!_float32)
        {
            stream.Write(Pixels);
            return;
        }

        var block = new byte[4 << 14];
        for (var start = 0; start < Pixels.Length; start += 1 << 14)
        {
            var bytes = Pixels.Slice(start, Math.Min(1 << 14, Pixels.Length - start));
            for (var i = 0; i < bytes.Length; i++)
                BinaryPrimitives.WriteSingleLittleEndian(block.AsSpan(4 * i), bytes[i] / 255f);
            stream.Write(block, 0, 4 * bytes.Length);
        }
    }

    void WriteLabels(Stream stream)
    {
        stream.Write(NpyHeader.Format("<i8", Count));
        var bytes = new byte[8 * Count];
        for (var i = 0; i < Count; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 * i), _labels[i]);
        stream.Write(bytes);
    }

    void WriteNames(Stream stream)
    {
        foreach (var name in _names)
            stream.Write(Encoding.UTF8.GetBytes(name + "\n"));
    }
}
