namespace MlNetCifar.Imaging.Png;

/// <summary>Samples of a PNG row to RGB.</summary>
static class PngPixels
{
    /// <summary>Converts one row.</summary>
    /// <param name="row">Unfiltered bytes.</param>
    /// <param name="header">What they mean.</param>
    /// <param name="palette">RGB entries; an index beyond them is black.</param>
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
        for (var x = 0; x < width; x++)
        {
            var source = row.Slice(x * pixel, pixel);
            var pixelTarget = target.Slice(x * step, 3);
            if (header.ColorType == PngHeader.Palette) WriteEntry(palette, source[0], pixelTarget);
            else (pixelTarget[0], pixelTarget[1], pixelTarget[2]) = (source[0], source[color], source[2 * color]);
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
        else pixel.Clear();
    }
}
