namespace MlNetCifar.Imaging;

/// <summary>Checks of sizes that a header announces.</summary>
static class Limits
{
    public static void Check(long width, long height, DecodeOptions options, string? path)
    {
        if (width < 1 || height < 1) throw ImageErrors.Damaged($"a size of {width}×{height} pixels", path);
        if (Math.Max(width, height) > options.MaxDimension) throw ImageErrors.TooLarge($"a side of {Math.Max(width, height)} pixels", $"{options.MaxDimension}", path);
        var pixels = Math.BigMul(width, height, out var low) != 0 || low < 0 ? long.MaxValue : low;
        if (pixels > Math.Min(options.MaxPixels, Array.MaxLength / 3)) throw ImageErrors.TooLarge($"{width}×{height} pixels", $"{options.MaxPixels} pixels", path);
    }
}
