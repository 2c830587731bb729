using System.Buffers.Binary;

namespace MlNetCifar.Imaging;

/// <summary>How BMP stores its pixels.</summary>
enum BmpCompression
{
    None = 0,
    Rle8 = 1,
    Rle4 = 2,
    BitFields = 3,
}

/// <summary>The headers of a BMP file, of every version.</summary>
sealed class BmpHeader
{
    const int FileHeaderLength = 14;
    const int CoreLength = 12;

    public required int Width { get; init; }
    public required int Height { get; init; }
    public required bool IsTopDown { get; init; }
    public required int Depth { get; init; }
    public required BmpCompression Compression { get; init; }
    public required int DataOffset { get; init; }

    /// <summary>Red, green and blue masks of 16- and 32-bit pixels.</summary>
    public required (uint Red, uint Green, uint Blue) Masks { get; init; }

    /// <summary>Where the palette lies, its entries and the bytes of each.</summary>
    public required (int Offset, int Count, int EntryLength) Palette { get; init; }

    /// <summary>Bytes of an uncompressed row: whole words of four.</summary>
    public long Stride => ((long)Width * Depth + 31) / 32 * 4;

    public static BmpHeader Read(ReadOnlySpan<byte> file, string? path)
    {
        if (file.Length < FileHeaderLength + 4) throw ImageErrors.Truncated("the BMP header is cut off", path);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(file[FileHeaderLength..]);
        if (length is not (CoreLength or 40 or 52 or 56 or 64 or 108 or 124)) throw ImageErrors.Damaged($"a BMP header of {length} bytes", path);
        if (file.Length < FileHeaderLength + length) throw ImageErrors.Truncated("the BMP header is cut off", path);
        var info = file.Slice(FileHeaderLength, (int)length);
        return length == CoreLength ? ReadCore(file, info, path) : ReadInfo(file, info, path);
    }

    static BmpHeader ReadCore(ReadOnlySpan<byte> file, ReadOnlySpan<byte> info, string? path) => Make(
        file, info, BinaryPrimitives.ReadUInt16LittleEndian(info[4..]), BinaryPrimitives.ReadUInt16LittleEndian(info[6..]),
        BinaryPrimitives.ReadUInt16LittleEndian(info[10..]), 0, 0, 3, path);

    static BmpHeader ReadInfo(ReadOnlySpan<byte> file, ReadOnlySpan<byte> info, string? path) => Make(
        file, info, BinaryPrimitives.ReadInt32LittleEndian(info[4..]), BinaryPrimitives.ReadInt32LittleEndian(info[8..]),
        BinaryPrimitives.ReadUInt16LittleEndian(info[14..]), BinaryPrimitives.ReadUInt32LittleEndian(info[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(info[32..]), 4, path);

    static BmpHeader Make(
        ReadOnlySpan<byte> file, ReadOnlySpan<byte> info, int width, int height, int depth, uint compression, uint colors, int entryLength, string? path)
    {
        if (width <= 0 || height is 0 or int.MinValue) throw ImageErrors.Damaged($"a size of {width}×{height} pixels", path);
        if (depth is not (1 or 2 or 4 or 8 or 16 or 24 or 32)) throw ImageErrors.Damaged($"{depth} bits a pixel", path);
        if (compression > 3 && compression != 6) throw ImageErrors.UnsupportedFeature($"BMP compression {compression}", path);
        var kind = compression == 6 ? BmpCompression.BitFields : (BmpCompression)compression;
        var isValid = kind switch
        {
            BmpCompression.Rle8 => depth == 8,
            BmpCompression.Rle4 => depth == 4,
            BmpCompression.BitFields => depth is 16 or 32,
            _ => true,
        };
        if (!isValid) throw ImageErrors.Damaged("a BMP compression that does not go with the depth", path);
        var paletteOffset = FileHeaderLength + info.Length;
        var masks = depth == 16 ? (0x7C00u, 0x3E0u, 0x1Fu) : (0xFF0000u, 0xFF00u, 0xFFu);
        if (kind == BmpCompression.BitFields)
        {
            var source = file[(FileHeaderLength + 40)..];
            if (source.Length < 12) throw ImageErrors.Truncated("the colour masks are cut off", path);
            masks = (BinaryPrimitives.ReadUInt32LittleEndian(source), BinaryPrimitives.ReadUInt32LittleEndian(source[4..]), BinaryPrimitives.ReadUInt32LittleEndian(source[8..]));
            if (info.Length == 40) paletteOffset += 12;
        }
        var entries = depth > 8 ? 0 : (int)Math.Min(colors == 0 ? 256u : colors, 1u << depth);
        var offset = BinaryPrimitives.ReadUInt32LittleEndian(file[10..]);
        if (offset < paletteOffset || offset > file.Length) throw ImageErrors.Truncated("the pixels lie outside the file", path);
        // Some files leave the palette out of the offset; as in Pillow, it is added then.
        if (offset == paletteOffset && kind != BmpCompression.BitFields) offset = (uint)Math.Min(file.Length, offset + (long)entries * entryLength);
        entries = (int)Math.Min(entries, (offset - paletteOffset) / entryLength);
        return new BmpHeader
        {
            Width = width,
            Height = Math.Abs(height),
            IsTopDown = height < 0,
            Depth = depth,
            Compression = kind,
            DataOffset = (int)offset,
            Masks = masks,
            Palette = (paletteOffset, entries, entryLength),
        };
    }
}
