using MlNetCifar.Data;
using MlNetCifar.Imaging;

namespace MlNetCifar;

/// <summary>
/// Preprocessed, labelled pictures of one size that can be read in any order: in memory, or behind shards on disk.
/// Implementations allow concurrent readers.
/// </summary>
public abstract class ImageSource
{
    /// <summary>Number of pictures.</summary>
    public abstract int Count { get; }

    /// <summary>Rows of a picture.</summary>
    public abstract int Height { get; }

    /// <summary>Columns of a picture.</summary>
    public abstract int Width { get; }

    /// <summary>Bytes a pixel: 3 or 1.</summary>
    public abstract int Channels { get; }

    /// <summary>Class names; a label is an index into it. Fixed by the training split.</summary>
    public abstract IReadOnlyList<string> Classes { get; }

    /// <summary>Bytes of a picture: Height · Width · Channels.</summary>
    public int ImageLength => Height * Width * Channels;

    /// <summary>The label of a picture, 0 … Classes.Count − 1.</summary>
    /// <param name="index">0 … Count − 1.</param>
    public abstract int Label(int index);

    /// <summary>Copies a picture's bytes, [H, W, C].</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <param name="destination"><see cref="ImageLength"/> bytes; overwritten.</param>
    public abstract void CopyPixels(int index, Span<byte> destination);

    /// <summary>A picture as a PNG file, grey or RGB as its pixels are.</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <returns>A complete file.</returns>
    public byte[] ToPng(int index)
    {
        var pixels = new byte[ImageLength];
        CopyPixels(index, pixels);
        return PngEncoder.Encode(pixels, Width, Height, Channels);
    }

    /// <summary>Where a picture came from (path, archive entry or row), for reports.</summary>
    /// <param name="index">0 … Count − 1.</param>
    public abstract string Name(int index);

    /// <summary>First indices of the runs that lie together in storage (shards), ascending from 0; one run by default.</summary>
    internal virtual ReadOnlySpan<int> Runs => [0];

    /// <summary>A picture's bytes without a copy, where they lie in memory.</summary>
    internal virtual bool TryGetPixels(int index, out ReadOnlySpan<byte> pixels)
    {
        pixels = default;
        return false;
    }

    /// <summary>Copies a random part of a picture, resized to its size, [H, W, C]: of the pixels, unless a source can go back to the picture they were made of.</summary>
    internal virtual void CopyCrop(int index, RandomCrop crop, Span<byte> destination)
    {
        CopyPixels(index, destination);
        var image = RgbImage.Uninitialized(Width, Height);
        for (var i = 0; i < image.Pixels.Length; i++)
            image.Pixels[i] = destination[Channels == 3 ? i : i / 3];
        new Preprocessor(new PreprocessSpec { Width = Width, Height = Height, Channels = Channels }).Apply(image, crop.Part, destination);
        image.Recycle();
    }

    /// <summary>Bytes of the hashes of <see cref="TryGetContentHash"/>.</summary>
    internal const int ContentHashLength = 32;

    /// <summary>The SHA-256 of what a picture is made of, where that is known without making it: of its file, before decoding and resizing.</summary>
    internal virtual bool TryGetContentHash(int index, out ReadOnlySpan<byte> hash)
    {
        hash = default;
        return false;
    }

    /// <summary>What tells a picture from others, wherever it lies: the first eight bytes of the SHA-256 of its pixels, lowest first.</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <param name="buffer"><see cref="ImageLength"/> bytes; may be overwritten.</param>
    internal virtual ulong PixelHash(int index, Span<byte> buffer)
    {
        if (TryGetPixels(index, out var pixels))
            return SourceHash.Of(pixels);
        CopyPixels(index, buffer);
        return SourceHash.Of(buffer);
    }

    /// <summary>The number of pictures of each class.</summary>
    /// <returns>One count a class, in the classes' order.</returns>
    public int[] ClassCounts()
    {
        var counts = new int[Classes.Count];
        for (var i = 0; i < Count; i++)
            counts[Label(i)]++;
        return counts;
    }

    /// <summary>A view of some pictures; nothing is copied.</summary>
    /// <param name="indices">Indices into this source, in the view's order.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index leaves the source.</exception>
    public ImageSource Subset(ReadOnlySpan<int> indices) => ImageSubset.Create(this, indices);

    /// <summary>A view of the first pictures of a seeded permutation that keeps the classes' shares; for overfitting tests and quick trials.</summary>
    /// <param name="count">Pictures; all of them where the source has fewer.</param>
    /// <param name="seed">Which ones.</param>
    public ImageSource Sample(int count, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return count >= Count ? this : StratifiedSplit.Sample(this, count, seed);
    }

    /// <summary>Splits each class by the same fraction into two views; a function of the labels' order, the fraction and the seed alone.</summary>
    /// <param name="fraction">Share of the first part, in (0, 1). Each class with two pictures or more gives at least one to each part.</param>
    /// <param name="seed">Which pictures go where.</param>
    /// <returns>The two views, each in this source's order.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The fraction is not in (0, 1).</exception>
    public (ImageSource First, ImageSource Second) Split(double fraction, ulong seed) => StratifiedSplit.Split(this, fraction, seed);

    /// <summary>SHA-256 over shape, labels and pixels, in order: two sources with the same hash train the same.</summary>
    /// <param name="cancellation">Ends the pass.</param>
    /// <returns>64 lower-case hexadecimal digits.</returns>
    public string ContentHash(CancellationToken cancellation = default) => SourceHash.Compute(this, cancellation);
}
