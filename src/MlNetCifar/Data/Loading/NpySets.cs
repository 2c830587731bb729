using System.Globalization;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// Plain NumPy files: <c>X.npy</c> and <c>y.npy</c>, optionally <c>X_val</c>/<c>X_test</c> (or <c>X_train</c>) with theirs, or numbered parts
/// <c>X_part_0.npy</c> … without a manifest. Classes come from <c>labels.txt</c>, else they are the numbers.
/// </summary>
internal sealed class NpySets(FileTree tree, IReadOnlyList<string>? classes)
{
    static readonly (string Suffix, DatasetSplit Split)[] s_suffixes =
    [
        ("", DatasetSplit.Train), ("_train", DatasetSplit.Train), ("_val", DatasetSplit.Validation), ("_valid", DatasetSplit.Validation),
        ("_validation", DatasetSplit.Validation), ("_test", DatasetSplit.Test),
    ];

    /// <summary>The names that files may have where only the folder of one of them is known.</summary>
    public static IEnumerable<string> FileNames =>
        s_suffixes.SelectMany(s => new[] { $"X{s.Suffix}.npy", $"y{s.Suffix}.npy" }).Append(LabelsFile.FileName);

    /// <summary>Whether a tree's root holds such files.</summary>
    public static bool Matches(FileTree tree) => RootNames(tree).Any(n => n is "X.npy" or "X_train.npy" || IsPart(n));

    /// <summary>Reads the splits there are.</summary>
    public Dictionary<DatasetSplit, ImageSource> Read()
    {
        var parts = new Dictionary<DatasetSplit, List<string>>();
        foreach (var (suffix, split) in s_suffixes)
        {
            if (Index($"X{suffix}.npy") >= 0 && !parts.TryAdd(split, [$"X{suffix}.npy"]))
                throw DataErrors.AmbiguousSplit(tree.Origin, parts[split][0], $"X{suffix}.npy");
        }

        var numbered = RootNames(tree).Where(IsPart).OrderBy(PartNumber).ToList();
        if (numbered.Count > 0 && !parts.TryAdd(DatasetSplit.Train, numbered))
            throw DataErrors.AmbiguousSplit(tree.Origin, parts[DatasetSplit.Train][0], numbered[0]);
        var labels = parts.ToDictionary(p => p.Key, p => p.Value.ConvertAll(ReadLabels));
        var names = Names(labels);
        return parts.ToDictionary(p => p.Key, p => Read(p.Value, labels[p.Key], names));
    }

    static bool IsPart(string path) => path.StartsWith("X_part_", StringComparison.Ordinal) && path.EndsWith(".npy", StringComparison.Ordinal)
        && int.TryParse(path.AsSpan(7, path.Length - 11), out _);

    static int PartNumber(string path) => int.Parse(path.AsSpan(7, path.Length - 11), provider: CultureInfo.InvariantCulture);

    static string LabelFile(string pictures) => "y" + pictures[1..];

    static IEnumerable<string> RootNames(FileTree tree) => tree.Files.Within(folders: 0).Select(f => tree.Files[f].Path);

    int Index(string name) => tree.Files.IndexOf(name);

    IReadOnlyList<string> Names(Dictionary<DatasetSplit, List<int[]>> labels)
    {
        var most = labels.Values.SelectMany(l => l).SelectMany(l => l).DefaultIfEmpty(-1).Max();
        var names = classes;
        if (names is null && Index(LabelsFile.FileName) is >= 0 and var file)
            names = LabelsFile.Parse(tree.ReadText(file), tree.Locate(LabelsFile.FileName));

        if (names is not null && most >= names.Count)
            throw FileErrors.Npy(tree.Origin, $"There is a label {most}, but only {names.Count} class names.");
        names ??= [.. Enumerable.Range(0, most + 1).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        if (names.Count == 1)
            throw DataErrors.OneClass(tree.Origin, names[0]);
        return names;
    }

    (NpyHeader Header, byte[] Buffer) ReadFile(string name)
    {
        var index = Index(name);
        var path = tree.Locate(name);
        if (index < 0)
            throw FileErrors.Npy(path, "The file is missing.");
        byte[] buffer = [];
        int length;
        try
        {
            length = tree.Read(index, ref buffer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw FileErrors.Unreadable(path, e);
        }

        return (NpyHeader.Read(new MemoryStream(buffer, 0, length), length, path), buffer);
    }

    int[] ReadLabels(string pictures)
    {
        var name = LabelFile(pictures);
        var (header, buffer) = ReadFile(name);
        return NpyArray.Labels(header, buffer.AsSpan(header.DataOffset, (int)header.DataLength), tree.Locate(name));
    }

    ImageSource Read(List<string> files, List<int[]> labels, IReadOnlyList<string> names)
    {
        var count = labels.Sum(l => l.Length);
        if (count == 0)
            throw DataErrors.Empty(tree.Locate(files[0]));
        (int Height, int Width, int Channels)? shape = null;
        byte[]? all = null;
        var filled = 0;
        for (var i = 0; i < files.Count; i++)
        {
            var path = tree.Locate(files[i]);
            var (header, buffer) = ReadFile(files[i]);
            var own = NpyArray.PictureShape(header, path);
            if (header.Shape[0] != labels[i].Length)
                throw FileErrors.Npy(path, $"There are {header.Shape[0]:N0} pictures, but {labels[i].Length:N0} labels.");
            if (shape is { } expected && own != expected)
                throw FileErrors.Npy(path, $"The pictures are {own}, those before {expected}.");
            shape = own;
            var data = buffer.AsMemory(header.DataOffset, (int)header.DataLength);
            if (files.Count == 1 && header.Descr == "|u1")
                return new ImageSet(data, labels[0], own, names, null);
            var bytes = (long)count * own.Height * own.Width * own.Channels;
            if (bytes > Array.MaxLength)
                throw DataErrors.TooLargeForMemory(path, bytes);
            all ??= new byte[bytes];
            var target = all.AsSpan(filled, (int)header.Elements);
            if (header.Descr == "|u1")
                data.Span.CopyTo(target);
            else
                NpyArray.ToBytes(header, data.Span, target, path);
            filled += target.Length;
        }

        return new ImageSet(all!, [.. labels.SelectMany(l => l)], shape!.Value, names, null);
    }
}
