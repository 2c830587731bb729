using System.Buffers.Binary;
using System.IO.Compression;

namespace MlNetCifar.Imaging;

/// <summary>Writes PNG files of 8-bit grey or RGB.</summary>
internal static class PngEncoder
{
    /// <summary>Encodes a picture.</summary>
    /// <param name="pixels">[height, width, channels] bytes.</param>
    /// <param name="width">Pixels in a row, ≥ 1.</param>
    /// <param name="height">Rows, ≥ 1.</param>
    /// <param name="channels">1 for grey, 3 for RGB.</param>
    /// <returns>A complete PNG file.</returns>
    /// <exception cref="ArgumentException">A size is not positive, the channels are neither 1 nor 3, or <paramref name="pixels"/> is too short.</exception>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int height, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (channels is not (1 or 3)) throw new ArgumentException($"{channels} channels given, 1 or 3 expected.", nameof(channels));
        var stride = checked(width * channels);
        if (pixels.Length < (long)stride * height) throw new ArgumentException($"{pixels.Length} bytes given, {(long)stride * height} needed.", nameof(pixels));
        using var file = new MemoryStream();
        file.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        header[8] = 8;
        header[9] = (byte)(channels == 3 ? 2 : 0);
        header[10..].Clear();
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, Compress(pixels, stride, height, channels));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    static ReadOnlySpan<byte> Compress(ReadOnlySpan<byte> pixels, int stride, int height, int channels)
    {
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var row = new byte[stride + 1];
            ReadOnlySpan<byte> previous = new byte[stride];
            for (var y = 0; y < height; y++)
            {
                var current = pixels.Slice(y * stride, stride);
                PngFilter.Choose(current, previous, channels, row);
                zlib.Write(row);
                previous = current;
            }
        }
        return compressed.ToArray();
    }

    static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.Compute(type, data));
        file.Write(number);
    }
}
