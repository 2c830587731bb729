using MlNetCifar.Imaging;

namespace MlNetCifar.Formats;

/// <summary>Formats of pictures beyond those of the library.</summary>
public static class MorePictureFormats
{
    /// <summary>
    /// From now on WebP and TIFF pictures are decoded wherever pictures are: the first frame or page, without transparency, EXIF orientation applied. A file that ends early is
    /// refused, also with <see cref="DecodeOptions.AllowTruncated"/>.
    /// </summary>
    public static void Register()
    {
        ImageDecoder.Register(ImageFormat.WebP, new WebPCodec());
        ImageDecoder.Register(ImageFormat.Tiff, new LibTiffCodec());
    }
}
