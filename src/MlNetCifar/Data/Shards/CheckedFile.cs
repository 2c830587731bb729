using System.Buffers;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>Reads files whole that a manifest names, and compares them with what it says of them.</summary>
internal static class CheckedFile
{
    const int Block = 1 << 20;

    /// <summary>A file's bytes.</summary>
    /// <exception cref="MlNetCifarException">The file cannot be read or is not the one of the manifest (MNC1030).</exception>
    public static byte[] Read(IFileStore store, string path, ShardFile file)
    {
        using var content = new MemoryStream();
        try
        {
            Copy(store, path, file, content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }

        return content.ToArray();
    }

    /// <summary>Copies a file; what was written is of use only where this returns.</summary>
    /// <exception cref="IOException">One of the two failed.</exception>
    /// <exception cref="MlNetCifarException">The file is missing or is not the one of the manifest (MNC1030).</exception>
    public static void Copy(IFileStore store, string path, ShardFile file, Stream destination)
    {
        using var hashing = new HashingStream(destination);
        var block = ArrayPool<byte>.Shared.Rent(Block);
        try
        {
            using var source = store.OpenRead(path);

            // A longer file is wrong, however long it is.
            for (var left = file.Length + 1; left > 0;)
            {
                var n = source.Read(block, 0, (int)Math.Min(left, Block));
                if (n == 0)
                    break;
                hashing.Write(block.AsSpan(0, n));
                left -= n;
            }
        }
        catch (FileNotFoundException e)
        {
            throw Unreadable(path, e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }

        var (hash, length) = hashing.Finish();
        if (length != file.Length)
            throw DataErrors.ShardDamaged(path, length < file.Length
                ? $"The file has {length:N0} bytes, the manifest says {file.Length:N0}."
                : $"The file has more than the {file.Length:N0} bytes that the manifest says.");
        if (Convert.ToHexStringLower(hash) != file.Sha256)
            throw DataErrors.ShardDamaged(path, "The file does not have the SHA-256 of the manifest.");
    }

    static MlNetCifarException Unreadable(string path, Exception cause) => DataErrors.ShardDamaged(path, $"The file cannot be read ({cause.Message.TrimEnd('.')}).");
}
