using System.Security.Cryptography;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>
/// Decodes image files into one array, or each only to see that it can be, on several threads; the result does not depend on their number.
/// </summary>
internal sealed class ImageLoader
{
    /// <summary>About as many files tell how large the pictures are; headers of all would take time.</summary>
    const int SizesMeasured = 64;

    readonly FileTree _tree;
    readonly ImageList _images;
    readonly ImageDatasetOptions _options;
    readonly Preprocessor _preprocessor;
    readonly ProgressCounter _progress;
    readonly CancellationToken _cancellation;
    readonly Dictionary<int, int> _slots;
    readonly byte[] _pixels;
    readonly byte[] _hashes;
    readonly ulong[] _pixelHashes;
    readonly SortedDictionary<int, BadFile> _bad = [];
    readonly List<ImageSize> _sizes = [];
    readonly int _stride;
    readonly int _measured;
    FileCursor _cursor = null!;
    Exception? _failure;

    ImageLoader(
        FileTree tree, ImageList images, PreprocessSpec spec, ImageDatasetOptions options, ProgressCounter progress, CancellationToken cancellation)
    {
        (_tree, _images, _options, _progress, _cancellation) = (tree, images, options, progress, cancellation);
        _preprocessor = new Preprocessor(spec, options.Decode);
        _stride = spec.Width * spec.Height * spec.Channels;
        var bytes = (long)images.Count * _stride;
        if (options.DecodeOnDemand && bytes > options.KeptPixels)
            bytes = 0;
        if (bytes > Array.MaxLength)
            throw DataErrors.TooLargeForMemory(tree.Origin, bytes);
        _pixels = GC.AllocateUninitializedArray<byte>((int)bytes);
        _measured = Math.Max(1, images.Count / SizesMeasured);
        _hashes = options.DecodeOnDemand ? new byte[images.Count * ImageSource.ContentHashLength] : [];
        _pixelHashes = options.DecodeOnDemand ? new ulong[images.Count] : [];
        _slots = new(images.Count);
        for (var i = 0; i < images.Count; i++)
            _slots.Add(images.File(i), i);
    }

    /// <summary>Loads the images of one split.</summary>
    /// <returns>The images, the files left out, and the median width and height of the pictures in their files.</returns>
    public static (ImageSource Set, IReadOnlyCollection<BadFile> Bad, ImageSize? Size) Load(
        FileTree tree, ImageList images, IReadOnlyList<string> classes, PreprocessSpec spec, ImageDatasetOptions options,
        ProgressCounter progress, CancellationToken cancellation)
    {
        var loader = new ImageLoader(tree, images, spec, options, progress, cancellation);
        loader.Run();
        return (loader.Finish(classes), loader._bad.Values, ImageSize.Median(loader._sizes));
    }

    void Run()
    {
        var limit = _options.Files.MaxFileBytes;
        for (var slot = 0; slot < _images.Count; slot++)
        {
            var length = _images.Length(slot);
            if (length > limit)
                Refuse(slot, FileErrors.FileTooLarge(_tree.Locate(_images[slot].Path), length, limit));
        }

        using var cursor = _cursor = _tree.ReadAll([.. Enumerable.Range(0, _images.Count).Where(i => _images.Length(i) <= limit).Select(_images.File)]);
        using var pool = new WorkerPool(_options.Threads);
        var job = new Job(this);
        pool.Run(ref job, _options.Threads);
        _cancellation.ThrowIfCancellationRequested();
        if (_failure is not null)
            throw _failure;
    }

    void Work()
    {
        byte[] buffer = new byte[1 << 16], one = _pixels.Length == 0 ? new byte[_stride] : [];
        try
        {
            while (_failure is null && !_cancellation.IsCancellationRequested
                && _cursor.TryRead(ref buffer, out var file, out var length, out var fault))
            {
                var slot = _slots[file];
                var bytes = buffer.AsSpan(0, length);
                var picture = _pixels.Length == 0 ? one : _pixels.AsSpan(slot * _stride, _stride);
                fault ??= ImageReading.Read(_tree, file, bytes, _preprocessor, picture);
                if (fault is not null)
                    Refuse(slot, fault);
                else
                    Note(slot, bytes, picture);
                _progress.Advance(fault is not null);
            }
        }
        catch (Exception e)
        {
            _failure = e is MlNetCifarException ? e : FileErrors.ArchiveDamaged(_tree.Origin, e);
        }
    }

    void Refuse(int slot, Exception fault)
    {
        var bad = ImageReading.Require(_tree.Locate(_images[slot].Path), fault);
        if (_options.OnBadImage == OnBadImage.Fail)
            throw DataErrors.BadImage(bad, fault);
        lock (_bad)
            _bad[slot] = bad;
    }

    Span<byte> Hash(int slot) => _hashes.AsSpan(slot * ImageSource.ContentHashLength, ImageSource.ContentHashLength);

    /// <summary>What is kept of a file beside its pixels.</summary>
    void Note(int slot, ReadOnlySpan<byte> file, ReadOnlySpan<byte> picture)
    {
        if (_options.DecodeOnDemand)
        {
            SHA256.HashData(file, Hash(slot));
            _pixelHashes[slot] = SourceHash.Of(picture);
        }

        if (slot % _measured != 0)
            return;
        var info = ImageDecoder.ReadInfo(file);
        lock (_sizes)
            _sizes.Add(new(info.Width, info.Height));
    }

    ImageSource Finish(IReadOnlyList<string> classes)
    {
        if (_bad.Count == _images.Count)
            throw DataErrors.NothingReadable(_tree.Origin, _bad.Count, _bad.Values.First());
        return _options.DecodeOnDemand ? OnDemand(classes) : InMemory(classes);
    }

    FileImages OnDemand(IReadOnlyList<string> classes)
    {
        int[] good = [.. Enumerable.Range(0, _images.Count).Where(slot => !_bad.ContainsKey(slot))];
        return new FileImages(_tree, _images, good, [.. good.SelectMany(slot => Hash(slot).ToArray())], [.. good.Select(slot => _pixelHashes[slot])], _pixels, _preprocessor, classes);
    }

    ImageSet InMemory(IReadOnlyList<string> classes)
    {
        var labels = new int[_images.Count - _bad.Count];
        var names = new string[labels.Length];
        var next = 0;
        for (var i = 0; i < _images.Count; i++)
        {
            if (_bad.ContainsKey(i))
                continue;
            if (next < i)
                _pixels.AsSpan(i * _stride, _stride).CopyTo(_pixels.AsSpan(next * _stride));
            labels[next] = _images.Label(i);
            names[next++] = _images[i].Path;
        }

        var spec = _preprocessor.Spec;
        return new ImageSet(_pixels, labels, (spec.Height, spec.Width, spec.Channels), classes, names);
    }

    readonly struct Job(ImageLoader loader) : IParallelJob
    {
        public void Execute(int block, int worker) => loader.Work();
    }
}
