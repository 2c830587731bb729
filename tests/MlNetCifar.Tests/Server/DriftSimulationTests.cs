using MlNetCifar.Server.Monitoring;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Server;

/// <summary>
/// Drift on real pictures: a small network is trained on nine classes of CIFAR-10, its reference is taken of half of the test pictures of these, and traffic of the other half, changed or not,
/// is compared with it in windows of 500. The whole of CIFAR-10 where MLNETCIFAR_SHARED names it, else the sample.
/// </summary>
[TestClass]
public sealed class DriftSimulationTests
{
    const int Window = 500;
    const int Unseen = 8;

    static readonly Dictionary<string, Seen[]> s_traffic = [];
    static string[] s_classes = [];

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        var full = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_SHARED") ?? "", "data", "cifar10-jpeg.tar.gz");
        using var data = ImageDataset.Open(File.Exists(full) ? full : Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz"));
        s_classes = [.. data.Train.Classes.Where((_, k) => k != Unseen)];
        var (train, validation) = Known(data.Train.Sample(8000, 1)).Split(0.8, 1);
        var result = new Trainer(Architectures.Create("seed-cnn", 32, 32, 3, s_classes.Length), new TrainingOptions { Epochs = 4, BatchSize = 64 }).Fit(train, validation);
        using var trained = result.ToClassifier(data.Spec!);
        using var model = trained.Calibrate(validation);
        var known = Pixels(data.Test!, label => label != Unseen);
        s_traffic["none"] = Answer(model, known);
        s_traffic["brighter by a tenth"] = Answer(model, Change(known, p => Map(p, v => v * 1.1)));
        s_traffic["brighter by a fifth"] = Answer(model, Change(known, p => Map(p, v => v * 1.2)));
        s_traffic["blurred over 3 × 3 pixels"] = Answer(model, Change(known, Blur));
        s_traffic["class that was never seen"] = Answer(model, Pixels(data.Test!, label => label == Unseen));
        Console.WriteLine($"accuracy {s_traffic["none"].Average(s => s.Answer == s.Label ? 1.0 : 0):P1} on {known.Count} pictures of {s_classes.Length} classes");
    }

    /// <summary>At most one window in 10,000 may raise an alarm. Of 10,000, each against one of 50 references, that is 1; more than 6 has a probability below 1e-4.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void WithoutDrift_AlarmsAreRare()
    {
        var random = new Random(1);
        var alarms = 0;
        const int references = 50, windows = 200;
        for (var r = 0; r < references; r++)
        {
            var (reference, rest) = Halves(random);
            for (var w = 0; w < windows; w++)
            {
                random.Shuffle(rest);
                alarms += Alarms(reference, rest.AsSpan(0, Math.Min(Window, rest.Length / 2))) ? 1 : 0;
            }
        }

        Console.WriteLine($"{alarms} alarms in {references * windows} windows without drift");
        Assert.IsLessThanOrEqualTo(6, alarms);
    }

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("brighter by a fifth", 1.0, 1000, 40)]
    [DataRow("brighter by a tenth", 1.0, 5000, 40)]
    [DataRow("blurred over 3 × 3 pixels", 1.0, 1000, 40)]
    [DataRow("class that was never seen", 0.3, 3000, 40)]

    // A network that is right on half of the pictures sees little of this.
    [DataRow("one class four times as often", 1.0, 20_000, 34)]
    public void Drift_IsDetected(string kind, double share, int within, int least)
    {
        const int runs = 40;
        var random = new Random(2);
        var found = new List<int>();
        for (var run = 0; run < runs; run++)
        {
            var (reference, rest) = Halves(random);
            var shifted = rest.SelectMany((s, i) => Enumerable.Repeat(i, s.Label == 3 ? 4 : 1)).ToArray();
            var requests = 0;
            for (var isFound = false; !isFound && requests < within;)
            {
                var window = new Seen[Window];
                for (var i = 0; i < Window; i++)
                {
                    window[i] = random.NextDouble() >= share ? rest[random.Next(rest.Length)]
                        : kind.StartsWith("one class", StringComparison.Ordinal) ? rest[shifted[random.Next(shifted.Length)]] : s_traffic[kind][random.Next(s_traffic[kind].Length)];
                }

                requests += Window;
                isFound = Alarms(reference, window);
                if (isFound)
                    found.Add(requests);
            }
        }

        Console.WriteLine($"{kind}, {share:P0} of the traffic: found in {found.Count} of {runs} runs, after {(found.Count > 0 ? $"{found.Order().ElementAt(found.Count / 2)} requests in the middle run, {found.Max()} at most" : "none")}");
        Assert.IsGreaterThanOrEqualTo(least, found.Count);
    }

    static (Seen[] Reference, Seen[] Traffic) Halves(Random random)
    {
        Seen[] all = [.. s_traffic["none"]];
        random.Shuffle(all);
        return (all[..(all.Length / 2)], all[(all.Length / 2)..]);
    }

    static bool Alarms(ReadOnlySpan<Seen> reference, ReadOnlySpan<Seen> window) => DriftMonitor.Compare(Count(reference), Count(window)).Any(reading => reading.IsAlarm);

    static ReferenceStatistics Count(ReadOnlySpan<Seen> pictures)
    {
        var statistics = ReferenceStatistics.Empty(s_classes);
        foreach (var picture in pictures)
        {
            statistics.Answers[picture.Answer]++;
            statistics.Confidence[picture.Confidence]++;
            statistics.Brightness[picture.Brightness]++;
            statistics.Contrast[picture.Contrast]++;
        }

        return statistics;
    }

    /// <summary>Answers pictures; of each is kept where it falls in the statistics.</summary>
    static Seen[] Answer(ImageClassifier model, IReadOnlyList<(byte[] Pixels, int Label)> pictures)
    {
        using var batches = new BatchClassifier(model, 64);
        return [.. pictures.Chunk(64).SelectMany(chunk => batches.Classify([.. chunk.Select(p => (ReadOnlyMemory<byte>)p.Pixels)], 1).Zip(chunk, (answer, picture) =>
        {
            var one = ReferenceStatistics.Empty(s_classes);
            one.Add(answer, picture.Pixels);
            return new Seen(picture.Label, one.Answers.IndexOf(1), one.Confidence.IndexOf(1), one.Brightness.IndexOf(1), one.Contrast.IndexOf(1));
        }))];
    }

    static ImageSet Known(ImageSource source)
    {
        var pictures = Pixels(source, label => label != Unseen);
        return new ImageSet([.. pictures.SelectMany(p => p.Pixels)], [.. pictures.Select(p => p.Label)], 32, 32, 3, s_classes);
    }

    /// <summary>Pictures of some classes; labels are those of the nine.</summary>
    static List<(byte[] Pixels, int Label)> Pixels(ImageSource source, Func<int, bool> wanted)
    {
        var pictures = new List<(byte[], int)>();
        for (var i = 0; i < source.Count; i++)
        {
            if (!wanted(source.Label(i)))
                continue;
            var pixels = new byte[source.ImageLength];
            source.CopyPixels(i, pixels);
            pictures.Add((pixels, source.Label(i) - (source.Label(i) > Unseen ? 1 : 0)));
        }

        return pictures;
    }

    static List<(byte[] Pixels, int Label)> Change(IEnumerable<(byte[] Pixels, int Label)> pictures, Func<byte[], byte[]> change) => [.. pictures.Select(p => (change(p.Pixels), p.Label))];

    static byte[] Map(byte[] pixels, Func<double, double> map) => [.. pixels.Select(v => (byte)Math.Clamp(Math.Round(map(v)), 0, 255))];

    static byte[] Blur(byte[] pixels)
    {
        const int side = 32;
        var blurred = new byte[pixels.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (y, x, c) = (i / (3 * side), i / 3 % side, i % 3);
            var sum = 0;
            for (var dy = -1; dy <= 1; dy++)
                for (var dx = -1; dx <= 1; dx++)
                    sum += pixels[(3 * ((Math.Clamp(y + dy, 0, side - 1) * side) + Math.Clamp(x + dx, 0, side - 1))) + c];
            blurred[i] = (byte)(sum / 9);
        }

        return blurred;
    }

    /// <summary>A picture's label, and where it and its answer fall in the statistics.</summary>
    readonly record struct Seen(int Label, int Answer, int Confidence, int Brightness, int Contrast);
}
