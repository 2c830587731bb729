namespace MlNetCifar.Imaging;

/// <summary>
/// A decoder of a format that the library recognises but does not read itself; a package brings it and registers it with <see cref="ImageDecoder.Register"/>. Limits are checked between
/// its two methods. What it throws becomes a named error: <see cref="EndOfStreamException"/> a file that ends early, <see cref="NotSupportedException"/> a feature it does not know,
/// anything else damage. Implementations are thread-safe.
/// </summary>
public abstract class PictureCodec
{
    /// <summary>Reads the header; nothing of the picture's size may be allocated.</summary>
    /// <param name="file">The whole file.</param>
    public abstract ImageInfo ReadInfo(ReadOnlySpan<byte> file);

    /// <summary>Decodes to RGB as stored, without applying an orientation; transparency is dropped, of several frames or pages the first is taken.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="info">What <see cref="ReadInfo"/> gave; its size is within the limits.</param>
    /// <returns>A picture of that size. One that is incomplete is not returned but refused.</returns>
    public abstract RgbImage Decode(ReadOnlySpan<byte> file, ImageInfo info);
}
