using System.IO.Compression;

namespace MlNetCifar.Files;

/// <summary>A zip archive. Entries are inflated one at a time, since the archive has one position.</summary>
internal sealed class ZipTree : ArchiveTree<ZipArchiveEntry>
{
    readonly ZipArchive _archive;
    readonly Lock _lock = new();

    public ZipTree(string origin, Stream stream)
        : base(origin)
    {
        try
        {
            _archive = new ZipArchive(stream, ZipArchiveMode.Read);
            List();
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            stream.Dispose();
            throw FileErrors.ArchiveDamaged(origin, e);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public override int Read(int file, ref byte[] buffer)
    {
        EnsureCapacity(ref buffer, Files[file].Length, Locate(Files[file].Path));
        lock (_lock)
        {
            using var stream = Places[file].Open();
            return stream.ReadAtLeast(buffer.AsSpan(0, (int)Files[file].Length), (int)Files[file].Length, throwOnEndOfStream: false);
        }
    }

    private protected override void Dispose(bool disposing) => _archive.Dispose();

    void List()
    {
        foreach (var entry in _archive.Entries)
        {
            var name = ArchiveName.Normalize(entry.FullName, Origin);
            if (name.Length == 0)
                continue;
            if (entry.FullName[^1] is '/' or '\\')
                AddFolder(name);
            else
                AddFile(name, entry.Length, entry);
        }

        FinishListing();
    }
}
