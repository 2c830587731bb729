using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>One part, built: in memory, or in a temporary file that vanishes with it.</summary>
public sealed class ShardPart : IDisposable
{
    const int NoLabel = -1;

    readonly ShardOptions _options;
    readonly SpillStream _names;
    readonly BinaryWriter _nameWriter;
    readonly SortedDictionary<int, BadFile> _bad = [];

    // Those of bad images too, so that a row has its place before it is decoded.
    readonly int[] _labels;
    int _taken;

    internal ShardPart(RowBuffer rows, SpillStream names, PartMemory memory, int capacity, ShardOptions options)
    {
        (Rows, _names, Memory, _options) = (rows, names, memory, options);
        _nameWriter = new(names, Encoding.UTF8);
        _labels = new int[capacity];
        Array.Fill(_labels, NoLabel);
    }

    /// <summary>Pictures.</summary>
    public int Count => _taken - _bad.Count;

    /// <summary>Images that could not be read, in their order.</summary>
    public IReadOnlyList<BadFile> BadFiles => [.. _bad.Values];

    internal RowBuffer Rows { get; }

    /// <summary>What another part may use once this one is disposed of.</summary>
    internal PartMemory Memory { get; }

    internal bool IsFull => _taken == _labels.Length;

    /// <summary>Deletes the temporary file, if there is one.</summary>
    public void Dispose()
    {
        Rows.Dispose();
        _names.Dispose();
        _nameWriter.Dispose();
    }

    /// <summary>Writes the part's three files and says what was written.</summary>
    /// <param name="store">Where to.</param>
    /// <param name="folder">The folder of the split.</param>
    /// <param name="part">The part's number, from 0.</param>
    /// <param name="key">The plan's key of the part.</param>
    /// <param name="classes">Number of classes, for the histogram.</param>
    /// <param name="suffix">Appended to the file names on disk but not to those in the result, so that attempts may be written side by side and moved later.</param>
    /// <param name="onBlock">Called after every block of pictures, some 64 KiB of pixels; may be null.</param>
    public ShardPartInfo Write(IFileStore store, string folder, int part, string key, int classes, string suffix = "", Action? onBlock = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        var moments = new ChannelMoments(_options.Spec.Channels);
        var files = new[]
        {
            WriteFile(store, folder, ShardPartInfo.PicturesName(part), suffix, stream => moments = WritePictures(stream, onBlock)),
            WriteFile(store, folder, ShardPartInfo.LabelsName(part), suffix, WriteLabels),
            WriteFile(store, folder, ShardPartInfo.NamesName(part), suffix, WriteNames),
        };
        return Info(part, key, classes, moments, files);
    }

    /// <summary>What <see cref="Write"/> would say, without files.</summary>
    /// <param name="part">The part's number, from 0.</param>
    /// <param name="key">The plan's key of the part.</param>
    /// <param name="classes">Number of classes, for the histogram.</param>
    public ShardPartInfo Measure(int part, string key, int classes)
    {
        var moments = new ChannelMoments(_options.Spec.Channels);
        AddTo(moments);
        return Info(part, key, classes, moments, []);
    }

    ShardPartInfo Info(int part, string key, int classes, ChannelMoments moments, IReadOnlyList<ShardFile> files)
    {
        var histogram = new int[classes];
        foreach (var label in GoodLabels())
            histogram[label]++;
        return new ShardPartInfo
        {
            Part = part,
            Key = key,
            Count = Count,
            Histogram = histogram,
            Sum = moments.Sum,
            Squares = moments.Squares,
            BadFiles = BadFiles,
            Files = files,
        };
    }

    /// <summary>Takes the next image in; its row is to be filled, or refused.</summary>
    internal int Add(string name, int label)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(label);
        _nameWriter.Write(name);
        _labels[_taken] = label;
        return _taken++;
    }

    internal void Refuse(int row, BadFile bad)
    {
        _labels[row] = NoLabel;
        _bad[row] = bad;
    }

    internal void AddTo(ChannelMoments moments)
    {
        foreach (var block in Rows.Blocks(_labels))
            moments.Add(block.Span);
    }

    IEnumerable<int> GoodLabels() => _labels.Where(l => l != NoLabel);

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

    // The sums are taken while a block is at hand: from a file, it is not read twice.
    ChannelMoments WritePictures(Stream stream, Action? onBlock)
    {
        var spec = _options.Spec;
        var encode = _options.Scaling is { } scaling ? Floats(scaling) : block => block.Span;
        var moments = new ChannelMoments(spec.Channels);
        stream.Write(NpyHeader.Format(_options.Float32 ? "<f4" : "|u1", Count, spec.Height, spec.Width, spec.Channels));
        foreach (var block in Rows.Blocks(_labels))
        {
            moments.Add(block.Span);
            stream.Write(encode(block));
            onBlock?.Invoke();
        }

        return moments;
    }

    static Func<ReadOnlyMemory<byte>, ReadOnlySpan<byte>> Floats(Normalization scaling)
    {
        var channels = scaling.Channels;
        var values = new float[256 * channels];
        for (var i = 0; i < values.Length; i++)
            values[i] = ((i / channels / 255f) - scaling.Mean[i % channels]) / scaling.Std[i % channels];
        byte[] floats = [];
        return block =>
        {
            var bytes = block.Span;
            if (floats.Length < 4 * bytes.Length)
                floats = new byte[4 * bytes.Length];
            for (var i = 0; i < bytes.Length; i++)
                BinaryPrimitives.WriteSingleLittleEndian(floats.AsSpan(4 * i), values[(bytes[i] * channels) + (i % channels)]);
            return floats.AsSpan(0, 4 * bytes.Length);
        };
    }

    void WriteLabels(Stream stream)
    {
        stream.Write(NpyHeader.Format("<i8", Count));
        foreach (var labels in GoodLabels().Chunk(1 << 13))
        {
            var bytes = new byte[8 * labels.Length];
            for (var i = 0; i < labels.Length; i++)
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 * i), labels[i]);
            stream.Write(bytes);
        }
    }

    void WriteNames(Stream stream)
    {
        _names.Position = 0;
        var names = new BinaryReader(new BufferedStream(_names, 1 << 16), Encoding.UTF8);
        for (var row = 0; row < _taken; row++)
        {
            var name = names.ReadString();
            if (_labels[row] != NoLabel)
                stream.Write(Encoding.UTF8.GetBytes(ShardNames.Line(name)));
        }
    }
}
