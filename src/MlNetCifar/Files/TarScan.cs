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
    /// <param name="onEntry">Called with the name of every file and folder.</param>
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
                if (name.Length > 0 && (IsFile(entry) || entry.EntryType == TarEntryType.Directory))
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

    /// <summary>Whether an entry is an ordinary file; links and devices are not followed.</summary>
    public static bool IsFile(TarEntry entry) =>
        entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile;
}
