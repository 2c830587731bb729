using System.Formats.Tar;

namespace MlNetCifar.Files;

/// <summary>
/// A file tree inside an archive. A name that comes twice keeps its last content, as unpacking would; links are followed inside the archive. What that
/// leaves out is told in <see cref="FileTree.Warnings"/>.
/// </summary>
/// <typeparam name="T">How an entry's content is found again.</typeparam>
internal abstract class ArchiveTree<T>(string origin) : FileTree(origin)
{
    readonly Dictionary<string, (long Length, T Place)> _entries = new(StringComparer.Ordinal);
    readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    readonly Dictionary<string, ArchiveLink> _links = new(StringComparer.Ordinal);
    readonly List<string> _warnings = [];
    readonly List<string> _repeated = [];
    readonly List<string> _others = [];

    internal override bool IsRandomAccess => true;

    /// <summary>For every file, where its content is.</summary>
    protected T[] Places { get; private set; } = [];

    public override string Locate(string path) => $"{Origin}:{path}";

    protected void AddFile(string name, long length, T place)
    {
        if (!_entries.TryAdd(name, (length, place)) || _links.Remove(name))
        {
            _entries[name] = (length, place);
            _repeated.Add(name);
        }
    }

    protected void AddFolder(string name) => _folders.Add(name);

    /// <summary>Adds a link.</summary>
    /// <param name="name">Its own name.</param>
    /// <param name="link">Where it leads; may lead out of the archive.</param>
    protected void AddLink(string name, ArchiveLink link)
    {
        if (_entries.Remove(name) || _links.ContainsKey(name))
            _repeated.Add(name);
        _links[name] = link;
    }

    /// <summary>Adds what is neither file nor folder nor link.</summary>
    protected void AddOther(string name) => _others.Add(name);

    /// <summary>Adds a warning about some names.</summary>
    protected void Warn(IReadOnlyList<string> names, string one, string many)
    {
        if (names.Count > 0)
            _warnings.Add($"{Origin}: {(names.Count == 1 ? one : $"{names.Count:N0} {many}")}: {(names.Count == 1 ? "" : "the first is ")}'{names[0]}'.");
    }

    protected void FinishListing()
    {
        Warn(_repeated, "one name comes twice, and its last content counts", "names come more than once, and the last content of each counts");
        if (_links.Count > 0)
        {
            var (found, lost) = ArchiveLinks.Follow(_entries.Keys, _folders, _links);
            foreach (var (alias, file) in found)
                _entries.TryAdd(alias, _entries[file]);
            Warn([.. lost.Select(l => $"{l} -> {_links[l].Target}")],
                "one link leads nowhere, out of the archive or in a circle and is left out", "links lead nowhere, out of the archive or in a circle and are left out");
        }

        Warn(_others, "one entry is a device or of another kind and is left out", "entries are devices or of other kinds and are left out");
        var files = new FileListing.Builder();
        foreach (var (name, entry) in _entries)
            files.Add(name, entry.Length);
        SetListing(files.Build(), _folders);
        Places = [.. Files.Select(f => _entries[f.Path].Place)];
        Warnings = [.. _warnings];
        _entries.Clear();
        _links.Clear();
    }

    /// <summary>Lists a tar archive from its start.</summary>
    /// <param name="stream">Read to the archive's end.</param>
    /// <param name="place">Called for every file.</param>
    /// <param name="cancellation">Looked at once an entry.</param>
    protected void ListTar(Stream stream, Func<TarEntry, T> place, CancellationToken cancellation)
    {
        TarScan.Run(Origin, stream, cancellation, (name, entry) =>
        {
            switch (entry.EntryType)
            {
                case TarEntryType.Directory:
                    AddFolder(name);
                    break;
                case TarEntryType.SymbolicLink or TarEntryType.HardLink:
                    AddLink(name, new(entry.LinkName, entry.EntryType == TarEntryType.HardLink));
                    break;
                default:
                    if (TarScan.IsFile(entry))
                        AddFile(name, entry.Length, place(entry));
                    else
                        AddOther(name);
                    break;
            }
        });
        FinishListing();
    }
}
