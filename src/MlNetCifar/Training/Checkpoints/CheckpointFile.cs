using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace MlNetCifar.Training;

/// <summary>
/// The bytes of a checkpoint, all numbers little-endian: the 8 bytes <c>MNCCKPT\n</c>, int32 version, int32 number of blocks; each block as int32 length of its name,
/// the name (UTF-8), int64 length, the bytes, and the CRC-32C of name and bytes; at last the 4 bytes <c>END\n</c>. The first block, <c>header</c>, is JSON; the others are
/// float32 blocks. A file that was cut off or changed anywhere fails.
/// </summary>
internal static class CheckpointFile
{
    /// <summary>The version written, and the newest one read.</summary>
    public const int Version = 1;

    const string HeaderName = "header";
    const int MaxBlocks = 1024;
    const int MaxName = 256;
    const int MaxHeader = 1 << 28;

    static ReadOnlySpan<byte> Magic => "MNCCKPT\n"u8;

    static ReadOnlySpan<byte> End => "END\n"u8;

    delegate Span<byte> Destination(string name, long length);

    /// <summary>Writes a whole file.</summary>
    public static void Write(Stream stream, ReadOnlySpan<byte> header, IReadOnlyList<StateBlock> blocks)
    {
        stream.Write(Magic);
        WriteInt32(stream, Version);
        WriteInt32(stream, blocks.Count + 1);
        WriteBlock(stream, HeaderName, header);
        foreach (var block in blocks)
            WriteBlock(stream, block.Name, MemoryMarshal.AsBytes(block.Values()));
        stream.Write(End);
    }

    /// <summary>Checks every byte of a file and gives its header.</summary>
    /// <exception cref="InvalidDataException">The file is no checkpoint, cut off or changed; the message says which.</exception>
    /// <exception cref="NotSupportedException">A later version wrote it.</exception>
    public static byte[] Verify(Stream stream)
    {
        byte[]? header = null;
        Walk(stream, (name, length) =>
        {
            if (header is not null)
                return [];
            if (name != HeaderName || length > MaxHeader)
                throw new InvalidDataException("its header is missing");
            return header = new byte[length];
        });
        return header!;
    }

    /// <summary>Fills blocks from a file that was verified.</summary>
    /// <exception cref="InvalidDataException">A block is missing or has another length.</exception>
    public static void Load(Stream stream, IReadOnlyList<StateBlock> blocks)
    {
        var missing = blocks.ToDictionary(b => b.Name);
        Walk(stream, (name, length) =>
        {
            if (!missing.Remove(name, out var block))
                return [];
            var destination = MemoryMarshal.AsBytes(block.Values());
            return destination.Length == length
                ? destination
                : throw new InvalidDataException($"its block '{name}' has {length:N0} bytes, expected {destination.Length:N0}");
        });
        if (missing.Count > 0)
            throw new InvalidDataException($"it has no block '{missing.Keys.First()}'");
    }

    static void Walk(Stream stream, Destination destination)
    {
        Span<byte> start = stackalloc byte[Magic.Length];
        Read(stream, start);
        if (!start.SequenceEqual(Magic))
            throw new InvalidDataException("it does not begin as a checkpoint does");
        if (ReadInt32(stream) is var version && version != Version)
            throw version > Version ? new NotSupportedException($"{version}") : new InvalidDataException($"it has the version {version}");
        var count = ReadInt32(stream);
        if (count is < 1 or > MaxBlocks)
            throw new InvalidDataException($"it claims {count:N0} blocks");
        var scratch = new byte[1 << 16];
        for (var i = 0; i < count; i++)
            WalkBlock(stream, destination, scratch);
        Span<byte> end = stackalloc byte[End.Length];
        Read(stream, end);
        if (!end.SequenceEqual(End) || stream.ReadByte() >= 0)
            throw new InvalidDataException("it does not end as a checkpoint does");
    }

    static void WalkBlock(Stream stream, Destination destination, byte[] scratch)
    {
        var nameLength = ReadInt32(stream);
        if (nameLength is < 1 or > MaxName)
            throw new InvalidDataException("a block's name is damaged");
        Span<byte> name = stackalloc byte[nameLength];
        Read(stream, name);
        Span<byte> eight = stackalloc byte[sizeof(long)];
        Read(stream, eight);
        var length = BinaryPrimitives.ReadInt64LittleEndian(eight);
        var text = Encoding.UTF8.GetString(name);
        if (length < 0 || length > stream.Length - stream.Position)
            throw new InvalidDataException($"it was cut off in the block '{text}'");
        var crc = Crc32C.Append(0, name);
        var target = destination(text, length);
        for (long done = 0; done < length;)
        {
            var part = target.Length > 0
                ? target.Slice((int)done, (int)Math.Min(length - done, 1 << 20))
                : scratch.AsSpan(0, (int)Math.Min(length - done, scratch.Length));
            Read(stream, part);
            crc = Crc32C.Append(crc, part);
            done += part.Length;
        }

        if ((uint)ReadInt32(stream) != crc)
            throw new InvalidDataException($"the checksum of the block '{text}' is wrong");
    }

    static void WriteBlock(Stream stream, string name, ReadOnlySpan<byte> bytes)
    {
        var label = Encoding.UTF8.GetBytes(name);
        WriteInt32(stream, label.Length);
        stream.Write(label);
        Span<byte> eight = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(eight, bytes.Length);
        stream.Write(eight);
        stream.Write(bytes);
        WriteInt32(stream, (int)Crc32C.Append(Crc32C.Append(0, label), bytes));
    }

    static void WriteInt32(Stream stream, int value)
    {
        Span<byte> four = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(four, value);
        stream.Write(four);
    }

    static int ReadInt32(Stream stream)
    {
        Span<byte> four = stackalloc byte[sizeof(int)];
        Read(stream, four);
        return BinaryPrimitives.ReadInt32LittleEndian(four);
    }

    static void Read(Stream stream, Span<byte> destination)
    {
        if (stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false) < destination.Length)
            throw new InvalidDataException("it was cut off");
    }
}
