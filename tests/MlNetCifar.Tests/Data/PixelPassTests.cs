using MlNetCifar.Data;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class PixelPassTests
{
    [TestMethod]
    public void Convert_EveryLengthAndWidth_EqualsTheFormulaAndStaysInside()
    {
        foreach (var simd in SimdLevel.Available)
        {
            for (var length = 0; length <= 70; length++)
            {
                var source = new byte[length];
                var scale = new float[length];
                var bias = new float[length];
                for (var i = 0; i < length; i++)
                    (source[i], scale[i], bias[i]) = ((byte)(i * 37), 0.01f + (i * 0.001f), i - 3);
                var destination = new float[length + 2];
                destination[0] = destination[^1] = 77;
                RowConverter.Convert(source, scale, bias, destination.AsSpan(1, length), simd);
                for (var i = 0; i < length; i++)
                    Assert.AreEqual(Lanes1.MultiplyAdd(source[i], scale[i], bias[i]), destination[i + 1], $"{simd} {length} {i}");
                Assert.AreEqual(77, destination[0]);
                Assert.AreEqual(77, destination[^1]);
            }
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Mirror_EveryWidth_ReversesPixels(int channels)
    {
        for (var width = 0; width <= 70; width++)
        {
            var source = Enumerable.Range(0, width * channels).Select(i => (byte)i).ToArray();
            var destination = new byte[source.Length];
            RowConverter.Mirror(source, destination, channels);
            var expected = source.Chunk(channels).Reverse().SelectMany(p => p);
            CollectionAssert.AreEqual(expected.ToArray(), destination, $"{width}");
        }
    }

    [TestMethod]
    [DataRow(1, EdgePadding.Zero, 0f)]
    [DataRow(3, EdgePadding.Zero, 0f)]
    [DataRow(3, EdgePadding.Reflect, 0f)]
    [DataRow(1, EdgePadding.Reflect, 0f)]
    [DataRow(3, EdgePadding.Zero, 30f)]
    [DataRow(3, EdgePadding.Reflect, 30f)]
    public void Augmented_ManyDraws_EqualsTheReference(int channels, EdgePadding padding, float rotation)
    {
        var set = TestImages.Random(1, 7, 9, channels);
        var normalization = TestImages.Normalization(channels);
        // Shifts larger than the picture are legal and must reflect more than once.
        foreach (var shift in new[] { 0, 2, 11 })
        {
            var augmentation = new Augmentation
            {
                Flip = FlipMode.Random,
                Shift = shift,
                Padding = padding,
                Rotation = rotation,
                Cutout = 4,
                Brightness = 0.3f,
                Contrast = 0.4f,
            };
            var pass = new PixelPass(7, 9, channels, normalization, augmentation, SimdLevel.Active);
            var actual = new float[set.ImageLength];
            for (var sample = 0; sample < 40; sample++)
            {
                var draw = SampleDraw.Create(augmentation, 3, 1, sample, 7, 9);
                pass.Augmented(set.Pixels.Span, draw, actual);
                var expected = Reference(set, normalization, augmentation, draw);
                for (var i = 0; i < actual.Length; i++)
                    Assert.AreEqual(expected[i], actual[i], 2e-5, $"shift {shift} sample {sample} at {i}");
            }
        }
    }

    [TestMethod]
    public void Create_Draws_CoverTheirRangesEvenly()
    {
        var augmentation = new Augmentation { Flip = FlipMode.Random, Shift = 4, Rotation = 15, Cutout = 8, Brightness = 0.2f, Contrast = 0.5f };
        var draws = Enumerable.Range(0, 20_000).Select(i => SampleDraw.Create(augmentation, 1, 0, i, 32, 32)).ToArray();
        Assert.AreEqual(0.5, draws.Average(d => d.Flip ? 1 : 0), 0.02);
        for (var shift = -4; shift <= 4; shift++)
        {
            Assert.AreEqual(1 / 9.0, draws.Average(d => d.ShiftX == shift ? 1 : 0), 0.02);
            Assert.AreEqual(1 / 9.0, draws.Average(d => d.ShiftY == shift ? 1 : 0), 0.02);
        }

        Assert.IsTrue(draws.All(d => Math.Abs(d.Angle) <= 15 * Math.PI / 180 && Math.Abs(d.Brightness) <= 0.2f && Math.Abs(d.Contrast - 1) <= 0.5f));
        Assert.AreEqual(0, draws.Average(d => d.Angle), 0.01);
        Assert.AreEqual(32, draws.Select(d => d.CutoutX).Distinct().Count());
    }

    [TestMethod]
    public void Create_Alternate_FlipsEveryOtherEpochAndAboutHalf()
    {
        var augmentation = new Augmentation { Flip = FlipMode.Alternate };
        var flipped = 0;
        for (var sample = 0; sample < 1000; sample++)
        {
            var first = SampleDraw.Create(augmentation, 1, 0, sample, 8, 8).Flip;
            Assert.AreNotEqual(first, SampleDraw.Create(augmentation, 1, 1, sample, 8, 8).Flip);
            Assert.AreEqual(first, SampleDraw.Create(augmentation, 1, 2, sample, 8, 8).Flip);
            flipped += first ? 1 : 0;
        }

        Assert.IsTrue(flipped is > 430 and < 570, $"{flipped} of 1000");
    }

    [TestMethod]
    public void Create_SwitchingOneChangeOn_LeavesTheOthers()
    {
        var plain = new Augmentation { Flip = FlipMode.Random, Rotation = 10 };
        var more = plain with { Cutout = 4, Brightness = 0.1f };
        for (var sample = 0; sample < 100; sample++)
        {
            var (a, b) = (SampleDraw.Create(plain, 1, 0, sample, 8, 8), SampleDraw.Create(more, 1, 0, sample, 8, 8));
            Assert.AreEqual((a.Flip, a.Angle), (b.Flip, b.Angle));
        }
    }

    [TestMethod]
    public void Validate_NamesEveryValueOutOfRange()
    {
        var e = Assert.ThrowsExactly<ArgumentException>(() => new Augmentation { Shift = -1, Rotation = float.NaN, Contrast = 2 }.Validate());
        StringAssert.Contains(e.Message, "Shift");
        StringAssert.Contains(e.Message, "Rotation");
        StringAssert.Contains(e.Message, "Contrast");
        Augmentation.Standard().Validate();
        Assert.IsTrue(Augmentation.Preset("None").IsNone);
        Assert.IsFalse(Augmentation.Preset("standard", 64).IsNone);
        Assert.AreEqual(8, Augmentation.Preset("standard", 64).Shift);
        Assert.AreEqual("MNC1016", Assert.ThrowsExactly<MlNetCifarException>(() => Augmentation.Preset("wild")).Code);
    }

    // Slow and obvious: every target pixel looks up its source.
    static double[] Reference(ImageSet set, Normalization normalization, Augmentation augmentation, SampleDraw draw)
    {
        var (height, width, channels) = (set.Height, set.Width, set.Channels);
        var result = new double[set.ImageLength];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                double dx = (draw.Flip ? width - 1 - x : x) - ((width - 1) / 2.0), dy = y - ((height - 1) / 2.0);
                var sx = (Math.Cos(draw.Angle) * dx) - (Math.Sin(draw.Angle) * dy) + ((width - 1) / 2.0) + draw.ShiftX;
                var sy = (Math.Sin(draw.Angle) * dx) + (Math.Cos(draw.Angle) * dy) + ((height - 1) / 2.0) + draw.ShiftY;
                for (var c = 0; c < channels; c++)
                {
                    var value = Bilinear(set, augmentation.Padding, sx, sy, c) / 255;
                    value = ((value - 0.5) * draw.Contrast) + 0.5 + draw.Brightness;
                    value = (value - normalization.Mean[c]) / normalization.Std[c];
                    int left = draw.CutoutX - (augmentation.Cutout / 2), top = draw.CutoutY - (augmentation.Cutout / 2);
                    if (x >= left && x < left + augmentation.Cutout && y >= top && y < top + augmentation.Cutout)
                        value = 0;
                    result[(((y * width) + x) * channels) + c] = value;
                }
            }
        }

        return result;
    }

    static double Bilinear(ImageSet set, EdgePadding padding, double x, double y, int c)
    {
        double x0 = Math.Floor(x), y0 = Math.Floor(y), fx = x - x0, fy = y - y0;
        double At(double px, double py)
        {
            if (padding == EdgePadding.Zero && (px < 0 || py < 0 || px >= set.Width || py >= set.Height))
                return 0;
            while (px < 0 || px >= set.Width)
                px = px < 0 ? -px : (2 * (set.Width - 1)) - px;
            while (py < 0 || py >= set.Height)
                py = py < 0 ? -py : (2 * (set.Height - 1)) - py;
            return set.Pixels.Span[(int)(((py * set.Width) + px) * set.Channels) + c];
        }

        return (At(x0, y0) * (1 - fx) * (1 - fy)) + (At(x0 + 1, y0) * fx * (1 - fy))
            + (At(x0, y0 + 1) * (1 - fx) * fy) + (At(x0 + 1, y0 + 1) * fx * fy);
    }
}
