namespace MlNetCifar.Numerics;

/// <summary>
/// The 4×4 tiles of a 3×3 correlation's results, and their way into Winograd's domain and back. The last row and column of tiles may reach over the edge.
/// </summary>
internal sealed unsafe class WinogradTiling(Correlation geometry, WinogradSet transforms)
{
    /// <summary>Rows of tiles.</summary>
    public int Down { get; } = (geometry.P + 3) / 4;

    /// <summary>Columns of tiles.</summary>
    public int Across { get; } = (geometry.Q + 3) / 4;

    /// <summary>Tiles of an image.</summary>
    public int PerImage => Down * Across;

    /// <summary>At the plan's lane width.</summary>
    public WinogradSet Transforms => transforms;

    /// <summary>Points lie an odd number of cache lines apart, or all 36 would fall into the same sets.</summary>
    public static int OddLines(int floats) => (((floats + 15) / 16) | 1) * 16;

    /// <summary>Transforms the 6×6 windows under consecutive tiles.</summary>
    /// <param name="x">Images.</param>
    /// <param name="first">First tile, counted over all images.</param>
    /// <param name="count">Tiles.</param>
    /// <param name="v">[36][count][C], or that for each part of the channels; overwritten.</param>
    /// <param name="stride">Floats between points of <paramref name="v"/>.</param>
    /// <param name="depth">Channels of a part, of which there are a whole number.</param>
    /// <param name="zeros">Six pixels of zeros.</param>
    /// <param name="expanded">For rows behind a pooling.</param>
    public void Input(in ConvSource x, int first, int count, float* v, nint stride, int depth, float* zeros, float* expanded)
    {
        var image = -1;
        float* origin = null;
        for (var i = first; i < first + count; i++, v += depth)
        {
            var (tileImage, down, across) = Place(i);
            if (tileImage != image)
            {
                image = tileImage;
                var last = Place(Math.Min(first + count, (image + 1) * PerImage) - 1).Down;
                origin = x.Rows(image, geometry.H, geometry.W, geometry.C, (down * 4) - geometry.Top, (last * 4) - geometry.Top + 6, expanded);
            }

            var window = WinogradWindows.Input(origin, geometry.H, geometry.W, geometry.C, (down * 4) - geometry.Top, (across * 4) - geometry.Left);
            window.Channels = depth;
            for (var part = 0; part < geometry.C / depth; part++, window.Origin += depth)
                transforms.Input(&window, v + (part * WinogradTransforms.Points * stride), stride, zeros);
        }
    }

    /// <summary>Transforms consecutive tiles of some channels back and delivers them.</summary>
    /// <param name="y">Results.</param>
    /// <param name="first">First tile.</param>
    /// <param name="count">Tiles.</param>
    /// <param name="m">[36][count][width].</param>
    /// <param name="stride">Floats between points of <paramref name="m"/>.</param>
    /// <param name="bias">[width], or null.</param>
    /// <param name="channel">First channel.</param>
    /// <param name="width">Channels in whole vectors; those beyond K are dropped.</param>
    /// <param name="tile">16 · <paramref name="width"/> floats of scratch.</param>
    public void Output(in ConvTarget y, int first, int count, float* m, nint stride, float* bias, int channel, int width, float* tile)
    {
        var low = y.Relu ? 0 : float.NegativeInfinity;
        var direct = y.Reduce == null && channel + width <= geometry.K;
        for (var i = first; i < first + count; i++, m += width)
        {
            var (image, down, across) = Place(i);
            var window = new TileWindow
            {
                Origin = tile,
                RowStride = 4 * width,
                PixelStride = width,
                Channels = width,
                EndRow = Math.Min(4, geometry.P - (down * 4)),
                EndColumn = Math.Min(4, geometry.Q - (across * 4)),
                Addend = y.Addend == null ? 0 : (nint)(y.Addend - y.Values),
            };
            var target = y.Values + geometry.ResultOffset + ((nint)image * geometry.ResultImage) + ((nint)down * 4 * geometry.ResultRow)
                + ((nint)across * 4 * geometry.ResultPixel) + channel;
            if (direct)
            {
                window.Origin = target;
                window.RowStride = geometry.ResultRow;
                window.PixelStride = geometry.ResultPixel;
            }

            transforms.Output(m, stride, bias, low, &window);
            if (y.Reduce != null)
                Pool(y, window, image, down, across, channel, width);
            else if (!direct)
                Deliver(window, Math.Min(width, geometry.K - channel), target);
        }
    }

    // From the scratch tile to the result, without the columns that fill up the last vector.
    void Deliver(in TileWindow window, int valid, float* target)
    {
        for (var i = 0; i < window.EndRow; i++)
            for (var j = 0; j < window.EndColumn; j++)
                new ReadOnlySpan<float>(window.Origin + (i * window.RowStride) + (j * window.PixelStride), valid).CopyTo(
                    new Span<float>(target + (i * geometry.ResultRow) + (j * geometry.ResultPixel), valid));
    }

    void Pool(in ConvTarget y, in TileWindow window, int image, int down, int across, int channel, int width)
    {
        var (tile, valid) = ((nint)window.Origin, Math.Min(width, geometry.K - channel));
        var x = (float*)tile;
        for (var i = 1; valid != width && i < 16; i++)
            new ReadOnlySpan<float>(x + (i * width), valid).CopyTo(new Span<float>(x + (i * valid), valid));
        var resultRow = (nint)(geometry.Q / 2) * geometry.K;
        var offset = (((((nint)image * (geometry.P / 2)) + (down * 2)) * (geometry.Q / 2)) + (across * 2)) * geometry.K;
        for (var j = 0; j + 1 < window.EndColumn; j += 2)
            y.Pool(x + (j * valid), 4 * valid, window.EndRow, 2, valid, offset + ((nint)(j / 2) * geometry.K) + channel, resultRow);
    }

    (int Image, int Down, int Across) Place(int tile) => (tile / PerImage, tile / Across % Down, tile % Across);
}
