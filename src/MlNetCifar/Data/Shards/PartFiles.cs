using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// Copies of remote parts in a local folder, named by their SHA-256: never stale, and shared by all runs and data sets that hold the same bytes.
/// Before the folder grows beyond its limit, copies that nobody has open are deleted, those first whose last use is longest ago; then those of this run that it
/// has not read for longest. Thread-safe.
/// </summary>
/// <param name="folder">Created when needed; may be deleted at any time between runs.</param>
/// <param name="limit">Bytes the copies may take together; null for no limit.</param>
internal sealed class PartFiles(string folder, long? limit = null)
{
    /// <summary>Copies that stay open in any case: a window of shuffled rows touches no more than these.</summary>
    const int Kept = PartCache.Capacity;

    readonly Lock _gate = new();
    readonly List<PartCopy> _open = [];
    long _coming;

    /// <summary>Opens the copy, and makes it first where there is none; null where the local disk, or the limit, cannot hold it.</summary>
    /// <exception cref="MlNetCifarException">The remote file cannot be read, or is not the one of the manifest (MNC1030).</exception>
    public PartCopy? Fetch(IFileStore store, string path, ShardFile file)
    {
        // The name comes from a manifest, which may be anybody's.
        if (file.Sha256.Length != 64 || !file.Sha256.All(char.IsAsciiHexDigit))
            return null;
        var copy = Path.Combine(folder, file.Sha256);
        try
        {
            if (LocalFileStore.Instance.FindLength(copy) != file.Length && !Make(copy, file.Length, stream => CheckedFile.Copy(store, path, file, stream)))
                return null;
            var open = PartCopy.Open(copy);
            lock (_gate)
                _open.Add(open);
            Stamp(copy);
            return open;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Closes a copy that is not read any more; the file stays.</summary>
    public void Close(PartCopy copy)
    {
        lock (_gate)
            _open.Remove(copy);
        copy.Dispose();
    }

    bool Make(string copy, long length, Action<Stream> content)
    {
        lock (_gate)
        {
            if (!MakeRoom(length))
                return false;
            _coming += length;
        }

        try
        {
            LocalFileStore.Instance.Write(copy, content);
            return true;
        }
        finally
        {
            lock (_gate)
                _coming -= length;
        }
    }

    bool MakeRoom(long length)
    {
        if (limit is not { } most || !Directory.Exists(folder))
            return !(length > limit);
        var files = new DirectoryInfo(folder).EnumerateFiles().Where(f => f.Name.Length == 64 && f.Name.All(char.IsAsciiHexDigit)).OrderBy(f => f.LastWriteTimeUtc).ToArray();
        var excess = files.Sum(f => f.Length) + _coming + length - most;
        foreach (var file in files)
            if (excess > 0 && TryDelete(file.FullName))
                excess -= file.Length;
        // Of those read in the same millisecond, the one opened first goes first.
        foreach (var copy in _open.OrderBy(c => c.LastRead).SkipLast(Kept).ToArray())
        {
            if (excess <= 0)
                break;
            _open.Remove(copy);
            copy.Dispose();
            if (files.FirstOrDefault(f => f.FullName == Path.GetFullPath(copy.Path)) is { } file && TryDelete(copy.Path))
                excess -= file.Length;
        }

        return excess <= 0;
    }

    /// <summary>Deletes a file unless somebody has it open, whom the lock of the exclusive opening tells of.</summary>
    static bool TryDelete(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The time of last use is kept as that of the last change: the system keeps its own of reading only where it is mounted so.</summary>
    static void Stamp(string copy)
    {
        try
        {
            File.SetLastWriteTimeUtc(copy, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else's file: it then goes earlier than it should.
        }
    }
}
