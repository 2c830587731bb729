namespace MlNetCifar.Imaging;

/// <summary>Limits and choices of decoding.</summary>
public sealed record DecodeOptions
{
    /// <summary>Largest picture accepted, in pixels, read from the header before anything is allocated. The default is 89,000,000.</summary>
    public long MaxPixels { get; init; } = 89_000_000;
}

/// <summary>Decodes image files from memory: the format is recognised by content, never by the file's name.</summary>
public static class ImageDecoder
{
    /// <summary>Decodes a file to RGB, EXIF orientation applied.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="MlNetCifarException">The file is no image, is damaged, exceeds a limit, or uses an unsupported feature (MNC12xx).</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions? options = null, string? path = null) =>
        throw new NotImplementedException();
}
