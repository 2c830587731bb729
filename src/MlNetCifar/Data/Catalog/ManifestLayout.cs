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
        return FolderLayout.SplitOf(text)
            ?? throw DataErrors.Manifest(path, row, $"The split is '{text}', expected train, validation or test.");
    }

    void ReadRows(string manifest)
    {
        var path = _tree.Locate(manifest);
        byte[] buffer = [];
        int length;
        try
        {
            length = _tree.Read(_tree.Files.IndexOf(manifest), ref buffer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw FileErrors.Unreadable(path, e);
        }

        var folder = manifest.Contains('/') ? manifest[..(manifest.LastIndexOf('/') + 1)] : "";
        var fallback = folder.Length > 0 ? FolderLayout.SplitOf(folder[..^1]) ?? DatasetSplit.Train : DatasetSplit.Train;
        foreach (var row in ManifestTable.Read(buffer.AsSpan(0, length), path))
            _rows.Add((row, Resolve(folder, row, path), manifest, ParseSplit(row.Split, fallback, path, row.Row)));
    }

    // Rows come from strangers too: a name may not lead out of the data set.
    static string Resolve(string folder, ManifestRow row, string manifest)
    {
        var parts = (folder + row.FileName.Replace('\\', '/')).Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".").ToArray();
        if (row.FileName.StartsWith('/') || parts.Contains(".."))
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
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (row, path, manifest, split) in _rows)
        {
            if (!labels.TryGetValue(row.Label, out var label))
                throw DataErrors.UnknownClass($"{_tree.Locate(manifest)}, row {row.Row}", row.Label);
            if (!seen.Add(path))
                throw DataErrors.Manifest(_tree.Locate(manifest), row.Row, $"The file '{row.FileName}' is listed twice.");
            if (_tree.Files.IndexOf(path) is >= 0 and var file)
                images.Add(file, label, split);
            else
                bad.Add(new(_tree.Locate(path), "MNC1013", $"The file is listed in {manifest}, row {row.Row}, but is not there."));
        }

        if (images.Count == 0)
            throw DataErrors.Empty(_tree.Origin);
        if (classes.Count == 1)
            throw DataErrors.OneClass(_tree.Origin, classes[0]);
        var list = images.Build();
        return new(classes, list, Missing(classes, list), bad);
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
            for (var label = 0; label < classes.Count; label++)
            {
                if (!present.Contains(label))
                    warnings.Add($"{_tree.Origin}: no image of class '{classes[label]}' in {split.ToString().ToLowerInvariant()}; the other classes keep their indices.");
            }
        }

        return warnings;
    }
}
