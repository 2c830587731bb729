using MlNetCifar.Imaging;

namespace MlNetCifar.Explain;

/// <summary>Draws a map over the picture it explains.</summary>
public static class HeatmapOverlay
{
    const int Gap = 8;
    const int LeastSide = 256;
    const int MostSide = 2048;

    /// <summary>The size of what <see cref="Draw(Heatmap, ReadOnlySpan{byte}, int, int)"/> draws.</summary>
    /// <param name="width">Of the map, in pixels, at least 1.</param>
    /// <param name="height">Of the map, in pixels, at least 1.</param>
    /// <param name="side">The shorter side of each half is enlarged to at least this. The default is 256.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    public static ImageSize Size(int width, int height, int side = 256)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        var scale = Scale(width, height, side);
        return new((2 * scale * width) + Gap, scale * height);
    }

    /// <summary>The picture as the network sees it, and beside it the same picture under the map: dark violet is 0, yellow is 1, and the more, the less of the picture shows.</summary>
    /// <param name="map">The map; one without any value leaves the picture as it is.</param>
    /// <param name="pixels">[Height, Width, channels] bytes, preprocessed.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="side">The shorter side of each half is enlarged to at least this. The default is 256.</param>
    /// <exception cref="ArgumentException">The pixels do not fit the map.</exception>
    public static RgbImage Draw(Heatmap map, ReadOnlySpan<byte> pixels, int channels, int side = 256)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        if (channels is not (1 or 3) || pixels.Length != map.Height * map.Width * channels)
            throw new ArgumentException($"{pixels.Length} bytes of {channels} channels do not fit a map of {map.Height}×{map.Width}.", nameof(pixels));
        var scale = Scale(map.Width, map.Height, side);
        var (height, width) = (scale * map.Height, scale * map.Width);
        var heat = MapDrawing.Enlarge([.. map.Values], map.Height, map.Width, height, width);
        var result = new RgbImage((2 * width) + Gap, height);
        result.Pixels.Fill(255);
        Span<byte> color = stackalloc byte[3];
        for (var y = 0; y < height; y++)
        {
            var row = result.Row(y);
            for (var x = 0; x < width; x++)
            {
                var value = heat[(y * width) + x];
                var share = map.Degenerate ? 0 : 0.35f + (0.4f * value);
                MapDrawing.Color(value, color);
                for (var c = 0; c < 3; c++)
                {
                    var pixel = pixels[((((y / scale) * map.Width) + (x / scale)) * channels) + (channels == 3 ? c : 0)];
                    row[(3 * x) + c] = pixel;
                    row[(3 * (x + width + Gap)) + c] = (byte)MathF.Round(pixel + (share * (color[c] - pixel)));
                }
            }
        }

        return result;
    }

    /// <summary>
    /// As <see cref="Draw(Heatmap, RgbImage, PreprocessSpec)"/>, with numbers at the colour bar and lines of text below, so that the picture says by itself what it shows.
    /// Text is drawn in ASCII: accents of Western letters are left out, all others are boxes, and a line that does not fit loses its middle.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="photograph">As it was decoded, before any resizing.</param>
    /// <param name="spec">How inputs are made of pictures.</param>
    /// <param name="caption">The lines, for example class and probability, then the file.</param>
    /// <exception cref="ArgumentException">The map is not of the specification's size.</exception>
    public static RgbImage DrawCaptioned(Heatmap map, RgbImage photograph, PreprocessSpec spec, params IReadOnlyList<string> caption)
    {
        ArgumentNullException.ThrowIfNull(caption);
        return OverlayFrame.Captioned(Draw(map, photograph, spec), caption);
    }

    /// <summary>
    /// A photograph at its own size, beside it the same under the map, and a colour bar from 0 (below) to 1 with marks at quarters. What the network does not see
    /// of the photograph is pale. Pictures whose shorter side is below 256 pixels are enlarged, those whose longer side exceeds 2,048 shrunk, by whole factors.
    /// </summary>
    /// <param name="map">The map; one without any value leaves the picture as it is.</param>
    /// <param name="photograph">As it was decoded, before any resizing.</param>
    /// <param name="spec">How inputs are made of pictures; says which part the map lies over.</param>
    /// <exception cref="ArgumentException">The map is not of the specification's size.</exception>
    public static RgbImage Draw(Heatmap map, RgbImage photograph, PreprocessSpec spec)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(photograph);
        ArgumentNullException.ThrowIfNull(spec);
        if ((map.Width, map.Height) != (spec.Width, spec.Height))
            throw new ArgumentException($"A map of {map.Width}×{map.Height} does not lie over inputs of {spec.Width}×{spec.Height}.", nameof(map));
        var picture = OverlayFrame.Scaled(photograph, LeastSide, MostSide);
        var seen = SeenPart.Of(spec, picture.Width, picture.Height);
        var result = new RgbImage((2 * picture.Width) + (2 * Gap) + OverlayFrame.BarWidth, picture.Height);
        result.Pixels.Fill(255);
        float[] values = [.. map.Values];
        Span<byte> color = stackalloc byte[3];
        for (var y = 0; y < picture.Height; y++)
        {
            var source = picture.Row(y);
            var row = result.Row(y);
            source.CopyTo(row);
            for (var x = 0; x < picture.Width; x++)
            {
                var (across, down) = ((float)((x + 0.5 - seen.Left) / seen.Width), (float)((y + 0.5 - seen.Top) / seen.Height));
                var isSeen = across is >= 0 and <= 1 && down is >= 0 and <= 1;
                var value = isSeen ? MapDrawing.At(values, map.Height, map.Width, down, across) : 0;
                var share = map.Degenerate ? 0 : isSeen ? 0.35f + (0.4f * value) : 0.6f;
                if (isSeen)
                    MapDrawing.Color(value, color);
                else
                    color.Fill(255);
                for (var c = 0; c < 3; c++)
                    row[(3 * (x + picture.Width + Gap)) + c] = (byte)MathF.Round(source[(3 * x) + c] + (share * (color[c] - source[(3 * x) + c])));
            }
        }

        OverlayFrame.DrawBar(result, (2 * picture.Width) + (2 * Gap));
        return result;
    }

    static int Scale(int width, int height, int side) => Math.Max(1, (side + Math.Min(height, width) - 1) / Math.Min(height, width));
}
