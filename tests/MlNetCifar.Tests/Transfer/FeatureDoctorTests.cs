using MlNetCifar.App.Cli;
using MlNetCifar.Data;
using MlNetCifar.Imaging;
using MlNetCifar.Pretrained;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Onnx;
using MlNetCifar.Transfer;

namespace MlNetCifar.Tests.Transfer;

/// <summary>What features tell of a data set: labels that were swapped on purpose, and pictures that were changed a little.</summary>
[TestClass]
public sealed class FeatureDoctorTests
{
    [TestMethod]
    public void SwappedLabels_AreFound_AndShown()
    {
        using var folder = new Pictures();
        var data = Noisy(folder, 40);
        foreach (var (from, to, number) in new[] { ("red", "green", 3), ("red", "blue", 20), ("green", "red", 7), ("blue", "green", 31) })
            File.Move(Path.Combine(data, from, $"{number:000}.png"), Path.Combine(data, to, $"swapped{number}.png"));
        using var model = SmallBackbone.Classifier();
        model.Save(folder["net.safetensors"]);
        var run = Cli.Run("doctor", "data", data, "--backbone", folder["net.safetensors"], "--cache", "none", "--output", folder.Runs);
        Assert.AreEqual(ExitCodes.Ok, run.ExitCode, run.Error);
        StringAssert.Contains(run.Out, "warning: likely-mislabelled: 4");
        using var backbone = FeatureExtractor.Of(model);
        foreach (var threads in new[] { 1, 3 })
        {
            var report = FeatureDoctor.Examine(data, backbone, new DoctorOptions { Threads = threads });
            var doubts = report.Findings.Where(f => f.Kind == FindingKind.LikelyMislabelled).ToArray();
            CollectionAssert.AreEquivalent(new[] { "blue/swapped20.png", "green/swapped3.png", "green/swapped31.png", "red/swapped7.png" }, doubts.SelectMany(f => f.Paths).ToArray());
            StringAssert.Contains(doubts.Single(f => f.Paths[0] == "green/swapped31.png").Message, "Labelled 'green'");
            StringAssert.Contains(doubts.Single(f => f.Paths[0] == "green/swapped31.png").Message, "looks like 'blue'");
            using var html = new MemoryStream();
            report.WriteHtml(html);
            var page = System.Text.Encoding.UTF8.GetString(html.ToArray());
            StringAssert.Contains(page, "Likely wrong labels");
            StringAssert.Contains(page, "title=\"green/swapped31.png\" src=\"data:image/png;base64,");
        }
    }

    [TestMethod]
    public void FewPictures_AndDataThatCannotBeOpened_AreNoted()
    {
        using var folder = new Pictures();
        var data = Noisy(folder, 12);
        folder.Write("data/rare/1.png", File.ReadAllBytes(Path.Combine(data, "red", "001.png")));
        using var backbone = SmallBackbone.Create();
        var report = FeatureDoctor.Examine(data, backbone, new DoctorOptions { NearDuplicateSimilarity = 0.99999 });
        StringAssert.Contains(report.Notes.Single(), "1 class with fewer than 5 pictures");
        Assert.IsFalse(report.Findings.Any(f => f.Kind == FindingKind.LikelyMislabelled && f.Paths[0].StartsWith("rare", StringComparison.Ordinal)));

        // Equal pictures were found by their pixels, and are not told twice.
        Assert.HasCount(1, report.Findings.Where(f => f.Paths.Contains("rare/1.png") && f.Paths.Count > 1).ToArray());
        folder.Text("bad/a/1.png", "no picture").Text("bad/b/1.png", "no picture");
        var bad = FeatureDoctor.Examine(folder["bad"], backbone);
        Assert.IsTrue(bad.HasErrors);
        StringAssert.StartsWith(bad.Notes.Single(), "Nothing was examined by features: ");
    }

    [TestMethod]
    public void Doubts_NeedAProbabilityThatIsUsualForTheOtherClass()
    {
        int[] labels = [0, 0, 0, 1, 1, 1];

        // Usual are 0.6 for class 0 and 0.5 for class 1.
        float[] probabilities = [0.9f, 0.1f, 0.8f, 0.2f, 0.1f, 0.9f, 0.2f, 0.8f, 0.55f, 0.45f, 0.75f, 0.25f];
        CollectionAssert.AreEqual(
            new[] { new LabelDoubt(2, 1, 0.1f, 0.9f), new LabelDoubt(5, 0, 0.25f, 0.75f) }, LabelDoubts.Find(probabilities, labels, 2));
    }

    [TestMethod]
    [DataRow(3, 2)]
    [DataRow(511, 7)]
    [DataRow(1100, 20)]
    public void Neighbours_AreThoseOfAllPairs(int count, int length)
    {
        var random = new Random(count);
        var features = new float[count * length];
        for (var i = 0; i < features.Length; i++)
            features[i] = 5 + random.NextSingle();
        for (var twin = 0; twin < count / 3; twin++)
            for (var d = 0; d < length; d++)
                features[((count - 1 - twin) * length) + d] = features[(twin * length) + d] + (0.02f * random.NextSingle());
        double[] means = [.. Enumerable.Range(0, length).Select(d => Enumerable.Range(0, count).Average(row => (double)features[(row * length) + d]))];
        var expected = new List<(int, int)>();
        for (var a = 0; a < count; a++)
            for (var b = a + 1; b < count; b++)
                if (Cosine(a, b) >= 0.99)
                    expected.Add((a, b));
        Assert.IsNotEmpty(expected);
        CollectionAssert.AreEquivalent(expected, FeatureNeighbours.Pairs(features, length, 0.99, 2, CancellationToken.None).ToArray());

        double Cosine(int a, int b)
        {
            double product = 0, first = 0, second = 0;
            for (var d = 0; d < length; d++)
            {
                var (x, y) = (features[(a * length) + d] - means[d], features[(b * length) + d] - means[d]);
                (product, first, second) = (product + (x * y), first + (x * x), second + (y * y));
            }

            return product / Math.Sqrt(first * second);
        }
    }

    /// <summary>One label of 21 is wrong, and of some photographs there is a second copy that is cropped, mirrored or darker. Found were 16 of 20 labels, none wrongly, and 22 of 58 copies.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Photographs_SwappedLabelsAndChangedCopies_AreFound()
    {
        using var folder = new Pictures();
        var all = PackagedModels.Photographs().Select(p => (Label: p.Name.Contains("/Cat/", StringComparison.Ordinal) ? "cat" : "dog", p.File)).ToLookup(p => p.Label, p => p.File);
        (string Label, byte[] Content)[] photographs = [.. all["cat"].Take(200).Zip(all["dog"].Take(200), (cat, dog) => new[] { ("cat", cat), ("dog", dog) }).SelectMany(pair => pair)];
        var swapped = new HashSet<string>();
        for (var i = 0; i < photographs.Length; i++)
        {
            var (label, content) = photographs[i];
            var isSwapped = i % 21 == 0;
            var path = $"{(isSwapped ? label == "cat" ? "dog" : "cat" : label)}/{i:000}.jpg";
            folder.Write($"photos/{path}", content);
            if (isSwapped)
                swapped.Add(path);
        }

        var copies = new List<string>();
        for (var i = 1; i < 61; i++)
            if (i % 21 != 0)
            {
                var (label, content) = photographs[i];
                folder.Write($"photos/{label}/{i:000}copy.png", Changed(ImageDecoder.Decode(content), i % 3));
                copies.Add($"{label}/{i:000}copy.png");
            }

        using var backbone = new PretrainedBackbones().Open("resnet18");
        var report = FeatureDoctor.Examine(folder["photos"], backbone);
        var doubted = report.Findings.Where(f => f.Kind == FindingKind.LikelyMislabelled).SelectMany(f => f.Paths).ToArray();
        var found = doubted.Count(swapped.Contains);
        var groups = report.Findings.Where(f => f.Kind == FindingKind.NearDuplicate).ToArray();
        var (again, others) = (copies.Count(c => groups.Any(g => g.Paths.Contains(c) && g.Paths.Contains(c.Replace("copy.png", ".jpg", StringComparison.Ordinal)))),
            groups.Count(g => !g.Paths.Any(p => p.Contains("copy", StringComparison.Ordinal))));
        Console.WriteLine($"{found} of {swapped.Count} swapped labels among {doubted.Length} doubted; {again} of {copies.Count} changed copies; {others} groups without a copy");
        Assert.IsGreaterThanOrEqualTo(0.75 * swapped.Count, found);
        Assert.IsLessThanOrEqualTo(0.05 * 400, doubted.Length - found);
        Assert.IsGreaterThanOrEqualTo(0.35 * copies.Count, again);
        Assert.IsLessThanOrEqualTo(4, others);
    }

    /// <summary>Three classes, no two pictures alike.</summary>
    static string Noisy(Pictures folder, int count)
    {
        var random = new Random(1);
        foreach (var (label, channel) in new[] { ("blue", 2), ("green", 1), ("red", 0) })
            for (var i = 0; i < count; i++)
            {
                var pixels = new byte[20 * 18 * 3];
                for (var p = 0; p < pixels.Length; p++)
                    pixels[p] = (byte)((p % 3 == channel ? 150 : 80) + random.Next(100));
                folder.Write($"data/{label}/{i:000}.png", PngEncoder.Encode(pixels, 20, 18, 3));
            }

        return folder["data"];
    }

    static byte[] Changed(RgbImage image, int kind)
    {
        var (width, height) = kind == 0 ? (image.Width * 9 / 10, image.Height * 9 / 10) : (image.Width, image.Height);
        var pixels = new byte[width * height * 3];
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                for (var c = 0; c < 3; c++)
                {
                    var from = image.Pixels[(((y * image.Width) + (kind == 1 ? width - 1 - x : x)) * 3) + c];
                    pixels[(((y * width) + x) * 3) + c] = (byte)(kind == 2 ? from * 3 / 4 : from);
                }

        return PngEncoder.Encode(pixels, width, height, 3);
    }
}
