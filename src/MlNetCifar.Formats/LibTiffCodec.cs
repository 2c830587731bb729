using BitMiracle.LibTiff.Classic;
using MlNetCifar.Imaging;

namespace MlNetCifar.Formats;

/// <summary>TIFF, by LibTiff.NET.</summary>
sealed class LibTiffCodec : PictureCodec
{
    public override ImageInfo ReadInfo(ReadOnlySpan<byte> file)
    {
        using var tiff = Open(file);
        var (photometric, samples) = ((Photometric)Field(tiff, TiffTag.PHOTOMETRIC, (int)Photometric.RGB), Field(tiff, TiffTag.SAMPLESPERPIXEL, 1));
        return new()
        {
            Format = ImageFormat.Tiff,
            Width = Field(tiff, TiffTag.IMAGEWIDTH, 0),
            Height = Field(tiff, TiffTag.IMAGELENGTH, 0),
            Components = samples,
            BitDepth = Field(tiff, TiffTag.BITSPERSAMPLE, 1),
            ColorModel = photometric switch
            {
                Photometric.MINISWHITE or Photometric.MINISBLACK => samples > 1 ? "grey+alpha" : "grey",
                Photometric.PALETTE => "palette",
                Photometric.YCBCR => "ycbcr",
                Photometric.SEPARATED => "cmyk",
                _ => samples > 3 ? "rgb+alpha" : "rgb",
            },
            HasAlpha = photometric == Photometric.RGB && samples > 3,
            IsAnimated = tiff.NumberOfDirectories() > 1,
            Orientation = Field(tiff, TiffTag.ORIENTATION, 1) is var o and >= 1 and <= 8 ? o : 1,
        };
    }

    public override RgbImage Decode(ReadOnlySpan<byte> file, ImageInfo info)
    {
        using var tiff = Open(file);
        return IsPlain(tiff, info) ? ReadRows(tiff, info) : ReadAny(tiff, info);
    }

    // Rows of bytes that are the picture's already. The library's general way would also multiply colours with their opacity.
    static bool IsPlain(Tiff tiff, ImageInfo info) =>
        info.BitDepth == 8 && !tiff.IsTiled() && Field(tiff, TiffTag.PLANARCONFIG, 1) == (int)PlanarConfig.CONTIG
        && (Photometric)Field(tiff, TiffTag.PHOTOMETRIC, (int)Photometric.RGB) is var photometric
        && ((photometric == Photometric.RGB && info.Components >= 3) || (photometric == Photometric.MINISBLACK && info.Components is 1 or 2));

    static RgbImage ReadRows(Tiff tiff, ImageInfo info)
    {
        var image = new RgbImage(info.Width, info.Height);
        var row = new byte[tiff.ScanlineSize()];
        if (row.Length < (long)info.Width * info.Components)
            throw new InvalidDataException("its rows are shorter than its width");
        for (var y = 0; y < info.Height; y++)
        {
            if (!tiff.ReadScanline(row, y))
                throw new InvalidDataException(Handler.Last ?? $"row {y} cannot be read");
            var pixels = image.Pixels.Slice(3 * y * info.Width, 3 * info.Width);
            for (var x = 0; x < info.Width; x++)
            {
                var from = row.AsSpan(x * info.Components, info.Components);
                (pixels[3 * x], pixels[(3 * x) + 1], pixels[(3 * x) + 2]) = info.Components >= 3 ? (from[0], from[1], from[2]) : (from[0], from[0], from[0]);
            }
        }

        return image;
    }

    static RgbImage ReadAny(Tiff tiff, ImageInfo info)
    {
        if (!tiff.RGBAImageOK(out var reason))
            throw new NotSupportedException(reason);
        var raster = new int[checked(info.Width * info.Height)];
        var stored = (Orientation)info.Orientation;
        if (!tiff.ReadRGBAImageOriented(info.Width, info.Height, raster, stored, stopOnError: true))
            throw new InvalidDataException(Handler.Last ?? "its pixels cannot be read");
        var image = new RgbImage(info.Width, info.Height);
        var pixels = image.Pixels;
        for (var i = 0; i < raster.Length; i++)
        {
            pixels[3 * i] = (byte)Tiff.GetR(raster[i]);
            pixels[(3 * i) + 1] = (byte)Tiff.GetG(raster[i]);
            pixels[(3 * i) + 2] = (byte)Tiff.GetB(raster[i]);
        }

        return image;
    }

    static Tiff Open(ReadOnlySpan<byte> file)
    {
        Handler.Last = null;
        Tiff.SetErrorHandler(Handler.Instance);
        return Tiff.ClientOpen("picture", "r", new MemoryStream(file.ToArray(), writable: false), new TiffStream()) ?? throw new InvalidDataException(Handler.Last ?? "no TIFF picture is in it");
    }

    static int Field(Tiff tiff, TiffTag tag, int missing) => tiff.GetFieldDefaulted(tag) is [var value, ..] ? value.ToInt() : missing;

    /// <summary>Keeps what the library would print.</summary>
    sealed class Handler : TiffErrorHandler
    {
        [ThreadStatic]
        static string? s_last;

        public static Handler Instance { get; } = new();

        public static string? Last
        {
            get => s_last;
            set => s_last = value;
        }

        public override void ErrorHandler(Tiff tif, string method, string format, params object[] args) => Last = $"{method}: {string.Format(System.Globalization.CultureInfo.InvariantCulture, format, args)}";

        public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
        }

        public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
        {
        }

        public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
        }
    }
}
