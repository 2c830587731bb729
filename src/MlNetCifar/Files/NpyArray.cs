using System.Buffers.Binary;

namespace MlNetCifar.Files;

/// <summary>Elements of a <c>.npy</c> file as the numbers the data stage wants.</summary>
internal static class NpyArray
{
    /// <summary>Labels: whole numbers of any type, [N] or [N, 1].</summary>
    public static int[] Labels(NpyHeader header, ReadOnlySpan<byte> data, string path)
    {
        if (header.Shape is not ([_] or [_, 1]))
            throw FileErrors.Npy(path, $"The labels' shape is ({string.Join(", ", header.Shape)}), expected (N,).");
        var labels = new int[header.Shape[0]];
        for (var i = 0; i < labels.Length; i++)
        {
            var value = Number(header.Descr, data, i);
            if (value is not (>= 0 and < int.MaxValue) || value != Math.Floor(value))
                throw FileErrors.Npy(path, $"The label of row {i} is {value}, expected a whole number from 0.");
            labels[i] = (int)value;
        }

        return labels;
    }

    /// <summary>Height, width and channels of [N, H, W, C] or [N, H, W].</summary>
    public static (int Height, int Width, int Channels) PictureShape(NpyHeader header, string path)
    {
        var s = header.Shape;
        if (s is [_, > 0 and <= 65535, > 0 and <= 65535, 1 or 3])
            return ((int)s[1], (int)s[2], (int)s[3]);
        if (s is [_, > 0 and <= 65535, > 0 and <= 65535])
            return ((int)s[1], (int)s[2], 1);
        throw FileErrors.Npy(path, $"The pictures' shape is ({string.Join(", ", s)}), expected (N, height, width, 3) or (N, height, width, 1).");
    }

    /// <summary>Floats to bytes: 0 … 1 is scaled by 255, 0 … 255 is taken as it is; rounded to the nearest.</summary>
    public static void ToBytes(NpyHeader header, ReadOnlySpan<byte> data, Span<byte> destination, string path)
    {
        var most = 0.0;
        for (var i = 0; i < destination.Length; i++)
        {
            var value = Number(header.Descr, data, i);
            if (value is not (>= 0 and <= 255))
                throw FileErrors.Npy(path, $"A pixel is {value}, expected 0 … 255 or 0 … 1. Save the pictures as uint8, not normalised.");
            most = Math.Max(most, value);
        }

        var scale = most <= 1 && (header.Descr is "<f4" or "<f8") ? 255 : 1;
        for (var i = 0; i < destination.Length; i++)
            destination[i] = (byte)Math.Round(Number(header.Descr, data, i) * scale);
    }

    static double Number(string descr, ReadOnlySpan<byte> data, int i) => descr switch
    {
        "|u1" => data[i],
        "|i1" => (sbyte)data[i],
        "<i2" => BinaryPrimitives.ReadInt16LittleEndian(data[(2 * i)..]),
        "<u2" => BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * i)..]),
        "<i4" => BinaryPrimitives.ReadInt32LittleEndian(data[(4 * i)..]),
        "<u4" => BinaryPrimitives.ReadUInt32LittleEndian(data[(4 * i)..]),
        "<i8" => BinaryPrimitives.ReadInt64LittleEndian(data[(8 * i)..]),
        "<u8" => BinaryPrimitives.ReadUInt64LittleEndian(data[(8 * i)..]),
        "<f4" => BinaryPrimitives.ReadSingleLittleEndian(data[(4 * i)..]),
        _ => BinaryPrimitives.ReadDoubleLittleEndian(data[(8 * i)..]),
    };
}
