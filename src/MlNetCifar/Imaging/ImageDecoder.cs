namespace MlNetCifar.Imaging;

/// <summary>Decodes image files from memory: the format is recognised by content, never by the file's name. Thread-safe.</summary>
public static class ImageDecoder
{
    static readonly PictureCodec?[] s_codecs = new PictureCodec?[Enum.GetValues<ImageFormat>().Length];

    /// <summary>From now on pictures of a format are decoded by a codec that a package brings. What was registered before for it is replaced.</summary>
    /// <param name="format">One that the library recognises only, such as <see cref="ImageFormat.WebP"/>.</param>
    /// <param name="codec">Its decoder.</param>
    /// <exception cref="ArgumentException">The library decodes the format itself, or it is unknown.</exception>
    public static void Register(ImageFormat format, PictureCodec codec)
    {
        ArgumentNullException.ThrowIfNull(codec);
        if (!Enum.IsDefined(format) || format <= ImageFormat.Gif)
            throw new ArgumentException($"No codec can be registered for {format}.", nameof(format));
        Volatile.Write(ref s_codecs[(int)format], codec);
    }

    /// <summary>Decodes a file to RGB, EXIF orientation applied; transparency is dropped, of an animation the first frame is taken.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="MlNetCifarException">The file is no image, is damaged, exceeds a limit, or uses an unsupported feature (MNC12xx).</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions? options = null, string? path = null) =>
        Decode(file, options ?? DecodeOptions.Default, path, report: null);

    /// <summary>Decodes a file and tells what was out of the ordinary.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <param name="path">Named in errors.</param>
    /// <param name="notes">One sentence is added for each thing out of the ordinary, truncation, damage and harmless oddities; at most 100.</param>
    /// <exception cref="MlNetCifarException">As for the other overload.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions? options, string? path, ICollection<string> notes)
    {
        ArgumentNullException.ThrowIfNull(notes);
        var image = Decode(file, options, path, out var report);
        foreach (var note in report.Notes)
            notes.Add(note);
        return image;
    }

    internal static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions? options, string? path, out DecodeReport report)
    {
        report = new DecodeReport();
        return Decode(file, options ?? DecodeOptions.Default, path, report);
    }

    /// <summary>Reads the header only: nothing of the picture's size is allocated, and no limit applies.</summary>
    /// <param name="file">The file, or as much of its beginning as holds the header.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="MlNetCifarException">The file is no image, or its header is damaged (MNC12xx).</exception>
    public static ImageInfo ReadInfo(ReadOnlySpan<byte> file, string? path = null)
    {
        switch (Identify(file))
        {
            case ImageFormat.Jpeg: return JpegDecoder.ReadInfo(file, path);
            case ImageFormat.Png: return PngDecoder.ReadInfo(file, path);
            case ImageFormat.Bmp: return BmpDecoder.ReadInfo(file, path);
            case ImageFormat.Pnm: return PnmDecoder.ReadInfo(file, path);
            case ImageFormat.Gif: return GifDecoder.ReadInfo(file, path);
        }
        if (CodecOf(file) is { } codec) return CodecCall.ReadInfo(codec, file, path);
        Refuse(file, path);
        return null!;
    }

    /// <summary>Recognises the format from the first bytes.</summary>
    /// <param name="file">The file or its first 16 bytes.</param>
    public static ImageFormat Identify(ReadOnlySpan<byte> file) => FormatSniffer.Identify(file);

    static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions options, string? path, DecodeReport? report)
    {
        if (file.Length > options.MaxFileBytes) throw ImageErrors.FileTooLong(file.Length, options.MaxFileBytes, path);
        RgbImage image;
        var orientation = 1;
        switch (Identify(file))
        {
            case ImageFormat.Jpeg:
                image = JpegDecoder.Decode(file, options, path, report, out orientation);
                break;
            case ImageFormat.Png:
                image = PngDecoder.Decode(file, options, path, report, out orientation);
                break;
            case ImageFormat.Bmp:
                image = BmpDecoder.Decode(file, options, path, report);
                break;
            case ImageFormat.Pnm:
                image = PnmDecoder.Decode(file, options, path, report);
                break;
            case ImageFormat.Gif:
                image = GifDecoder.Decode(file, options, path, report);
                break;
            default:
                if (CodecOf(file) is { } codec)
                {
                    image = CodecCall.Decode(codec, file, options, path, report, out orientation);
                    break;
                }
                Refuse(file, path);
                return null!;
        }
        return options.ApplyOrientation ? ExifOrientation.Apply(image, orientation) : image;
    }

    static PictureCodec? CodecOf(ReadOnlySpan<byte> file) => Volatile.Read(ref s_codecs[(int)Identify(file)]);

    static void Refuse(ReadOnlySpan<byte> file, string? path)
    {
        if (file.IsEmpty) throw ImageErrors.Empty(path);
        var name = Identify(file) switch
        {
            ImageFormat.WebP => "WebP",
            ImageFormat.Tiff => "TIFF",
            ImageFormat.Heif => "HEIF, HEIC or AVIF",
            ImageFormat.Jpeg2000 => "JPEG 2000",
            ImageFormat.JpegXl => "JPEG XL",
            ImageFormat.Psd => "a Photoshop document",
            _ => null,
        };
        if (name is not null) throw ImageErrors.UnsupportedFormat(name, path);
        throw file.StartsWith("version https://git-lfs.github.com/spec/"u8) ? ImageErrors.Pointer(path) : ImageErrors.NotAnImage(path);
    }
}
