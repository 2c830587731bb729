using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary><c>doctor data</c>: reads every image of a data set once and lists what may spoil a model or falsify its figures.</summary>
public static class DatasetDoctor
{
    const int ThumbnailSide = 96;

    /// <summary>Examines a data set.</summary>
    /// <param name="path">Anything <see cref="ImageDataset.Open"/> opens.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="progress">Told about ten times a second.</param>
    /// <param name="cancellation">Ends the examination.</param>
    /// <exception cref="MlNetCifarException">The data set is missing, empty or damaged as a whole (MNC10xx).</exception>
    public static DoctorReport Examine(
        string path, DoctorOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new();
        var files = options.Files with { Tolerant = true };
        var opener = new DatasetOpener(new() { Files = files, Decode = options.Decode, Threads = options.Threads }, null, cancellation);
        var (loaded, catalog) = opener.Recognise(path);
        using (loaded)
        using (catalog)
            return loaded is not null ? Examine(loaded, options, progress, cancellation) : Examine(catalog!, options, progress, cancellation);
    }

    /// <summary>Examines an opened data set, whose pictures have already been preprocessed.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="progress">Told about ten times a second.</param>
    /// <param name="cancellation">Ends the examination.</param>
    public static DoctorReport Examine(
        ImageDataset data, DoctorOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        options ??= new();
        var rows = data.Splits.OrderBy(s => s.Key).SelectMany(s => Enumerable.Range(0, s.Value.Count).Select(i => (Split: s.Key, Source: s.Value, Index: i))).ToArray();
        var facts = new ImageFacts[rows.Length];
        var counter = new ProgressCounter(rows.Length, progress);
        Run(options.Threads, rows.Length, cancellation, i =>
        {
            var (split, source, index) = rows[i];
            var pixels = new byte[source.ImageLength];
            source.CopyPixels(index, pixels);
            facts[i] = ImageFacts.FromPixels(pixels, source.Width, source.Height, source.Channels, $"{Data.ShardManifest.NameOf(split)}/{source.Name(index)}", split, source.Label(index));
            counter.Advance(false);
        });
        var report = new FindingsBuilder(data.Path, data.Classes, facts, options).Build(
            [], [.. data.BadFiles.Select(b => new Finding(FindingKind.Unreadable, b.Reason, [b.Path], b.Code))], cancellation);
        return report with { Pictures = Thumbnails(report.Findings, options.PicturesPerKind, i => ToImage(rows[i].Source, rows[i].Index)) };
    }

    static DoctorReport Examine(ImageCatalog catalog, DoctorOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        var images = catalog.List;
        var facts = new ImageFacts[images.Count];
        var slots = new Dictionary<int, int>(images.Count);
        for (var i = 0; i < images.Count; i++)
            slots.Add(images.File(i), i);
        var counter = new ProgressCounter(images.Count, progress);
        using var cursor = catalog.Tree.ReadAll([.. Enumerable.Range(0, images.Count).Select(images.File)]);
        Run(options.Threads, options.Threads, cancellation, _ =>
        {
            byte[] buffer = [];
            while (!cancellation.IsCancellationRequested && cursor.TryRead(ref buffer, out var file, out var length, out var fault))
            {
                var image = images[slots[file]];
                fault ??= length < catalog.Tree.Files[file].Length ? FileErrors.ShortRead(image.Path, length, catalog.Tree.Files[file].Length) : null;
                var examined = fault is null
                    ? ImageFacts.FromFile(buffer.AsSpan(0, length), image.Path, image.Split, image.Label, options.Decode)
                    : ImageFacts.Unreadable(ImageReading.Describe(image.Path, fault), image.Path, image.Split, image.Label);
                facts[slots[file]] = examined;
                counter.Advance(examined.Fault is not null);
            }
        });
        var before = catalog.Problems.Select(p => new Finding(FindingKind.ClassMismatch, p.Reason, [p.Path ?? catalog.Origin], p.Code))
            .Concat(catalog.BadFiles.Select(b => new Finding(FindingKind.Unreadable, b.Reason, [b.Path], b.Code)));
        var report = new FindingsBuilder(catalog.Origin, catalog.Classes, facts, options).Build(catalog.Warnings, [.. before], cancellation);
        return report with { Pictures = Thumbnails(report.Findings, options.PicturesPerKind, i => Decode(catalog, images[i], options)) };
    }

    static void Run(int threads, int blocks, CancellationToken cancellation, Action<int> work)
    {
        using var pool = new WorkerPool(threads);
        var job = new Job(work, cancellation);
        pool.Run(ref job, blocks);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Small pictures of findings, as data addresses by path.</summary>
    /// <param name="findings">Those of them that are shown have pictures.</param>
    /// <param name="perKind">How many of a kind are shown.</param>
    /// <param name="decode">Opens a picture by its number.</param>
    internal static Dictionary<string, string> Thumbnails(IEnumerable<Finding> findings, int perKind, Func<int, RgbImage> decode)
    {
        var pictures = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var finding in findings.GroupBy(f => f.Kind).SelectMany(g => g.Take(perKind)))
        {
            for (var i = 0; i < finding.Images.Count; i++)
            {
                if (finding.Kind == FindingKind.Unreadable || pictures.ContainsKey(finding.Paths[i]))
                    continue;
                try
                {
                    var small = AreaShrink.Thumbnail(decode(finding.Images[i]), ThumbnailSide);
                    var file = PngEncoder.Encode(small.Pixels, small.Width, small.Height, 3);
                    pictures.Add(finding.Paths[i], "data:image/png;base64," + Convert.ToBase64String(file));
                }
                catch (MlNetCifarException)
                {
                    // The file went away since; the finding stands without its picture.
                }
            }
        }

        return pictures;
    }

    static RgbImage Decode(ImageCatalog catalog, ImageRef image, DoctorOptions options) =>
        ImageDecoder.Decode(catalog.Read(image), options.Decode with { AllowTruncated = true }, image.Path);

    /// <summary>A preprocessed picture as an image.</summary>
    internal static RgbImage ToImage(ImageSource source, int index)
    {
        var pixels = new byte[source.ImageLength];
        source.CopyPixels(index, pixels);
        var image = new RgbImage(source.Width, source.Height);
        for (var i = 0; i < image.Pixels.Length; i++)
            image.Pixels[i] = pixels[source.Channels == 3 ? i : i / 3];
        return image;
    }

    readonly struct Job(Action<int> work, CancellationToken cancellation) : IParallelJob
    {
        public void Execute(int block, int worker)
        {
            if (!cancellation.IsCancellationRequested)
                work(block);
        }
    }
}
