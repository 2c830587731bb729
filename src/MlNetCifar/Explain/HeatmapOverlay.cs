namespace MlNetCifar.Explain;

/// <summary>Draws a map over the picture it explains.</summary>
public static class HeatmapOverlay
{
    const int Gap = 8;

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
        var scale = Math.Max(1, (side + Math.Min(map.Height, map.Width) - 1) / Math.Min(map.Height, map.Width));
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
}
