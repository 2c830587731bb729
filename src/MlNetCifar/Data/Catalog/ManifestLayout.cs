using System.Globalization;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// Images labelled by tables: a manifest beside them, or Hugging Face's <c>metadata.csv</c>/<c>metadata.jsonl</c> in the root or in each split's folder.
/// Classes are the training split's labels: ordinally sorted, or numerically where all are whole numbers.
/// </summary>
internal sealed class ManifestLayout
{
    readonly FileTree _tree;
    readonly ImageCatalogOptions _options;
    readonly List<(ManifestRow Row, string Path, string Manifest, DatasetSplit Split)> _rows = [];

    ManifestLayout(FileTree tree, ImageCatalogOptions options)
    {
        _tree = tree;
        _options = options;
    }

    /// <summary>Whether a path is a metadata file by Hugging Face's convention, in the root or one folder below.</summary>
    public static bool IsMetadata(string path) =>
        path.Count(c => c == '/') <= 1 && Path.GetFileName(path) is "metadata.csv" or "metadata.jsonl";

    public static CatalogListing Read(FileTree tree, IReadOnlyList<string> manifests, ImageCatalogOptions options)
    {
        var layout = new ManifestLayout(tree, options);
        foreach (var manifest in manifests)
            layout.ReadRows(manifest);
        return layout.Finish();
    }

    /// <summary>The files a manifest names, relative to its folder.</summary>
    public static IEnumerable<string> Names(FileTree tree, string manifest)
    {
        var layout = new ManifestLayout(tree, new());
        layout.ReadRows(manifest);
        return layout._rows.Select(r => r.Path);
    }

    static DatasetSplit ParseSplit(string? text, DatasetSplit fallback, string path, int row)
    {
        if (text is null)
            return fallback;
        return SplitNames.Of(text)
            ?? throw DataErrors.Manifest(path, row, $"The split is '{text}', expected train, validation or test.");
    }

    /// <summary>Whether a metadata file tells labels; those of Hugging Face may hold captions or boxes instead, and the folders are the classes.</summary>
    public static bool HasLabels(FileTree tree, string manifest) => ManifestTable.HasColumns(Content(tree, manifest), tree.Locate(manifest));

    static ReadOnlySpan<byte> Content(FileTree tree, string manifest)
    {
        byte[] buffer = [];
        try
        {
            var length = tree.Read(tree.Files.IndexOf(manifest), ref buffer);
            return buffer.AsSpan(0, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw FileErrors.Unreadable(tree.Locate(manifest), e);
        }
    }

    void ReadRows(string manifest)
    {
        var path = _tree.Locate(manifest);
        var folder = manifest.Contains('/') ? manifest[..(manifest.LastIndexOf('/') + 1)] : "";
        var fallback = folder.Length > 0 ? SplitNames.Of(folder[..^1]) ?? DatasetSplit.Train : DatasetSplit.Train;
        foreach (var row in ManifestTable.Read(Content(_tree, manifest), path))
            _rows.Add((row, Resolve(folder, row, path), manifest, ParseSplit(row.Split, fallback, path, row.Row)));
    }

    // Rows come from strangers too: a name may not lead out of the data set.
    string Resolve(string folder, ManifestRow row, string manifest)
    {
        var name = row.FileName.Replace('\\', '/');
        foreach (var root in new[] { _tree.Origin, _tree is FolderTree && !_tree.Origin.Contains("://", StringComparison.Ordinal) ? Path.GetFullPath(_tree.Origin) : _tree.Origin })
        {
            if (name.StartsWith(root.TrimEnd('/') + '/', StringComparison.Ordinal) && (name.StartsWith('/') || name.Contains("://", StringComparison.Ordinal)))
                (folder, name) = ("", name[(root.TrimEnd('/').Length + 1)..]);
        }

        var parts = (folder + name).Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".").ToArray();
        if (name.StartsWith('/') || parts.Contains(".."))
            throw DataErrors.Manifest(manifest, row.Row, $"The file name '{row.FileName}' leads out of the manifest's folder.");
        return string.Join('/', parts);
    }

    CatalogListing Finish()
    {
        if (_rows.Count == 0)
            throw DataErrors.Empty(_tree.Origin);
        var classes = _options.Classes ?? Classes();
        var labels = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < classes.Count; i++)
            labels.Add(classes[i], i);
        var images = new ImageList.Builder(_tree.Files);
        var bad = new List<BadFile>();
        var seen = new Dictionary<string, (int Label, DatasetSplit Split)>(StringComparer.Ordinal);
        var repeated = new List<string>();
        foreach (var (row, path, manifest, split) in _rows)
        {
            if (!labels.TryGetValue(row.Label, out var label))
                throw DataErrors.UnknownClass($"{_tree.Locate(manifest)}, row {row.Row}", row.Label, _options.Classes);
            if (!seen.TryAdd(path, (label, split)))
            {
                if (seen[path] != (label, split))
                    throw DataErrors.Manifest(_tree.Locate(manifest), row.Row, $"The file '{row.FileName}' is listed twice, with another label or split.");
                repeated.Add($"{manifest}, row {row.Row}");
                continue;
            }

            if (_tree.Files.IndexOf(path) is >= 0 and var file)
                images.Add(file, label, split);
            else
                bad.Add(new(_tree.Locate(path), "MNC1013", $"The file is listed in {manifest}, row {row.Row}, but is not there."));
        }

        if (images.Count == 0)
            throw DataErrors.AllMissing(_tree.Locate(_rows[0].Manifest), bad.Count, bad[0].Path);
        if (classes.Count == 1)
            throw DataErrors.OneClass(_tree.Origin, classes[0]);
        var list = images.Build();
        var warnings = Missing(classes, list);
        if (repeated.Count > 0)
            warnings.Add($"{_tree.Origin}: {repeated.Count:N0} rows repeat another one and count once; the first: {repeated[0]}.");
        return new(classes, list, warnings, bad);
    }

    string[] Classes()
    {
        var names = _rows.Where(r => r.Split == DatasetSplit.Train).Select(r => r.Row.Label).Distinct().ToArray();
        if (names.Length == 0)
            throw DataErrors.NoTrainSplit(_tree.Origin);
        Array.Sort(names, string.CompareOrdinal);
        if (names.All(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            Array.Sort(names, (a, b) => int.Parse(a, CultureInfo.InvariantCulture).CompareTo(int.Parse(b, CultureInfo.InvariantCulture)));
        return names;
    }

    List<string> Missing(IReadOnlyList<string> classes, ImageList images)
    {
        var warnings = new List<string>();
        foreach (var (split, members) in images.BySplit())
        {
            var present = Enumerable.Range(0, members.Count).Select(members.Label).ToHashSet();
            if (ClassNames.Absent(classes, present.Contains) is { } absent)
                warnings.Add($"{_tree.Origin}: no image of {absent} in {split.ToString().ToLowerInvariant()}; the other classes keep their indices.");
        }

        return warnings;
    }
}
