using MlNetCifar.Numerics;

namespace MlNetCifar.Explain;

/// <summary>Feature maps of a layer on one picture, in rows from the left, those first that speak most for the class.</summary>
/// <param name="Picture">The sheet; each map has its own scale, its smallest value darkest and its largest brightest.</param>
/// <param name="Channels">The channels shown, in order.</param>
/// <param name="Contributions">Of each channel shown: the mean gradient of the class's logit times the sum of the map. May be negative.</param>
public sealed record FeatureSheet(RgbImage Picture, IReadOnlyList<int> Channels, IReadOnlyList<float> Contributions)
{
    const int Tile = 96;
    const int Gap = 4;

    internal static FeatureSheet Of(Probed probed, Shape maps, int top)
    {
        var contributions = probed.ChannelWeights(maps.C);
        for (var c = 0; c < maps.C; c++)
        {
            var sum = 0.0;
            for (var i = c; i < probed.Features.Length; i += maps.C)
                sum += probed.Features[i];
            contributions[c] = (float)(contributions[c] * sum);
        }

        int[] channels = [.. Enumerable.Range(0, maps.C).OrderByDescending(c => contributions[c]).ThenBy(c => c).Take(top)];
        var columns = (int)Math.Ceiling(Math.Sqrt(channels.Length));
        var rows = (channels.Length + columns - 1) / columns;
        var sheet = new RgbImage(Gap + (columns * (Tile + Gap)), Gap + (rows * (Tile + Gap)));
        sheet.Pixels.Fill(255);
        for (var i = 0; i < channels.Length; i++)
            Draw(sheet, probed, maps, channels[i], Gap + (i % columns * (Tile + Gap)), Gap + (i / columns * (Tile + Gap)));
        return new FeatureSheet(sheet, channels, [.. channels.Select(c => contributions[c])]);
    }

    static void Draw(RgbImage sheet, Probed probed, Shape maps, int channel, int left, int top)
    {
        float least = float.MaxValue, most = float.MinValue;
        for (var i = channel; i < probed.Features.Length; i += maps.C)
            (least, most) = (Math.Min(least, probed.Features[i]), Math.Max(most, probed.Features[i]));
        for (var y = 0; y < Tile; y++)
            for (var x = 0; x < Tile; x++)
            {
                // Unsmoothed, so that the map's own pixels show.
                var value = probed.Features[((((y * maps.H / Tile) * maps.W) + (x * maps.W / Tile)) * maps.C) + channel];
                MapDrawing.Color(most > least ? (value - least) / (most - least) : 0, sheet.Row(top + y).Slice(3 * (left + x), 3));
            }
    }
}
