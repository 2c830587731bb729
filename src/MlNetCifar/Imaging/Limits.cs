namespace MlNetCifar.Imaging;

/// <summary>Checks of sizes that a header announces.</summary>
static class Limits
{
    /// <summary>Pixels from which on a picture is out of the ordinary.</summary>
    public const long Huge = 89_000_000;

    // What a reduced JPEG saves at least in memory; the time to decode it still grows with its whole size.
    const int ScaledFactor = 8;

    /// <summary>Checks the size of a picture that is decoded in full.</summary>
    public static void Check(long width, long height, DecodeOptions options, string? path)
    {
        var pixels = Pixels(width, height, options, path);
        if (pixels > Math.Min(options.MaxPixels, (Array.MaxLength - RgbImage.Slack) / 3)) throw ImageErrors.TooLarge($"{width}×{height} pixels", $"{options.MaxPixels} pixels", path);

        // Who has set a limit knows the machine.
        if (pixels > Huge && options.MaxPixels == DecodeOptions.DefaultMaxPixels && 3 * pixels > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Environment.ProcessorCount)
            throw ImageErrors.TooLarge($"{width}×{height} pixels", $"{Huge} pixels on a machine with this memory", path);
    }

    /// <summary>Checks the size of a JPEG before it is known whether it is decoded in full.</summary>
    public static void CheckWhole(long width, long height, DecodeOptions options, string? path)
    {
        if (Pixels(width, height, options, path) / ScaledFactor > options.MaxPixels)
            throw ImageErrors.TooLarge($"{width}×{height} pixels", $"{options.MaxPixels} pixels, or {ScaledFactor} times as many in a JPEG that is decoded smaller", path);
    }

    static long Pixels(long width, long height, DecodeOptions options, string? path)
    {
        if (width < 1 || height < 1) throw ImageErrors.Damaged($"a size of {width}×{height} pixels", path);
        if (Math.Max(width, height) > options.MaxDimension) throw ImageErrors.TooLong(Math.Max(width, height), options.MaxDimension, path);
        return Math.BigMul(width, height, out var low) != 0 || low < 0 ? long.MaxValue : low;
    }
}
