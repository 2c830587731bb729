using System.Buffers.Binary;

namespace MlNetCifar.Imaging;

/// <summary>The EXIF orientation: reading it and turning a picture by it.</summary>
static class ExifOrientation
{
    const int Tag = 0x0112;
    const int Tile = 64;

    /// <summary>Finds the orientation in the first directory of a TIFF structure.</summary>
    /// <returns>1 … 8; 1 where there is none or the structure is broken.</returns>
    public static int Read(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8) return 1;
        bool little;
        if (tiff.StartsWith("II*\0"u8)) little = true;
        else if (tiff.StartsWith("MM\0*"u8)) little = false;
        else return 1;
        var directory = Word(tiff, 4, 4, little);
        if (directory < 0 || directory > tiff.Length - 2) return 1;
        var entries = Word(tiff, (int)directory, 2, little);
        for (var i = 0; i < entries; i++)
        {
            var entry = directory + 2 + 12L * i;
            if (entry > tiff.Length - 12) break;
            if (Word(tiff, (int)entry, 2, little) != Tag) continue;

            // Bytes, words and long words, signed or not: it should be a word, but some cameras and tools write others.
            long value = Word(tiff, (int)entry + 2, 2, little) switch
            {
                1 or 6 => tiff[(int)entry + 8],
                3 or 8 => Word(tiff, (int)entry + 8, 2, little),
                4 or 9 => Word(tiff, (int)entry + 8, 4, little),
                _ => 1,
            };
            return value is >= 1 and <= 8 ? (int)value : 1;
        }
        return 1;
    }

    /// <summary>Turns a picture upright.</summary>
    /// <param name="image">As stored.</param>
    /// <param name="orientation">1 … 8; 1 returns the same object.</param>
    public static RgbImage Apply(RgbImage image, int orientation)
    {
        if (orientation == 1) return image;
        var swaps = orientation >= 5;
        var result = RgbImage.Uninitialized(swaps ? image.Height : image.Width, swaps ? image.Width : image.Height);
        // In tiles, because the rows of one are the columns of the other.
        for (var top = 0; top < result.Height; top += Tile)
        {
            for (var left = 0; left < result.Width; left += Tile) ApplyTile(image, result, orientation, left, top);
        }
        return result;
    }

    static void ApplyTile(RgbImage image, RgbImage result, int orientation, int left, int top)
    {
        var row = 3 * image.Width;
        var lastRow = (image.Height - 1) * row;
        var (start, stepX, stepY) = orientation switch
        {
            2 => (row - 3, -3, row),
            3 => (lastRow + row - 3, -3, -row),
            4 => (lastRow, 3, -row),
            5 => (0, row, 3),
            6 => (lastRow, -row, 3),
            7 => (lastRow + row - 3, -row, -3),
            _ => (row - 3, row, -3),
        };
        var source = image.Pixels;
        for (var y = top; y < Math.Min(top + Tile, result.Height); y++)
        {
            var target = result.Row(y);
            for (var x = left; x < Math.Min(left + Tile, result.Width); x++)
            {
                var from = start + x * stepX + y * stepY;
                (target[3 * x], target[3 * x + 1], target[3 * x + 2]) = (source[from], source[from + 1], source[from + 2]);
            }
        }
    }

    static long Word(ReadOnlySpan<byte> bytes, int at, int size, bool little) => size == 2
        ? little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]) : BinaryPrimitives.ReadUInt16BigEndian(bytes[at..])
        : little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
}
