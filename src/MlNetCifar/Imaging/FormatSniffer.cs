namespace MlNetCifar.Imaging;

/// <summary>Tells formats apart by their first bytes.</summary>
static class FormatSniffer
{
    public static ImageFormat Identify(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8])) return ImageFormat.Jpeg;
        if (file.StartsWith((ReadOnlySpan<byte>)[0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])) return ImageFormat.Png;
        if (file.StartsWith("GIF87a"u8) || file.StartsWith("GIF89a"u8)) return ImageFormat.Gif;
        if (file.StartsWith("BM"u8)) return ImageFormat.Bmp;
        if (file.StartsWith("RIFF"u8) && file.Length >= 12 && file.Slice(8, 4).SequenceEqual("WEBP"u8)) return ImageFormat.WebP;
        if (file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8) || file.StartsWith("II+\0"u8) || file.StartsWith("MM\0+"u8)) return ImageFormat.Tiff;
        if (file.StartsWith("8BPS"u8)) return ImageFormat.Psd;
        if (file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0x4F, 0xFF, 0x51])) return ImageFormat.Jpeg2000;
        if (file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0x0A])) return ImageFormat.JpegXl;
        if (file.Length >= 3 && file[0] == 'P' && file[1] is >= (byte)'1' and <= (byte)'6' && file[2] is 9 or 10 or 13 or 32 or 35) return ImageFormat.Pnm;
        return file.Length >= 12 ? IdentifyBox(file) : ImageFormat.Unknown;
    }

    static ImageFormat IdentifyBox(ReadOnlySpan<byte> file)
    {
        if (file.Slice(4, 4).SequenceEqual("jP  "u8)) return ImageFormat.Jpeg2000;
        if (file.Slice(4, 4).SequenceEqual("JXL "u8)) return ImageFormat.JpegXl;
        if (!file.Slice(4, 4).SequenceEqual("ftyp"u8)) return ImageFormat.Unknown;
        foreach (var brand in (ReadOnlySpan<string>)["heic", "heix", "hevc", "heim", "heis", "mif1", "msf1", "avif", "avis"])
        {
            if (file[8] == brand[0] && file[9] == brand[1] && file[10] == brand[2] && file[11] == brand[3]) return ImageFormat.Heif;
        }
        return ImageFormat.Unknown;
    }
}
