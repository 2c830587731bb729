using System.Runtime.InteropServices;
using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Files;

namespace MlNetCifar.Experiments;

/// <summary>
/// Which pictures a run learned from, validated with and tested on, by what they look like to the network: <c>split/train.npy</c> and its siblings in the run's folder, or
/// <c>NAME.split/train.npy</c> beside a model file of several runs, each a sorted array of <see cref="ImageSource.PixelHash"/>. Files, arrays and shards of the same picture have the
/// same hash, wherever they lie. It is no part of the model file: at eight bytes a picture it would be a tenth of one for CIFAR-10, and several times one for a million pictures, loaded with each prediction.
/// </summary>
internal sealed class SplitRecord
{
    const string Folder = "split";
    const string Extension = ".safetensors";
    const string Stamp = "weights.sha256";
    const string Element = "<u8";

    readonly Dictionary<DatasetSplit, ulong[]> _hashes;

    SplitRecord(Dictionary<DatasetSplit, ulong[]> hashes) => _hashes = hashes;

    /// <summary>Takes down the splits of a run.</summary>
    public static SplitRecord Of(ImageDataset dataset, int? threads, CancellationToken cancellation)
    {
        var hashes = new Dictionary<DatasetSplit, ulong[]>();
        foreach (var (split, source) in dataset.Splits)
        {
            var own = SourceHash.OfPictures(source, threads ?? Environment.ProcessorCount, cancellation);
            Array.Sort(own);
            hashes.Add(split, own);
        }

        return new(hashes);
    }

    /// <summary>What several models know together: trained on is what any was trained on, and validated with is what any was otherwise.</summary>
    /// <param name="records">Of the models.</param>
    /// <param name="chosen">Pictures by which the models were put together.</param>
    public static SplitRecord Union(IReadOnlyCollection<SplitRecord> records, IEnumerable<ulong> chosen)
    {
        HashSet<ulong> trained = [.. records.SelectMany(record => record.Of(DatasetSplit.Train))];
        var validated = records.SelectMany(record => record.Of(DatasetSplit.Validation)).Concat(chosen).Where(hash => !trained.Contains(hash)).Distinct();
        return new(new() { [DatasetSplit.Train] = [.. trained.Order()], [DatasetSplit.Validation] = [.. validated.Order()] });
    }

    /// <summary>The record of the run that a model is of, or that lies beside a model of several; null where there is none.</summary>
    /// <param name="model">A run's folder, or a model file.</param>
    /// <param name="weights">SHA-256 of its weights: beside a file, the record of another model that had its name says nothing.</param>
    /// <param name="storage">Where it lies.</param>
    /// <exception cref="MlNetCifarException">The record is damaged (MNC1020).</exception>
    public static SplitRecord? Find(string model, string weights, IExperimentStorage storage)
    {
        var path = storage.Normalize(model).TrimEnd('/');
        var store = storage.StoreOf(path);
        if (store.FolderExists(path))
            return Read(store, $"{path}/{Folder}");
        var beside = Beside(path);
        var stamp = $"{beside}/{Stamp}";
        if (store.FindLength(stamp) == weights.Length && Encoding.ASCII.GetString(store.ReadFile(stamp, weights.Length)) == weights)
            return Read(store, beside);
        path = Parent(path);
        if (path.EndsWith("/weights", StringComparison.Ordinal) || path == "weights")
            path = Parent(path);
        return Read(store, $"{path}/{Folder}");
    }

    /// <summary>Writes the record into the run's folder.</summary>
    public void Write(RunFolder folder) => Write(folder.File(Folder));

    /// <summary>Writes the record beside a model file.</summary>
    /// <param name="model">The file.</param>
    /// <param name="weights">SHA-256 of its weights.</param>
    public void WriteBeside(string model, string weights)
    {
        var stamp = Path.Combine(Beside(model), Stamp);
        LocalFileStore.Instance.Delete(stamp);
        Write(Beside(model));
        AtomicFile.WriteText(stamp, writer => writer.Write(weights));
    }

    /// <summary>The pictures of a split, sorted.</summary>
    public IReadOnlyList<ulong> Of(DatasetSplit split) => _hashes.GetValueOrDefault(split) ?? [];

    /// <summary>Whether a picture was in a split.</summary>
    public bool Has(DatasetSplit split, ulong hash) => _hashes.TryGetValue(split, out var hashes) && Array.BinarySearch(hashes, hash) >= 0;

    void Write(string folder)
    {
        foreach (var split in Enum.GetValues<DatasetSplit>())
        {
            var path = Path.Combine(folder, Name(split));
            if (!_hashes.TryGetValue(split, out var hashes))
            {
                LocalFileStore.Instance.Delete(path);
                continue;
            }

            LocalFileStore.Instance.Write(path, stream =>
            {
                stream.Write(NpyHeader.Format(Element, hashes.Length));
                stream.Write(MemoryMarshal.AsBytes(hashes.AsSpan()));
            });
        }
    }

    static string Beside(string model) => $"{(model.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) ? model[..^Extension.Length] : model)}.{Folder}";

    static string Name(DatasetSplit split) => $"{ShardManifest.NameOf(split)}.npy";

    static string Parent(string path) => path.LastIndexOf('/') is > 0 and var end ? path[..end] : path.StartsWith('/') ? "" : ".";

    static SplitRecord? Read(IFileStore store, string folder)
    {
        var hashes = new Dictionary<DatasetSplit, ulong[]>();
        foreach (var split in Enum.GetValues<DatasetSplit>())
        {
            var file = $"{folder}/{Name(split)}";
            if (store.FindLength(file) is { } length)
                hashes.Add(split, Read(store, file, length));
        }

        return hashes.ContainsKey(DatasetSplit.Train) ? new(hashes) : null;
    }

    static ulong[] Read(IFileStore store, string path, long length)
    {
        try
        {
            using var stream = store.OpenRead(path);
            var header = NpyHeader.Read(stream, length, path);
            if (header.Descr != Element || header.Shape is not [var count] || !header.IsPlain)
                throw FileErrors.Npy(path, $"The file is no record of a run's pictures: it holds {header.Descr} of shape ({string.Join(", ", header.Shape)}), expected {Element} of shape (N,).");
            var hashes = new ulong[count];
            stream.ReadExactly(MemoryMarshal.AsBytes(hashes.AsSpan()));
            return hashes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FileErrors.Unreadable(path, e);
        }
    }
}
