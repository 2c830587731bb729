using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Data;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Data.Augmenting;

/// <summary>TrivialAugment's changes against definitions that look every pixel up on its own.</summary>
[TestClass]
public sealed class PictureChangerTests
{
    static readonly PictureChange[] s_all = Enum.GetValues<PictureChange>();

    [TestMethod]
    public void EveryChange_OfAnyPicture_EqualsItsDefinition()
    {
        var cases =
            from change in Gen.Elements(s_all)
            from step in Gen.Choose(0, 30)
            from backwards in Gen.Elements(true, false)
            from width in Gen.Choose(1, 12)
            from height in Gen.Choose(1, 12)
            from channels in Gen.Elements(1, 3)
            from seed in Gen.Choose(0, 10_000)
            from range in Gen.Choose(1, 256)
            select (Draw: new ChangeDraw(change, step / 30.0, backwards), width, height, channels, seed, range);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var random = new Random(c.seed);
            byte[] pixels = [.. Enumerable.Range(0, c.width * c.height * c.channels).Select(_ => (byte)random.Next(256 - c.range, 256))];
            var before = (byte[])pixels.Clone();
            var changed = new PictureChanger(c.width, c.height, c.channels).Apply(pixels, c.Draw).ToArray();
            CollectionAssert.AreEqual(before, pixels, "the picture itself");
            CollectionAssert.AreEqual(new Definition(pixels, c.width, c.height, c.channels).Of(c.Draw), changed, $"{c}");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));
    }

    [TestMethod]
    public void ChangesOfNoStrength_ChangeNothing()
    {
        byte[] pixels = [.. Enumerable.Range(0, 7 * 9 * 3).Select(i => (byte)(i * 31))];
        foreach (var change in s_all.Except([PictureChange.AutoContrast, PictureChange.Equalize, PictureChange.Solarize]))
            CollectionAssert.AreEqual(pixels, new PictureChanger(9, 7, 3).Apply(pixels, new(change, 0, true)).ToArray(), $"{change}");
    }

    [TestMethod]
    public void Draws_AreEvenAndAFunctionOfTheStream()
    {
        var draws = Enumerable.Range(0, 28_000).Select(i => ChangeDraw.Create(new SplitRandom(1, RandomPurpose.Change, 3, (ulong)i))).ToArray();
        foreach (var change in s_all)
            Assert.AreEqual(2000, draws.Count(d => d.Change == change), 200, $"{change}");
        Assert.AreEqual(0.5, draws.Average(d => d.Strength), 0.01);
        Assert.AreEqual(31, draws.Select(d => d.Strength).Distinct().Count());
        Assert.AreEqual(0.5, draws.Average(d => d.Backwards ? 1 : 0), 0.02);
        Assert.AreEqual(draws[5], ChangeDraw.Create(new SplitRandom(1, RandomPurpose.Change, 3, 5)));
    }

    sealed class Definition(byte[] pixels, int width, int height, int channels)
    {
        public byte[] Of(ChangeDraw draw)
        {
            var s = draw.Backwards ? -draw.Strength : draw.Strength;
            double Steps(int side) => Math.Round(s * Math.Min(32, side / 2));
            return draw.Change switch
            {
                PictureChange.ShearX => Moved((x, y) => (x + (0.99 * s * y), y)),
                PictureChange.ShearY => Moved((x, y) => (x, y + (0.99 * s * x))),
                PictureChange.TranslateX => Moved((x, y) => (x + Steps(width), y)),
                PictureChange.TranslateY => Moved((x, y) => (x, y + Steps(height))),
                PictureChange.Rotate => Moved((x, y) => ((Math.Cos(Angle(s)) * x) + (Math.Sin(Angle(s)) * y), (-Math.Sin(Angle(s)) * x) + (Math.Cos(Angle(s)) * y))),
                PictureChange.Brightness => Each((x, y, c) => Blend(0, At(x, y, c), s)),
                PictureChange.Colour => Each((x, y, c) => Blend(channels == 1 ? At(x, y, c) : Luma(x, y), At(x, y, c), s)),
                PictureChange.Contrast => Each((x, y, c) => Blend(Mean(), At(x, y, c), s)),
                PictureChange.Sharpness => Each((x, y, c) => x == 0 || y == 0 || x == width - 1 || y == height - 1 ? At(x, y, c) : Blend(Smooth(x, y, c), At(x, y, c), s)),
                PictureChange.Posterize => Each((x, y, c) => KeepBits(At(x, y, c), 8 - (int)((6 * draw.Strength) + 0.5))),
                PictureChange.Solarize => Each((x, y, c) => At(x, y, c) >= 255 * (1 - draw.Strength) ? 255 - At(x, y, c) : At(x, y, c)),
                PictureChange.AutoContrast => Each((x, y, c) => Stretched(At(x, y, c), Channel(c))),
                PictureChange.Equalize => Each((x, y, c) => Ranked(At(x, y, c), Channel(c))),
                _ => pixels,
            };
        }

        static double Angle(double s) => 135 * s * Math.PI / 180;

        static double Blend(double from, double to, double s) => from + ((1 + (0.99 * s)) * (to - from));

        static int KeepBits(int value, int bits) => value / (1 << (8 - bits)) * (1 << (8 - bits));

        static double Stretched(int value, int[] all) => all.Max() == all.Min() ? value : (value - all.Min()) * (255.0 / (all.Max() - all.Min()));

        static int Ranked(int value, int[] all)
        {
            var step = all.Count(v => v < all.Max()) / 255;
            return step == 0 ? value : Math.Min(255, ((step / 2) + all.Count(v => v < value)) / step);
        }

        int At(int x, int y, int c) => pixels[(((y * width) + x) * channels) + c];

        int[] Channel(int c) => [.. Enumerable.Range(0, width * height).Select(i => (int)pixels[(i * channels) + c])];

        int Luma(int x, int y) => channels == 1 ? At(x, y, 0) : ((19595 * At(x, y, 0)) + (38470 * At(x, y, 1)) + (7471 * At(x, y, 2)) + 32768) / 65536;

        int Mean() => (int)(Enumerable.Range(0, width * height).Average(i => (double)Luma(i % width, i / width)) + 0.5);

        int Smooth(int x, int y, int c)
        {
            var sum = 0;
            for (var dy = -1; dy <= 1; dy++)
                for (var dx = -1; dx <= 1; dx++)
                    sum += (dx == 0 && dy == 0 ? 5 : 1) * At(x + dx, y + dy, c);
            return (sum + 6) / 13;
        }

        byte[] Each(Func<int, int, int, double> value)
        {
            var result = new byte[pixels.Length];
            for (var i = 0; i < result.Length; i++)
                result[i] = (byte)Math.Clamp(value(i / channels % width, i / channels / width, i % channels), 0, 255);
            return result;
        }

        byte[] Moved(Func<double, double, (double X, double Y)> from) => Each((x, y, c) =>
        {
            var (cx, cy) = ((width - 1) / 2.0, (height - 1) / 2.0);
            var place = from(x - cx, y - cy);
            var (px, py) = (Math.Floor(place.X + cx + 0.5), Math.Floor(place.Y + cy + 0.5));
            return px < 0 || py < 0 || px >= width || py >= height ? 0 : At((int)px, (int)py, c);
        });
    }
}
