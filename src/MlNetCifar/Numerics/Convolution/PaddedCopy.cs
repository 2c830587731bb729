namespace MlNetCifar.Numerics;

/// <summary>Copies windows of an image that may reach over its edges.</summary>
internal static unsafe class PaddedCopy
{
    /// <summary>Copies a window of an image; what lies outside the image is zero.</summary>
    /// <param name="image">[H, W, C].</param>
    /// <param name="h">Rows of the image.</param>
    /// <param name="w">Columns of the image.</param>
    /// <param name="c">Channels.</param>
    /// <param name="top">First row of the window; may be negative.</param>
    /// <param name="left">First column of the window; may be negative.</param>
    /// <param name="rows">Rows of the window.</param>
    /// <param name="columns">Columns of the window.</param>
    /// <param name="target">[rows, columns, C]; overwritten.</param>
    public static void Copy(float* image, int h, int w, int c, int top, int left, int rows, int columns, float* target)
    {
        var first = Math.Clamp(-left, 0, columns);
        var end = Math.Clamp(w - left, first, columns);
        for (var row = top; row < top + rows; row++, target += (nint)columns * c)
        {
            if ((uint)row >= (uint)h || first == end)
            {
                new Span<float>(target, columns * c).Clear();
                continue;
            }

            new Span<float>(target, first * c).Clear();
            new ReadOnlySpan<float>(image + ((((nint)row * w) + left + first) * c), (end - first) * c).CopyTo(new Span<float>(target + (first * c), (end - first) * c));
            new Span<float>(target + ((nint)end * c), (columns - end) * c).Clear();
        }
    }
}
