namespace MlNetCifar.Files;

/// <summary>What every <see cref="IFileStore"/> can do by means of the others.</summary>
public static class FileStoreExtensions
{
    /// <summary>Reads a file of a known length whole.</summary>
    /// <param name="store">Where it lies.</param>
    /// <param name="path">An existing file.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="maxBytes">A longer file is refused before it is read.</param>
    /// <param name="name">Named in errors; null for the path.</param>
    /// <exception cref="MlNetCifarException">The file is too long (MNC1012) or gave fewer bytes than it should (MNC1023).</exception>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    public static byte[] ReadFile(this IFileStore store, string path, long length, long maxBytes = long.MaxValue, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > maxBytes || length > Array.MaxLength)
            throw FileErrors.FileTooLarge(name ?? path, length, Math.Min(maxBytes, Array.MaxLength));
        var bytes = GC.AllocateUninitializedArray<byte>((int)length);
        var found = store.ReadWhole(path, bytes);
        return found == length ? bytes : throw FileErrors.ShortRead(name ?? path, found, length);
    }
}
