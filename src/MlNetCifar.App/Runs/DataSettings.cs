using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs.Storage;
using MlNetCifar.Data;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs;

/// <summary>Which pictures a command works on, and how they are opened.</summary>
internal static class DataSettings
{
    const string Group = "Data";
    const string DefaultCache = "~/.cache/mlnetcifar/shards";

    public static Setting<string?> Data { get; } = Settings.Text(
        "data", "PATH", "Folder of class folders, archive of one, .csv or .jsonl manifest, CIFAR binary files, .npy files, or shards of 'prepare'; also on hdfs://", group: Group);

    public static Setting<(int Width, int Height)?> Size { get; } = Settings.Of<(int, int)?>(
        "size", "SIZE", "Size of the network's input: 64, or 64x48 for width and height", t => Texts.Size(t), null, Group, "32; arrays and shards as they are");

    public static Setting<bool> Grey { get; } = Settings.Flag("grey", "Turn pictures grey", Group);

    public static Setting<ResizeMode> Resize { get; } = Settings.Of(
        "resize", "NAME", $"How other proportions are brought to the size: {Texts.Choices<ResizeMode>()}", Texts.Choice<ResizeMode>, ResizeMode.Stretch, Group);

    public static Setting<ResizeFilter> Filter { get; } = Settings.Of(
        "filter", "NAME", $"Kernel of the resize: {Texts.Choices<ResizeFilter>()}", Texts.Choice<ResizeFilter>, ResizeFilter.Bilinear, Group);

    public static Setting<int> Median { get; } = Settings.Of("median", "PIXELS", "Side of a median filter against noise: 0, 3, 5 or 7", Texts.Int, 0, Group);

    public static Setting<double> Blur { get; } = Settings.Of("blur", "PIXELS", "Standard deviation of a Gaussian blur", t => (double)Texts.Number(t), 0.0, Group);

    public static Setting<double> Split { get; } = Settings.Of(
        "split", "SHARE", "Share of the images to train on where the data have no test split; the rest is the test split", Texts.Fraction, 0.8, Group);

    public static Setting<double> ValidationSplit { get; } = Settings.Of(
        "val-split", "SHARE", "Share of the training images to validate with where the data have no validation split; 0 for none", Texts.Fraction, 0.1, Group);

    public static Setting<OnBadImage> OnBadImage { get; } = Settings.Of(
        "on-bad-image", "NAME", $"What to do about a file that cannot be read: {Texts.Choices<OnBadImage>()}", Texts.Choice<OnBadImage>, MlNetCifar.OnBadImage.Skip, Group);

    public static Setting<string?> Cache { get; } = Settings.Text(
        "cache", "FOLDER", "Where shards on HDFS are kept once read, by their SHA-256; none for no such folder", DefaultCache, Group);

    public static Setting<long?> CacheLimit { get; } = Settings.Of<long?>(
        "cache-limit", "SIZE", "Most that folder may take, for example 500m; what was not read for longest goes first; none for no limit", Texts.Bytes, 20L << 30, Group, "20g");

    public static IEnumerable<Setting> Opening => [Data, .. Making, OnBadImage];

    public static IEnumerable<Setting> All => [Data, .. Making, Split, ValidationSplit, OnBadImage, Cache, CacheLimit];

    /// <summary>How inputs are made of pictures.</summary>
    public static IReadOnlyList<Setting> Making => [Size, Grey, Resize, Filter, Median, Blur];

    /// <summary>The preprocessing asked for; null where the data or the defaults decide.</summary>
    public static PreprocessSpec? Preprocess(Call call)
    {
        if (!Making.Any(call.Values.IsGiven))
            return null;
        var (width, height) = call.Get(Size) ?? (32, 32);
        var spec = new PreprocessSpec
        {
            Width = width,
            Height = height,
            Channels = call.Get(Grey) ? 1 : 3,
            Resize = call.Get(Resize),
            Filter = call.Get(Filter),
            Median = call.Get(Median),
            Blur = call.Get(Blur),
        };
        spec.Validate();
        return spec;
    }

    /// <summary>Opens a data set, with a progress bar, and says what was found.</summary>
    /// <param name="call">Settings and terminal.</param>
    /// <param name="path">The data set.</param>
    /// <param name="spec">How pictures are preprocessed; null where the data decide.</param>
    /// <param name="classes">Known classes; null to take the training split's.</param>
    /// <param name="threads">Threads that decode; null for all cores.</param>
    public static ImageDataset Open(Call call, string path, PreprocessSpec? spec, IReadOnlyList<string>? classes = null, int? threads = null)
    {
        path = HdfsPath.ToLocal(path);
        var options = new ImageDatasetOptions
        {
            Spec = spec,
            Files = new ImageCatalogOptions { Classes = classes, Store = ClusterSettings.Store(call, path) },
            CacheFolder = CacheFolder(call),
            CacheLimit = call.Get(CacheLimit),
            OnBadImage = call.Get(OnBadImage),
            Threads = threads ?? Environment.ProcessorCount,
        };
        var started = TimeProvider.System.GetTimestamp();
        var dataset = Bars.Run(call.Terminal, $"reading {path}", advance =>
            ImageDataset.Open(path, options, new LoadReport(p => advance((double)p.Done / Math.Max(p.Total, 1), Line(p, started))), call.Stop));
        foreach (var warning in dataset.Warnings)
            call.Terminal.Warn(warning);
        if (dataset.BadFiles is [var first, ..])
            call.Terminal.Warn(Texts.Invariant($"{dataset.BadFiles.Count:N0} files could not be read and are left out; the first: {first.Path}: {first.Reason}"));
        return dataset;

        static string Line(LoadProgress p, long started)
        {
            var speed = p.Done / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3);
            return Texts.Invariant($"reading images {p.Done:N0}/{p.Total:N0}  {speed:N0} images/s{(p.Bad > 0 ? $"  {p.Bad} bad" : "")}");
        }
    }

    static string? CacheFolder(Call call)
    {
        if (call.Get(Cache) is not { Length: > 0 } folder || folder == "none")
            return null;
        if (folder != DefaultCache)
            return folder;
        var caches = call.Terminal.Variable("XDG_CACHE_HOME") is { Length: > 0 } home
            ? home : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(caches, "mlnetcifar", "shards");
    }

    /// <summary>How pictures must be preprocessed to look like these.</summary>
    public static PreprocessSpec Spec(ImageDataset dataset) =>
        dataset.Spec ?? new PreprocessSpec { Width = dataset.Train.Width, Height = dataset.Train.Height, Channels = dataset.Train.Channels };
}
