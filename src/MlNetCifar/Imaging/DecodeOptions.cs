namespace MlNetCifar.Imaging;

/// <summary>Limits and choices of decoding. All limits are checked from the header, before anything is allocated.</summary>
public sealed record DecodeOptions
{
    /// <summary>The defaults.</summary>
    public static DecodeOptions Default { get; } = new();

    internal const long DefaultMaxPixels = 178_956_970;

    /// <summary>
    /// Largest picture accepted, in pixels. The default is 178,956,970, from which on Pillow refuses pictures too, or what the memory has room for on every processor at
    /// once, but at least 89,000,000. A JPEG that is decoded at a fraction of its size may have eight times as many.
    /// </summary>
    public long MaxPixels { get; init; } = DefaultMaxPixels;

    /// <summary>Longest side accepted, in pixels. The default is 65,535.</summary>
    public int MaxDimension { get; init; } = 65_535;

    /// <summary>Largest file accepted, in bytes. The default is 1 GiB.</summary>
    public long MaxFileBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Whether a picture whose data end early or are damaged is decoded as far as they go, the way libjpeg does it; the notes of <see cref="ImageDecoder"/> then say so.
    /// The default is false: such a picture is an error, because half grey pictures spoil a training set unseen.
    /// </summary>
    public bool AllowTruncated { get; init; }

    /// <summary>Whether the EXIF orientation is applied, so that pictures stand upright. The default is true.</summary>
    public bool ApplyOrientation { get; init; } = true;

    /// <summary>
    /// Smallest size needed, in pixels: a JPEG may then be decoded at 1/2, 1/4 or 1/8 of its size, whichever still covers it.
    /// Much faster for large photos, but the pixels differ from those of a full decode followed by a resize. The default, 0, always decodes in full.
    /// </summary>
    public int MinWidth { get; init; }

    /// <summary>As <see cref="MinWidth"/>, for the height.</summary>
    public int MinHeight { get; init; }

    /// <summary>Ends the decoding of a JPEG or PNG between two rows, with <see cref="OperationCanceledException"/>; other formats are decoded in a moment. The default never does.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>As <see cref="MinWidth"/>, but only for JPEGs of more than 89,000,000 pixels, which would take too much time and memory in full.</summary>
    internal int HugeMinWidth { get; init; }

    /// <summary>As <see cref="HugeMinWidth"/>, for the height.</summary>
    internal int HugeMinHeight { get; init; }
}
