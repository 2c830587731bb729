using System.Collections;

namespace MlNetCifar.Files;

/// <summary>
/// The files of a tree by path, ordinal. A million take some 25 MB rather than 200: names lie packed one after another, folders are held once, and a path becomes
/// a string only when it is asked for. Safe for concurrent readers.
/// </summary>
public sealed class FileListing : IReadOnlyList<StoredEntry>
{
    // A place is a chunk's number and an offset in it.
    const int OffsetBits = 20;

    readonly byte[][] _chunks;
    readonly string[] _folders;
    readonly uint[] _places;

    FileListing(byte[][] chunks, string[] folders, uint[] places, string root)
    {
        (_chunks, _folders, _places) = (chunks, folders, places);
        Root = root;
    }

    /// <summary>What was taken off all paths, with a slash at its end; empty where they are as they were given.</summary>
    public string Root { get; }

    /// <inheritdoc/>
    public int Count => _places.Length;

    /// <summary>The folders that hold files themselves, each with a slash at its end, in no particular order; empty for the root.</summary>
    internal IReadOnlyList<string> Folders => _folders;

    /// <inheritdoc/>
    public StoredEntry this[int index]
    {
        get
        {
            var entry = At(_places[index]);
            return new(entry.PathIn(_folders[entry.Folder]), entry.Length, false);
        }
    }

    /// <summary>A file's length in bytes, without its path.</summary>
    internal long Length(int index) => At(_places[index]).Length;

    /// <summary>The files whose paths start with a text, with their positions.</summary>
    internal IEnumerable<(int Index, string Path)> StartingWith(string prefix)
    {
        for (var i = FirstFrom(prefix); i < Count; i++)
        {
            var path = this[i].Path;
            if (!path.StartsWith(prefix, StringComparison.Ordinal))
                yield break;
            yield return (i, path);
        }
    }

    /// <summary>A file's position, or −1.</summary>
    internal int IndexOf(string path) => FirstFrom(path) is var index && index < Count && this[index].Path == path ? index : -1;

    /// <summary>The first path that comes twice, without <see cref="Root"/>; null where all differ.</summary>
    public string? FirstRepeat()
    {
        for (var i = 1; i < Count; i++)
        {
            if (Compare(_places[i - 1], _places[i]) == 0)
                return this[i].Path;
        }

        return null;
    }

    int FirstFrom(string path)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (string.CompareOrdinal(this[middle].Path, path) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>The positions of the files that lie no deeper than so many folders below the root.</summary>
    internal IEnumerable<int> Within(int folders)
    {
        var isWithin = Array.ConvertAll(_folders, f => f.AsSpan().Count('/') <= folders);
        for (var i = 0; i < Count; i++)
        {
            if (isWithin[At(_places[i]).Folder])
                yield return i;
        }
    }

    /// <inheritdoc/>
    public IEnumerator<StoredEntry> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    FileEntry At(uint place) => new(_chunks[place >> OffsetBits].AsSpan((int)(place & ((1 << OffsetBits) - 1))));

    void Sort()
    {
        for (var i = 1; i < _places.Length; i++)
        {
            if (Compare(_places[i - 1], _places[i]) <= 0)
                continue;
            Array.Sort(_places, Compare);
            return;
        }
    }

    // A name has no slash in it, so paths of different folders differ inside the longer folder's path at the latest.
    int Compare(uint x, uint y)
    {
        var a = At(x);
        var b = At(y);
        if (a.Folder == b.Folder)
            return a.CompareName(b);
        var (folderA, folderB) = (_folders[a.Folder], _folders[b.Folder]);
        if (folderB.StartsWith(folderA, StringComparison.Ordinal))
            return a.CompareName(folderB.AsSpan(folderA.Length));
        return folderA.StartsWith(folderB, StringComparison.Ordinal) ? -b.CompareName(folderA.AsSpan(folderB.Length)) : string.CompareOrdinal(folderA, folderB);
    }

    /// <summary>Takes files in any order. Not thread-safe.</summary>
    public sealed class Builder
    {
        const int MinChunk = 1 << 12;
        const int MaxChunk = 1 << OffsetBits;

        readonly List<byte[]> _chunks = [];
        readonly List<int> _used = [];
        readonly List<string> _folders = [];
        readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
        int _last = -1;
        int _count;

        /// <summary>Adds a file.</summary>
        /// <param name="path">Its parts separated by '/'.</param>
        /// <param name="length">Bytes.</param>
        public void Add(string path, long length)
        {
            ArgumentNullException.ThrowIfNull(path);
            ArgumentOutOfRangeException.ThrowIfNegative(length);
            var split = path.LastIndexOf('/') + 1;
            var folder = Folder(path.AsSpan(0, split));
            var name = path.AsSpan(split);
            var room = Room(FileEntry.MaxSize(name.Length));
            _used[^1] += FileEntry.Write(room, folder, length, name);
            _count++;
        }

        /// <summary>Sorts what was added; nothing may be added afterwards.</summary>
        /// <param name="fromRoot">
        /// Whether paths that start at a file system's root (<c>/data/1.jpg</c>, <c>hdfs://host/data/1.jpg</c>) become relative to the folder that all
        /// files lie in, which is then <see cref="FileListing.Root"/>.
        /// </param>
        public FileListing Build(bool fromRoot = false)
        {
            var root = fromRoot && IsAbsolute ? TrimRoot() : "";
            var places = new uint[_count];
            var next = 0;
            for (var chunk = 0; chunk < _chunks.Count; chunk++)
            {
                for (var offset = 0; offset < _used[chunk]; offset += new FileEntry(_chunks[chunk].AsSpan(offset)).Size)
                    places[next++] = checked((uint)(((long)chunk << OffsetBits) | (uint)offset));
            }

            var listing = new FileListing([.. _chunks], [.. _folders], places, root);
            listing.Sort();
            return listing;
        }

        bool IsAbsolute => _folders.Count > 0 && (_folders[0].StartsWith('/') || _folders[0].Contains(":/", StringComparison.Ordinal));

        string TrimRoot()
        {
            var root = _folders[0];
            foreach (var folder in _folders)
                root = root[..folder.AsSpan().CommonPrefixLength(root)];
            root = root[..(root.LastIndexOf('/') + 1)];
            for (var i = 0; i < _folders.Count; i++)
                _folders[i] = _folders[i][root.Length..];
            return root;
        }

        // Listings come folder by folder.
        int Folder(ReadOnlySpan<char> path)
        {
            if (_last >= 0 && path.SequenceEqual(_folders[_last]))
                return _last;
            var numbers = _numbers.GetAlternateLookup<ReadOnlySpan<char>>();
            if (!numbers.TryGetValue(path, out _last))
            {
                _last = _folders.Count;
                _folders.Add(path.ToString());
                _numbers.Add(_folders[_last], _last);
            }

            return _last;
        }

        Span<byte> Room(int size)
        {
            var chunk = _chunks.Count == 0 ? [] : _chunks[^1];
            if (chunk.Length == 0 || _used[^1] + size > Math.Min(chunk.Length, MaxChunk))
            {
                chunk = GC.AllocateUninitializedArray<byte>(Math.Max(size, Math.Clamp(2 * chunk.Length, MinChunk, MaxChunk)));
                _chunks.Add(chunk);
                _used.Add(0);
            }

            return chunk.AsSpan(_used[^1]);
        }
    }
}
