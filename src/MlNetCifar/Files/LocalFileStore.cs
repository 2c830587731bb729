namespace MlNetCifar.Files;

/// <summary>The local disk.</summary>
public sealed class LocalFileStore : IFileStore
{
    // A link that leads back to its own parent would otherwise be followed until the system gives up.
    const int MaxDepth = 32;

    LocalFileStore()
    {
    }

    /// <summary>The one instance.</summary>
    public static LocalFileStore Instance { get; } = new();

    /// <inheritdoc/>
    public Stream OpenRead(string path) =>
        new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);

    /// <inheritdoc/>
    public void Write(string path, Action<Stream> content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var temporary = $"{full}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                content(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<StoredEntry> List(string folder)
    {
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = 0,
            IgnoreInaccessible = false,
            MaxRecursionDepth = MaxDepth,
        };
        var root = new DirectoryInfo(folder);
        foreach (var info in root.EnumerateFileSystemInfos("*", options))
        {
            var relative = Path.GetRelativePath(root.FullName, info.FullName);
            if (Path.DirectorySeparatorChar != '/')
                relative = relative.Replace(Path.DirectorySeparatorChar, '/');
            yield return info is FileInfo file ? new(relative, file.Length, false) : new(relative, 0, true);
        }
    }

    /// <inheritdoc/>
    public bool FileExists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public long? FindLength(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : null;

    /// <inheritdoc/>
    public bool FolderExists(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public void Delete(string path)
    {
        if (File.Exists(path))
            File.Delete(path);
    }

    /// <inheritdoc/>
    public void Move(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(to))!);
        File.Move(from, to, overwrite: true);
    }
}
