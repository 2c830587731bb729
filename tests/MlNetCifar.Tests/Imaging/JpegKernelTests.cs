using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

/// <summary>The vector kernels of the JPEG decoder at every width against plain formulas.</summary>
[TestClass]
public sealed class JpegKernelTests
{
    [TestMethod]
    public void InverseTransform_EqualsTheExactOneWithinHalfAStep_AndAtEveryWidth()
    {
        var random = new Random(5);
        var coefficients = new short[2 * JpegComponent.GroupLength];
        var steps = new short[64];
        for (var round = 0; round < 200; round++)
        {
            for (var i = 0; i < 64; i++) steps[i] = (short)random.Next(1, 30);
            Array.Clear(coefficients);
            for (var i = round % 40; i > 0; i--) coefficients[random.Next(coefficients.Length)] = (short)random.Next(-12, 13);
            var narrow = Run<ShortLanes128, Vector128<short>>(coefficients, steps);
            CheckAgainstFormula(coefficients, steps, narrow);
            if (Avx2.IsSupported) CollectionAssert.AreEqual(narrow, Run<ShortLanes256, Vector256<short>>(coefficients, steps));
            if (Avx512BW.IsSupported) CollectionAssert.AreEqual(narrow, Run<ShortLanes512, Vector512<short>>(coefficients, steps));
        }
    }

    [TestMethod]
    public void YccToRgb_EqualsTheFormulaForEveryWidth()
    {
        var random = new Random(6);
        for (var width = 1; width <= 130; width++)
        {
            var planes = new byte[3][];
            for (var i = 0; i < 3; i++) random.NextBytes(planes[i] = new byte[width]);
            var rgb = new byte[3 * width + 1];
            ColorConversion.YccToRgb(planes[0], planes[1], planes[2], rgb, width);
            for (var x = 0; x < width; x++)
            {
                int y = planes[0][x], cb = planes[1][x] - 128, cr = planes[2][x] - 128;
                Assert.AreEqual(Byte(y + ((91881 * cr + 32768) >> 16)), rgb[3 * x]);
                Assert.AreEqual(Byte(y + ((-22554 * cb - 46802 * cr + 32768) >> 16)), rgb[3 * x + 1]);
                Assert.AreEqual(Byte(y + ((116130 * cb + 32768) >> 16)), rgb[3 * x + 2]);
            }
            Assert.AreEqual(0, rgb[^1], "Written past the end.");
        }
    }

    [TestMethod]
    public void YccToRgb_IsTheSameAtEveryWidthOfRegister()
    {
        var random = new Random(7);
        var planes = new byte[3][];
        for (var i = 0; i < 3; i++) random.NextBytes(planes[i] = new byte[4096]);
        var narrow = new byte[3 * 4096];
        var wide = new byte[3 * 4096];
        Assert.AreEqual(4096, ColorConversion.YccToRgb<ShortLanes128, Vector128<short>>(planes[0], planes[1], planes[2], narrow, 4096, 0));
        if (Avx2.IsSupported)
        {
            ColorConversion.YccToRgb<ShortLanes256, Vector256<short>>(planes[0], planes[1], planes[2], wide, 4096, 0);
            CollectionAssert.AreEqual(narrow, wide);
        }
        if (!Avx512BW.IsSupported) return;
        Array.Clear(wide);
        ColorConversion.YccToRgb<ShortLanes512, Vector512<short>>(planes[0], planes[1], planes[2], wide, 4096, 0);
        CollectionAssert.AreEqual(narrow, wide);
    }

    static byte[] Run<L, V>(short[] coefficients, short[] steps) where L : struct, IShortLanes<V> where V : struct
    {
        var samples = new byte[8 * 64];
        InverseTransform.Run<L, V>(coefficients, [.. Enumerable.Range(0, JpegComponent.GroupLength).Select(i => steps[(i / 32 * 8) + (i % 8)])], samples, 64);
        return samples;
    }

    static void CheckAgainstFormula(short[] coefficients, short[] steps, byte[] samples)
    {
        for (var block = 0; block < 8; block++)
        {
            var start = JpegComponent.BlockOffset(block);
            for (var y = 0; y < 8; y++)
            {
                for (var x = 0; x < 8; x++)
                {
                    var sum = 128.0;
                    for (var v = 0; v < 8; v++)
                    {
                        for (var u = 0; u < 8; u++)
                        {
                            var coefficient = coefficients[start + 32 * v + u];
                            if (coefficient != 0) sum += 0.25 * Scale(u) * Scale(v) * coefficient * steps[8 * v + u] * Cosine(x, u) * Cosine(y, v);
                        }
                    }
                    Assert.AreEqual(Math.Clamp(sum, 0, 255), samples[64 * y + 8 * block + x], 0.6);
                }
            }
        }
    }

    static double Scale(int frequency) => frequency == 0 ? Math.Sqrt(0.5) : 1;

    static double Cosine(int position, int frequency) => Math.Cos((2 * position + 1) * frequency * Math.PI / 16);

    static byte Byte(int value) => (byte)Math.Clamp(value, 0, 255);
}
