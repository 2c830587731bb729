namespace MlNetCifar.Imaging;

/// <summary>Samples of a PNG row to RGB.</summary>
static class PngPixels
{
    /// <summary>Converts one row.</summary>
    /// <param name="row">Unfiltered bytes.</param>
    /// <param name="header">What they mean.</param>
    /// <param name="palette">RGB entries; an index beyond them is that level of grey, as Pillow has it.</param>
    /// <param name="target">First pixel to write.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="step">Bytes from one written pixel to the next.</param>
    public static void Write(ReadOnlySpan<byte> row, PngHeader header, ReadOnlySpan<byte> palette, Span<byte> target, int width, int step)
    {
        if (header.Depth < 8)
        {
            WritePacked(row, header, palette, target, width, step);
            return;
        }
        if (header is { ColorType: 2, Depth: 8 } && step == 3)
        {
            row[..(3 * width)].CopyTo(target);
            return;
        }
        var sample = header.Depth / 8;
        var pixel = header.Channels * sample;
        var color = header.ColorType is 2 or 6 ? sample : 0;
        for (var (x, from, to) = (0, 0, 0); x < width; (x, from, to) = (x + 1, from + pixel, to + step))
        {
            if (header.ColorType == PngHeader.Palette) WriteEntry(palette, row[from], target.Slice(to, 3));
            else (target[to], target[to + 1], target[to + 2]) = (row[from], row[from + color], row[from + 2 * color]);
        }
    }

    static void WritePacked(ReadOnlySpan<byte> row, PngHeader header, ReadOnlySpan<byte> palette, Span<byte> target, int width, int step)
    {
        var mask = (1 << header.Depth) - 1;
        var scale = 255 / mask;
        for (var x = 0; x < width; x++)
        {
            var bit = x * header.Depth;
            var value = (row[bit >> 3] >> (8 - header.Depth - (bit & 7))) & mask;
            var pixel = target.Slice(x * step, 3);
            if (header.ColorType == PngHeader.Palette) WriteEntry(palette, value, pixel);
            else pixel.Fill((byte)(value * scale));
        }
    }

    static void WriteEntry(ReadOnlySpan<byte> palette, int index, Span<byte> pixel)
    {
        if (3 * index + 3 <= palette.Length) palette.Slice(3 * index, 3).CopyTo(pixel);
        else pixel.Fill((byte)index);
    }
}
