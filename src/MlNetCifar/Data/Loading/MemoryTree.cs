using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>Images that the program gives, as a tree; their lengths are known only when they are read.</summary>
internal sealed class MemoryTree : FileTree
{
    readonly IReadOnlyList<LabelledImage> _images;
    readonly long _limit;

    public MemoryTree(IReadOnlyList<LabelledImage> images, long limit)
        : base("memory")
    {
        _images = [.. images.OrderBy(i => i.Name, StringComparer.Ordinal)];
        _limit = limit;
        var files = new FileListing.Builder();
        foreach (var image in _images)
            files.Add(image.Name, 0);
        SetListing(files.Build(), []);
    }

    internal override bool IsRandomAccess => true;

    public override string Locate(string path) => path;

    public override int Read(int file, ref byte[] buffer)
    {
        using var stream = _images[file].Open();
        var length = 0;
        while (true)
        {
            Grow(ref buffer, length, _images[file].Name);
            var n = stream.Read(buffer, length, buffer.Length - length);
            if (n == 0)
                return length;
            length += n;
            if (length > _limit)
                throw FileErrors.FileTooLarge(_images[file].Name, length, _limit);
        }
    }

    /// <summary>Makes room behind what was read already.</summary>
    static void Grow(ref byte[] buffer, int length, string name)
    {
        var read = buffer;
        EnsureCapacity(ref buffer, length + 1L, name);
        if (buffer != read)
            read.AsSpan(0, length).CopyTo(buffer);
    }

    /// <summary>Classes and references, sorted like a folder's.</summary>
    public CatalogListing Listing(IReadOnlyList<string>? known)
    {
        if (_images.Count == 0)
            throw DataErrors.Empty(Origin);
        var classes = known ?? [.. _images.Where(i => i.Split == DatasetSplit.Train).Select(i => i.Label).Distinct().Order(StringComparer.Ordinal)];
        if (classes.Count == 0)
            throw DataErrors.NoTrainSplit(Origin);
        if (classes.Count == 1)
            throw DataErrors.OneClass(Origin, classes[0]);
        var labels = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in classes)
            labels.Add(name, labels.Count);
        var refs = new ImageList.Builder(Files);
        for (var i = 0; i < _images.Count; i++)
        {
            if (!labels.TryGetValue(_images[i].Label, out var label))
                throw DataErrors.UnknownClass(_images[i].Name, _images[i].Label, known);
            refs.Add(i, label, _images[i].Split);
        }

        return new(classes, refs.Build(), [], []);
    }
}
