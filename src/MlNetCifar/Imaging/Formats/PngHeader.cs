using System.Buffers.Binary;

namespace MlNetCifar.Imaging;

/// <summary>IHDR and what follows from it.</summary>
readonly record struct PngHeader(int Width, int Height, int Depth, int ColorType, bool IsInterlaced)
{
    public const int Palette = 3;

    public int Channels => ColorType switch
    {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };

    public int BitsPerPixel => Channels * Depth;

    public static PngHeader Read(ReadOnlySpan<byte> data, string? path)
    {
        if (data.Length != 13) throw ImageErrors.Damaged("a PNG header of wrong length", path);
        var width = BinaryPrimitives.ReadUInt32BigEndian(data);
        var height = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        if (width is 0 or > int.MaxValue || height is 0 or > int.MaxValue) throw ImageErrors.Damaged($"a size of {width}×{height} pixels", path);
        var header = new PngHeader((int)width, (int)height, data[8], data[9], data[12] == 1);
        var valid = header.ColorType switch
        {
            0 => header.Depth is 1 or 2 or 4 or 8 or 16,
            Palette => header.Depth is 1 or 2 or 4 or 8,
            2 or 4 or 6 => header.Depth is 8 or 16,
            _ => false,
        };
        if (!valid || data[10] != 0 || data[11] != 0 || data[12] > 1) throw ImageErrors.Damaged("a PNG header with impossible values", path);
        return header;
    }

    /// <summary>Bytes of a row of so many pixels, without the filter's number.</summary>
    public int RowLength(int width) => (int)(((long)width * BitsPerPixel + 7) / 8);

    /// <summary>Size of one of the seven passes of Adam7, or of the whole picture for pass −1.</summary>
    public (int Width, int Height, int X, int Y, int StepX, int StepY) Pass(int pass)
    {
        if (pass < 0) return (Width, Height, 0, 0, 1, 1);
        ReadOnlySpan<byte> x = [0, 4, 0, 2, 0, 1, 0];
        ReadOnlySpan<byte> y = [0, 0, 4, 0, 2, 0, 1];
        ReadOnlySpan<byte> stepX = [8, 8, 4, 4, 2, 2, 1];
        ReadOnlySpan<byte> stepY = [8, 8, 8, 4, 4, 2, 2];
        return ((Width - x[pass] + stepX[pass] - 1) / stepX[pass], (Height - y[pass] + stepY[pass] - 1) / stepY[pass], x[pass], y[pass], stepX[pass], stepY[pass]);
    }

    /// <summary>Bytes of the picture before compression.</summary>
    public long DataLength()
    {
        var total = 0L;
        for (var pass = IsInterlaced ? 0 : -1; pass < (IsInterlaced ? 7 : 0); pass++)
        {
            var (width, height, _, _, _, _) = Pass(pass);
            if (width > 0 && height > 0) total += (1L + RowLength(width)) * height;
        }
        return total;
    }
}
