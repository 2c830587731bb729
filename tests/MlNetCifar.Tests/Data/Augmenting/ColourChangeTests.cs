using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Data;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Data.Augmenting;

/// <summary>Brightness, contrast, saturation and hue as one matrix.</summary>
[TestClass]
public sealed class ColourChangeTests
{
    [TestMethod]
    public void Apply_AnyColour_EqualsTheChangesOneByOne()
    {
        var share = Gen.Choose(-100, 100).Select(i => i / 100f);
        var cases =
            from brightness in share
            from contrast in share
            from saturation in share
            from hue in share
            from colour in Gen.Choose(0, 0xFFFFFF)
            select (brightness, contrast: 1 + contrast, saturation: 1 + saturation, hue: hue * MathF.PI, colour);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            float[] pixel = [c.colour >> 16, (c.colour >> 8) & 255, c.colour & 255];
            var expected = Reference(pixel, c.brightness, c.contrast, c.saturation, c.hue);
            new ColourChange(c.brightness, c.contrast, c.saturation, c.hue).Apply(pixel);
            for (var i = 0; i < 3; i++)
                Assert.AreEqual(expected[i], pixel[i], 0.01, $"{c}");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    [TestMethod]
    public void Hue_ByAThird_ExchangesTheChannels_AndGreysStay()
    {
        float[] red = [240, 30, 90];
        new ColourChange(0, 1, 1, 2 * MathF.PI / 3).Apply(red);
        CollectionAssert.AreEqual((float[])[90, 240, 30], red.Select(v => MathF.Round(v, 2)).ToArray());
        float[] grey = [77, 77, 77];
        new ColourChange(0, 1, 0.3f, 1.2f).Apply(grey);
        foreach (var value in grey)
            Assert.AreEqual(77, value, 1e-3);
    }

    [TestMethod]
    [DataRow(0f)]
    [DataRow(25f)]
    public void PixelPass_WithColours_NormalisesTheChangedPixels(float rotation)
    {
        var augmentation = new Augmentation { Flip = FlipMode.Random, Shift = 2, Rotation = rotation, Brightness = 0.2f, Contrast = 0.3f, Saturation = 0.6f, Hue = 40, Erasing = 0.5f };
        var set = TestImages.Random(1, 9, 8, 3);
        var normalization = TestImages.Normalization(3);
        var raw = new PixelPass(9, 8, 3, Normalization.None(3), augmentation with { Brightness = 0, Contrast = 0, Saturation = 0, Hue = 0, Erasing = 0 }, SimdLevel.Active);
        var pass = new PixelPass(9, 8, 3, normalization, augmentation, SimdLevel.Active);
        float[] plain = new float[set.ImageLength], actual = new float[set.ImageLength];
        for (var sample = 0; sample < 30; sample++)
        {
            var draw = SampleDraw.Create(augmentation, 5, 2, sample, 9, 8);
            raw.Augmented(set.Pixels.Span, SampleDraw.Create(augmentation with { Brightness = 0, Contrast = 0, Saturation = 0, Hue = 0, Erasing = 0 }, 5, 2, sample, 9, 8), plain);
            pass.Augmented(set.Pixels.Span, draw, actual);
            for (var i = 0; i < plain.Length; i += 3)
            {
                var (x, y) = (i / 3 % 8, i / 3 / 8);
                var isErased = x >= draw.Erased.Left && x < draw.Erased.Left + draw.Erased.Width && y >= draw.Erased.Top && y < draw.Erased.Top + draw.Erased.Height;
                var expected = Reference([255 * plain[i], 255 * plain[i + 1], 255 * plain[i + 2]], draw.Brightness, draw.Contrast, draw.Saturation, draw.Hue);
                for (var c = 0; c < 3; c++)
                    Assert.AreEqual(isErased ? 0 : ((expected[c] / 255) - normalization.Mean[c]) / normalization.Std[c], actual[i + c], 1e-3, $"{sample} {i}");
            }
        }
    }

    // One after the other, in double precision: contrast, brightness, saturation, and the hue as a turn in the plane across the grey axis.
    static double[] Reference(float[] pixel, double brightness, double contrast, double saturation, double hue)
    {
        double[] p = [.. pixel.Select(v => ((v - 127.5) * contrast) + 127.5 + (255 * brightness))];
        var luma = (0.299 * p[0]) + (0.587 * p[1]) + (0.114 * p[2]);
        p = [.. p.Select(v => luma + (saturation * (v - luma)))];
        var mean = p.Average();
        double[] u = [1 / Math.Sqrt(2), -1 / Math.Sqrt(2), 0], v = [1 / Math.Sqrt(6), 1 / Math.Sqrt(6), -2 / Math.Sqrt(6)];
        double a = p.Zip(u, (x, y) => x * y).Sum(), b = p.Zip(v, (x, y) => x * y).Sum();
        var (turnedA, turnedB) = ((Math.Cos(hue) * a) - (Math.Sin(hue) * b), (Math.Sin(hue) * a) + (Math.Cos(hue) * b));
        return [.. Enumerable.Range(0, 3).Select(i => mean + (turnedA * u[i]) + (turnedB * v[i]))];
    }
}
