using System.Buffers.Binary;
using System.Text;

namespace MlNetCifar.Files;

/// <summary>An entry's name.</summary>
/// <param name="Text">Distinct wherever the bytes in the archive are.</param>
/// <param name="IsGuessed">Whether nothing said how to read it.</param>
internal readonly record struct ZipName(string Text, bool IsGuessed);

/// <summary>
/// The names in a zip archive's directory. Each is read from its UTF-8 extra field where it has one, else as UTF-8 where its bytes are that, with or without the flag
/// that says so; else as code page 437, in which every byte is a character of its own, so that names in another code page read strangely but never alike.
/// </summary>
/// <remarks>The framework reads them as UTF-8 in any case, by which names of other alphabets become one.</remarks>
internal static class ZipNames
{
    const uint EndMark = 0x06054B50;
    const uint LargeEndMark = 0x06064B50;
    const uint LargeEndPlaceMark = 0x07064B50;
    const uint EntryMark = 0x02014B50;
    const ushort UnicodePath = 0x7075;
    const int EndLength = 22;
    const int EntryLength = 46;
    const int PlaceLength = 20;

    static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    static readonly Encoding s_oldest = CodePagesEncodingProvider.Instance.GetEncoding(437)!;

    /// <summary>Reads all names, in the directory's order; as far as it can be read.</summary>
    /// <param name="stream">Can seek; left anywhere.</param>
    public static IReadOnlyList<ZipName> Read(Stream stream)
    {
        var names = new List<ZipName>();
        if (FindDirectory(stream) is not { } directory || directory < 0 || directory >= stream.Length)
            return names;
        stream.Position = directory;
        var buffered = new BufferedStream(stream, 1 << 16);
        var fixedPart = new byte[EntryLength];
        while (buffered.ReadAtLeast(fixedPart, EntryLength, throwOnEndOfStream: false) == EntryLength && BinaryPrimitives.ReadUInt32LittleEndian(fixedPart) == EntryMark)
        {
            int name = U16(fixedPart, 28), extra = U16(fixedPart, 30), comment = U16(fixedPart, 32);
            var rest = new byte[name + extra + comment];
            if (buffered.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false) < rest.Length)
                break;
            names.Add(Decode(rest.AsSpan(0, name), rest.AsSpan(name, extra)));
        }

        return names;
    }

    /// <summary>One name.</summary>
    /// <param name="bytes">As it stands in the directory.</param>
    /// <param name="extra">The entry's extra fields.</param>
    internal static ZipName Decode(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> extra)
    {
        if (Unicode(bytes, extra) is { } text || (text = Utf8(bytes)) is not null)
            return new(text, false);
        return new(s_oldest.GetString(bytes), true);
    }

    // Holds the other name's checksum, since tools that do not know it keep it when they rename.
    static string? Unicode(ReadOnlySpan<byte> name, ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            var length = U16(extra, 2);
            if (length > extra.Length - 4)
                return null;
            var field = extra.Slice(4, length);
            if (U16(extra, 0) == UnicodePath && length > 5 && field[0] == 1 && BinaryPrimitives.ReadUInt32LittleEndian(field[1..]) == Crc(name))
                return Utf8(field[5..]);
            extra = extra[(4 + length)..];
        }

        return null;
    }

    static string? Utf8(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return s_utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    static long? FindDirectory(Stream stream)
    {
        var tail = new byte[(int)Math.Min(stream.Length, EndLength + PlaceLength + ushort.MaxValue)];
        stream.Position = stream.Length - tail.Length;
        stream.ReadExactly(tail);
        for (var i = tail.Length - EndLength; i >= 0; i--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i)) != EndMark)
                continue;
            var place = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i + 16));
            return i >= PlaceLength && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i - PlaceLength)) == LargeEndPlaceMark
                ? FindLarge(stream, BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(i - PlaceLength + 8))) ?? place
                : place;
        }

        return null;
    }

    static long? FindLarge(Stream stream, long place)
    {
        var end = new byte[56];
        if (place < 0 || place > stream.Length - end.Length)
            return null;
        stream.Position = place;
        stream.ReadExactly(end);
        return BinaryPrimitives.ReadUInt32LittleEndian(end) == LargeEndMark ? BinaryPrimitives.ReadInt64LittleEndian(end.AsSpan(48)) : null;
    }

    static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    // A bit at a time: few names have the field.
    static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
        }

        return ~crc;
    }
}
