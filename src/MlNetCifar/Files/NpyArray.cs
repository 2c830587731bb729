using System.Buffers.Binary;

namespace MlNetCifar.Files;

/// <summary>Elements of a <c>.npy</c> file as the numbers the data stage wants.</summary>
internal static class NpyArray
{
    /// <summary>Elements as <see cref="NpyHeader.Format"/> announces them: row by row, lowest byte first.</summary>
    /// <param name="header">The array's.</param>
    /// <param name="data">Its bytes; changed, or copied.</param>
    public static Memory<byte> Plain(NpyHeader header, Memory<byte> data)
    {
        var size = header.ElementSize;
        if (header.IsBigEndian)
        {
            for (var i = 0; i < data.Length; i += size)
                data.Span.Slice(i, size).Reverse();
        }

        return header.IsFortran ? RowMajor(header.Shape, data.Span, size) : data;
    }

    static byte[] RowMajor(long[] shape, ReadOnlySpan<byte> source, int size)
    {
        var result = new byte[source.Length];
        var index = new long[shape.Length];
        var steps = new long[shape.Length];
        for (var (d, step) = (0, (long)size); d < shape.Length; step *= shape[d++])
            steps[d] = step;
        var from = 0L;
        for (var to = 0; to < result.Length; to += size)
        {
            source.Slice((int)from, size).CopyTo(result.AsSpan(to));
            for (var d = shape.Length - 1; d >= 0; d--)
            {
                from += steps[d];
                if (++index[d] < shape[d])
                    break;
                from -= shape[d] * steps[d];
                index[d] = 0;
            }
        }

        return result;
    }

    /// <summary>Labels: whole numbers of any type, [N] or [N, 1].</summary>
    public static long[] Labels(NpyHeader header, ReadOnlySpan<byte> data, string path)
    {
        if (header.Shape is not ([_] or [_, 1]))
            throw FileErrors.Npy(path, $"The labels' shape is ({string.Join(", ", header.Shape)}), expected (N,).");
        var labels = new long[header.Shape[0]];
        for (var i = 0; i < labels.Length; i++)
        {
            var value = Number(header.Descr, data, i);

            // Beyond that not every whole number has a double of its own.
            if (value is not (>= 0 and < 1L << 53) || value != Math.Floor(value))
                throw FileErrors.Npy(path, $"The label of row {i} is {value}, expected a whole number from 0.");
            labels[i] = (long)value;
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

    /// <summary>The largest pixel value of floats, by which a scale of 0 … 1 is told from one of 0 … 255; 255 for every other type.</summary>
    public static double Most(NpyHeader header, ReadOnlySpan<byte> data)
    {
        if (header.Descr is not ("<f2" or "<f4" or "<f8"))
            return 255;
        var most = 0.0;
        for (var i = 0; i < header.Elements; i++)
            most = Math.Max(most, Number(header.Descr, data, i));
        return most;
    }

    /// <summary>Pixel values to bytes, rounded to the nearest.</summary>
    /// <param name="header">The array's.</param>
    /// <param name="data">Its elements.</param>
    /// <param name="isUnit">Whether floats lie on the scale 0 … 1; booleans do in any case.</param>
    /// <param name="destination">Overwritten.</param>
    /// <param name="path">For messages.</param>
    public static void ToBytes(NpyHeader header, ReadOnlySpan<byte> data, bool isUnit, Span<byte> destination, string path)
    {
        var scale = header.Descr == "|b1" || (isUnit && header.Descr.StartsWith("<f", StringComparison.Ordinal)) ? 255 : 1;
        for (var i = 0; i < destination.Length; i++)
        {
            var value = Number(header.Descr, data, i);
            if (value is not (>= 0 and <= 255))
                throw FileErrors.Npy(path, $"A pixel is {value}, expected 0 … 255 or 0 … 1. Save the pictures as uint8, not normalised.");
            destination[i] = (byte)Math.Round(value * scale);
        }
    }

    static double Number(string descr, ReadOnlySpan<byte> data, int i) => descr switch
    {
        "|u1" => data[i],
        "|b1" => data[i] == 0 ? 0 : 1,
        "|i1" => (sbyte)data[i],
        "<i2" => BinaryPrimitives.ReadInt16LittleEndian(data[(2 * i)..]),
        "<u2" => BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * i)..]),
        "<i4" => BinaryPrimitives.ReadInt32LittleEndian(data[(4 * i)..]),
        "<u4" => BinaryPrimitives.ReadUInt32LittleEndian(data[(4 * i)..]),
        "<i8" => BinaryPrimitives.ReadInt64LittleEndian(data[(8 * i)..]),
        "<u8" => BinaryPrimitives.ReadUInt64LittleEndian(data[(8 * i)..]),
        "<f2" => (double)BinaryPrimitives.ReadHalfLittleEndian(data[(2 * i)..]),
        "<f4" => BinaryPrimitives.ReadSingleLittleEndian(data[(4 * i)..]),
        _ => BinaryPrimitives.ReadDoubleLittleEndian(data[(8 * i)..]),
    };
}
