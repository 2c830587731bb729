using MlNetCifar.Data;
using MlNetCifar.Imaging;

namespace MlNetCifar.Experiments;

/// <summary>Opens the data of experiments, and says what was found.</summary>
internal static class ExperimentData
{
    /// <summary>Opens a data set.</summary>
    /// <param name="path">As the user gave it.</param>
    /// <param name="options">How.</param>
    /// <param name="storage">Where it lies.</param>
    /// <param name="log">Told what was found.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static ImageDataset Open(string path, ImageDatasetOptions options, IExperimentStorage storage, ExperimentLog log, CancellationToken cancellation)
    {
        path = storage.Normalize(path);
        var located = options with { Files = options.Files with { Store = storage.StoreOf(path) } };
        return Open($"reading {path}", progress => ImageDataset.Open(path, located, progress, cancellation), log);
    }

    /// <summary>Makes a data set of images that the program gives, and says what was found.</summary>
    /// <param name="images">The images.</param>
    /// <param name="options">How.</param>
    /// <param name="log">Told what was found.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static ImageDataset Open(IEnumerable<LabelledImage> images, ImageDatasetOptions options, ExperimentLog log, CancellationToken cancellation) =>
        Open("reading images", progress => ImageDataset.Create(images, options, progress, cancellation), log);

    static ImageDataset Open(string title, Func<IProgress<LoadProgress>, ImageDataset> open, ExperimentLog log)
    {
        var started = TimeProvider.System.GetTimestamp();
        var dataset = log.During(ExperimentStage.Reading, title, advance =>
            open(new Report<LoadProgress>(p => advance((double)p.Done / Math.Max(p.Total, 1), Line(p, started)))));
        foreach (var warning in dataset.Warnings)
            log.Warn(warning);
        if (dataset.BadFiles is [var first, ..])
            log.Warn(FormattableString.Invariant($"{dataset.BadFiles.Count:N0} {(dataset.BadFiles.Count == 1 ? "file could not be read and is" : "files could not be read and are")} left out; the first: {first.Path}: {first.Reason}"));
        return dataset;

        static string Line(LoadProgress p, long started)
        {
            var speed = p.Done / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3);
            return FormattableString.Invariant($"reading images {p.Done:N0}/{p.Total:N0}  {speed:N0} images/s{(p.Bad > 0 ? $"  {p.Bad} bad" : "")}");
        }
    }

    /// <summary>How image files are found.</summary>
    public static ImageCatalogOptions Files(LabelSource labels, long? bytes) => new() { LabelsFrom = labels, MaxFileBytes = bytes ?? long.MaxValue };

    /// <summary>How they are decoded.</summary>
    public static DecodeOptions Decode(OnTruncated truncated, long pixels) => new() { AllowTruncated = truncated == OnTruncated.Use, MaxPixels = pixels };

    /// <summary>The folder of cached shards; null for none.</summary>
    public static string? Cache(string? folder) => folder == ExperimentOptions.DefaultCache ? Path.Combine(Caches, "shards") : IsNone(folder) ? null : folder;

    /// <summary>The folder of features that were computed; null for none.</summary>
    public static string? FeatureCache(string? folder) => folder == ExperimentOptions.DefaultCache ? Path.Combine(Caches, "features") : IsNone(folder) ? null : Path.Combine(folder!, "features");

    static string Caches => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home
            ? home : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "mlnetcifar");

    static bool IsNone(string? folder) => folder is null or "" or "none";

    /// <summary>How pictures must be preprocessed to look like these.</summary>
    public static PreprocessSpec Spec(ImageDataset dataset) =>
        dataset.Spec ?? new PreprocessSpec { Width = dataset.Train.Width, Height = dataset.Train.Height, Channels = dataset.Train.Channels };
}

/// <summary>Progress that is told on the thread it happens on.</summary>
/// <param name="tell">Told each time.</param>
internal sealed class Report<T>(Action<T> tell) : IProgress<T>
{
    void IProgress<T>.Report(T value) => tell(value);
}
