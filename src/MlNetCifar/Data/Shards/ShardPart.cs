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
    readonly Normalization? _scaling;

    // The rows lie at the buffer's start; it may be longer.
    internal ShardPart(byte[] buffer, int[] labels, string[] names, IReadOnlyList<BadFile> bad, (int Height, int Width, int Channels) shape, Normalization? scaling)
    {
        (Buffer, _labels, _names, BadFiles, _shape, _scaling) = (buffer, labels, names, bad, shape, scaling);
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
        AddTo(moments);
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

    internal void AddTo(ChannelMoments moments) => moments.Add(Pixels);

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
        stream.Write(NpyHeader.Format(_scaling is null ? "|u1" : "<f4", Count, _shape.Height, _shape.Width, _shape.Channels));
        if (_scaling is null)
        {
            stream.Write(Pixels);
            return;
        }

        var channels = _shape.Channels;
        var values = new float[256 * channels];
        for (var i = 0; i < values.Length; i++)
            values[i] = ((i / channels / 255f) - _scaling.Mean[i % channels]) / _scaling.Std[i % channels];
        var length = channels << 12;
        var block = new byte[4 * length];
        for (var start = 0; start < Pixels.Length; start += length)
        {
            var bytes = Pixels.Slice(start, Math.Min(length, Pixels.Length - start));
            for (var i = 0; i < bytes.Length; i++)
                BinaryPrimitives.WriteSingleLittleEndian(block.AsSpan(4 * i), values[(bytes[i] * channels) + (i % channels)]);
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
