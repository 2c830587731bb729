using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.Data;

/// <summary>Image files that are decoded whenever they are asked for: memory holds no pixels, and any number of pictures of any size can be used. Of few, pixels may be kept.</summary>
internal sealed class FileImages : ImageSource
{
    // Larger buffers are not kept between pictures.
    const int KeepBytes = 16 << 20;

    [ThreadStatic]
    static byte[]? s_buffer;

    readonly FileTree _tree;
    readonly ImageList _images;
    readonly int[] _slots;
    readonly byte[] _hashes;
    readonly ulong[] _pixelHashes;
    readonly byte[] _kept;
    readonly Preprocessor _preprocessor;

    /// <summary>A view on files that were decoded once and found good.</summary>
    /// <param name="tree">Any of its files must be cheap to read; must stay open.</param>
    /// <param name="images">Of the tree.</param>
    /// <param name="slots">Which of the images, ascending.</param>
    /// <param name="hashes">Their files' SHA-256, one behind the other.</param>
    /// <param name="pixelHashes">What <see cref="PixelHash"/> gives.</param>
    /// <param name="kept">Pixels of all images, one behind the other; or none.</param>
    /// <param name="preprocessor">Makes pictures of files.</param>
    /// <param name="classes">Class names.</param>
    public FileImages(FileTree tree, ImageList images, int[] slots, byte[] hashes, ulong[] pixelHashes, byte[] kept, Preprocessor preprocessor, IReadOnlyList<string> classes) =>
        (_tree, _images, _slots, _hashes, _pixelHashes, _kept, _preprocessor, Classes) = (tree, images, slots, hashes, pixelHashes, kept, preprocessor, classes);

    public override int Count => _slots.Length;

    public override int Height => _preprocessor.Spec.Height;

    public override int Width => _preprocessor.Spec.Width;

    public override int Channels => _preprocessor.Spec.Channels;

    public override IReadOnlyList<string> Classes { get; }

    public override int Label(int index) => _images.Label(_slots[index]);

    public override string Name(int index) => _images.Path(_slots[index]);

    public override void CopyPixels(int index, Span<byte> destination)
    {
        if (_kept.Length == 0)
            Decode(index, null, destination);
        else
            _kept.AsSpan(_slots[index] * ImageLength, ImageLength).CopyTo(destination);
    }

    internal override void CopyCrop(int index, RandomCrop crop, Span<byte> destination) => Decode(index, crop, destination);

    void Decode(int index, RandomCrop? crop, Span<byte> destination)
    {
        var file = _images.File(_slots[index]);
        var buffer = s_buffer ?? [];
        var fault = Read(file, ref buffer, out var length) ?? ImageReading.Read(_tree, file, buffer.AsSpan(0, length), _preprocessor, destination, crop);
        s_buffer = buffer.Length <= KeepBytes ? buffer : null;
        if (fault is not null)
            throw DataErrors.BadImage(ImageReading.Describe(_tree.Locate(Name(index)), fault), fault);
    }

    internal override ulong PixelHash(int index, Span<byte> buffer) => _pixelHashes[index];

    internal override bool TryGetContentHash(int index, out ReadOnlySpan<byte> hash)
    {
        hash = _hashes.AsSpan(index * ContentHashLength, ContentHashLength);
        return true;
    }

    Exception? Read(int file, ref byte[] buffer, out int length)
    {
        length = 0;
        try
        {
            length = _tree.Read(file, ref buffer);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or MlNetCifarException)
        {
            return e;
        }
    }
}
