using System.IO.Compression;

namespace MlNetCifar.Data.Files;

/// <summary>A zip archive. Entries are inflated one at a time, since the archive has one position.</summary>
internal sealed class ZipTree : FileTree
{
    readonly ZipArchive _archive;
    readonly Lock _lock = new();
    readonly ZipArchiveEntry[] _entries;

    public ZipTree(string origin, Stream stream)
        : base(origin)
    {
        try
        {
            _archive = new ZipArchive(stream, ZipArchiveMode.Read);
            _entries = List();
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            stream.Dispose();
            throw DataErrors.ArchiveDamaged(origin, e);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public override bool IsRandomAccess => true;

    public override string Locate(string path) => $"{Origin}:{path}";

    public override int Read(int file, ref byte[] buffer)
    {
        EnsureCapacity(ref buffer, Files[file].Length, Locate(Files[file].Path));
        lock (_lock)
        {
            using var stream = _entries[file].Open();
            return stream.ReadAtLeast(buffer.AsSpan(0, (int)Files[file].Length), (int)Files[file].Length, throwOnEndOfStream: false);
        }
    }

    protected override void Dispose(bool disposing) => _archive.Dispose();

    ZipArchiveEntry[] List()
    {
        var files = new Dictionary<string, ZipArchiveEntry>(StringComparer.Ordinal);
        var folders = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in _archive.Entries)
        {
            var name = ArchiveName.Normalize(entry.FullName, Origin);
            if (name.Length == 0)
                continue;
            if (entry.FullName[^1] is '/' or '\\')
                folders.Add(name);
            else
                files[name] = entry;
        }

        var entries = files.ToArray();
        var order = SetListing([.. entries.Select(e => new TreeFile(e.Key, e.Value.Length))], folders);
        return Array.ConvertAll(order, i => entries[i].Value);
    }
}
