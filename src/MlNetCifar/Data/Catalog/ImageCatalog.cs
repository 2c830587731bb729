using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// The labelled image files of a folder, an archive or a manifest, found but not decoded: the start of the way of the data.
/// Order: split, then class, then path, ordinal. Reading is thread-safe.
/// </summary>
public sealed class ImageCatalog : IDisposable
{
    readonly FileTree _tree;

    internal ImageCatalog(FileTree tree, CatalogListing listing, ImageCatalogOptions options)
    {
        _tree = tree;
        Classes = listing.Classes;
        List = listing.Images;
        Warnings = [.. tree.Warnings, .. listing.Warnings];
        BadFiles = listing.BadFiles;
        Problems = listing.Problems;
        Options = options;
    }

    /// <summary>The folder, archive or manifest.</summary>
    public string Origin => _tree.Origin;

    /// <summary>Class names, fixed by the training split; a label is an index into them.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>All images, by split, class and path, ordinal.</summary>
    public IReadOnlyList<ImageRef> Images => List;

    /// <summary>Things worth knowing that are no errors.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Files a manifest names but that are not there.</summary>
    public IReadOnlyList<BadFile> BadFiles { get; }

    internal IReadOnlyList<MlNetCifarException> Problems { get; }

    /// <summary>How its files were found.</summary>
    public ImageCatalogOptions Options { get; }

    internal FileTree Tree => _tree;

    internal ImageList List { get; }

    /// <summary>Finds the images of a folder, an archive (.tar.gz, .tgz, .tar, .zip) or a .csv or .jsonl manifest.</summary>
    /// <param name="path">The data set.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="MlNetCifarException">The data set is missing, empty, of one class, inconsistent or damaged (MNC10xx).</exception>
    public static ImageCatalog Open(string path, ImageCatalogOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new();
        if (ManifestTable.IsManifest(path) && options.Store.FileExists(path))
        {
            // Only the files it names are looked at: it may lie in a folder with much else.
            var (folder, name) = (FileTree.Parent(path), FileTree.Name(path));
            using var alone = new FolderTree(folder, options.Store, [name]);
            var tree = new FolderTree(folder, options.Store, [name, .. ManifestLayout.Names(alone, name)]);
            return new(tree, ManifestLayout.Read(tree, [name], options), options);
        }

        return Open(FileTree.OpenData(path, options.Store, cancellation), options);
    }

    /// <summary>
    /// Finds the images of a folder, an archive or a manifest; null where it holds no files of images but arrays: shards, CIFAR's binary files or .npy files.
    /// </summary>
    /// <param name="path">The data set.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="MlNetCifarException">The data set is missing, empty, of one class, inconsistent or damaged (MNC10xx).</exception>
    public static ImageCatalog? TryOpen(string path, ImageCatalogOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new DatasetOpener(new() { Files = options ?? new() }, null, cancellation).Find(path);
    }

    /// <summary>The images among files that another system has listed and will read, laid out as <see cref="Open(string, ImageCatalogOptions, CancellationToken)"/> expects it of a folder.</summary>
    /// <param name="origin">What the files are of, for messages.</param>
    /// <param name="files">The listing.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="MlNetCifarException">The data set is empty, of one class or inconsistent (MNC10xx).</exception>
    public static ImageCatalog Of(string origin, FileListing files, ImageCatalogOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(origin);
        ArgumentNullException.ThrowIfNull(files);
        options ??= new();
        var tree = new ListedTree(origin, files);
        return new(tree, options.LabelsFrom == LabelSource.Name ? NameLayout.Read(tree, options) : FolderLayout.Read(tree, options), options);
    }

    /// <summary>Whether a path counts as an image: the right extension, no hidden part, no leftovers of packers and clusters.</summary>
    /// <param name="path">Parts separated by '/'.</param>
    public static bool IsImage(string path) => ImageNames.IsImage(path);

    /// <summary>Finds the images of a tree, which the catalogue then owns.</summary>
    internal static ImageCatalog Open(FileTree tree, ImageCatalogOptions options)
    {
        try
        {
            return new(tree, Read(tree, options), options);
        }
        catch
        {
            tree.Dispose();
            throw;
        }
    }

    static CatalogListing Read(FileTree tree, ImageCatalogOptions options)
    {
        if (options.LabelsFrom == LabelSource.Name)
            return NameLayout.Read(tree, options);
        var manifests = tree.Files.Within(folders: 1).Select(f => tree.Files[f].Path).Where(ManifestLayout.IsMetadata).ToArray();
        if (manifests.FirstOrDefault(m => !ManifestLayout.HasLabels(tree, m)) is { } unlabelled)
        {
            var listing = FolderLayout.Read(tree, options);
            return listing with { Warnings = [.. listing.Warnings, $"{tree.Locate(unlabelled)}: names no files and labels, so the folders are the classes."] };
        }

        return manifests.Length > 0 ? ManifestLayout.Read(tree, manifests, options) : FolderLayout.Read(tree, options);
    }

    /// <summary>The images of one split.</summary>
    /// <param name="split">Which.</param>
    public IReadOnlyList<ImageRef> Of(DatasetSplit split) => List.Of(split);

    /// <summary>The whole path of an image, for messages and for reading elsewhere.</summary>
    /// <param name="image">One of <see cref="Images"/>.</param>
    public string Locate(ImageRef image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return _tree.Locate(image.Path);
    }

    /// <summary>The bytes of an image file.</summary>
    /// <param name="image">One of <see cref="Images"/>.</param>
    /// <exception cref="MlNetCifarException">The file cannot be read (MNC1011) or is too large (MNC1012).</exception>
    public byte[] Read(ImageRef image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var path = Locate(image);
        if (_tree.Files.Length(image.File) is var bytes && bytes > Options.MaxFileBytes)
            throw FileErrors.FileTooLarge(path, bytes, Options.MaxFileBytes);
        byte[] buffer = [];
        try
        {
            var length = _tree.Read(image.File, ref buffer);
            return length == buffer.Length ? buffer : buffer[..length];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw FileErrors.Unreadable(path, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _tree.Dispose();
}
