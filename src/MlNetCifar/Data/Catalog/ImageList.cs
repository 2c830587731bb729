using System.Collections;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// Images of a tree by split, class and path; eight bytes each, since a reference is made only when asked for. Immutable.
/// </summary>
internal sealed class ImageList : IReadOnlyList<ImageRef>
{
    const int SplitShift = 62;
    const int LabelShift = 32;

    readonly FileListing _files;
    readonly ArraySegment<ulong> _keys;

    ImageList(FileListing files, ArraySegment<ulong> keys) => (_files, _keys) = (files, keys);

    /// <inheritdoc/>
    public int Count => _keys.Count;

    /// <inheritdoc/>
    public ImageRef this[int index] => new(Path(index), Label(index), Split(index)) { File = File(index) };

    /// <summary>Position in the tree's files.</summary>
    public int File(int index) => (int)(uint)_keys[index];

    /// <summary>Relative to the data set's root.</summary>
    public string Path(int index) => _files[File(index)].Path;

    /// <summary>Class index.</summary>
    public int Label(int index) => (int)(_keys[index] >> LabelShift) & ((1 << (SplitShift - LabelShift)) - 1);

    /// <summary>The part of the data set.</summary>
    public DatasetSplit Split(int index) => (DatasetSplit)(_keys[index] >> SplitShift);

    /// <summary>Bytes of the file.</summary>
    public long Length(int index) => _files.Length(File(index));

    /// <summary>The images of one split; shares this list's memory.</summary>
    public ImageList Of(DatasetSplit split)
    {
        return new(_files, _keys[FirstFrom(split)..FirstFrom(split + 1)]);

        int FirstFrom(DatasetSplit from)
        {
            var found = _keys.AsSpan().BinarySearch((ulong)from << SplitShift);
            return found < 0 ? ~found : found;
        }
    }

    /// <summary>The splits that have images, in order.</summary>
    public IReadOnlyList<(DatasetSplit Split, ImageList Images)> BySplit() =>
        [.. Enum.GetValues<DatasetSplit>().Select(s => (s, Of(s))).Where(s => s.Item2.Count > 0)];

    /// <summary>Some images moved to another split.</summary>
    /// <param name="indices">Those to move.</param>
    /// <param name="split">Where to.</param>
    public ImageList Move(IEnumerable<int> indices, DatasetSplit split)
    {
        var keys = _keys.ToArray();
        foreach (var i in indices)
            keys[i] = (keys[i] << (64 - SplitShift) >> (64 - SplitShift)) | ((ulong)split << SplitShift);
        Array.Sort(keys);
        return new(_files, keys);
    }

    /// <inheritdoc/>
    public IEnumerator<ImageRef> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Takes images in any order.</summary>
    /// <param name="files">The tree's.</param>
    public sealed class Builder(FileListing files)
    {
        ulong[] _keys = [];

        /// <summary>Images so far.</summary>
        public int Count { get; private set; }

        /// <summary>Adds an image.</summary>
        public void Add(int file, int label, DatasetSplit split)
        {
            // Nearly all files of a tree are images, each once, so that the first size is the last.
            if (Count == _keys.Length)
                Array.Resize(ref _keys, Math.Max(files.Count, 2 * Count));
            // Files are in the order of their paths, hence keys in that of split, class and path.
            _keys[Count++] = ((ulong)split << SplitShift) | ((ulong)label << LabelShift) | (uint)file;
        }

        /// <summary>Sorts what was added; nothing may be added afterwards.</summary>
        public ImageList Build()
        {
            Array.Sort(_keys, 0, Count);
            return new(files, new(_keys, 0, Count));
        }
    }
}
