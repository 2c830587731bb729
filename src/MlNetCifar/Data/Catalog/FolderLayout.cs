using MlNetCifar.Data.Files;

namespace MlNetCifar.Data.Catalog;

/// <summary>
/// The image-folder convention: <c>root/{train,val|valid|validation,test}/class/**</c> or <c>root/class/**</c>.
/// Classes are sorted ordinally; hidden files and folders are ignored; files are images by extension.
/// </summary>
internal sealed class FolderLayout
{
    static readonly HashSet<string> s_extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm",
    };

    readonly FileTree _tree;
    readonly ImageCatalogOptions _options;
    readonly List<string> _warnings = [];
    readonly List<ImageRef> _images = [];
    readonly List<MlNetCifarException> _problems = [];

    FolderLayout(FileTree tree, ImageCatalogOptions options)
    {
        _tree = tree;
        _options = options;
    }

    public static CatalogListing Read(FileTree tree, ImageCatalogOptions options) => new FolderLayout(tree, options).Read();

    /// <summary>Whether a path counts as an image: right extension, no hidden part, no leftovers of packers and clusters.</summary>
    public static bool IsImage(string path)
    {
        if (!s_extensions.Contains(Path.GetExtension(path)))
            return false;
        foreach (var part in path.AsSpan().Split('/'))
        {
            if (IsHidden(path.AsSpan()[part]))
                return false;
        }

        return true;
    }

    /// <summary>The split a folder name stands for.</summary>
    public static DatasetSplit? SplitOf(string folder) => folder.ToLowerInvariant() switch
    {
        "train" => DatasetSplit.Train,
        "val" or "valid" or "validation" => DatasetSplit.Validation,
        "test" => DatasetSplit.Test,
        _ => null,
    };

    /// <summary>Orders by split, class, path.</summary>
    public static int Compare(ImageRef a, ImageRef b)
    {
        var order = a.Split.CompareTo(b.Split);
        if (order == 0)
            order = a.Label.CompareTo(b.Label);
        return order != 0 ? order : string.CompareOrdinal(a.Path, b.Path);
    }

    void Report(MlNetCifarException problem)
    {
        if (!_options.Tolerant)
            throw problem;
        _problems.Add(problem);
    }

    static bool IsHidden(ReadOnlySpan<char> name) => name.StartsWith('.') || name is "__MACOSX" or "_temporary";

    CatalogListing Read()
    {
        var root = Root();
        var splits = Splits(root);
        if (splits.Count == 0)
        {
            var classes = Classes(root);
            ReadSplit(root, DatasetSplit.Train, classes);
            return Finish(classes);
        }

        if (!splits.TryGetValue(DatasetSplit.Train, out var train) && _options.Classes is null)
            DataErrors.NoTrainSplit(_tree.Origin);
        var names = Classes(train);
        foreach (var (split, folder) in splits.OrderBy(s => s.Key))
            ReadSplit(folder, split, names);
        return Finish(names);
    }

    CatalogListing Finish(IReadOnlyList<string> classes)
    {
        if (_images.Count == 0)
            DataErrors.Empty(_tree.Origin);
        if (classes.Count == 1)
            Report(DataErrors.OneClass(_tree.Origin, classes[0]));
        _images.Sort(Compare);
        return new(classes, _images, _warnings, []) { Problems = _problems };
    }

    // An archive usually wraps everything in one folder, which is then the root.
    string Root()
    {
        var root = "";
        while (_tree is not FolderTree && Children(root) is [var only] && SplitOf(Name(only)) is null && Children(only).Count > 0)
            root = only;
        return root;
    }

    Dictionary<DatasetSplit, string> Splits(string root)
    {
        var splits = new Dictionary<DatasetSplit, string>();
        var folders = Children(root);
        foreach (var folder in folders)
        {
            if (SplitOf(Name(folder)) is not { } split)
                continue;
            if (!splits.TryAdd(split, folder))
                DataErrors.AmbiguousSplit(_tree.Origin, Name(splits[split]), Name(folder));
        }

        // A class may well be called 'test'; it is a split only beside 'train' or with nothing else around.
        if (!splits.ContainsKey(DatasetSplit.Train) && splits.Count < folders.Count)
            return [];
        foreach (var folder in folders)
        {
            if (splits.Count > 0 && !splits.ContainsValue(folder))
                _warnings.Add($"{_tree.Locate(folder)}: ignored, since it is no split.");
        }

        return splits;
    }

    IReadOnlyList<string> Classes(string? folder)
    {
        if (_options.Classes is { } known)
            return known;
        return [.. Children(folder!).Select(Name)];
    }

    void ReadSplit(string folder, DatasetSplit split, IReadOnlyList<string> classes)
    {
        var labels = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < classes.Count; i++)
            labels.Add(classes[i], i);
        var prefix = folder.Length == 0 ? "" : folder + "/";
        var counts = new int[classes.Count];
        var stray = 0;
        foreach (var child in Children(folder))
        {
            if (!labels.ContainsKey(Name(child)) && HasImages(child))
                Report(DataErrors.UnknownClass(_tree.Locate(child), Name(child)));
        }

        for (var i = FirstWith(prefix); i < _tree.Files.Count && _tree.Files[i].Path.StartsWith(prefix, StringComparison.Ordinal); i++)
        {
            var path = _tree.Files[i].Path;
            var slash = path.IndexOf('/', prefix.Length);
            if (slash < 0 || !IsImage(path))
            {
                stray += slash < 0 && IsImage(path) ? 1 : 0;
                continue;
            }

            // Only examined data sets get here with a class that the training split lacks; such images belong to none.
            if (!labels.TryGetValue(path[prefix.Length..slash], out var label))
                continue;
            counts[label]++;
            _images.Add(new(path, label, split) { File = i });
        }

        if (stray > 0)
            _warnings.Add($"{_tree.Locate(folder)}: {stray} images outside any class folder are ignored.");
        Check(folder, prefix, split, classes, counts);
    }

    void Check(string folder, string prefix, DatasetSplit split, IReadOnlyList<string> classes, int[] counts)
    {
        if (counts.Sum() == 0 && !_options.Tolerant)
            DataErrors.Empty(_tree.Locate(folder).TrimEnd('/', ':'));
        for (var i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0)
                continue;
            var path = _tree.Locate(prefix + classes[i]);
            if (split == DatasetSplit.Train && _options.Classes is null)
                Report(DataErrors.EmptyClass(path));
            _warnings.Add($"{path}: no image of class '{classes[i]}' in this split; the other classes keep their indices.");
        }
    }

    bool HasImages(string folder)
    {
        var prefix = folder + "/";
        for (var i = FirstWith(prefix); i < _tree.Files.Count && _tree.Files[i].Path.StartsWith(prefix, StringComparison.Ordinal); i++)
        {
            if (IsImage(_tree.Files[i].Path))
                return true;
        }

        return false;
    }

    int FirstWith(string prefix)
    {
        var (low, high) = (0, _tree.Files.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (string.CompareOrdinal(_tree.Files[middle].Path, prefix) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    List<string> Children(string folder)
    {
        var prefix = folder.Length == 0 ? "" : folder + "/";
        return [.. _tree.Folders.Where(f => f.StartsWith(prefix, StringComparison.Ordinal) && f.IndexOf('/', prefix.Length) < 0 && !IsHidden(Name(f)))];
    }

    static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];
}
