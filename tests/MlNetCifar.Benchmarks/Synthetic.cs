using MlNetCifar.Numerics;

namespace MlNetCifar.Benchmarks;

/// <summary>Pictures of noise, for measurements that do not look at accuracy.</summary>
internal static class Synthetic
{
    /// <summary>32×32×3, of ten classes in turn.</summary>
    public static ImageSet Images(int count)
    {
        var random = new SplitRandom(0, RandomPurpose.Shuffle);
        var pixels = new byte[count * 32 * 32 * 3];
        foreach (ref var pixel in pixels.AsSpan())
            pixel = (byte)random.Next(256);
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 10)], 32, 32, 3, [.. Enumerable.Range(0, 10).Select(k => $"class{k}")]);
    }
}
