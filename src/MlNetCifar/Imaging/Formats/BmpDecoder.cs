using System.Buffers.Binary;
using System.Numerics;

namespace MlNetCifar.Imaging;

/// <summary>Decodes Windows bitmaps: 1 to 32 bits, colour masks, run lengths, both row orders.</summary>
static class BmpDecoder
{
    public static ImageInfo ReadInfo(ReadOnlySpan<byte> file, string? path)
    {
        var header = BmpHeader.Read(file, path);
        return new ImageInfo
        {
            Format = ImageFormat.Bmp,
            Width = header.Width,
            Height = header.Height,
            Components = header.Depth <= 8 ? 1 : 3,
            BitDepth = Math.Min(header.Depth, 8),
            ColorModel = header.Depth <= 8 ? "palette" : "rgb",
        };
    }

    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions options, string? path, DecodeReport? report)
    {
        var header = BmpHeader.Read(file, path);
        Limits.Check(header.Width, header.Height, options, path);
        var data = file[header.DataOffset..];
        var isRunLength = header.Compression is BmpCompression.Rle8 or BmpCompression.Rle4;
        var isCut = !isRunLength && data.Length < header.Stride * (header.Height - 1) + ((long)header.Width * header.Depth + 7) / 8;
        if (isCut && !options.AllowTruncated) throw ImageErrors.Truncated($"{data.Length} bytes of pixels instead of {header.Stride * header.Height}", path);
        Span<byte> palette = stackalloc byte[768];
        ReadPalette(file, header, palette);
        var image = new RgbImage(header.Width, header.Height);
        if (isRunLength) isCut = !BmpRunLength.Decode(data, header, palette, image);
        else WriteRows(data, header, palette, image);
        if (isCut && report is not null) report.IsTruncated = true;
        if (isCut) report?.Note("The pixels end early.");
        if (isCut && !options.AllowTruncated) throw ImageErrors.Truncated("the run lengths end before the picture is complete", path);
        return image;
    }

    static void ReadPalette(ReadOnlySpan<byte> file, BmpHeader header, Span<byte> palette)
    {
        // As Pillow has it, an index beyond the palette is that level of grey.
        for (var i = 0; i < palette.Length; i++) palette[i] = (byte)(i / 3);
        var (offset, count, length) = header.Palette;
        for (var i = 0; i < count; i++)
        {
            var entry = file.Slice(offset + i * length, 3);
            (palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]) = (entry[2], entry[1], entry[0]);
        }
    }

    static void WriteRows(ReadOnlySpan<byte> data, BmpHeader header, ReadOnlySpan<byte> palette, RgbImage image)
    {
        var rowLength = (int)(((long)header.Width * header.Depth + 7) / 8);
        for (var y = 0; y < header.Height; y++)
        {
            var start = y * header.Stride;
            if (start + rowLength > data.Length) return;
            var target = image.Row(header.IsTopDown ? y : header.Height - 1 - y);
            var row = data.Slice((int)start, rowLength);
            if (header.Depth <= 8) WriteIndexed(row, header.Depth, palette, target);
            else if (header.Depth == 24) WriteBgr(row, target);
            else WriteMasked(row, header, target);
        }
    }

    static void WriteIndexed(ReadOnlySpan<byte> row, int depth, ReadOnlySpan<byte> palette, Span<byte> target)
    {
        var mask = (1 << depth) - 1;
        for (var x = 0; 3 * x < target.Length; x++)
        {
            var bit = x * depth;
            var index = (row[bit >> 3] >> (8 - depth - (bit & 7))) & mask;
            palette.Slice(3 * index, 3).CopyTo(target[(3 * x)..]);
        }
    }

    static void WriteBgr(ReadOnlySpan<byte> row, Span<byte> target)
    {
        for (var i = 0; i < target.Length; i += 3) (target[i], target[i + 1], target[i + 2]) = (row[i + 2], row[i + 1], row[i]);
    }

    static void WriteMasked(ReadOnlySpan<byte> row, BmpHeader header, Span<byte> target)
    {
        var (red, green, blue) = header.Masks;
        var step = header.Depth / 8;
        for (var x = 0; 3 * x < target.Length; x++)
        {
            var pixel = step == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(row[(2 * x)..]) : BinaryPrimitives.ReadUInt32LittleEndian(row[(4 * x)..]);
            target[3 * x] = Channel(pixel, red);
            target[3 * x + 1] = Channel(pixel, green);
            target[3 * x + 2] = Channel(pixel, blue);
        }
    }

    static byte Channel(uint pixel, uint mask)
    {
        if (mask == 0) return 0;
        var shift = BitOperations.TrailingZeroCount(mask);
        return (byte)((ulong)((pixel & mask) >> shift) * 255 / (mask >> shift));
    }
}
