using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>Opens a shard folder as a data set.</summary>
internal sealed class ShardFolder(string path, ImageDatasetOptions options)
{
    readonly IFileStore _store = options.Files.Store;
    readonly PartFiles? _cache = options.CacheFolder is { } folder ? new(folder, options.CacheLimit) : null;
    readonly string _path = path.Length > 1 ? path.TrimEnd('/') : path;

    /// <summary>Whether a path is a folder with shards in it.</summary>
    public static bool Matches(string path, IFileStore store) =>
        store.FolderExists(path)
        && (store.FileExists($"{path}/{ShardManifest.FileName}") || Enum.GetValues<DatasetSplit>().Any(s => store.FileExists($"{ShardManifest.FolderOf(path, s)}/{ShardManifest.FileName}")));

    /// <summary>Whether a file is the note that an unfinished run leaves beside a part.</summary>
    public static bool IsSidecar(string path) =>
        FileTree.Name(path).StartsWith("_part_", StringComparison.Ordinal) && path.EndsWith(".json", StringComparison.Ordinal);

    public ImageDataset Open()
    {
        var found = new Dictionary<DatasetSplit, ShardSource>();
        if (!_store.FileExists($"{_path}/{ShardManifest.SuccessName}"))
            throw DataErrors.Unfinished(_path);
        if (_store.FileExists($"{_path}/{ShardManifest.FileName}"))
        {
            Add(found, _path, null);
        }
        else
        {
            foreach (var split in Enum.GetValues<DatasetSplit>())
            {
                var folder = ShardManifest.FolderOf(_path, split);
                if (_store.FileExists($"{folder}/{ShardManifest.FileName}"))
                    Add(found, folder, split);
            }
        }

        if (found.Count == 0)
            throw DataErrors.Empty(_path);
        var first = found.Values.First().Manifest;
        foreach (var source in found.Values)
        {
            if (!source.Manifest.Classes.SequenceEqual(first.Classes))
                throw DataErrors.SplitsDiffer(_path, $"their classes ({ClassNames.Difference(source.Manifest.Classes, first.Classes)})");
            if (source.Manifest.Spec != first.Spec)
                throw DataErrors.SplitsDiffer(_path, "their preprocessing");
        }

        CheckOptions(first);
        return new(_path, found.ToDictionary(f => f.Key, f => (ImageSource)f.Value), first.Classes, new Owner([.. found.Values]))
        {
            Kind = DataKind.Shards,
            Spec = first.Spec,
            Normalization = found.TryGetValue(DatasetSplit.Train, out var train) ? train.Manifest.Normalization : null,
            BadFiles = [.. found.OrderBy(f => f.Key).SelectMany(f => f.Value.Manifest.Parts).SelectMany(p => p.BadFiles)],
        };
    }

    void Add(Dictionary<DatasetSplit, ShardSource> found, string folder, DatasetSplit? split)
    {
        var manifest = ShardManifest.Read(_store, folder);
        var own = split ?? SplitNames.Of(manifest.Split) ?? DatasetSplit.Train;
        if (manifest.Count > 0)
            found.Add(own, ShardSource.Open(folder, _store, _cache));
    }

    void CheckOptions(ShardManifest manifest)
    {
        if (options.Spec is { } expected)
            manifest.Spec.RequireEqual(expected, _path);
        if (options.Files.Classes is { } classes && !classes.SequenceEqual(manifest.Classes))
        {
            var unknown = manifest.Classes.FirstOrDefault(c => !classes.Contains(c));
            if (unknown is not null)
                throw DataErrors.UnknownClass(_path, unknown, classes);
            throw DataErrors.SplitsDiffer(_path, $"their classes from the {classes.Count} expected ones");
        }
    }

    sealed class Owner(IReadOnlyList<ShardSource> sources) : IDisposable
    {
        public void Dispose()
        {
            foreach (var source in sources)
                source.Dispose();
        }
    }
}
