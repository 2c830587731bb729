using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.TestKit;

/// <summary>The sizes at which vector code goes wrong, and numbers to try there.</summary>
internal static class LaneCases
{
    /// <summary>Half a unit in the last place of 1: the largest relative error of one rounding.</summary>
    public const double Unit = 1.0 / (1 << 24);

    /// <summary>Widths that this machine runs, as test data.</summary>
    public static IEnumerable<object[]> Widths => SimdLevel.Available.Select(width => new object[] { (int)width });

    /// <summary>Every length from none to two vectors and one, and lengths at the edge of a block.</summary>
    public static IEnumerable<int> Lengths(int width)
    {
        const int Block = LaneKernel.BlockLength;
        return [.. Enumerable.Range(0, (2 * Count(width)) + 2), Block - 1, Block, Block + 1, (2 * Block) + Count(width) + 3];
    }

    /// <summary>Every count of channels from one to two vectors and one.</summary>
    public static IEnumerable<int> Channels(int width) => Enumerable.Range(1, (2 * Count(width)) + 1);

    public static int Count(int width) => Math.Max(1, width / 32);

    /// <summary>Uniform numbers.</summary>
    public static float[] Draw(int seed, int length, double from = -1, double to = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)(from + ((to - from) * random.NextDouble())))];
    }

    public static double[] Doubles(ReadOnlySpan<float> values)
    {
        var result = new double[values.Length];
        for (var i = 0; i < result.Length; i++)
            result[i] = values[i];
        return result;
    }

    /// <summary>Fails unless |actual − expected| ≤ tolerance; NaN never passes.</summary>
    public static void AssertClose(double expected, double actual, double tolerance, string what)
    {
        if (!(Math.Abs(actual - expected) <= tolerance))
            Assert.Fail($"{what}: {actual:R}, expected {expected:R} ± {tolerance:G3}");
    }

    /// <summary>Fails unless both have the same length and every pair is that near.</summary>
    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            AssertClose(expected[i], actual[i], tolerance, $"[{i}]");
    }
}
