using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// The image-folder convention: <c>root/{train,val|valid|validation,test}/class/**</c> or <c>root/class/**</c>.
/// Classes are sorted ordinally; hidden files and folders are ignored; files are images by extension.
/// </summary>
internal sealed class FolderLayout
{
    static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> s_extensions = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm",
    }.GetAlternateLookup<ReadOnlySpan<char>>();

    readonly FileTree _tree;
    readonly ImageCatalogOptions _options;
    readonly List<string> _warnings = [];
    readonly ImageList.Builder _images;
    readonly List<MlNetCifarException> _problems = [];

    FolderLayout(FileTree tree, ImageCatalogOptions options)
    {
        _tree = tree;
        _options = options;
        _images = new(tree.Files);
    }

    public static CatalogListing Read(FileTree tree, ImageCatalogOptions options) => new FolderLayout(tree, options).Read();

    /// <summary>Whether a path counts as an image: right extension, no hidden part, no leftovers of packers and clusters.</summary>
    public static bool IsImage(string path)
    {
        if (!s_extensions.Contains(Path.GetExtension(path.AsSpan())))
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
            throw DataErrors.NoTrainSplit(_tree.Origin);
        var names = Classes(train);
        foreach (var (split, folder) in splits.OrderBy(s => s.Key))
            ReadSplit(folder, split, names);
        return Finish(names);
    }

    CatalogListing Finish(IReadOnlyList<string> classes)
    {
        if (_images.Count == 0)
            throw DataErrors.Empty(_tree.Origin);
        if (classes.Count == 1)
            Report(DataErrors.OneClass(_tree.Origin, classes[0]));
        return new(classes, _images.Build(), _warnings, []) { Problems = _problems };
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
                throw DataErrors.AmbiguousSplit(_tree.Origin, Name(splits[split]), Name(folder));
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
        var labelOf = labels.GetAlternateLookup<ReadOnlySpan<char>>();
        var prefix = folder.Length == 0 ? "" : folder + "/";
        var counts = new int[classes.Count];
        var stray = 0;
        foreach (var child in Children(folder))
        {
            if (!labels.ContainsKey(Name(child)) && HasImages(child))
                Report(DataErrors.UnknownClass(_tree.Locate(child), Name(child)));
        }

        foreach (var (file, path) in _tree.Files.StartingWith(prefix))
        {
            var slash = path.IndexOf('/', prefix.Length);
            if (slash < 0 || !IsImage(path))
            {
                stray += slash < 0 && IsImage(path) ? 1 : 0;
                continue;
            }

            // Only examined data sets get here with a class that the training split lacks; such images belong to none.
            if (!labelOf.TryGetValue(path.AsSpan(prefix.Length, slash - prefix.Length), out var label))
                continue;
            counts[label]++;
            _images.Add(file, label, split);
        }

        if (stray > 0)
            _warnings.Add($"{_tree.Locate(folder)}: {stray} images outside any class folder are ignored.");
        Check(folder, prefix, split, classes, counts);
    }

    void Check(string folder, string prefix, DatasetSplit split, IReadOnlyList<string> classes, int[] counts)
    {
        if (counts.Sum() == 0 && !_options.Tolerant)
            throw DataErrors.Empty(_tree.Locate(folder).TrimEnd('/', ':'));
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

    bool HasImages(string folder) => _tree.Files.StartingWith(folder + "/").Any(f => IsImage(f.Path));

    List<string> Children(string folder)
    {
        var prefix = folder.Length == 0 ? "" : folder + "/";
        return [.. _tree.Folders.Where(f => f.StartsWith(prefix, StringComparison.Ordinal) && f.IndexOf('/', prefix.Length) < 0 && !IsHidden(Name(f)))];
    }

    static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];
}
