namespace MlNetCifar;

/// <summary>A decoded picture: 8-bit RGB, row-major, three bytes a pixel, no padding between rows ([H, W, 3]).</summary>
public sealed class RgbImage
{
    // Most photographs; a larger one's memory is not worth keeping.
    const int MaxSpare = 16 << 20;

    [ThreadStatic]
    static byte[]? s_spare;

    // May be longer than the picture.
    readonly byte[] _pixels;

    /// <summary>Allocates a black picture.</summary>
    /// <param name="width">Pixels in a row, ≥ 1.</param>
    /// <param name="height">Rows, ≥ 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1 or the picture exceeds 2³¹−1 bytes.</exception>
    public RgbImage(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(3L * width * height, Array.MaxLength, nameof(width));
        Width = width;
        Height = height;
        _pixels = GC.AllocateUninitializedArray<byte>(3 * width * height);
        Array.Clear(_pixels);
    }

    RgbImage(int width, int height, byte[] pixels) => (Width, Height, _pixels) = (width, height, pixels);

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>All pixels, R G B R G B …, row after row; owned by this picture.</summary>
    public Span<byte> Pixels => _pixels.AsSpan(0, 3 * Width * Height);

    /// <summary>A picture whose pixels the caller overwrites; the product of its sides has been checked.</summary>
    internal static RgbImage Uninitialized(int width, int height)
    {
        var length = checked(3 * width * height);
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

    /// <summary>One row of pixels.</summary>
    /// <param name="y">Row, 0 … <see cref="Height"/> − 1.</param>
    public Span<byte> Row(int y) => _pixels.AsSpan(3 * Width * y, 3 * Width);
}
