using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>Recognises what a path is and loads it.</summary>
internal sealed class DatasetOpener(ImageDatasetOptions asked, IProgress<LoadProgress>? progress, CancellationToken cancellation)
{
    ImageDatasetOptions _options = asked;

    public ImageDataset Open(string path)
    {
        var (loaded, catalog) = Recognise(path);
        return loaded ?? Load(catalog!);
    }

    /// <summary>Opens arrays and shards; image files are only found, and the caller owns the catalogue.</summary>
    public (ImageDataset? Loaded, ImageCatalog? Catalog) Recognise(string path)
    {
        var (catalog, tree) = Sort(path);
        if (catalog is not null)
            return (null, catalog);
        if (tree is null)
            return (new ShardFolder(path, _options).Open(), null);
        using (tree)
            return (NpySets.Matches(tree) ? OpenNpy(tree, path) : OpenCifar(tree, path), null);
    }

    /// <summary>The images where these are files; null where the path holds arrays.</summary>
    public ImageCatalog? Find(string path)
    {
        var (catalog, tree) = Sort(path);
        tree?.Dispose();
        return catalog;
    }

    /// <summary>The images of files, or a tree with arrays in it, or neither for shards.</summary>
    (ImageCatalog? Images, FileTree? Arrays) Sort(string path)
    {
        var store = _options.Files.Store;
        if (ManifestTable.IsManifest(path) && store.FileExists(path))
            return (ImageCatalog.Open(path, _options.Files, cancellation), null);
        if (ShardFolder.Matches(path, store))
            return default;
        var tree = Siblings(FileTree.Name(path)) is { } names && store.FileExists(path)
            ? new FolderTree(FileTree.Parent(path), store, names)
            : FileTree.OpenData(path, store, cancellation);
        if (tree.Files.Any(f => ShardFiles.IsMark(f.Path)))
            throw DataErrors.Unfinished(path);
        return NpySets.Matches(tree) || CifarBinary.Matches(tree) ? (null, tree) : (ImageCatalog.Open(tree, _options.Files), null);
    }

    /// <summary>The files that belong together with one of arrays or of CIFAR; null for every other file.</summary>
    static IEnumerable<string>? Siblings(string file) => ArrayName.Read(file) is not null ? ArrayName.Candidates(file) : CifarBinary.Siblings(file);

    public ImageDataset Open(IEnumerable<LabelledImage> images)
    {
        var tree = new MemoryTree([.. images], _options.Files.MaxFileBytes);
        return Load(new ImageCatalog(tree, tree.Listing(_options.Files.Classes), _options.Files));
    }

    ImageDataset OpenNpy(FileTree tree, string path)
    {
        var sets = new NpySets(tree, _options.Files.Classes);
        var splits = sets.Read();
        return new(path, splits, splits.Values.First().Classes) { Kind = DataKind.Arrays, Warnings = [.. tree.Warnings, .. sets.Warnings] };
    }

    ImageDataset OpenCifar(FileTree tree, string path)
    {
        var cifar = new CifarBinary(tree, _options.Spec);
        var splits = cifar.Read(cancellation);
        return new(path, splits, splits.Values.First().Classes) { Kind = DataKind.Cifar, Spec = _options.Spec ?? new(), Warnings = [.. tree.Warnings, .. cifar.Warnings] };
    }

    ImageDataset Load(ImageCatalog catalog)
    {
        if (_options.Decide is { } decide)
            _options = decide(catalog, _options);
        if (_options.DecodeOnDemand)
            return LoadOnDemand(catalog);
        using (catalog)
            return Load(catalog, catalog.Tree, null);
    }

    /// <summary>The pictures stay in their files, so these stay open.</summary>
    ImageDataset LoadOnDemand(ImageCatalog catalog)
    {
        FileTree? tree = null;
        try
        {
            tree = catalog.Tree.ToRandomAccess(cancellation);
            return Load(catalog, tree, new OpenFiles(catalog, tree));
        }
        catch
        {
            new OpenFiles(catalog, tree).Dispose();
            throw;
        }
    }

    ImageDataset Load(ImageCatalog catalog, FileTree tree, IDisposable? owned)
    {
        var spec = _options.Spec ?? new PreprocessSpec();
        var bad = new List<BadFile>(catalog.BadFiles);
        var counter = new ProgressCounter(catalog.Images.Count, progress);
        var splits = new Dictionary<DatasetSplit, ImageSource>();
        ImageSize? pictures = null;
        foreach (var (split, images) in catalog.List.BySplit())
        {
            var (set, refused, size) = ImageLoader.Load(tree, images, catalog.Classes, spec, _options, counter, cancellation);
            splits.Add(split, set);
            if (split == DatasetSplit.Train || pictures is null)
                pictures = size;
            bad.AddRange(refused);
        }

        return new(catalog.Origin, splits, catalog.Classes, owned)
        {
            Kind = tree is MemoryTree ? DataKind.Memory : ManifestTable.IsManifest(catalog.Origin) ? DataKind.Manifest : DataKind.Files,
            Warnings = catalog.Warnings, BadFiles = bad, Spec = spec, PictureSize = pictures,
        };
    }

    /// <summary>What pictures are decoded from on demand.</summary>
    sealed class OpenFiles(ImageCatalog catalog, FileTree? tree) : IDisposable
    {
        public void Dispose()
        {
            tree?.Dispose();
            catalog.Dispose();
        }
    }
}
