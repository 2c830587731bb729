using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Data;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Data.Augmenting;

/// <summary>The rectangles of random crops and of random erasing.</summary>
[TestClass]
public sealed class RandomBoxTests
{
    [TestMethod]
    public void Crops_OfAnyPicture_LieInItAndKeepTheirRanges()
    {
        var cases =
            from width in Gen.Choose(1, 700)
            from height in Gen.Choose(1, 700)
            from least in Gen.Choose(1, 100)
            from aspect in Gen.Choose(100, 400)
            from seed in Gen.Choose(0, int.MaxValue)
            select (width, height, least: least / 100f, aspect: aspect / 100f, seed: (ulong)seed);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var augmentation = new Augmentation { CropArea = c.least, CropAspect = c.aspect };
            var box = RandomCrop.Of(augmentation, new SplitRandom(c.seed, RandomPurpose.Crop)).PixelsOf(c.width, c.height);
            var again = RandomCrop.Of(augmentation, new SplitRandom(c.seed, RandomPurpose.Crop)).PixelsOf(c.width, c.height);
            var isInside = box.Width >= 1 && box.Height >= 1 && box.Left >= 0 && box.Top >= 0 && box.Left + box.Width <= c.width && box.Top + box.Height <= c.height;

            // Sides are rounded; of a picture that is longer than the ratio allows, the fallback is smaller.
            var mostRatio = Math.Max((box.Width + 0.5) / (box.Height - 0.5), (box.Height + 0.5) / (box.Width - 0.5));
            var isInRange = Math.Min(box.Width, box.Height) < 20 || Math.Max(box.Width / (double)box.Height, box.Height / (double)box.Width) <= c.aspect * 1.06;
            return box == again && isInside && isInRange && mostRatio > 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    [TestMethod]
    public void Crops_OfOneSize_AreUniformInAreaAndCoverThePicture()
    {
        var augmentation = new Augmentation { CropArea = 0.2f, CropAreaMax = 0.6f, CropAspect = 1.25f };
        var boxes = Enumerable.Range(0, 20_000).Select(i => RandomCrop.Of(augmentation, new SplitRandom(1, RandomPurpose.Crop, 0, (ulong)i)).PixelsOf(200, 200)).ToArray();
        double[] areas = [.. boxes.Select(b => b.Width * b.Height / 40_000.0)];
        Assert.AreEqual(0.4, areas.Average(), 0.01);
        Assert.AreEqual(0.25, areas.Count(a => a < 0.3) / 20_000.0, 0.02);
        Assert.IsTrue(areas.All(a => a is > 0.19 and < 0.61));
        Assert.AreEqual(0.5, boxes.Average(b => (b.Left + (b.Width / 2.0)) / 200), 0.01);
        Assert.AreEqual(0.5, boxes.Average(b => (b.Top + (b.Height / 2.0)) / 200), 0.01);
        Assert.AreEqual(1, boxes.Average(b => Math.Exp(Math.Log(b.Width / (double)b.Height))), 0.02);
        Assert.AreEqual(0, boxes.Min(b => b.Left));
        Assert.AreEqual(200, boxes.Max(b => b.Left + b.Width));
    }

    [TestMethod]
    public void Crops_ThatNeverFit_AreCentred()
    {
        var augmentation = new Augmentation { CropArea = 1, CropAspect = 1.5f };
        Assert.AreEqual(new PixelBox(425, 0, 150, 100), RandomCrop.Of(augmentation, default).PixelsOf(1000, 100));
        Assert.AreEqual(new PixelBox(0, 425, 100, 150), RandomCrop.Of(augmentation, default).PixelsOf(100, 1000));
    }

    [TestMethod]
    public void Erasing_HasItsProbabilityAndItsRanges()
    {
        foreach (var probability in new[] { 0f, 0.25f, 1f })
        {
            var boxes = Enumerable.Range(0, 8000).Select(i => RandomErasing.Draw(probability, new SplitRandom(2, RandomPurpose.Erase, 1, (ulong)i), 60, 40)).ToArray();
            Assert.AreEqual(probability, boxes.Count(b => b.Width > 0) / 8000.0, 0.02);
            foreach (var box in boxes.Where(b => b.Width > 0))
            {
                Assert.IsTrue(box.Left >= 0 && box.Top >= 0 && box.Left + box.Width <= 60 && box.Top + box.Height <= 40, $"{box}");
                Assert.IsTrue(box.Width * box.Height is > 30 and < 880, $"{box}");
            }
        }
    }
}
