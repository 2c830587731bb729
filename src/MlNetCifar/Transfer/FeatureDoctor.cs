using MlNetCifar.Data;

namespace MlNetCifar.Transfer;

/// <summary>
/// What the features of a trained network tell of a data set beyond <see cref="DatasetDoctor"/>: labels that are likely to be wrong, by heads that have not learnt them, and
/// pictures that show nearly the same although their pixels differ (crops, mirror images, other light).
/// </summary>
public static class FeatureDoctor
{
    /// <summary>Pictures of a class from which on its labels can be doubted: one for each fold.</summary>
    const int FewestOfAClass = 5;

    /// <summary>Pictures that are compared with each other; twice as many take four times as long.</summary>
    const int MostCompared = 50_000;

    static readonly FindingKind[] s_ofGroups = [FindingKind.Leak, FindingKind.NearLeak, FindingKind.Contradiction, FindingKind.Duplicate, FindingKind.NearDuplicate];

    /// <summary>Examines a data set, as <see cref="DatasetDoctor.Examine(string, DoctorOptions?, IProgress{LoadProgress}?, CancellationToken)"/> does, and by features too.</summary>
    /// <param name="path">Anything <see cref="ImageDataset.Open"/> opens; arrays and shards must have the backbone's size.</param>
    /// <param name="backbone">Makes the features; only read.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="progress">Told about ten times a second, first of the pictures read, then from 0 again of those whose features are there.</param>
    /// <param name="cancellation">Ends the examination.</param>
    /// <returns>The report; its notes say what was not examined.</returns>
    /// <exception cref="MlNetCifarException">
    /// The data set is missing, empty or damaged as a whole (MNC10xx), its pictures do not fit the backbone (MNC3101), or features are not finite (MNC3103) or cannot be kept (MNC3102).
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static DoctorReport Examine(
        string path, FeatureExtractor backbone, DoctorOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        options ??= new();
        var report = DatasetDoctor.Examine(path, options, progress, cancellation);
        ImageDataset data;
        try
        {
            data = ImageDataset.Open(
                path, new() { Spec = backbone.Preprocess, DecodeOnDemand = true, Files = options.Files with { Tolerant = true }, Decode = options.Decode, Threads = options.Threads }, null, cancellation);
        }
        catch (MlNetCifarException e) when (e.Code.StartsWith("MNC10", StringComparison.Ordinal))
        {
            return report with { Notes = [.. report.Notes, $"Nothing was examined by features: {e.Reason}"] };
        }

        using (data)
            return Examine(report, data, backbone, options, progress, cancellation);
    }

    /// <summary>Adds to a report what features tell.</summary>
    internal static DoctorReport Examine(
        DoctorReport report, ImageDataset data, FeatureExtractor backbone, DoctorOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        var pictures = data.Splits.OrderBy(s => s.Key).SelectMany(s => Enumerable.Range(0, s.Value.Count).Select(i => new Picture(data, s.Key, s.Value, i))).ToArray();
        var transfer = new TransferOptions { Threads = options.Threads, CacheFolder = options.FeatureFolder };
        var (features, done) = (new List<float>(), 0);
        foreach (var (_, source) in data.Splits.OrderBy(s => s.Key))
        {
            var before = done;
            features.AddRange(new FeaturePass(backbone, transfer, progress is null ? null : new Progress(progress, before, pictures.Length), cancellation).Run(source, flipped: false));
            done += source.Count;
        }

        var notes = new List<string>();
        float[] rows = [.. features];
        Finding[] found =
        [
            .. Labels(pictures, rows, data.Classes, transfer, notes, cancellation),
            .. Similar(report, pictures, rows, backbone.Count, data.Classes, options, notes, cancellation),
        ];
        var thumbnails = new Dictionary<string, string>(report.Pictures, StringComparer.Ordinal);
        foreach (var (path, picture) in DatasetDoctor.Thumbnails(found, options.PicturesPerKind, i => pictures[i].Decode()))
            thumbnails.TryAdd(path, picture);
        return report with
        {
            Findings = [.. report.Findings.Concat(found).OrderByDescending(f => f.Severity).ThenBy(f => f.Kind)],
            Pictures = thumbnails,
            Notes = [.. report.Notes, .. notes],
        };
    }

    static IEnumerable<Finding> Labels(Picture[] pictures, float[] features, IReadOnlyList<string> classes, TransferOptions options, List<string> notes, CancellationToken cancellation)
    {
        var counts = new int[classes.Count];
        foreach (var picture in pictures)
            counts[picture.Label]++;
        int[] enough = [.. Enumerable.Range(0, classes.Count).Where(k => counts[k] >= FewestOfAClass)];
        if (counts.Count(c => c is > 0 and < FewestOfAClass) is > 0 and var few)
            notes.Add(FormattableString.Invariant($"The labels of {few:N0} {(few == 1 ? "class" : "classes")} with fewer than {FewestOfAClass} pictures were not examined."));
        if (enough.Length < 2)
            return [];
        int[] examined = [.. Enumerable.Range(0, pictures.Length).Where(i => counts[pictures[i].Label] >= FewestOfAClass)];
        var length = features.Length / pictures.Length;
        int[] labels = [.. examined.Select(i => Array.IndexOf(enough, pictures[i].Label))];
        var rows = new FeatureRows([[.. examined.SelectMany(i => features.AsSpan(i * length, length).ToArray())]], labels, enough.Length);
        var probabilities = new HeadFitter(options, cancellation).CrossValidate(rows);
        return LabelDoubts.Find(probabilities, labels, enough.Length).Select(doubt => Of(
            FindingKind.LikelyMislabelled, pictures, [examined[doubt.Picture]],
            FormattableString.Invariant($"Labelled '{classes[enough[labels[doubt.Picture]]]}', {doubt.Own:P0}; looks like '{classes[enough[doubt.Class]]}', {doubt.Other:P0}.")));
    }

    static IEnumerable<Finding> Similar(
        DoctorReport report, Picture[] pictures, float[] features, int length, IReadOnlyList<string> classes, DoctorOptions options, List<string> notes, CancellationToken cancellation)
    {
        if (pictures.Length > MostCompared)
        {
            notes.Add(FormattableString.Invariant($"Near duplicates were not searched for by features: more than {MostCompared:N0} pictures."));
            return [];
        }

        var known = report.Findings.Where(f => s_ofGroups.Contains(f.Kind)).Select(f => f.Paths.ToHashSet(StringComparer.Ordinal)).ToArray();
        return DuplicateFinder.Connect(FeatureNeighbours.Pairs(features, length, options.NearDuplicateSimilarity, options.Threads, cancellation))
            .Where(group => !known.Any(paths => group.All(i => paths.Contains(pictures[i].Path))))
            .Select(group =>
            {
                var names = string.Join(", ", group.Select(i => classes[pictures[i].Label]).Distinct());
                var splits = group.Select(i => pictures[i].Split).Distinct().Order().Select(ShardManifest.NameOf).ToArray();
                return splits.Length > 1
                    ? Of(FindingKind.NearLeak, pictures, group, $"By their features, nearly the same picture is in {string.Join(" and ", splits)} ({names}).")
                    : Of(FindingKind.NearDuplicate, pictures, group, $"By their features, nearly the same picture is {group.Length} times in {splits[0]} ({names}).");
            });
    }

    static Finding Of(FindingKind kind, Picture[] pictures, int[] images, string message) => new(kind, message, [.. images.Select(i => pictures[i].Path)]) { Images = images };

    /// <summary>One picture of a data set.</summary>
    readonly record struct Picture(ImageDataset Data, DatasetSplit Split, ImageSource Source, int Index)
    {
        public int Label => Source.Label(Index);

        public string Path => Data.Kind is DataKind.Files or DataKind.Manifest ? Source.Name(Index) : $"{ShardManifest.NameOf(Split)}/{Source.Name(Index)}";

        public RgbImage Decode() => DatasetDoctor.ToImage(Source, Index);
    }

    /// <summary>Progress that goes on behind what is done.</summary>
    sealed class Progress(IProgress<LoadProgress> progress, int before, int total) : IProgress<int>
    {
        public void Report(int value) => progress.Report(new(before + value, total, 0));
    }
}
