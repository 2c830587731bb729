using System.Buffers.Binary;

namespace MlNetCifar.Imaging;

/// <summary>The EXIF orientation: reading it and turning a picture by it.</summary>
static class ExifOrientation
{
    const int Tag = 0x0112;
    const int ShortType = 3;

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
            if (Word(tiff, (int)entry, 2, little) != Tag || Word(tiff, (int)entry + 2, 2, little) != ShortType) continue;
            var value = Word(tiff, (int)entry + 8, 2, little);
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
        var (w, h) = (image.Width, image.Height);
        for (var y = 0; y < result.Height; y++)
        {
            var row = result.Row(y);
            for (var x = 0; x < result.Width; x++)
            {
                var (sourceX, sourceY) = orientation switch
                {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    _ => (w - 1 - y, x),
                };
                image.Row(sourceY).Slice(3 * sourceX, 3).CopyTo(row[(3 * x)..]);
            }
        }
        return result;
    }

    static long Word(ReadOnlySpan<byte> bytes, int at, int size, bool little) => size == 2
        ? little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]) : BinaryPrimitives.ReadUInt16BigEndian(bytes[at..])
        : little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
}
