using MlNetCifar.Data;
using MlNetCifar.Imaging;

namespace MlNetCifar.Spark.Executors;

/// <summary>The pictures of a job as its workers see them; sources are opened when they are first needed.</summary>
/// <param name="job">Says where they lie.</param>
/// <param name="storage">The way there.</param>
/// <param name="model">What scores them.</param>
sealed class ScoredPictures(ScoreJob job, ExecutorStorage storage, ImageClassifier model) : IDisposable
{
    readonly Dictionary<int, ImageDataset> _opened = [];
    readonly Dictionary<int, IReadOnlyList<string>> _listed = [];

    /// <summary>The pictures of shards.</summary>
    /// <param name="source">Number of the source.</param>
    /// <exception cref="MlNetCifarException">They are not those of the driver (MNC6095), or cannot be opened.</exception>
    public ImageSource Shards(int source)
    {
        var (path, count, split) = job.Sources[source];
        if (!_opened.TryGetValue(source, out var dataset))
            _opened.Add(source, dataset = Open(storage.Normalize(path)));
        return split is { } name && dataset.Has(name) && dataset.Get(name) is var images && images.Count == count ? images : throw ExecutorErrors.OtherPictures(path, count);
    }

    /// <summary>The names of image files, in order.</summary>
    /// <param name="source">Number of the source.</param>
    /// <exception cref="MlNetCifarException">They are not those of the driver (MNC6095).</exception>
    public IReadOnlyList<string> Files(int source)
    {
        var (path, count, _) = job.Sources[source];
        if (!_listed.TryGetValue(source, out var names))
            _listed.Add(source, names = PictureFiles.List(storage.StoreOf(storage.Normalize(path)), path));
        return names.Count == count ? names : throw ExecutorErrors.OtherPictures(path, count);
    }

    /// <summary>Reads and decodes one.</summary>
    public RgbImage Decode(string file)
    {
        using var stream = storage.StoreOf(file).OpenRead(file);
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return ImageDecoder.Decode(content.GetBuffer().AsSpan(0, (int)content.Length), model.Preprocess.ForDecoding(job.Decode));
    }

    public void Dispose()
    {
        foreach (var dataset in _opened.Values)
            dataset.Dispose();
    }

    ImageDataset Open(string path) => ImageDataset.Open(path, new ImageDatasetOptions
    {
        Spec = model.Preprocess,
        Files = new() { Store = storage.StoreOf(path), Classes = model.Classes },
        CacheFolder = job.CacheFolder is { } folder ? new EvaluationExperimentOptions { CacheFolder = folder }.ShardFolder : null,
        CacheLimit = job.CacheLimit,
        Threads = 1,
    });
}
