using MlNetCifar.Imaging;

namespace MlNetCifar;

/// <summary>A decoded picture: 8-bit RGB, row-major, three bytes a pixel, no padding between rows ([H, W, 3]).</summary>
public sealed class RgbImage
{
    // Most photographs; a larger one's memory is not worth keeping.
    const int MaxSpare = 16 << 20;

    [ThreadStatic]
    static byte[]? s_spare;

    // Vectors may read past the last pixel.
    internal const int Slack = 16;

    // May be longer than the picture.
    readonly byte[] _pixels;

    /// <summary>Allocates a black picture.</summary>
    /// <param name="width">Pixels in a row, ≥ 1.</param>
    /// <param name="height">Rows, ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1 or the picture exceeds 2³¹−1 bytes.</exception>
    public RgbImage(int width, int height)
    {
        CheckSides(width, height);
        Width = width;
        Height = height;
        _pixels = GC.AllocateUninitializedArray<byte>(3 * width * height + Slack);
        Array.Clear(_pixels);
    }

    RgbImage(int width, int height, byte[] pixels) => (Width, Height, _pixels) = (width, height, pixels);

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>All pixels, R G B R G B …, row after row; owned by this picture.</summary>
    public Span<byte> Pixels => _pixels.AsSpan(0, 3 * Width * Height);

    /// <summary>A picture of given pixels.</summary>
    /// <param name="pixels">R G B R G B …, row after row: exactly 3 · <paramref name="width"/> · <paramref name="height"/> bytes; copied.</param>
    /// <param name="width">Pixels in a row, ≥ 1.</param>
    /// <param name="height">Rows, ≥ 1.</param>
    /// <exception cref="ArgumentException">The sides are out of range, or there are more or fewer bytes.</exception>
    public static RgbImage FromPixels(ReadOnlySpan<byte> pixels, int width, int height)
    {
        CheckSides(width, height);
        if (pixels.Length != 3 * width * height)
            throw new ArgumentException($"{pixels.Length} bytes given, {3 * width * height} needed for {width}×{height} pixels.", nameof(pixels));
        var image = Uninitialized(width, height);
        pixels.CopyTo(image.Pixels);
        return image;
    }

    /// <summary>Decodes a JPEG, PNG, BMP, PNM or GIF file in memory.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="options">Limits and choices; null for the defaults. <see cref="PreprocessSpec.ForDecoding"/> gives those of a model.</param>
    /// <exception cref="ArgumentException">No bytes were given.</exception>
    /// <exception cref="MlNetCifarException">It is no picture, damaged, too large or of an unsupported kind (MNC12xx).</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions? options = null) => ImageDecoder.Decode(Preprocessor.Given(file), options);

    /// <summary>Reads and decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Limits and choices; null for the defaults. <see cref="PreprocessSpec.ForDecoding"/> gives those of a model.</param>
    /// <exception cref="MlNetCifarException">It cannot be read or decoded (MNC12xx).</exception>
    public static RgbImage Load(string path, DecodeOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= DecodeOptions.Default;
        return ImageDecoder.Decode(PictureFile.Read(path, options.MaxFileBytes), options, path);
    }

    /// <summary>Reads a stream to its end and decodes it.</summary>
    /// <param name="stream">Holds the picture from where it stands; not closed.</param>
    /// <param name="options">Limits and choices; null for the defaults. <see cref="PreprocessSpec.ForDecoding"/> gives those of a model.</param>
    /// <exception cref="MlNetCifarException">It cannot be decoded (MNC12xx).</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static RgbImage Load(Stream stream, DecodeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        options ??= DecodeOptions.Default;
        return ImageDecoder.Decode(PictureFile.Read(stream, options.MaxFileBytes), options);
    }

    /// <summary>The picture as a PNG file, without loss.</summary>
    /// <returns>A complete file.</returns>
    public byte[] ToPng() => PngEncoder.Encode(Pixels, Width, Height, 3);

    /// <summary>A picture whose pixels the caller overwrites; the product of its sides has been checked.</summary>
    internal static RgbImage Uninitialized(int width, int height)
    {
        var length = checked(3 * width * height + Slack);
        if (s_spare is not { } spare || spare.Length < length)
            return new(width, height, GC.AllocateUninitializedArray<byte>(length));
        s_spare = null;
        return new(width, height, spare);
    }

    /// <summary>Gives the memory to the next picture of this thread; this one must not be used any more. Fresh pages for each picture cost about a seventh of decoding a photograph.</summary>
    internal void Recycle()
    {
        if (_pixels.Length <= MaxSpare)
            s_spare = _pixels;
    }

    static void CheckSides(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(3L * width * height + Slack, Array.MaxLength, nameof(width));
    }

    /// <summary>One row of pixels.</summary>
    /// <param name="y">Row, 0 … <see cref="Height"/> − 1.</param>
    public Span<byte> Row(int y) => _pixels.AsSpan(3 * Width * y, 3 * Width);
}
