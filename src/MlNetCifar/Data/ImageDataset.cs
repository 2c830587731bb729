using MlNetCifar.Data;
using MlNetCifar.Files;

namespace MlNetCifar;

/// <summary>A labelled data set, ready to train on: its splits, its classes, and what was found on the way.</summary>
public sealed class ImageDataset : IDisposable
{
    readonly Dictionary<DatasetSplit, ImageSource> _splits;
    readonly IDisposable? _owned;

    internal ImageDataset(string path, Dictionary<DatasetSplit, ImageSource> splits, IReadOnlyList<string> classes, IDisposable? owned = null)
    {
        Path = path;
        _splits = splits;
        Classes = classes;
        _owned = owned;
    }

    /// <summary>Where it came from.</summary>
    public string Path { get; }

    /// <summary>Class names, fixed by the training split; a label is an index into them.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The training split.</summary>
    /// <exception cref="MlNetCifarException">There is none (MNC1019).</exception>
    public ImageSource Train => Get(DatasetSplit.Train);

    /// <summary>The validation split, if there is one.</summary>
    public ImageSource? Validation => _splits.GetValueOrDefault(DatasetSplit.Validation);

    /// <summary>The test split, if there is one.</summary>
    public ImageSource? Test => _splits.GetValueOrDefault(DatasetSplit.Test);

    internal IReadOnlyDictionary<DatasetSplit, ImageSource> Splits => _splits;

    /// <summary>Things worth knowing that are no errors.</summary>
    public IReadOnlyList<string> Warnings { get; internal init; } = [];

    /// <summary>Files that were left out.</summary>
    public IReadOnlyList<BadFile> BadFiles { get; internal init; } = [];

    /// <summary>How the pictures were made from files; null where they came as arrays.</summary>
    public PreprocessSpec? Spec { get; internal init; }

    /// <summary>What the pictures were read from.</summary>
    internal DataKind Kind { get; init; }

    /// <summary>Median width and height of the pictures in their files, before any resizing, measured on about 64 of them; null where they came as arrays or shards.</summary>
    public ImageSize? PictureSize { get; internal init; }

    /// <summary>The training split's normalisation where it was stored with the data; null otherwise.</summary>
    public Normalization? Normalization { get; internal init; }

    /// <summary>Whether a folder holds shards of <c>prepare</c>, of which several processes can read parts.</summary>
    /// <param name="path">A folder, or anything else.</param>
    /// <param name="store">Where it lies.</param>
    public static bool IsShards(string path, IFileStore store)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(store);
        return ShardFolder.Matches(path, store);
    }

    /// <summary>
    /// Opens whatever <paramref name="path"/> is: a folder of class folders, an archive of one (.tar.gz, .tgz, .tar, .zip), a .csv or .jsonl manifest,
    /// CIFAR's binary files (folder or archive), .npy files, or a shard folder made by <c>prepare</c>. Image files are decoded here, in parallel, into memory;
    /// shards stay on disk.
    /// </summary>
    /// <param name="path">The data set.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="progress">Told about ten times a second, from the decoding threads.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="MlNetCifarException">The data set is missing, empty, inconsistent or damaged (MNC10xx).</exception>
    public static ImageDataset Open(
        string path, ImageDatasetOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new DatasetOpener(options ?? new(), progress, cancellation).Open(path);
    }

    /// <summary>Makes a data set of images in memory or behind streams.</summary>
    /// <param name="images">Training images, and others by their split.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="progress">Told about ten times a second.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="MlNetCifarException">There is no image, only one class, or a class the training split lacks (MNC10xx).</exception>
    public static ImageDataset Create(
        IEnumerable<LabelledImage> images, ImageDatasetOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        return new DatasetOpener(options ?? new(), progress, cancellation).Open(images);
    }

    /// <summary>Makes a data set of sources.</summary>
    /// <param name="train">Its classes are the data set's.</param>
    /// <param name="validation">Of the same size and classes; may be null.</param>
    /// <param name="test">Of the same size and classes; may be null.</param>
    /// <exception cref="MlNetCifarException">The sources differ in size, channels or classes (MNC1033).</exception>
    public static ImageDataset Create(ImageSource train, ImageSource? validation = null, ImageSource? test = null)
    {
        ArgumentNullException.ThrowIfNull(train);
        var splits = new Dictionary<DatasetSplit, ImageSource> { [DatasetSplit.Train] = train };
        if (validation is not null)
            splits.Add(DatasetSplit.Validation, validation);
        if (test is not null)
            splits.Add(DatasetSplit.Test, test);
        foreach (var (split, source) in splits)
        {
            if (ClassNames.Difference(source, train) is { } difference)
                throw DataErrors.SourcesDiffer(Name(split), difference);
        }

        return new("memory", splits, train.Classes);
    }

    /// <summary>Whether a split is there.</summary>
    /// <param name="split">Which.</param>
    public bool Has(DatasetSplit split) => _splits.ContainsKey(split);

    /// <summary>A split.</summary>
    /// <param name="split">Which.</param>
    /// <exception cref="MlNetCifarException">It is not there (MNC1019).</exception>
    public ImageSource Get(DatasetSplit split)
    {
        if (!_splits.TryGetValue(split, out var source))
            throw DataErrors.NoSplit(Path, Name(split));
        return source;
    }

    /// <summary>This data set if it has the split; otherwise one whose split is cut, stratified, from the training pictures.</summary>
    /// <param name="split">Validation or test.</param>
    /// <param name="fraction">Share of the training pictures that goes into the new split, in (0, 1).</param>
    /// <param name="seed">Which pictures go where. The default is 0.</param>
    /// <returns>A view on the same pictures; dispose one of the two. A class of one picture keeps it for training.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The split is that for training, or the fraction not in (0, 1).</exception>
    /// <exception cref="MlNetCifarException">No class has two pictures (MNC1029).</exception>
    public ImageDataset Ensure(DatasetSplit split, double fraction, ulong seed = 0) => TryEnsure(split, fraction, seed) ?? throw DataErrors.CannotSplit(Path, Name(split));

    /// <summary>As <see cref="Ensure"/>; null where no class has two pictures.</summary>
    internal ImageDataset? TryEnsure(DatasetSplit split, double fraction, ulong seed)
    {
        if (split == DatasetSplit.Train)
            throw new ArgumentOutOfRangeException(nameof(split), split, "The training split cannot be cut from itself.");
        if (Has(split))
            return this;
        var (part, rest) = StratifiedSplit.Cut(Train, fraction, seed);
        if (part.Count == 0)
            return null;
        var splits = new Dictionary<DatasetSplit, ImageSource>(_splits) { [DatasetSplit.Train] = rest, [split] = part };
        return new(Path, splits, Classes, _owned) { Warnings = Warnings, BadFiles = BadFiles, Spec = Spec, PictureSize = PictureSize, Kind = Kind };
    }

    /// <summary>Closes shard files; pictures in memory need no closing.</summary>
    public void Dispose() => _owned?.Dispose();

    /// <summary>The same data with the validation images among those to train on.</summary>
    internal ImageDataset WithoutValidation()
    {
        if (Validation is not { } validation)
            return this;
        var splits = new Dictionary<DatasetSplit, ImageSource>(_splits) { [DatasetSplit.Train] = new JoinedImages(Train, validation) };
        splits.Remove(DatasetSplit.Validation);
        return new(Path, splits, Classes) { Warnings = Warnings, BadFiles = BadFiles, Spec = Spec, PictureSize = PictureSize, Kind = Kind, Normalization = Normalization };
    }

    static string Name(DatasetSplit split) => split.ToString().ToLowerInvariant();
}
