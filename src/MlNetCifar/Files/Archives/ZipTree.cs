using System.IO.Compression;

namespace MlNetCifar.Files;

/// <summary>A zip archive. Entries are inflated one at a time, since the archive has one position.</summary>
internal sealed class ZipTree : ArchiveTree<ZipArchiveEntry>
{
    const int MaxLink = 4096;

    readonly ZipArchive _archive;
    readonly Lock _lock = new();

    public ZipTree(string origin, Stream stream)
        : base(origin)
    {
        try
        {
            if (!stream.CanSeek)
                stream = Buffered(stream);
            var names = ZipNames.Read(stream);
            stream.Position = 0;
            _archive = new ZipArchive(stream, ZipArchiveMode.Read);
            List(names);
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

    static MemoryStream Buffered(Stream stream)
    {
        using (stream)
        {
            var copy = new MemoryStream();
            stream.CopyTo(copy);
            return copy;
        }
    }

    void List(IReadOnlyList<ZipName> names)
    {
        var guessed = new List<string>();
        for (var i = 0; i < _archive.Entries.Count; i++)
        {
            var entry = _archive.Entries[i];
            var (text, isGuessed) = names.Count == _archive.Entries.Count ? names[i] : new(entry.FullName, false);
            var name = ArchiveName.Normalize(text, Origin);
            if (name.Length == 0)
                continue;
            if (isGuessed)
                guessed.Add(name);
            if (text[^1] is '/' or '\\')
                AddFolder(name);
            else if (IsLink(entry))
                AddLink(name, new(Text(entry), FromRoot: false));
            else
                AddFile(name, entry.Length, entry);
        }

        Warn(guessed, "one name does not say its encoding and is read as code page 437", "names do not say their encoding and are read as code page 437");
        FinishListing();
    }

    // The upper half are a Unix file's mode, where the archive was made on Unix.
    static bool IsLink(ZipArchiveEntry entry) => ((entry.ExternalAttributes >> 16) & 0xF000) == 0xA000 && entry.Length <= MaxLink;

    static string Text(ZipArchiveEntry entry)
    {
        using var reader = new StreamReader(entry.Open());
        return reader.ReadToEnd();
    }
}
