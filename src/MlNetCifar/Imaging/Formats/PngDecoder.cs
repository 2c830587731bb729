using System.Buffers.Binary;
using System.IO.Compression;

namespace MlNetCifar.Imaging;

/// <summary>
/// Decodes PNG: all colour types and depths, interlaced or not. As Pillow's conversion to RGB, it drops transparency and ignores gamma and profiles;
/// 16-bit samples are cut to their high byte.
/// </summary>
static class PngDecoder
{
    // No stream of deflate expands by more.
    const int MaxExpansion = 1032;

    public static ImageInfo ReadInfo(ReadOnlySpan<byte> file, string? path)
    {
        var chunks = PngChunks.Read(file, headerOnly: true, tolerant: true, path, null);
        var header = chunks.Header;
        return new ImageInfo
        {
            Format = ImageFormat.Png,
            Width = header.Width,
            Height = header.Height,
            Components = header.Channels,
            BitDepth = header.Depth,
            ColorModel = header.ColorType switch { 0 => "grey", 2 => "rgb", PngHeader.Palette => "palette", 4 => "grey+alpha", _ => "rgb+alpha" },
            Orientation = chunks.Orientation,
            IsAnimated = chunks.IsAnimated,
            HasAlpha = header.ColorType >= 4 || chunks.HasTransparency,
            IsProgressive = header.IsInterlaced,
        };
    }

    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions options, string? path, DecodeReport? report, out int orientation)
    {
        var chunks = PngChunks.Read(file, headerOnly: false, options.AllowTruncated, path, report);
        orientation = chunks.Orientation;
        var header = chunks.Header;
        Limits.Check(header.Width, header.Height, options, path);
        if (header.ColorType == PngHeader.Palette && chunks.Palette.Length == 0) throw ImageErrors.Damaged("a palette picture without a palette", path);
        if (chunks.Data.Count == 0) throw ImageErrors.Truncated("there are no picture data", path);
        if (!options.AllowTruncated && header.DataLength() > (chunks.DataLength + 64) * MaxExpansion) throw ImageErrors.Truncated("it has fewer data than any such picture needs", path);

        var image = RgbImage.Uninitialized(header.Width, header.Height);
        image.Pixels.Clear();
        try
        {
            using var stream = new ZLibStream(new MemoryStream(Gather(file, chunks)), CompressionMode.Decompress);
            ReadPasses(stream, image, chunks, options.Cancellation, path);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            if (report is not null) (report.IsTruncated, report.IsDamaged) = (e is EndOfStreamException, e is not EndOfStreamException);
            report?.Note("The compressed data end early or are damaged.");
            if (options.AllowTruncated) return image;
            if (e is EndOfStreamException) throw ImageErrors.Truncated("the compressed data end before the picture is complete", path);
            throw ImageErrors.Damaged("compressed data that cannot be unpacked", path);
        }
        return image;
    }

    static byte[] Gather(ReadOnlySpan<byte> file, PngChunks chunks)
    {
        var data = new byte[chunks.DataLength];
        var position = 0;
        foreach (var (start, length) in chunks.Data)
        {
            file.Slice(start, length).CopyTo(data.AsSpan(position));
            position += length;
        }
        return data;
    }

    static void ReadPasses(Stream stream, RgbImage image, PngChunks chunks, CancellationToken cancellation, string? path)
    {
        var header = chunks.Header;
        var step = Math.Max(1, header.BitsPerPixel / 8);
        var current = new byte[header.RowLength(header.Width) + 1];
        var previous = new byte[current.Length];
        for (var pass = header.IsInterlaced ? 0 : -1; pass < (header.IsInterlaced ? 7 : 0); pass++)
        {
            var (width, height, x, y, stepX, stepY) = header.Pass(pass);
            if (width <= 0 || height <= 0) continue;
            var length = header.RowLength(width);
            Array.Clear(previous);
            for (var row = 0; row < height; row++)
            {
                cancellation.ThrowIfCancellationRequested();
                stream.ReadExactly(current, 0, length + 1);
                if (!PngFilter.Undo(current[0], current.AsSpan(1, length), previous.AsSpan(1, length), step)) throw ImageErrors.Damaged($"row filter {current[0]}", path);
                PngPixels.Write(current.AsSpan(1, length), header, chunks.Palette, image.Row(y + row * stepY)[(3 * x)..], width, 3 * stepX);
                (current, previous) = (previous, current);
            }
        }
    }
}
