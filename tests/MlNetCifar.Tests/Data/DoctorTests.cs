using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class DoctorTests
{
    [TestMethod]
    public void Examine_CleanFolder_FindsNothing()
    {
        using var folder = new TestFolder().AddPictures("train/", 2, 10).AddPictures("test/", 2, 4);
        var report = DatasetDoctor.Examine(folder.Root);
        Assert.IsEmpty(report.Findings, string.Join("\n", report.Findings));
        Assert.IsFalse(report.HasErrors);
        Assert.AreEqual(28, report.Count);
        Assert.AreEqual((8, 8, 8), report.Widths);
    }

    [TestMethod]
    public void Examine_FolderOfDefects_FindsEachOfThem()
    {
        using var folder = new TestFolder();
        for (var i = 0; i < 30; i++)
            folder.Add($"train/a/{i:D2}.png", Smooth(i));
        for (var i = 0; i < 8; i++)
            folder.Add($"train/b/{i:D2}.png", Smooth(100 + i));
        folder.Add("train/empty/readme.txt", [1]).Add("test/zebra/1.png", Smooth(500));
        folder.Add("test/a/leak.png", Smooth(3)).Add("test/a/near.png", Smooth(5, brighter: 2)).Add("train/b/same.png", Smooth(7)).Add("train/a/twice.png", Smooth(9));
        folder.Add("train/a/near.png", Smooth(11, brighter: 2));
        folder.Add("train/a/zero.png", []).Add("train/a/text.jpg", "not an image"u8.ToArray()).Add("train/a/lie.jpg", Smooth(50));
        folder.Add("train/a/odd.png", PngEncoder.Encode(TestImages.Pixels(60, 20, 5), 20, 5, 3)).Add("train/a/grey.png", PngEncoder.Encode(TestImages.Pixels(61, 32, 32)[..1024], 32, 32, 1));
        var report = DatasetDoctor.Examine(folder.Root);

        Only(FindingKind.Leak, "train/a/03.png", "test/a/leak.png");
        Only(FindingKind.NearLeak, "train/a/05.png", "test/a/near.png");
        Only(FindingKind.NearDuplicate, "train/a/11.png", "train/a/near.png");
        Only(FindingKind.Contradiction, "train/a/07.png", "train/b/same.png");
        Only(FindingKind.Duplicate, "train/a/09.png", "train/a/twice.png");
        Only(FindingKind.WrongExtension, "train/a/lie.jpg");
        Only(FindingKind.OddSize, "train/a/odd.png");
        Only(FindingKind.Grey, "train/a/grey.png");
        Assert.HasCount(1, Of(FindingKind.Imbalance));
        CollectionAssert.AreEquivalent(new[] { "train/a/zero.png", "train/a/text.jpg" }, Of(FindingKind.Unreadable).SelectMany(f => f.Paths).ToArray());
        CollectionAssert.AreEquivalent(new[] { folder["train/empty"], folder["test/zebra"] }, Of(FindingKind.ClassMismatch).SelectMany(f => f.Paths).ToArray());
        Assert.IsNotEmpty(Of(FindingKind.MissingClass));
        Assert.IsTrue(report.HasErrors);
        Assert.AreEqual(FindingSeverity.Error, report.Findings[0].Severity);

        void Only(FindingKind kind, params string[] paths)
        {
            var findings = Of(kind);
            Assert.HasCount(1, findings, $"{kind}: {string.Join("; ", findings.Select(f => string.Join(",", f.Paths)))}");
            CollectionAssert.AreEquivalent(paths, findings[0].Paths.ToArray());
        }

        Finding[] Of(FindingKind kind) => [.. report.Findings.Where(f => f.Kind == kind)];
    }

    [TestMethod]
    public void Examine_AnyThreads_GivesTheSameReportAsJsonAndPage()
    {
        using var folder = new TestFolder().AddPictures("train/", 2, 10);
        folder.Add("train/class0/<script>&.png", TestImages.Png(200_000)).Add("train/class0/twin.png", TestImages.Png(200_000));
        string? expected = null;
        for (var threads = 1; threads <= 3; threads++)
        {
            var report = DatasetDoctor.Examine(folder.Root, new() { Threads = threads });
            using var json = new MemoryStream();
            using var html = new MemoryStream();
            report.WriteJson(json);
            report.WriteHtml(html);
            var text = System.Text.Encoding.UTF8.GetString(json.ToArray()) + System.Text.Encoding.UTF8.GetString(html.ToArray());
            expected ??= text;
            Assert.AreEqual(expected, text);
            json.Position = 0;
            using var document = JsonDocument.Parse(json);
            Assert.AreEqual(1, document.RootElement.GetProperty("summary").GetProperty("duplicate").GetInt32());
            Assert.AreEqual(2, document.RootElement.GetProperty("findings")[0].GetProperty("paths").GetArrayLength());
        }

        StringAssert.Contains(expected, "data:image/png;base64,");
        StringAssert.Contains(expected, "&lt;script&gt;&amp;.png");
        Assert.DoesNotContain("<script>&", expected![expected.IndexOf("<!doctype", StringComparison.Ordinal)..]);
    }

    [TestMethod]
    public void Examine_Arrays_FindsLeaks()
    {
        var set = TestImages.Random(20);
        using var data = ImageDataset.Create(set, test: set.Subset([4]));
        var leak = DatasetDoctor.Examine(data).Findings.Single(f => f.Kind == FindingKind.Leak);
        CollectionAssert.AreEqual(new[] { "train/row 4", "test/row 4" }, leak.Paths.ToArray());
    }

    [TestMethod]
    public void PerceptualHash_SmallChanges_FlipFewBits()
    {
        var (a, b) = (SmoothPixels(1, 0), SmoothPixels(2, 0));
        var hash = PerceptualHash.Compute(a, 32, 32, 3);
        Assert.AreEqual(0, Distance(hash, PerceptualHash.Compute(SmoothPixels(1, 9), 32, 32, 3)), 3);
        Assert.IsGreaterThan(16, Distance(hash, PerceptualHash.Compute(b, 32, 32, 3)));
        var large = new byte[64 * 64 * 3];
        for (var i = 0; i < large.Length; i++)
            large[i] = a[((((i / 192 / 2) * 32) + (i % 192 / 3 / 2)) * 3) + (i % 3)];
        Assert.AreEqual(hash, PerceptualHash.Compute(large, 64, 64, 3));
        static int Distance(ulong x, ulong y) => System.Numerics.BitOperations.PopCount(x ^ y);
    }

    [TestMethod]
    public void Near_BandSearch_EqualsAllPairs()
    {
        var random = new Random(3);
        var facts = new List<ImageFacts>();
        for (var i = 0; i < 120; i++)
        {
            var pixels = SmoothPixels(i / 4, random.Next(12));
            for (var k = 0; k < random.Next(40); k++)
                pixels[random.Next(pixels.Length)] ^= 64;
            facts.Add(ImageFacts.FromPixels(pixels, 32, 32, 3, $"{i}", default, 0));
        }

        for (var bits = 0; bits <= 8; bits++)
        {
            var expected = new List<(int, int)>();
            for (var a = 0; a < facts.Count; a++)
            {
                for (var b = a + 1; b < facts.Count; b++)
                {
                    if (facts[a].HashDistance(facts[b]) <= bits && facts[a].Content != facts[b].Content && facts[a].Difference(facts[b]) <= 6)
                        expected.Add((a, b));
                }
            }

            Assert.IsNotEmpty(expected);
            CollectionAssert.AreEqual(expected, DuplicateFinder.Near(facts, bits, 6, default));
        }
    }

    static byte[] Smooth(int number, int brighter = 0) => PngEncoder.Encode(SmoothPixels(number, brighter), 32, 32, 3);

    // A few waves of random direction: like a photograph, and unlike noise, it has a shape that small changes leave.
    static byte[] SmoothPixels(int number, int brighter)
    {
        var random = new Random(number);
        var waves = Enumerable.Range(0, 6).Select(_ => (X: random.NextDouble() * 0.6, Y: random.NextDouble() * 0.6, Phase: random.NextDouble() * 6, Channel: random.Next(3))).ToArray();
        var pixels = new byte[32 * 32 * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y) = (i / 3 % 32, i / 96);
            var value = 120.0 + brighter;
            foreach (var wave in waves)
                value += (wave.Channel == i % 3 ? 30 : 12) * Math.Sin((wave.X * x) + (wave.Y * y) + wave.Phase);
            pixels[i] = (byte)Math.Clamp(value, 0, 255);
        }

        return pixels;
    }
}
