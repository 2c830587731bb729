using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>What is there where no image is, and what could be done with it.</summary>
internal static class LayoutHints
{
    /// <summary>The error for a folder or archive without images in class folders.</summary>
    /// <param name="tree">All files.</param>
    /// <param name="path">Named in the error.</param>
    /// <param name="prefix">What the paths of the files there start with.</param>
    public static MlNetCifarException Empty(FileTree tree, string path, string prefix = "")
    {
        var names = tree.Files.StartingWith(prefix).Select(f => f.Path).Where(p => !ImageNames.IsHiddenPath(p)).ToArray();
        var images = names.Where(n => ImageNames.IsImage(n)).ToArray();
        if (images.Length > 0)
            return DataErrors.Empty(path, $"There are {images.Length:N0} images here, such as {images[0]}, but none in a class folder.", FromNames(images));
        if (names.FirstOrDefault(IsPythonCifar) is { } pickle)
            return DataErrors.Empty(path, $"This is the Python version of CIFAR ('{pickle}'), which only Python can read.", "Get the binary version: mlnetcifar dataset get cifar10.");
        if (names.FirstOrDefault(n => n.Contains("-idx3-ubyte", StringComparison.Ordinal) || n.Contains(".idx3-ubyte", StringComparison.Ordinal)) is { } idx)
            return DataErrors.Empty(path, $"There are MNIST's own files here ('{idx}'), which are not read.", "Get the same data as mnist.npz, or save the arrays with NumPy as X.npy and y.npy.");
        if (Other(names) is not { } other)
            return DataErrors.Empty(path);
        return DataErrors.Empty(path, Kinds(names), other);
    }

    /// <summary>The error for folders named like splits with the images right in them.</summary>
    public static MlNetCifarException FlatSplits(FileTree tree, IReadOnlyList<string> folders)
    {
        var images = tree.Files.Select(f => f.Path).Where(p => ImageNames.IsImage(p)).ToArray();
        return DataErrors.Empty(
            tree.Origin, $"The images lie right in {string.Join(" and ", folders.Select(f => $"'{FileTree.Name(f)}'"))}, which {(folders.Count == 1 ? "is a split" : "are splits")} and no class.", FromNames(images));
    }

    /// <summary>Counts files by their extensions, most frequent first: "1,204 files (1,200 .txt, 4 .xml)".</summary>
    public static string Count(IReadOnlyDictionary<string, int> kinds)
    {
        var total = kinds.Values.Sum();
        var named = kinds.OrderByDescending(k => k.Value).ThenBy(k => k.Key, StringComparer.Ordinal).Take(4).Select(k => $"{k.Value:N0} {(k.Key.Length == 0 ? "without extension" : k.Key)}");
        return $"{total:N0} file{(total == 1 ? "" : "s")} ({string.Join(", ", named)}{(kinds.Count > 4 ? ", …" : "")})";
    }

    static string FromNames(string[] images)
    {
        const string folders = "Put images into one folder per class: class/name.jpg, or train/class/name.jpg.";
        var labels = images.Take(100_000).Select(ImageNames.LabelOf).OfType<string>().GroupBy(l => l, StringComparer.Ordinal).OrderByDescending(g => g.Count()).ToArray();

        // As many classes as images are names that mean something else.
        return labels.Length > 1 && labels.Length <= Math.Max(images.Length / 2, 2)
            ? $"Take the classes from the names, {string.Join(", ", labels.Take(3).Select(l => $"'{l.Key}'"))}{(labels.Length > 3 ? " …" : "")}, with --labels-from name. Or {char.ToLowerInvariant(folders[0])}{folders[1..]}"
            : folders;
    }

    static bool IsPythonCifar(string path) => FileTree.Name(path) is "data_batch_1" or "batches.meta" or "test_batch" || FileTree.Name(path) is "meta" && path.Contains("cifar", StringComparison.OrdinalIgnoreCase);

    static string Kinds(string[] names)
    {
        var kinds = names.GroupBy(n => Path.GetExtension(n).ToLowerInvariant()).ToDictionary(g => g.Key, g => g.Count());
        return $"There is no image here, but {Count(kinds)}.";
    }

    static string? Other(string[] names)
    {
        if (names.Length == 0)
            return null;
        if (names.FirstOrDefault(n => n.EndsWith(".npz", StringComparison.OrdinalIgnoreCase)) is { } npz)
            return $"Give the file itself: {npz}.";
        if (names.FirstOrDefault(n => n.EndsWith(".npy", StringComparison.OrdinalIgnoreCase)) is { } npy)
            return $"Arrays are found by their names: X.npy and y.npy, X_train.npy and y_train.npy, train_images.npy and train_labels.npy; '{npy}' is none of them.";
        if (names.FirstOrDefault(FileTree.IsArchive) is { } archive)
            return $"Give the archive itself: {archive}.";
        if (names.FirstOrDefault(n => n.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase)) is not null)
            return "Parquet files are read where they are alone in their folder and the package MlNetCifar.Parquet is there, as it is in the command line.";
        return "Put images into one folder per class: class/name.jpg, or train/class/name.jpg; other formats have to be converted, for example to JPEG or PNG.";
    }
}
