using System.Formats.Tar;

namespace MlNetCifar.Data.Files;

/// <summary>Names and lengths of a tar archive's regular files, collected in one pass.</summary>
internal sealed class TarListing(string origin)
{
    readonly Dictionary<string, int> _positions = new(StringComparer.Ordinal);

    public List<TreeFile> Files { get; } = [];

    public HashSet<string> Folders { get; } = new(StringComparer.Ordinal);

    /// <summary>Walks the archive. A name that comes twice keeps its last content, as unpacking would.</summary>
    /// <param name="stream">At the archive's start.</param>
    /// <param name="cancellation">Looked at once an entry.</param>
    /// <param name="onFile">Called with the file's position in <see cref="Files"/>.</param>
    public void Scan(Stream stream, CancellationToken cancellation, Action<int, TarEntry> onFile)
    {
        try
        {
            using var reader = new TarReader(stream, leaveOpen: true);
            while (reader.GetNextEntry() is { } entry)
            {
                cancellation.ThrowIfCancellationRequested();
                Add(entry, onFile);
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException or ArgumentException)
        {
            throw DataErrors.ArchiveDamaged(origin, e);
        }
    }

    /// <summary>Whether an entry is an ordinary file; links and devices are not followed.</summary>
    public static bool IsFile(TarEntry entry) =>
        entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile;

    void Add(TarEntry entry, Action<int, TarEntry> onFile)
    {
        var name = ArchiveName.Normalize(entry.Name, origin);
        if (entry.EntryType == TarEntryType.Directory)
        {
            if (name.Length > 0)
                Folders.Add(name);
        }
        else if (IsFile(entry) && name.Length > 0)
        {
            if (_positions.TryGetValue(name, out var position))
            {
                Files[position] = new(name, entry.Length);
            }
            else
            {
                position = Files.Count;
                _positions.Add(name, position);
                Files.Add(new(name, entry.Length));
            }

            onFile(position, entry);
        }
    }
}
