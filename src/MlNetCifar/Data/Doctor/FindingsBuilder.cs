using MlNetCifar.Imaging;

namespace MlNetCifar.Data;

/// <summary>Draws conclusions from the facts of all pictures.</summary>
internal sealed class FindingsBuilder(string path, IReadOnlyList<string> classes, IReadOnlyList<ImageFacts> facts, DoctorOptions options)
{
    readonly List<Finding> _findings = [];

    public DoctorReport Build(IReadOnlyList<string> warnings, IReadOnlyList<Finding> before, CancellationToken cancellation)
    {
        _findings.AddRange(before);
        foreach (var warning in warnings)
            Add(FindingKind.MissingClass, warning);
        for (var i = 0; i < facts.Count; i++)
            Each(i);
        Sizes();
        (DatasetSplit Split, IReadOnlyList<int> Classes)[] splits = [.. facts.GroupBy(f => f.Split).OrderBy(g => g.Key).Select(g => (g.Key, Counts(g)))];
        Balance(splits);
        Duplicates(cancellation);
        var readable = facts.Where(f => f.Fault is null).ToArray();
        return new()
        {
            Path = path,
            Classes = classes,
            Splits = splits,
            Findings = [.. _findings.OrderByDescending(f => f.Severity).ThenBy(f => f.Kind)],
            Widths = Range(readable.Select(f => f.Width)),
            Heights = Range(readable.Select(f => f.Height)),
        };
    }

    static (int Least, int Median, int Most) Range(IEnumerable<int> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? default : (sorted[0], sorted[sorted.Length / 2], sorted[^1]);
    }

    static bool ExtensionFits(string path, ImageFormat format) => System.IO.Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".jpg" or ".jpeg" or ".jpe" or ".jfif" or ".jif" or ".mpo" => format == ImageFormat.Jpeg,
        ".png" or ".apng" => format == ImageFormat.Png,
        ".bmp" or ".dib" => format == ImageFormat.Bmp,
        ".gif" => format == ImageFormat.Gif,
        ".ppm" or ".pgm" or ".pbm" or ".pnm" => format == ImageFormat.Pnm,
        ".webp" => format == ImageFormat.WebP,
        ".tif" or ".tiff" => format == ImageFormat.Tiff,
        _ => true,
    };

    void Add(FindingKind kind, string message, params ReadOnlySpan<int> images) =>
        _findings.Add(new(kind, message, images.Length == 0 ? [path] : [.. images.ToArray().Select(i => facts[i].Path)]) { Images = images.ToArray() });

    int[] Counts(IEnumerable<ImageFacts> members)
    {
        var counts = new int[classes.Count];
        foreach (var member in members)
            counts[member.Label]++;
        return counts;
    }

    void Each(int i)
    {
        var fact = facts[i];
        if (fact.Fault is { } fault)
        {
            _findings.Add(new(FindingKind.Unreadable, fault.Reason, [fact.Path], fault.Code) { Images = [i] });
            return;
        }

        if (fact.IsTruncated)
            Add(FindingKind.Truncated, "The file ends before the picture is complete.", i);
        if (fact.IsDamaged)
            Add(FindingKind.Damaged, "There are invalid data inside the picture.", i);
        if (fact.Info is not { } info)
            return;
        if (!ExtensionFits(fact.Path, info.Format))
            Add(FindingKind.WrongExtension, $"The content is {info.Format}, the name says {System.IO.Path.GetExtension(fact.Path)}.", i);
        if (info.ColorModel is "cmyk" or "ycck")
            Add(FindingKind.Cmyk, "The colours are those of print (CMYK) and are converted.", i);
        if (info.HasAlpha)
            Add(FindingKind.Alpha, "The transparency is dropped.", i);
        if (info.IsAnimated)
            Add(FindingKind.Animated, "Only the first of several frames is used.", i);
    }

    void Sizes()
    {
        var readable = Enumerable.Range(0, facts.Count).Where(i => facts[i].Fault is null).ToArray();
        if (readable.Length == 0)
            return;
        var grey = readable.Where(i => facts[i].IsGrey).ToArray();
        if (grey.Length < readable.Length)
        {
            foreach (var i in grey)
                Add(FindingKind.Grey, "The picture has no colour.", i);
        }

        // Where nearly all pictures share one size, any other is odd; else only extremes are.
        var common = readable.GroupBy(i => (facts[i].Width, facts[i].Height)).MaxBy(g => g.Count())!;
        var uniform = common.Count() >= 0.9 * readable.Length;
        var median = Range(readable.Select(i => Math.Min(facts[i].Width, facts[i].Height))).Median;
        foreach (var i in readable)
        {
            var (width, height) = (facts[i].Width, facts[i].Height);
            var (small, large) = (Math.Min(width, height), Math.Max(width, height));
            if (uniform && (width, height) != common.Key)
                Add(FindingKind.OddSize, $"The picture is {width}×{height}; nearly all others are {common.Key.Width}×{common.Key.Height}.", i);
            else if (!uniform && (large > 4 * small || small < 16 || small * 4 < median))
                Add(FindingKind.OddSize, $"The picture is {width}×{height}, which is very {(large > 4 * small ? "long" : "small")}.", i);
        }
    }

    void Balance((DatasetSplit Split, IReadOnlyList<int> Classes)[] splits)
    {
        foreach (var (split, counts) in splits)
        {
            var (least, most) = (counts.Where(c => c > 0).DefaultIfEmpty(0).Min(), counts.DefaultIfEmpty(0).Max());
            if (least == 0 || most < options.ImbalanceRatio * least)
                continue;
            var (rare, frequent) = (Name(counts, least), Name(counts, most));
            Add(FindingKind.Imbalance, $"In {ShardManifest.NameOf(split)} the class '{frequent}' has {most:N0} pictures, '{rare}' only {least:N0}; consider class weights.");
        }

        string Name(IReadOnlyList<int> counts, int count) => classes[counts.ToList().IndexOf(count)];
    }

    void Duplicates(CancellationToken cancellation)
    {
        foreach (var group in DuplicateFinder.Exact(facts))
        {
            var names = string.Join(", ", group.Select(i => classes[facts[i].Label]).Distinct());
            var splits = group.Select(i => facts[i].Split).Distinct().Order().Select(ShardManifest.NameOf).ToArray();
            if (group.Select(i => facts[i].Label).Distinct().Count() > 1)
                Add(FindingKind.Contradiction, $"The same pixels are in several classes: {names}.", group);
            if (splits.Length > 1)
                Add(FindingKind.Leak, $"The same pixels are in {string.Join(" and ", splits)} ({names}).", group);
            if (splits.Length == 1 && !names.Contains(", ", StringComparison.Ordinal))
                Add(FindingKind.Duplicate, $"The same pixels are {group.Length} times in {splits[0]} ({names}).", group);
        }

        foreach (var group in DuplicateFinder.Connect(DuplicateFinder.Near(facts, options.NearDuplicateBits, options.NearDuplicateDifference, cancellation)))
        {
            var names = string.Join(", ", group.Select(i => classes[facts[i].Label]).Distinct());
            var splits = group.Select(i => facts[i].Split).Distinct().Order().Select(ShardManifest.NameOf).ToArray();
            if (splits.Length > 1)
                Add(FindingKind.NearLeak, $"Nearly the same picture is in {string.Join(" and ", splits)} ({names}).", group);
            else
                Add(FindingKind.NearDuplicate, $"Nearly the same picture is {group.Length} times in {splits[0]} ({names}).", group);
        }
    }
}
