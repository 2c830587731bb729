namespace MlNetCifar.Imaging;

/// <summary>File formats told apart by their content.</summary>
public enum ImageFormat
{
    /// <summary>None of the known ones.</summary>
    Unknown,

    /// <summary>JPEG (decoded).</summary>
    Jpeg,

    /// <summary>PNG (decoded).</summary>
    Png,

    /// <summary>Windows bitmap (decoded).</summary>
    Bmp,

    /// <summary>Netpbm: PBM, PGM, PPM (decoded).</summary>
    Pnm,

    /// <summary>GIF (first frame decoded).</summary>
    Gif,

    /// <summary>WebP (recognised; decoded with the package MlNetCifar.Formats).</summary>
    WebP,

    /// <summary>TIFF (recognised; decoded with the package MlNetCifar.Formats).</summary>
    Tiff,

    /// <summary>HEIF, HEIC or AVIF (recognised only).</summary>
    Heif,

    /// <summary>JPEG 2000 (recognised only).</summary>
    Jpeg2000,

    /// <summary>JPEG XL (recognised only).</summary>
    JpegXl,

    /// <summary>Photoshop (recognised only).</summary>
    Psd,
}

/// <summary>What a file's header says about its picture.</summary>
public sealed record ImageInfo
{
    /// <summary>The format, by content.</summary>
    public required ImageFormat Format { get; init; }

    /// <summary>Pixels in a stored row, before the orientation is applied.</summary>
    public required int Width { get; init; }

    /// <summary>Stored rows, before the orientation is applied.</summary>
    public required int Height { get; init; }

    /// <summary>Samples a pixel: 1 grey or palette, 2 grey + alpha, 3 colour, 4 colour + alpha or CMYK.</summary>
    public required int Components { get; init; }

    /// <summary>Bits a sample.</summary>
    public int BitDepth { get; init; } = 8;

    /// <summary>How colours are stored: <c>grey</c>, <c>grey+alpha</c>, <c>rgb</c>, <c>rgb+alpha</c>, <c>palette</c>, <c>ycbcr</c>, <c>cmyk</c> or <c>ycck</c>.</summary>
    public required string ColorModel { get; init; }

    /// <summary>EXIF orientation, 1 (upright) … 8.</summary>
    public int Orientation { get; init; } = 1;

    /// <summary>Whether the file holds several frames, of which only the first is decoded.</summary>
    public bool IsAnimated { get; init; }

    /// <summary>Whether the picture has transparency, which decoding drops.</summary>
    public bool HasAlpha { get; init; }

    /// <summary>Whether it is progressive or interlaced.</summary>
    public bool IsProgressive { get; init; }
}

/// <summary>What decoding came across.</summary>
internal sealed class DecodeReport
{
    readonly List<string> _notes = [];

    /// <summary>Whether the data ended before the picture was complete; the missing part is grey or black.</summary>
    public bool IsTruncated { get; internal set; }

    /// <summary>Whether invalid data were met inside the picture.</summary>
    public bool IsDamaged { get; internal set; }

    /// <summary>One sentence for each thing out of the ordinary, harmless ones included.</summary>
    public IReadOnlyList<string> Notes => _notes;

    internal void Note(string text)
    {
        if (_notes.Count < 100) _notes.Add(text);
    }
}
