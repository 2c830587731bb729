using System.Security.Cryptography;
using MlNetCifar.Data.Files;

namespace MlNetCifar.Data.Shards.Caching;

/// <summary>Copies of remote parts in a local folder, named by their SHA-256: never stale, and shared by all runs and data sets that hold the same bytes.</summary>
/// <param name="folder">Created when needed; may be deleted at any time between runs.</param>
internal sealed class PartFiles(string folder)
{
    /// <summary>Opens the copy, and makes it first where there is none; null where the local disk cannot hold it.</summary>
    /// <exception cref="MlNetCifarException">The remote file cannot be read, or is not the one of the manifest (MNC1030).</exception>
    public FileStream? Fetch(IFileStore store, string path, ShardFile file)
    {
        // The name comes from a manifest, which may be anybody's.
        if (file.Sha256.Length != 64 || !file.Sha256.All(char.IsAsciiHexDigit))
            return null;
        var copy = Path.Combine(folder, file.Sha256);
        try
        {
            if (LocalFileStore.Instance.FindLength(copy) != file.Length)
                LocalFileStore.Instance.Write(copy, stream => Copy(store, path, file, stream));
            return (FileStream)LocalFileStore.Instance.OpenRead(copy);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    static void Copy(IFileStore store, string path, ShardFile file, Stream destination)
    {
        using var hashing = new HashingStream(destination);
        try
        {
            using var source = store.OpenRead(path);
            source.CopyTo(hashing, 1 << 20);
        }
        catch (FileNotFoundException e)
        {
            throw DataErrors.ShardDamaged(path, $"The file cannot be read ({e.Message.TrimEnd('.')}).");
        }

        var (hash, length) = hashing.Finish();
        if (length != file.Length || Convert.ToHexStringLower(hash) != file.Sha256)
            throw DataErrors.ShardDamaged(path, "The file does not have the SHA-256 of the manifest.");
    }
}
