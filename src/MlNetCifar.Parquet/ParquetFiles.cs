using MlNetCifar.Files;

namespace MlNetCifar.Parquet;

/// <summary>The pictures of one or several Parquet files. One row group's pictures are in memory at a time.</summary>
sealed class ParquetFiles : PackedFiles
{
    readonly List<ParquetFile> _files = [];
    readonly Place[] _places;
    readonly Lock _lock = new();
    (int File, int Group) _kept = (-1, -1);
    byte[][] _contents = [];

    public ParquetFiles(PackedSource source)
    {
        try
        {
            var (paths, lengths, places) = (new List<string>(), new List<long>(), new List<Place>());
            foreach (var path in source.Files)
            {
                var file = new ParquetFile(source.Store, path, source.Files.Count > 1);
                _files.Add(file);
                foreach (var (group, row, name, length) in file.List(source.Cancellation))
                {
                    paths.Add(name);
                    lengths.Add(length);
                    places.Add(new(_files.Count - 1, group, row));
                }
            }

            // As a listing sorts them, so that a place is found by its file's number.
            var order = Enumerable.Range(0, paths.Count).ToArray();
            Array.Sort(paths.ToArray(), order, StringComparer.Ordinal);
            var listing = new FileListing.Builder();
            foreach (var i in order)
                listing.Add(paths[i], lengths[i]);
            Files = listing.Build(fromRoot: true);
            if (Files.FirstRepeat() is { } repeated)
                throw ParquetErrors.PathTwice(source.Origin, Files.Root + repeated);
            _places = [.. order.Select(i => places[i])];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public override FileListing Files { get; }

    public override IEnumerable<(int File, ReadOnlyMemory<byte> Content)> Read(IReadOnlyList<int> files)
    {
        foreach (var group in files.GroupBy(f => (_places[f].File, _places[f].Group)).OrderBy(g => g.Key))
        {
            var contents = Contents(group.Key.File, group.Key.Group);
            foreach (var file in group)
                yield return (file, contents[_places[file].Row]);
        }
    }

    // Pictures that are read one by one mostly follow each other.
    byte[][] Contents(int file, int group)
    {
        lock (_lock)
        {
            if (_kept != (file, group))
            {
                (_kept, _contents) = ((-1, -1), []);
                _contents = _files[file].Contents(group);
                _kept = (file, group);
            }

            return _contents;
        }
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var file in _files)
            file.Dispose();
    }

    /// <summary>Where a picture is.</summary>
    readonly record struct Place(int File, int Group, int Row);
}
