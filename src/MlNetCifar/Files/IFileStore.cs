namespace MlNetCifar.Files;

/// <summary>A file or folder of a listing.</summary>
/// <param name="Path">Relative to the listed folder or archive, parts separated by '/'.</param>
/// <param name="Length">Bytes; 0 for a folder.</param>
/// <param name="IsFolder">Whether this is a folder.</param>
public readonly record struct StoredEntry(string Path, long Length, bool IsFolder = false);

/// <summary>
/// The few operations the data stage needs of a file system, so that the same code works on a local disk and on a distributed one.
/// Paths are whole; parts appended by callers are separated by '/'. Implementations are thread-safe.
/// </summary>
public interface IFileStore
{
    /// <summary>Opens a file for reading from its start; the caller disposes the stream.</summary>
    /// <param name="path">An existing file.</param>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    Stream OpenRead(string path);

    /// <summary>Reads a file of a known length in one go. The default opens it; a distributed file system may have a cheaper way.</summary>
    /// <param name="path">An existing file.</param>
    /// <param name="destination">As long as the file.</param>
    /// <returns>The bytes read: fewer where the file is shorter.</returns>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    int ReadWhole(string path, Span<byte> destination)
    {
        using var stream = OpenRead(path);
        return stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
    }

    /// <summary>Reads a file of a known length whole.</summary>
    /// <param name="path">An existing file.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="maxBytes">A longer file is refused before it is read.</param>
    /// <param name="name">Named in errors; null for the path.</param>
    /// <exception cref="MlNetCifarException">The file is too long (MNC1012) or gave fewer bytes than it should (MNC1023).</exception>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    byte[] ReadFile(string path, long length, long maxBytes = long.MaxValue, string? name = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > maxBytes || length > Array.MaxLength)
            throw FileErrors.FileTooLarge(name ?? path, length, Math.Min(maxBytes, Array.MaxLength));
        var bytes = GC.AllocateUninitializedArray<byte>((int)length);
        var found = ReadWhole(path, bytes);
        return found == length ? bytes : throw FileErrors.ShortRead(name ?? path, found, length);
    }

    /// <summary>Writes a file whole: under a temporary name first, renamed (over an older file) only when <paramref name="content"/> has returned.</summary>
    /// <param name="path">The final name; missing folders are created.</param>
    /// <param name="content">Writes the bytes; an exception leaves no file behind.</param>
    void Write(string path, Action<Stream> content);

    /// <summary>
    /// Writes a file that is not there yet, whole: of several callers at once one succeeds. The default looks first and then writes, which is safe for one caller only.
    /// </summary>
    /// <param name="path">The final name; missing folders are created.</param>
    /// <param name="content">The bytes.</param>
    /// <returns>Whether it was written; false where there is a file of that name.</returns>
    bool TryCreate(string path, ReadOnlyMemory<byte> content)
    {
        if (FileExists(path))
            return false;
        Write(path, stream => stream.Write(content.Span));
        return true;
    }

    /// <summary>Everything below a folder, at any depth, in no particular order.</summary>
    /// <param name="folder">An existing folder.</param>
    IEnumerable<StoredEntry> List(string folder);

    /// <summary>The one name of a file or folder, which need not be there, without a slash at its end. The default is the path as it is, but for the slash.</summary>
    /// <param name="path">The file or folder.</param>
    string FullName(string path) => path.TrimEnd('/');

    /// <summary>Whether a file exists.</summary>
    /// <param name="path">The file.</param>
    bool FileExists(string path);

    /// <summary>The length of a file in bytes, or null where there is none. The default opens it.</summary>
    /// <param name="path">The file.</param>
    long? FindLength(string path)
    {
        if (!FileExists(path))
            return null;
        using var stream = OpenRead(path);
        if (stream.CanSeek)
            return stream.Length;
        var length = 0L;
        var block = new byte[1 << 16];
        for (int n; (n = stream.Read(block)) > 0;)
            length += n;
        return length;
    }

    /// <summary>Whether a folder exists.</summary>
    /// <param name="path">The folder.</param>
    bool FolderExists(string path);

    /// <summary>Deletes a file; nothing happens where there is none.</summary>
    /// <param name="path">The file.</param>
    void Delete(string path);

    /// <summary>Renames a file, replacing an existing one.</summary>
    /// <param name="from">An existing file.</param>
    /// <param name="to">The new name; missing folders are created.</param>
    void Move(string from, string to);
}
