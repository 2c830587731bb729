using System.Formats.Tar;
using System.IO.Compression;
using MlNetCifar.Imaging;
using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// How often windows of 500 answers alarm, with and without drift. Pictures of a test set are divided at random, over and over, into 5,000 for the reference and windows of others,
/// so that without drift both are samples of one thing. Drift: brighter, blurred, a class that the model does not know is there (its pictures turned into noise), other shares of classes.
/// </summary>
internal static class DriftBenchmark
{
    const int Reference = 5000;
    const int Window = 500;

    /// <summary>Arguments: the model's file, an archive (.tar.gz) with <c>test/CLASS/*.jpg</c>, and divisions (1,000), of ten windows each.</summary>
    public static int Run(string[] args)
    {
        using var model = ImageClassifier.Load(args[0]);
        var pictures = Pictures(args[1]);
        var divisions = args.Length > 2 ? int.Parse(args[2], System.Globalization.CultureInfo.InvariantCulture) : 1000;
        var plain = Look(model, pictures, image => image);
        Report("no drift", plain, plain, divisions);
        Report("brightness + 20", plain, Look(model, pictures, image => Map(image, (value, _, _) => Math.Min(255, value + 20))), 10);
        Report("blurred, 3 × 3 mean", plain, Look(model, pictures, image => Map(image, (_, i, original) => Mean(original, i))), 10);
        Report("a tenth of the pictures is noise", plain, Look(model, pictures, Noise), 10);
        int[] skewed = [.. Enumerable.Range(0, plain.Length).Where(i => i % 2 == 0 || pictures[i].Class is "cat" or "dog" or "frog")];
        Report("shares of three classes doubled", plain, [.. skewed.Select(i => plain[i])], 10);
        return 0;
    }

    static (string Class, byte[] File)[] Pictures(string archive)
    {
        using var stream = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress);
        using var tar = new TarReader(stream);
        var pictures = new List<(string, byte[])>();
        while (tar.GetNextEntry() is { } entry)
        {
            var parts = entry.Name.Split('/');
            if (entry.DataStream is null || parts.Length < 3 || parts[^3] != "test")
                continue;
            using var content = new MemoryStream();
            entry.DataStream.CopyTo(content);
            pictures.Add((parts[^2], content.ToArray()));
        }

        return [.. pictures];
    }

    /// <summary>The bins that each picture falls into.</summary>
    static int[][] Look(ImageClassifier model, (string Class, byte[] File)[] pictures, Func<RgbImage, RgbImage> change)
    {
        var preprocessor = new Preprocessor(model.Preprocess);
        var seen = new int[pictures.Length][];
        Parallel.For(0, pictures.Length, i =>
        {
            var image = change(RgbImage.Decode(pictures[i].File, model.Preprocess.ForDecoding()));
            var pixels = new byte[model.Preprocess.Length];
            preprocessor.Apply(image, pixels);
            var one = ReferenceStatistics.Empty(model.Classes);
            one.Add(model.Classify(image, 1), pixels);
            seen[i] = [Array.IndexOf(one.Answers, 1), Array.IndexOf(one.Confidence, 1), Array.IndexOf(one.Brightness, 1), Array.IndexOf(one.Contrast, 1), model.Classes.Length];
        });
        return seen;
    }

    static void Report(string what, int[][] reference, int[][] windows, int divisions)
    {
        var random = new Random(1);
        var (alarms, total) = (new SortedDictionary<string, int>(StringComparer.Ordinal), 0);
        for (var division = 0; division < divisions; division++)
        {
            int[] order = [.. Enumerable.Range(0, reference.Length)];
            random.Shuffle(order);
            var known = Sum(order[..Reference].Select(i => reference[i]));

            // Where the windows are of the same pictures, of those that the reference has not.
            int[] others = windows.Length == reference.Length ? order[Reference..] : [.. Enumerable.Range(0, windows.Length)];
            random.Shuffle(others);
            for (var first = 0; first + Window <= others.Length; first += Window)
            {
                var readings = DriftMonitor.Compare(known, Sum(others[first..(first + Window)].Select(i => windows[i])));
                foreach (var reading in readings.Where(r => r.IsAlarm))
                    alarms[reading.Statistic] = alarms.GetValueOrDefault(reading.Statistic) + 1;
                alarms["any"] = alarms.GetValueOrDefault("any") + (readings.Any(r => r.IsAlarm) ? 1 : 0);
                total++;
            }
        }

        Console.WriteLine($"{what}: of {total} windows of {Window}, alarms {string.Join(", ", alarms.Select(a => $"{a.Key} {a.Value}"))}");
    }

    static ReferenceStatistics Sum(IEnumerable<int[]> bins)
    {
        ReferenceStatistics? sum = null;
        foreach (var bin in bins)
        {
            sum ??= ReferenceStatistics.Empty(Enumerable.Range(0, bin[4]).Select(k => $"{k}"));
            sum.Answers[bin[0]]++;
            sum.Confidence[bin[1]]++;
            sum.Brightness[bin[2]]++;
            sum.Contrast[bin[3]]++;
        }

        return sum!;
    }

    static RgbImage Map(RgbImage image, Func<int, int, RgbImage, int> change)
    {
        var changed = new RgbImage(image.Width, image.Height);
        for (var i = 0; i < image.Pixels.Length; i++)
            changed.Pixels[i] = (byte)change(image.Pixels[i], i, image);
        return changed;
    }

    static int Mean(RgbImage image, int index)
    {
        var (x, y, c) = (index / 3 % image.Width, index / (3 * image.Width), index % 3);
        var (sum, count) = (0, 0);
        for (var row = Math.Max(0, y - 1); row <= Math.Min(image.Height - 1, y + 1); row++)
        {
            for (var column = Math.Max(0, x - 1); column <= Math.Min(image.Width - 1, x + 1); column++, count++)
                sum += image.Row(row)[(3 * column) + c];
        }

        return sum / count;
    }

    static RgbImage Noise(RgbImage image)
    {
        if (image.Pixels[0] % 10 != 0)
            return image;
        var noise = new RgbImage(image.Width, image.Height);
        new Random(image.Pixels[1]).NextBytes(noise.Pixels);
        return noise;
    }
}
