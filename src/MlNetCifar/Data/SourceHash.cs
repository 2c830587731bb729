using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace MlNetCifar.Data;

/// <summary>The content hashes of a source and of its pictures.</summary>
internal static class SourceHash
{
    const int Neighbours = 256;

    /// <summary>Tells a picture from others by its pixels.</summary>
    public static ulong Of(ReadOnlySpan<byte> pixels)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(pixels, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    /// <summary>Those of all pictures, in their order.</summary>
    /// <param name="source">Read from several threads, neighbours by one.</param>
    /// <param name="threads">How many.</param>
    /// <param name="cancellation">Ends the pass.</param>
    public static ulong[] OfPictures(ImageSource source, int threads, CancellationToken cancellation)
    {
        var hashes = new ulong[source.Count];
        if (hashes.Length > 0)
        {
            Parallel.ForEach(
                Partitioner.Create(0, hashes.Length, Neighbours), new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation },
                () => new byte[source.ImageLength],
                (range, _, buffer) =>
                {
                    for (var i = range.Item1; i < range.Item2; i++)
                        hashes[i] = source.PixelHash(i, buffer);
                    return buffer;
                },
                _ => { });
        }

        return hashes;
    }

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
