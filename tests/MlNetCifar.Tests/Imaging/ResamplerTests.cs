using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

/// <summary>Resizing at every width of register against one pixel, one channel and one weight at a time.</summary>
[TestClass]
public sealed class ResamplerTests
{
    static readonly ResizeFilter[] s_filters = [ResizeFilter.Box, ResizeFilter.Bilinear, ResizeFilter.Bicubic, ResizeFilter.Lanczos];

    [TestMethod]
    public void Resize_OfEverySize_EqualsTheFormulaAtEveryWidthOfRegister()
    {
        // To and from every length around a strip of rows and a register of columns, with the other side between.
        for (var length = 1; length <= 70; length++)
        {
            var other = 1 + (length * 29 % 71);
            Check(new(length), Picture(length, other, length), new(0, 0, length, other), new(other, 1 + (length / 3)));
            Check(new(length), Picture(other, length, length), new(0, 0, other, length), new(1 + (length / 2), length + 5));
        }
    }

    [TestMethod]
    [DataRow(5000, 3, 2, 2)]
    [DataRow(3, 5000, 7, 3)]
    [DataRow(700, 40, 32, 40)]
    [DataRow(40, 300, 40, 32)]
    public void Resize_OfExtremeShapes_EqualsTheFormula(int width, int height, int toWidth, int toHeight) =>
        Check(new(3), Picture(width, height, width), new(0, 0, width, height), new(toWidth, toHeight));

    [TestMethod]
    public void Resize_OfAnyPart_EqualsTheFormula()
    {
        var random = new Random(8);
        for (var round = 0; round < 60; round++)
        {
            var (width, height) = (random.Next(2, 90), random.Next(2, 90));
            var (left, top) = (random.NextSingle() * (width - 1), random.NextSingle() * (height - 1));
            var box = new Box(left, top, left + 1 + (random.NextSingle() * (width - left - 1)), top + 1 + (random.NextSingle() * (height - top - 1)));
            Check(random, Picture(width, height, round), box, new(random.Next(1, 100), random.Next(1, 100)));
        }
    }

    [TestMethod]
    public void Resize_OfBlackAndWhite_StaysWithinABytesRange()
    {
        // Lanczos goes beyond both ends at an edge; one strip of white rows between black ones.
        var image = new RgbImage(64, 64);
        for (var y = 20; y < 40; y++) image.Row(y).Slice(60, 80).Fill(255);
        Check(new(1), image, new(0, 0, 64, 64), new(150, 150));
        Check(new(1), image, new(0, 0, 64, 64), new(9, 11));
    }

    static void Check(Random random, RgbImage image, Box box, Frame whole)
    {
        foreach (var filter in s_filters)
        {
            var (width, height) = (random.Next(1, whole.Width + 1), random.Next(1, whole.Height + 1));
            var frame = whole with { Left = random.Next(whole.Width - width + 1), Top = random.Next(whole.Height - height + 1) };
            var expected = Expected(image, box, filter, frame, width, height);
            var what = $"{image.Width}×{image.Height}, {box}, {filter}, {frame}, {width}×{height}";
            Check<ShortLanes128, Vector128<short>>("128 bits");
            if (Avx2.IsSupported) Check<ShortLanes256, Vector256<short>>("256 bits");
            if (Avx512BW.IsSupported) Check<ShortLanes512, Vector512<short>>("512 bits");
            var found = new byte[expected.Length];
            new Resampler().Resize(image, box, filter, frame, width, height, found);
            CollectionAssert.AreEqual(expected, found, what);

            void Check<L, V>(string lanes) where L : struct, IShortLanes<V> where V : struct
            {
                var found = new byte[expected.Length + 1];
                new Resampler().Resize<L, V>(image, box, filter, frame, width, height, found);
                Assert.IsTrue(expected.AsSpan().SequenceEqual(found.AsSpan(0, expected.Length)), $"{what}, {lanes}");
                Assert.AreEqual(0, found[^1], $"{what}, {lanes}: written past the end");
            }
        }
    }

    static RgbImage Picture(int width, int height, int seed)
    {
        var image = new RgbImage(width, height);
        new Random(seed).NextBytes(image.Pixels);
        return image;
    }

    /// <summary>Pillow's way: all columns of all rows, rounded to bytes, then all rows.</summary>
    static byte[] Expected(RgbImage image, Box box, ResizeFilter filter, Frame frame, int width, int height)
    {
        var across = new byte[image.Height * width * 3];
        for (var x = 0; x < width; x++)
        {
            var (first, weights) = Weights(image.Width, box.Left, box.Right, frame.Width, frame.Left + x, filter);
            for (var y = 0; y < image.Height; y++)
            {
                for (var c = 0; c < 3; c++)
                {
                    var row = image.Row(y);
                    var sum = 1 << 21;
                    for (var i = 0; i < weights.Length; i++) sum += weights[i] * row[(3 * (first + i)) + c];
                    across[(((y * width) + x) * 3) + c] = (byte)Math.Clamp(sum >> 22, 0, 255);
                }
            }
        }
        var result = new byte[height * width * 3];
        for (var y = 0; y < height; y++)
        {
            var (first, weights) = Weights(image.Height, box.Top, box.Bottom, frame.Height, frame.Top + y, filter);
            for (var x = 0; x < 3 * width; x++)
            {
                var sum = 1 << 21;
                for (var i = 0; i < weights.Length; i++) sum += weights[i] * across[((first + i) * 3 * width) + x];
                result[(3 * width * y) + x] = (byte)Math.Clamp(sum >> 22, 0, 255);
            }
        }
        return result;
    }

    static (int First, int[] Weights) Weights(int source, float start, float end, int full, int position, ResizeFilter filter)
    {
        var scale = (double)(end - start) / full;
        var shrink = Math.Max(1, scale);
        var support = FilterKernel.Support(filter) * shrink;
        var center = start + ((position + 0.5) * scale);
        var first = Math.Max(0, (int)(center - support + 0.5));
        var count = Math.Min(source, (int)(center + support + 0.5)) - first;
        double[] weights = [.. Enumerable.Range(0, count).Select(i => FilterKernel.Weight(filter, (i + first - center + 0.5) * (1 / shrink)))];
        var sum = 0.0;
        foreach (var weight in weights) sum += weight;
        return (first, [.. weights.Select(weight => sum != 0 ? weight / sum : weight).Select(weight => (int)((weight * (1 << 22)) + (weight < 0 ? -0.5 : 0.5)))]);
    }
}
