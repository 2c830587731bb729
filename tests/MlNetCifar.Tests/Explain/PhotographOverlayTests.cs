using MlNetCifar.Explain;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Explain;

/// <summary>Maps over photographs at their own size.</summary>
[TestClass]
public sealed class PhotographOverlayTests
{
    [TestMethod]
    [DataRow(ResizeMode.Stretch)]
    [DataRow(ResizeMode.CenterCrop)]
    [DataRow(ResizeMode.FitPad)]
    [DataRow(ResizeMode.ShorterSideCrop)]
    public void SeenPart_IsWhatThePreprocessorShows(ResizeMode mode)
    {
        foreach (var (width, height) in new[] { (500, 374), (374, 500), (300, 300), (900, 120) })
        {
            // Red rises with the column and green with the row, so that every input pixel tells where it is from.
            var photograph = new RgbImage(width, height);
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                    (photograph.Row(y)[3 * x], photograph.Row(y)[(3 * x) + 1]) = ((byte)(255 * x / (width - 1)), (byte)(255 * y / (height - 1)));
            }

            var spec = new PreprocessSpec { Width = 40, Height = 32, Resize = mode, PadColor = 0x0000FF };
            var pixels = new byte[spec.Length];
            new Preprocessor(spec).Apply(photograph, pixels);
            var seen = SeenPart.Of(spec, width, height);
            for (var y = 1; y < spec.Height - 1; y++)
            {
                for (var x = 1; x < spec.Width - 1; x++)
                {
                    var (left, top) = (seen.Left + ((x + 0.5) * seen.Width / spec.Width), seen.Top + ((y + 0.5) * seen.Height / spec.Height));
                    var at = 3 * ((y * spec.Width) + x);
                    if (pixels[at + 2] > 60)
                    {
                        // Padding, or its blurred edge.
                        Assert.IsTrue(left < 12 || top < 12 || left > width - 12 || top > height - 12, $"{mode} {width}×{height} at {x}, {y}");
                        continue;
                    }

                    Assert.AreEqual(255 * left / width, pixels[at], 6, $"{mode} {width}×{height} column at {x}, {y}");
                    Assert.AreEqual(255 * top / height, pixels[at + 1], 6, $"{mode} {width}×{height} row at {x}, {y}");
                }
            }
        }
    }

    [TestMethod]
    public void Draw_HasThePhotographAtItsOwnSize_TheMap_AndABar()
    {
        var photograph = Grey(500, 374);
        var drawn = HeatmapOverlay.Draw(Map(8, 8, at: 63), photograph, new PreprocessSpec { Width = 8, Height = 8 });
        Assert.AreEqual(374, drawn.Height);
        Assert.AreEqual((2 * 500) + 16 + 22, drawn.Width);
        Assert.AreEqual((byte)100, drawn.Row(10)[30]);

        // Yellow where the map has its only value, in the lower right corner; dark in the upper left.
        var (hot, cold) = (drawn.Row(370)[(3 * (508 + 495))..].ToArray(), drawn.Row(5)[(3 * (508 + 5))..].ToArray());
        Assert.IsGreaterThan(200, (int)hot[0]);
        Assert.IsGreaterThan(180, (int)hot[1]);
        Assert.IsLessThan(100, (int)cold[0]);
        CollectionAssert.AreEqual(new byte[] { 252, 232, 120 }, drawn.Row(0).Slice(3 * 1020, 3).ToArray());
        CollectionAssert.AreEqual(new byte[] { 14, 12, 48 }, drawn.Row(373).Slice(3 * 1020, 3).ToArray());
    }

    [TestMethod]
    [DataRow(16, 520, 256)]
    [DataRow(32, 520, 256)]
    [DataRow(64, 520, 256)]
    [DataRow(128, 520, 256)]
    [DataRow(300, 608, 300)]
    public void Size_IsThatOfWhatIsDrawnOfAMap(int side, int width, int height)
    {
        Assert.AreEqual(new ImageSize(width, height), HeatmapOverlay.Size(side, side));
        var drawn = HeatmapOverlay.Draw(Map(side, side, at: 0), new byte[side * side * 3], 3);
        Assert.AreEqual((width, height), (drawn.Width, drawn.Height));
    }

    [TestMethod]
    public void Draw_ShowsWhatIsNotSeenPale()
    {
        var drawn = HeatmapOverlay.Draw(Map(8, 8, at: 0), Grey(600, 300), new PreprocessSpec { Width = 8, Height = 8, Resize = ResizeMode.CenterCrop });
        CollectionAssert.AreEqual(new byte[] { 193, 193, 193 }, drawn.Row(150).Slice(3 * (608 + 20), 3).ToArray());
        Assert.IsLessThan((byte)193, drawn.Row(150)[3 * (608 + 300)]);
    }

    [TestMethod]
    public void Draw_OfADegenerateMap_LeavesThePhotograph()
    {
        var map = Map(8, 8, at: 0) with { Degenerate = true, Values = new float[64] };
        CollectionAssert.AreEqual(new byte[] { 100, 100, 100 }, HeatmapOverlay.Draw(map, Grey(300, 300), new PreprocessSpec { Width = 8, Height = 8 }).Row(150).Slice(3 * (308 + 150), 3).ToArray());
    }

    [TestMethod]
    [DataRow(32, 32, 256, 256)]
    [DataRow(100, 50, 600, 300)]
    [DataRow(500, 374, 500, 374)]
    [DataRow(4000, 3000, 2000, 1500)]
    [DataRow(2048, 10, 2048, 10)]
    [DataRow(5, 2000, 5, 2000)]
    public void Pictures_AreEnlargedOrShrunkByWholeFactors(int width, int height, int expectedWidth, int expectedHeight)
    {
        var scaled = OverlayFrame.Scaled(Grey(width, height), 256, 2048);
        Assert.AreEqual((expectedWidth, expectedHeight), (scaled.Width, scaled.Height));
        Assert.IsTrue(scaled.Pixels.ToArray().All(value => value == 100));
    }

    [TestMethod]
    public void Captioned_HasTheDrawing_NumbersAtTheBar_AndTheLines()
    {
        var (map, photograph, spec) = (Map(8, 8, at: 63), Grey(500, 374), new PreprocessSpec { Width = 8, Height = 8 });
        var drawing = HeatmapOverlay.Draw(map, photograph, spec);
        var captioned = HeatmapOverlay.DrawCaptioned(map, photograph, spec, "cat 63.1 %", "photos/a.jpg");
        for (var y = 0; y < drawing.Height; y++)
            Assert.IsTrue(captioned.Row(y)[..(3 * drawing.Width)].SequenceEqual(drawing.Row(y)));

        // The left stroke of the letter l of "l": a column of dots two pixels wide; the line below it is lighter.
        var text = HeatmapOverlay.DrawCaptioned(map, photograph, spec, "||||", "");
        var top = drawing.Height + 8;
        for (var y = top; y < top + 14; y++)
            CollectionAssert.AreEqual(new byte[] { 255, 0, 0, 255 }, Enumerable.Range(11, 4).Select(x => text.Row(y)[3 * x]).ToArray(), $"row {y}");
        Assert.IsTrue(text.Row(top + 14).ToArray().All(value => value == 255));
        Assert.IsTrue(Enumerable.Range(0, 374).Any(y => text.Row(y)[(3 * drawing.Width)..].ContainsAnyExcept((byte)255)), "numbers beside the bar");
    }

    [TestMethod]
    [DataRow("photo.jpg", 20, "photo.jpg")]
    [DataRow("a/long/path/to/a/photo.jpg", 15, "a/lo.../photo.jpg")]
    [DataRow("café Zürich", 20, "cafe Zurich")]
    [DataRow("abcdef", 2, "ab")]
    public void Text_ThatDoesNotFit_LosesItsMiddle(string text, int most, string expected)
    {
        var shortened = CaptionText.Shortened(text, most);
        Assert.IsLessThanOrEqualTo(most, shortened.Length);
        if (expected.Length <= most)
            Assert.AreEqual(expected, shortened);
        else
            Assert.IsTrue(shortened.Contains("...", StringComparison.Ordinal) && text.EndsWith(shortened[^6..], StringComparison.Ordinal));
    }

    [TestMethod]
    public void Letters_DifferFromEachOther_AndOthersAreBoxes()
    {
        string Drawn(char letter)
        {
            var image = new RgbImage(5, 7);
            CaptionText.Draw(image, $"{letter}", 0, 0, 1, 255);
            return Convert.ToHexString(image.Pixels);
        }

        var all = Enumerable.Range(' ', '~' - ' ' + 1).Select(code => Drawn((char)code)).Append(Drawn('猫')).ToArray();
        Assert.AreEqual(all.Length, all.Distinct().Count());
        Assert.AreEqual(Drawn('猫'), Drawn('\u0007'));
    }

    [TestMethod]
    public void Draw_RefusesAnotherSize() =>
        Assert.ThrowsExactly<ArgumentException>(() => HeatmapOverlay.Draw(Map(8, 8, at: 0), Grey(20, 20), new PreprocessSpec { Width = 16, Height = 8 }));

    static RgbImage Grey(int width, int height)
    {
        var image = new RgbImage(width, height);
        image.Pixels.Fill(100);
        return image;
    }

    static Heatmap Map(int width, int height, int at)
    {
        var values = new float[width * height];
        values[at] = 1;
        return new() { Width = width, Height = height, Values = values, Class = 0, Probability = 0.5f, Degenerate = false };
    }
}
