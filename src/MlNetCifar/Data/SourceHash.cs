using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MlNetCifar.Data;

/// <summary>The content hash of a source.</summary>
internal static class SourceHash
{
    public static string Compute(ImageSource source, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> header = stackalloc byte[16];
        Write(header, source.Count, source.Height, source.Width, source.Channels);
        hash.AppendData(header);
        var record = new byte[4 + source.ImageLength];
        for (var i = 0; i < source.Count; i++)
        {
            if (i % 1024 == 0)
                cancellation.ThrowIfCancellationRequested();
            BinaryPrimitives.WriteInt32LittleEndian(record, source.Label(i));
            source.CopyPixels(i, record.AsSpan(4));
            hash.AppendData(record);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    static void Write(Span<byte> destination, params ReadOnlySpan<int> values)
    {
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(destination[(4 * i)..], values[i]);
    }
}
