namespace MlNetCifar.Files;

/// <summary>A link of an archive.</summary>
/// <param name="Target">Where it leads, as written.</param>
/// <param name="FromRoot">Whether that counts from the archive's root, as for hard links, instead of from the link's folder.</param>
internal readonly record struct ArchiveLink(string Target, bool FromRoot);

/// <summary>Follows links inside an archive, to files and to folders; nothing outside the archive is ever looked at.</summary>
internal sealed class ArchiveLinks
{
    // Links to folders of links to folders could stand for any number of files, and take for ever to follow where they stand for none.
    const int MostFiles = 1_000_000;
    const int MostSteps = 1_000_000;
    const int MaxLinks = 40;

    readonly IReadOnlyDictionary<string, ArchiveLink> _links;
    readonly HashSet<string> _files;
    readonly HashSet<string> _folders = new(StringComparer.Ordinal) { "" };
    readonly string[] _sortedFiles;
    readonly string[] _sortedLinks;
    readonly List<(string Alias, string File)> _found = [];
    readonly List<string> _lost = [];
    int _steps;

    ArchiveLinks(IEnumerable<string> files, IEnumerable<string> folders, IReadOnlyDictionary<string, ArchiveLink> links)
    {
        _links = links;
        _files = files.ToHashSet(StringComparer.Ordinal);
        foreach (var path in _files.Concat(folders.Select(f => f + "/")))
        {
            for (var slash = path.LastIndexOf('/'); slash > 0 && _folders.Add(path[..slash]);)
                slash = path.LastIndexOf('/', slash - 1);
        }

        _sortedFiles = [.. _files.Order(StringComparer.Ordinal)];
        _sortedLinks = [.. links.Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>What the links stand for.</summary>
    /// <param name="files">Names of files.</param>
    /// <param name="folders">Names of folders; those that files imply may be left out.</param>
    /// <param name="links">The links by name.</param>
    /// <returns>Further names of files, and the links that lead nowhere, out of the archive or back to where they lie.</returns>
    public static (IReadOnlyList<(string Alias, string File)> Found, IReadOnlyList<string> Lost) Follow(
        IEnumerable<string> files, IEnumerable<string> folders, IReadOnlyDictionary<string, ArchiveLink> links)
    {
        var archive = new ArchiveLinks(files, folders, links);
        foreach (var link in archive._sortedLinks)
            archive.Follow(link, link, []);
        return (archive._found, archive._lost);
    }

    /// <summary>Follows one link under one of its names.</summary>
    /// <param name="alias">The name by which it is reached.</param>
    /// <param name="link">Its own.</param>
    /// <param name="way">The stretches of folders from the root to it: each from where a link led to where the next link lies.</param>
    void Follow(string alias, string link, IReadOnlyList<(string Top, string Bottom)> way)
    {
        var target = _found.Count < MostFiles && ++_steps < MostSteps && way.Count < MaxLinks ? Resolve(link) : null;
        if (target is not null && _files.Contains(target))
        {
            _found.Add((alias, target));
            return;
        }

        way = [.. way, (way.Count == 0 ? "" : way[^1].Bottom, Parent(link))];
        if (target is null || !_folders.Contains(target) || way.Any(w => IsWithin(target, w.Top) && IsWithin(w.Bottom, target)))
        {
            if (alias == link)
                _lost.Add(link);
            return;
        }

        foreach (var file in Below(_sortedFiles, target))
            _found.Add((alias + file[target.Length..], file));
        foreach (var inner in Below(_sortedLinks, target))
            Follow(alias + inner[target.Length..], inner, [.. way, (target, target)]);
    }

    /// <summary>The name without links in it; null where it leads out of the archive or round in a circle.</summary>
    string? Resolve(string path)
    {
        var real = "";
        var rest = new Stack<string>(path.Split('/').Reverse());
        for (var links = 0; rest.TryPop(out var part);)
        {
            if (part is "" or ".")
                continue;
            if (part == "..")
            {
                if (real.Length == 0)
                    return null;
                real = Parent(real);
                continue;
            }

            var next = real.Length == 0 ? part : $"{real}/{part}";
            if (!_links.TryGetValue(next, out var link))
            {
                real = next;
                continue;
            }

            if (++links > MaxLinks || link.Target.StartsWith('/'))
                return null;
            if (link.FromRoot)
                real = "";
            foreach (var step in link.Target.Split('/').Reverse())
                rest.Push(step);
        }

        return real;
    }

    static string Parent(string path) => path[..Math.Max(path.LastIndexOf('/'), 0)];

    static bool IsWithin(string path, string folder) =>
        folder.Length == 0 || path == folder || (path.Length > folder.Length && path[folder.Length] == '/' && path.StartsWith(folder, StringComparison.Ordinal));

    static IEnumerable<string> Below(string[] sorted, string folder)
    {
        var prefix = folder.Length == 0 ? "" : folder + "/";
        var at = Array.BinarySearch(sorted, prefix, StringComparer.Ordinal);
        for (at = at < 0 ? ~at : at; at < sorted.Length && sorted[at].StartsWith(prefix, StringComparison.Ordinal); at++)
            yield return sorted[at];
    }
}
