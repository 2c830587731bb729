namespace MlNetCifar.Files;

/// <summary>The local disk.</summary>
public sealed class LocalFileStore : IFileStore
{
    LocalFileStore()
    {
    }

    /// <summary>The one instance.</summary>
    public static LocalFileStore Instance { get; } = new();

    /// <inheritdoc/>
    public Stream OpenRead(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        }
        catch (IOException e) when (e is FileNotFoundException or DirectoryNotFoundException && new FileInfo(path).LinkTarget is { } target)
        {
            throw new FileNotFoundException($"It is a link to '{target}', where nothing is; fetch what it stands for.", path, e);
        }
    }

    /// <summary>
    /// Writes a file whole, in the place of an older one, whose permissions and owner it takes. Where the name is a link's, what the link leads to is replaced.
    /// Devices, pipes and what a process has open (<c>/dev/stdout</c>) are written to and stay what they are.
    /// </summary>
    /// <param name="path">The final name; missing folders are created.</param>
    /// <param name="content">Writes the bytes; an exception leaves no file behind.</param>
    /// <exception cref="IOException">It cannot be written, or is a folder, a socket or a disk.</exception>
    public void Write(string path, Action<Stream> content)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(content);
        FileTarget.Write(path, content);
    }

    /// <inheritdoc/>
    public bool TryCreate(string path, ReadOnlyMemory<byte> content)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        try
        {
            FileTarget.WriteNew(path, content.Span);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    /// <summary>
    /// Everything below a folder, at any depth, in no particular order. Links are followed, to folders too, except those that lead back to a folder they lie in; a link
    /// that leads nowhere is listed with the length 0. What is neither file nor folder is left out.
    /// </summary>
    /// <param name="folder">An existing folder.</param>
    public IEnumerable<StoredEntry> List(string folder) => LocalListing.Of(folder);

    /// <summary>The one name of a file or folder, which need not be there: from the root, by what links on the way lead to, with '/' between its parts and none at its end.</summary>
    /// <param name="path">The file or folder.</param>
    public string FullName(string path) => Resolve(Path.Combine(Directory.GetCurrentDirectory(), path)).Replace(Path.DirectorySeparatorChar, '/').TrimEnd('/');

    static string Resolve(string path)
    {
        var real = Path.GetPathRoot(path)!;
        foreach (var part in path[real.Length..].Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries))
        {
            real = part == ".." ? Path.GetDirectoryName(real) ?? real : Path.Combine(real, part == "." ? "" : part);
            // A link that turns in a circle is no folder, and keeps its name.
            if (Directory.Exists(real) && new DirectoryInfo(real).LinkTarget is { } target)
                real = Resolve(Path.Combine(Path.GetDirectoryName(real)!, target));
        }

        return real;
    }

    /// <inheritdoc/>
    public bool FileExists(string path) => FileNode.Of(path).Kind is not (NodeKind.None or NodeKind.Folder);

    /// <inheritdoc/>
    public long? FindLength(string path) => FileNode.Of(path) is { Kind: NodeKind.File } file ? file.Length : null;

    /// <inheritdoc/>
    public bool FolderExists(string path) => Directory.Exists(path);

    /// <summary>Deletes a file or a link, not what the link leads to; devices, pipes and sockets stay.</summary>
    /// <param name="path">The file.</param>
    public void Delete(string path)
    {
        var info = new FileInfo(path);
        if (info.LinkTarget is not null || FileNode.Of(path).Kind == NodeKind.File)
            info.Delete();
    }

    /// <inheritdoc/>
    public void Move(string from, string to) => FileTarget.Move(from, to);
}
