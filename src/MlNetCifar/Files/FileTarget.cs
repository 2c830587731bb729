namespace MlNetCifar.Files;

/// <summary>
/// The one rule by which files of the local disk are written. A file appears whole or not at all, in the place of an older one, whose permissions and owner it takes;
/// where the name is a link's, what the link leads to is replaced. Devices, pipes and what a process has open are written to and stay what they are;
/// folders, sockets and disks are refused.
/// </summary>
internal static class FileTarget
{
    const int BufferSize = 1 << 16;

    /// <summary>Writes a file.</summary>
    /// <param name="path">Its name; missing folders are created.</param>
    /// <param name="content">Writes the bytes; an exception leaves the older file as it was.</param>
    /// <exception cref="IOException">It cannot be written, or the name stands for something that is no file.</exception>
    public static void Write(string path, Action<Stream> content)
    {
        var (real, old, isReplaced) = Find(path);
        if (!isReplaced)
        {
            using var stream = Open(path, real, old);
            content(stream);
            return;
        }

        var temporary = Temporary(real);
        try
        {
            using (var stream = Create(temporary, old))
            {
                content(stream);
                stream.Flush(flushToDisk: true);
            }

            Put(temporary, real, old);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes a file that must not be there yet; it is not forced to the disk, which many small ones cannot wait for.</summary>
    /// <exception cref="IOException">There is something of that name, a link included, or it cannot be written.</exception>
    public static void WriteNew(string path, ReadOnlySpan<byte> content)
    {
        var temporary = Temporary(Path.GetFullPath(path));
        try
        {
            using (var stream = Create(temporary, default))
                stream.Write(content);
            File.Move(temporary, path, overwrite: false);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Renames a file by the same rule: over an older one, or into what is no file.</summary>
    public static void Move(string from, string to)
    {
        var (real, old, isReplaced) = Find(to);
        if (isReplaced)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(real)!);
            Put(from, real, old);
            return;
        }

        using (var source = File.OpenRead(from))
        using (var stream = Open(to, real, old))
            source.CopyTo(stream);
        File.Delete(from);
    }

    /// <summary>Makes sure that a name is free or a file's, for what is read again later.</summary>
    /// <exception cref="IOException">It is something else's.</exception>
    public static void RequireFile(string path)
    {
        if (FileNode.Of(path) is { Kind: not (NodeKind.None or NodeKind.File) } other)
            throw new IOException($"'{path}' is {other.Description}, expected a file.");
    }

    static (string Real, FileNode Old, bool IsReplaced) Find(string path)
    {
        if (Path.EndsInDirectorySeparator(path))
            throw new IOException($"'{path}' is the name of a folder, expected one of a file.");
        var real = FileLinks.Resolve(path);
        var old = FileNode.Of(real);
        return (real, old, old.Kind is NodeKind.None or NodeKind.File && !FileLinks.IsDescriptor(real, out _));
    }

    static Stream Open(string path, string real, FileNode node)
    {
        if (node.Kind is NodeKind.Folder or NodeKind.Socket or NodeKind.Disk)
            throw new IOException($"'{path}' is {node.Description}, expected a file, a pipe or a device.");
        // The program's own output keeps its place among what else is written there, which opening it anew would lose.
        if (FileLinks.IsDescriptor(real, out var own) && own is 1 or 2)
            return own == 1 ? Console.OpenStandardOutput() : Console.OpenStandardError();
        return new FileStream(path, node.Kind == NodeKind.File ? FileMode.Append : FileMode.Open, FileAccess.Write, FileShare.ReadWrite, BufferSize);
    }

    // Beside the file, so that renaming is one step; short, so that long names have room; hidden, so that nobody takes a leftover for data.
    static string Temporary(string real)
    {
        var folder = Path.GetDirectoryName(real) ?? throw new IOException($"'{real}' is a folder, expected a file.");
        Directory.CreateDirectory(folder);
        return Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
    }

    static FileStream Create(string temporary, FileNode old)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = BufferSize };
        // What only its owner may read must not be open to others while it is written.
        if (old.Kind == NodeKind.File && !OperatingSystem.IsWindows())
            options.UnixCreateMode = old.Mode & FileNode.Everyday;
        return new FileStream(temporary, options);
    }

    static void Put(string from, string real, FileNode old)
    {
        if (old.Kind == NodeKind.File)
            old.LendTo(from);
        File.Move(from, real, overwrite: true);
    }
}
