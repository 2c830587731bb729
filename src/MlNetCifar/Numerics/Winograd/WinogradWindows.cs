namespace MlNetCifar.Numerics;

/// <summary>Where tiles lie in images.</summary>
internal static unsafe class WinogradWindows
{
    /// <summary>The 6×6 window of an image [H, W, C] whose first element is (<paramref name="top"/>, <paramref name="left"/>), which may be outside.</summary>
    public static TileWindow Input(float* image, int h, int w, int c, int top, int left) => new()
    {
        Origin = image + (((nint)top * w) + left) * c,
        RowStride = (nint)w * c,
        PixelStride = c,
        FirstRow = Math.Clamp(-top, 0, 6),
        EndRow = Math.Clamp(h - top, 0, 6),
        FirstColumn = Math.Clamp(-left, 0, 6),
        EndColumn = Math.Clamp(w - left, 0, 6),
        Channels = c,
    };
}
