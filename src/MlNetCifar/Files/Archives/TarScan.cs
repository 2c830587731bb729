using System.Formats.Tar;

namespace MlNetCifar.Files;

/// <summary>One pass over the entries of a tar archive.</summary>
internal static class TarScan
{
    const int Block = 512;

    /// <summary>Walks the archive; one that was cut off between two entries is damaged, too.</summary>
    /// <param name="origin">The archive, named in errors.</param>
    /// <param name="stream">At the archive's start.</param>
    /// <param name="cancellation">Looked at once an entry.</param>
    /// <param name="onEntry">Called with the name of every file, folder, link and device.</param>
    public static void Run(string origin, Stream stream, CancellationToken cancellation, Action<string, TarEntry> onEntry)
    {
        try
        {
            using var reader = new TarReader(stream, leaveOpen: true);
            var end = 0L;
            while (reader.GetNextEntry() is { } entry)
            {
                cancellation.ThrowIfCancellationRequested();
                end = stream.CanSeek ? stream.Position : 0;
                var name = ArchiveName.Normalize(entry.Name, origin);
                if (name.Length > 0 && !IsAboutOthers(entry))
                    onEntry(name, entry);
            }

            // A block of zeros says that no entry is missing. The reader wants it of a stream that cannot seek, but not of one that can.
            if (stream.CanSeek && stream.Position < end + Block)
                throw new EndOfStreamException("It ends without the mark of a complete one.");
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException or ArgumentException)
        {
            throw FileErrors.ArchiveDamaged(origin, e);
        }
    }

    // Attributes of the entries that follow, and the archive's own label.
    static bool IsAboutOthers(TarEntry entry) => entry.EntryType is TarEntryType.GlobalExtendedAttributes or TarEntryType.ExtendedAttributes
        or TarEntryType.LongLink or TarEntryType.LongPath or TarEntryType.TapeVolume;

    /// <summary>Whether an entry is an ordinary file.</summary>
    public static bool IsFile(TarEntry entry) =>
        entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile;
}
