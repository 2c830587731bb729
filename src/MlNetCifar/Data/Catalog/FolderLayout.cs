using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// The image-folder convention: <c>root/{train,validation,test}/class/**</c>, the splits under any of <see cref="SplitNames"/>, or <c>root/class/**</c>.
/// Classes are sorted ordinally; hidden files and folders are ignored; files are images by extension.
/// </summary>
internal sealed class FolderLayout
{
    // So many folders with the same subfolders are splits under names of their own; more may be anything.
    const int MostSplits = 3;

    readonly FileTree _tree;
    readonly ImageCatalogOptions _options;
    readonly List<string> _warnings = [];
    readonly ImageList.Builder _images;
    readonly List<MlNetCifarException> _problems = [];
    readonly Dictionary<string, int> _ignored = new(StringComparer.OrdinalIgnoreCase);

    FolderLayout(FileTree tree, ImageCatalogOptions options)
    {
        _tree = tree;
        _options = options;
        _images = new(tree.Files);
    }

    public static CatalogListing Read(FileTree tree, ImageCatalogOptions options) => new FolderLayout(tree, options).Read();

    void Report(MlNetCifarException problem)
    {
        if (!_options.Tolerant)
            throw problem;
        _problems.Add(problem);
    }

    CatalogListing Read()
    {
        var root = Root();
        var splits = Splits(root);
        if (splits.Count == 0)
        {
            var classes = Classes(root);
            CheckNoSplits(root);
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
            throw LayoutHints.Empty(_tree, _tree.Origin);
        if (classes.Count == 1)
            Report(DataErrors.OneClass(_tree.Origin, classes[0]));
        if (_ignored.Count > 0)
            _warnings.Add($"{_tree.Origin}: {LayoutHints.Count(_ignored)} among the images ignored, since the extension is none of an image.");
        return new(classes, _images.Build(), _warnings, []) { Problems = _problems };
    }

    // An archive usually wraps everything in one folder, which is then the root, wherever it has been unpacked or packed again.
    string Root()
    {
        var root = "";
        while (Children(root) is [var only] && IsWrapping(only))
            root = only;
        if (root.Length > 0 && _tree is FolderTree)
            _warnings.Add($"{_tree.Origin}: everything lies in '{root}', which is taken as the data set.");
        return root;
    }

    bool IsWrapping(string only)
    {
        if (SplitNames.Of(Name(only)) is not null || Children(only).Count == 0)
            return false;
        // In a folder of a class's own there may be folders too, of which only one that holds no image tells that it is none.
        return _tree is not FolderTree || (!HasOwnImages(only) && _options.Classes?.Contains(Name(only), StringComparer.Ordinal) != true);
    }

    Dictionary<DatasetSplit, string> Splits(string root)
    {
        var splits = new Dictionary<DatasetSplit, string>();
        var folders = Children(root);
        foreach (var folder in folders)
        {
            // A class may be called 'train'; a split holds class folders.
            if (SplitNames.Of(Name(folder)) is not { } split || IsFlat(folder))
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
                _warnings.Add($"{_tree.Locate(folder)}: ignored, since it is no split{(SplitNames.Of(Name(folder)) is null ? "" : ": its images lie in no class folders")}.");
        }

        return splits.ToDictionary(s => s.Key, s => Inner(s.Value, s.Key));
    }

    // Some archives hold seg_train/seg_train/class.
    string Inner(string folder, DatasetSplit split) =>
        Children(folder) is [var only] && SplitNames.Of(Name(only)) == split && !IsFlat(only) && HasImages(only) ? Inner(only, split) : folder;

    /// <summary>Refuses classes that are splits, on which a network would learn to tell training from test images.</summary>
    void CheckNoSplits(string root)
    {
        if (_options.Classes is not null)
            return;
        var folders = Children(root).Where(HasImages).ToArray();
        if (folders.Length > 0 && folders.All(f => SplitNames.Of(Name(f)) is not null && IsFlat(f)))
            throw LayoutHints.FlatSplits(_tree, folders);
        if (folders.Length < 2 || HasOwnImages(folders[0]))
            return;
        var inner = SubfoldersOf(folders[0]);
        if (inner.Length < 2 || folders.Skip(1).Any(f => HasOwnImages(f) || !SubfoldersOf(f).SequenceEqual(inner)))
            return;
        var problem = DataErrors.SharedSubfolders(_tree.Origin, [.. folders.Select(Name)], inner);
        if (folders.Length <= MostSplits)
            Report(problem);
        else
            _warnings.Add($"{_tree.Origin}: {problem.Reason} {problem.Action}");
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
        var prefix = Prefix(folder);
        var counts = new int[classes.Count];
        var stray = 0;
        foreach (var child in Children(folder))
        {
            if (!labels.ContainsKey(Name(child)) && HasImages(child))
                Report(DataErrors.UnknownClass(_tree.Locate(child), Name(child), _options.Classes));
        }

        foreach (var (file, path) in _tree.Files.StartingWith(prefix))
        {
            var slash = path.IndexOf('/', prefix.Length);
            if (!ImageNames.IsImage(path))
            {
                if (slash >= 0)
                    Ignore(path);
                continue;
            }

            if (slash < 0)
            {
                stray++;
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
            throw LayoutHints.Empty(_tree, _tree.Locate(folder).TrimEnd('/', ':'), prefix);
        if (ClassNames.Absent(classes, i => counts[i] > 0) is not { } absent)
            return;
        if (split == DatasetSplit.Train && _options.Classes is null)
        {
            for (var i = 0; i < counts.Length; i++)
            {
                if (counts[i] == 0)
                    Report(DataErrors.EmptyClass(_tree.Locate(prefix + classes[i])));
            }
        }

        _warnings.Add($"{_tree.Locate(folder)}: no image of {absent} in this split; the other classes keep their indices.");
    }

    void Ignore(string path)
    {
        if (ImageNames.IsHiddenPath(path))
            return;
        var kind = Path.GetExtension(path);
        _ignored[kind] = _ignored.GetValueOrDefault(kind) + 1;
    }

    bool HasImages(string folder) => _tree.Files.StartingWith(folder + "/").Any(f => ImageNames.IsImage(f.Path));

    bool HasOwnImages(string folder) => _tree.Files.StartingWith(folder + "/").Any(f => f.Path.IndexOf('/', folder.Length + 1) < 0 && ImageNames.IsImage(f.Path));

    bool IsFlat(string folder) => HasOwnImages(folder) && !Children(folder).Any(HasImages);

    string[] SubfoldersOf(string folder) => [.. Children(folder).Where(HasImages).Select(Name)];

    List<string> Children(string folder)
    {
        var prefix = Prefix(folder);
        return [.. _tree.Folders.Where(f => f.StartsWith(prefix, StringComparison.Ordinal) && f.IndexOf('/', prefix.Length) < 0 && !ImageNames.IsHidden(Name(f)))];
    }

    static string Prefix(string folder) => folder.Length == 0 ? "" : folder + "/";

    static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];
}
