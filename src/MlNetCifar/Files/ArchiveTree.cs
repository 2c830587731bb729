using System.Formats.Tar;

namespace MlNetCifar.Files;

/// <summary>A file tree inside an archive. A name that comes twice keeps its last content, as unpacking would.</summary>
/// <typeparam name="T">How an entry's content is found again.</typeparam>
internal abstract class ArchiveTree<T>(string origin) : FileTree(origin)
{
    readonly Dictionary<string, (long Length, T Place)> _entries = new(StringComparer.Ordinal);
    readonly HashSet<string> _folders = new(StringComparer.Ordinal);

    internal override bool IsRandomAccess => true;

    /// <summary>For every file, where its content is.</summary>
    protected T[] Places { get; private set; } = [];

    public override string Locate(string path) => $"{Origin}:{path}";

    protected void AddFile(string name, long length, T place) => _entries[name] = (length, place);

    protected void AddFolder(string name) => _folders.Add(name);

    protected void FinishListing()
    {
        var files = new FileListing.Builder();
        foreach (var (name, entry) in _entries)
            files.Add(name, entry.Length);
        SetListing(files.Build(), _folders);
        Places = [.. Files.Select(f => _entries[f.Path].Place)];
        _entries.Clear();
    }

    /// <summary>Lists a tar archive from its start.</summary>
    /// <param name="stream">Read to the archive's end.</param>
    /// <param name="place">Called for every file.</param>
    /// <param name="cancellation">Looked at once an entry.</param>
    protected void ListTar(Stream stream, Func<TarEntry, T> place, CancellationToken cancellation)
    {
        TarScan.Run(Origin, stream, cancellation, (name, entry) =>
        {
            if (entry.EntryType == TarEntryType.Directory)
                AddFolder(name);
            else
                AddFile(name, entry.Length, place(entry));
        });
        FinishListing();
    }
}
