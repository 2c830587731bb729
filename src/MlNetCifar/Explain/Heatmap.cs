using System.Runtime.InteropServices;
using MlNetCifar.Files;

namespace MlNetCifar.Explain;

/// <summary>How much each pixel of a network's input speaks for a class.</summary>
public sealed record Heatmap
{
    /// <summary>Rows, those of the network's input.</summary>
    public required int Height { get; init; }

    /// <summary>Columns, those of the network's input.</summary>
    public required int Width { get; init; }

    /// <summary>[Height, Width], 0 … 1, the largest being 1; all 0 where <see cref="Degenerate"/>. Never NaN.</summary>
    public required IReadOnlyList<float> Values { get; init; }

    /// <summary>Index of the class that is explained.</summary>
    public required int Class { get; init; }

    /// <summary>Its probability.</summary>
    public required float Probability { get; init; }

    /// <summary>Whether nothing speaks for the class: the map has no positive value, or one that is not finite.</summary>
    public required bool Degenerate { get; init; }

    /// <summary>The array as a file of NumPy's <c>.npy</c> format: little-endian floats, (Height, Width).</summary>
    public byte[] ToNpy()
    {
        var values = Values.ToArray();
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("Big-endian machines are not supported.");
        return [.. NpyHeader.Format("<f4", Height, Width), .. MemoryMarshal.AsBytes(values.AsSpan())];
    }

    /// <summary>The mean of maps, for example of all pictures of a class; degenerate ones count as zeros. Scaled to a largest value of 1 again.</summary>
    /// <param name="maps">At least one; all of one size. Class and probability: the first's class, the mean probability.</param>
    /// <exception cref="ArgumentException">There is none, or the sizes differ.</exception>
    public static Heatmap Average(IReadOnlyCollection<Heatmap> maps)
    {
        ArgumentNullException.ThrowIfNull(maps);
        if (maps.Count == 0)
            throw new ArgumentException("There is no map.", nameof(maps));
        var mean = new MeanHeatmap();
        foreach (var map in maps)
            mean.Add(map);
        return mean.ToHeatmap();
    }

    /// <summary>Clamps at zero and scales to 1.</summary>
    internal static Heatmap Normalized(float[] values, int height, int width, int target, float probability)
    {
        var most = 0f;
        var finite = true;
        foreach (ref var value in values.AsSpan())
        {
            finite &= float.IsFinite(value);
            value = Math.Max(value, 0);
            most = Math.Max(most, value);
        }

        // A largest value below the smallest normal number would not divide cleanly.
        var degenerate = !finite || most < 1e-37f;
        foreach (ref var value in values.AsSpan())
            value = degenerate ? 0 : value / most;
        return new Heatmap { Height = height, Width = width, Values = values, Class = target, Probability = probability, Degenerate = degenerate };
    }
}
