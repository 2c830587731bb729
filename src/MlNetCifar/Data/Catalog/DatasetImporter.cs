using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>Unpacks archives into folders.</summary>
public static class DatasetImporter
{
    /// <summary>
    /// Unpacks an archive, or copies a folder. Every entry stays inside <paramref name="folder"/>: names that lead out of it are refused before anything
    /// is written; links are followed inside the archive, and become files; other links and devices are left out.
    /// </summary>
    /// <param name="source">A .tar.gz, .tgz, .tar or .zip archive, or a folder.</param>
    /// <param name="folder">Where to; must not hold files of the same names.</param>
    /// <param name="progress">Told about ten times a second, in files.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>How many files were written, and what was left out or may not be what the archive's maker meant.</returns>
    /// <exception cref="MlNetCifarException">The archive is damaged or unsafe, or a file exists already (MNC10xx).</exception>
    public static (int Files, IReadOnlyList<string> Warnings) Import(
        string source, string folder, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        using var tree = FileTree.Open(source, LocalFileStore.Instance, cancellation);
        foreach (var file in tree.Files)
        {
            if (File.Exists(Path.Combine(folder, file.Path)))
                throw DataErrors.FileExists(Path.Combine(folder, file.Path));
        }

        var counter = new Data.ProgressCounter(tree.Files.Count, progress);
        using var cursor = tree.ReadAll([.. Enumerable.Range(0, tree.Files.Count)]);
        byte[] buffer = [];
        while (cursor.TryRead(ref buffer, out var index, out var length, out var fault))
        {
            cancellation.ThrowIfCancellationRequested();
            var entry = tree.Files[index];
            if (fault is not null || length < entry.Length)
                throw fault is null ? FileErrors.ShortRead(tree.Locate(entry.Path), length, entry.Length) : FileErrors.Unreadable(tree.Locate(entry.Path), fault);
            Write(Path.Combine(folder, entry.Path), buffer.AsSpan(0, length));
            counter.Advance(false);
        }

        return (tree.Files.Count, tree.Warnings);
    }

    static void Write(string path, ReadOnlySpan<byte> content)
    {
        try
        {
            FileTarget.WriteNew(path, content);
        }
        catch (IOException) when (Path.Exists(path))
        {
            // Also two entries whose names differ, but not for this disk.
            throw DataErrors.FileExists(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FileErrors.Unwritable(path, e);
        }
    }
}
