using System.Runtime.InteropServices;
using MlNetCifar.Data;
using MlNetCifar.Files;

namespace MlNetCifar.Experiments;

/// <summary>
/// Which pictures a run learned from, validated with and tested on, by what they look like to the network: <c>split/train.npy</c> and its siblings in the run's folder, each a
/// sorted array of <see cref="ImageSource.PixelHash"/>. Files, arrays and shards of the same picture have the same hash, wherever they lie. It is no part of the model file: at
/// eight bytes a picture it would be a tenth of one for CIFAR-10, and several times one for a million pictures, loaded with each prediction.
/// </summary>
internal sealed class SplitRecord
{
    const string Folder = "split";
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

    /// <summary>The record of the run that a model is of; null where there is none.</summary>
    /// <param name="model">A run's folder, or a model file.</param>
    /// <param name="storage">Where it lies.</param>
    /// <exception cref="MlNetCifarException">The record is damaged (MNC1020).</exception>
    public static SplitRecord? Find(string model, IExperimentStorage storage)
    {
        var path = storage.Normalize(model).TrimEnd('/');
        var store = storage.StoreOf(path);
        if (!store.FolderExists(path))
        {
            path = Parent(path);
            if (path.EndsWith("/weights", StringComparison.Ordinal) || path == "weights")
                path = Parent(path);
        }

        var hashes = new Dictionary<DatasetSplit, ulong[]>();
        foreach (var split in Enum.GetValues<DatasetSplit>())
        {
            var file = $"{path}/{Name(split)}";
            if (store.FindLength(file) is { } length)
                hashes.Add(split, Read(store, file, length));
        }

        return hashes.ContainsKey(DatasetSplit.Train) ? new(hashes) : null;
    }

    /// <summary>Writes the record into the run's folder.</summary>
    public void Write(RunFolder folder)
    {
        foreach (var split in Enum.GetValues<DatasetSplit>())
        {
            if (!_hashes.TryGetValue(split, out var hashes))
            {
                LocalFileStore.Instance.Delete(folder.File(Name(split)));
                continue;
            }

            folder.WriteBytes(Name(split), stream =>
            {
                stream.Write(NpyHeader.Format(Element, hashes.Length));
                stream.Write(MemoryMarshal.AsBytes(hashes.AsSpan()));
            });
        }
    }

    /// <summary>Whether a picture was in a split.</summary>
    public bool Has(DatasetSplit split, ulong hash) => _hashes.TryGetValue(split, out var hashes) && Array.BinarySearch(hashes, hash) >= 0;

    static string Name(DatasetSplit split) => $"{Folder}/{ShardManifest.NameOf(split)}.npy";

    static string Parent(string path) => path.LastIndexOf('/') is > 0 and var end ? path[..end] : path.StartsWith('/') ? "" : ".";

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
