using System.Globalization;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// Plain NumPy arrays, as files of a folder or in a <c>.npz</c> file: <c>X</c> and <c>y</c>, also <c>X_train</c>, <c>x_val</c>, <c>test_images</c> with their labels, or
/// numbered parts <c>X_part_0.npy</c> … without a manifest. Classes come from <c>labels.txt</c>, else they are the numbers that occur.
/// </summary>
internal sealed class NpySets(FileTree tree, IReadOnlyList<string>? classes)
{
    readonly List<string> _warnings = [];
    readonly ArrayName[] _names = Named(tree);
    (string Name, NpyHeader Header, Memory<byte> Data) _last;
    bool? _isUnit;

    /// <summary>Things worth knowing that are no errors.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Whether a tree's root holds such arrays.</summary>
    public static bool Matches(FileTree tree)
    {
        var names = Named(tree);
        return names.Any(p => !p.IsLabels && (p.IsPlain || names.Any(l => l.IsLabels && l.Split == p.Split)));
    }

    /// <summary>Reads the splits there are.</summary>
    public Dictionary<DatasetSplit, ImageSource> Read()
    {
        var parts = _names.Where(n => !n.IsLabels).GroupBy(n => n.Split).ToDictionary(g => g.Key, g => g.OrderBy(n => n.Part).ToList());
        foreach (var (_, files) in parts)
        {
            for (var i = 1; i < files.Count; i++)
            {
                if (files[0].Part < 0 || files[i].Part == files[i - 1].Part)
                    throw DataErrors.AmbiguousSplit(tree.Origin, files[i - 1].File, files[i].File);
                if (files[i].Part > files[i - 1].Part + 1)
                    _warnings.Add($"{tree.Origin}: between {files[i - 1].File} and {files[i].File} {files[i].Part - files[i - 1].Part - 1} parts are missing.");
            }

            if (files[0].Part > 1)
                _warnings.Add($"{tree.Origin}: the first part is {files[0].File}; those before it are missing.");
        }

        var labels = parts.ToDictionary(p => p.Key, p => p.Value.ConvertAll(ReadLabels));
        var (names, indices) = Classes(labels);
        return parts.ToDictionary(p => p.Key, p => Read([.. p.Value.Select(n => n.File)], labels[p.Key].ConvertAll(l => Array.ConvertAll(l, indices)), names));
    }

    static ArrayName[] Named(FileTree tree) => [.. tree.Files.Within(folders: 0).Select(f => ArrayName.Read(tree.Files[f].Path)).OfType<ArrayName>()];

    (IReadOnlyList<string> Names, Converter<long, int> Index) Classes(Dictionary<DatasetSplit, List<long[]>> labels)
    {
        var values = labels.Values.SelectMany(l => l).SelectMany(l => l).Distinct().Order().ToArray();
        var names = classes;
        if (names is null && tree.Files.IndexOf(LabelsFile.FileName) is >= 0 and var file)
            names = LabelsFile.Parse(tree.ReadText(file), tree.Locate(LabelsFile.FileName));
        if (names is not null && values.Length > 0 && values[^1] >= names.Count)
            throw FileErrors.Npy(tree.Origin, $"There is a label {values[^1]}, but only {names.Count} class names.");
        if ((names?.Count ?? values.Length) == 1)
            throw DataErrors.OneClass(tree.Origin, names?[0] ?? values[0].ToString(CultureInfo.InvariantCulture));
        if (names is not null)
            return (names, value => (int)value);
        if (values.Length > 0 && values[^1] != values.Length - 1)
            _warnings.Add($"{tree.Origin}: the classes are the {values.Length:N0} numbers that occur as labels, from {values[0]} to {values[^1]}, and are named by them.");
        var indices = values.Select((value, i) => (value, i)).ToDictionary(v => v.value, v => v.i);
        return ([.. values.Select(v => v.ToString(CultureInfo.InvariantCulture))], value => indices[value]);
    }

    // Of the set, since a dark part may have no pixel above 1 on the scale 0 … 255.
    bool IsUnit() => _names.Where(n => !n.IsLabels).All(name =>
    {
        var (header, data) = ReadFile(name.File);
        return !header.Descr.StartsWith("<f", StringComparison.Ordinal) || NpyArray.Most(header, data.Span) <= 1;
    });

    (NpyHeader Header, Memory<byte> Data) ReadFile(string name)
    {
        if (_last.Name == name)
            return (_last.Header, _last.Data);
        var index = tree.Files.IndexOf(name);
        var path = tree.Locate(name);
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

        var header = NpyHeader.Read(new MemoryStream(buffer, 0, length), length, path);
        _last = (name, header, NpyArray.Plain(header, buffer.AsMemory(header.DataOffset, (int)header.DataLength)));
        return (header, _last.Data);
    }

    long[] ReadLabels(ArrayName pictures)
    {
        if (_names.FirstOrDefault(n => n.IsLabels && n.Split == pictures.Split && n.Part == pictures.Part) is not { } labels)
            throw pictures.File[0] is 'x' or 'X'
                ? FileErrors.Npy(tree.Locate("y" + pictures.File[1..]), "The file is missing.")
                : FileErrors.Npy(tree.Locate(pictures.File), "There are no labels beside it.");
        var (header, data) = ReadFile(labels.File);
        return NpyArray.Labels(header, data.Span, tree.Locate(labels.File));
    }

    ImageSource Read(string[] files, List<int[]> labels, IReadOnlyList<string> names)
    {
        var count = labels.Sum(l => l.Length);
        if (count == 0)
            throw DataErrors.Empty(tree.Locate(files[0]));
        (int Height, int Width, int Channels)? shape = null;
        byte[]? all = null;
        var filled = 0;
        for (var i = 0; i < files.Length; i++)
        {
            var path = tree.Locate(files[i]);
            var (header, data) = ReadFile(files[i]);
            var own = NpyArray.PictureShape(header, path);
            if (header.Shape[0] != labels[i].Length)
                throw FileErrors.Npy(path, $"There are {header.Shape[0]:N0} pictures, but {labels[i].Length:N0} labels.");
            if (shape is { } expected && own != expected)
                throw FileErrors.Npy(path, $"The pictures are {own}, those before {expected}.");
            shape = own;
            if (files.Length == 1 && header.Descr == "|u1")
                return new ImageSet(data, labels[0], own, names, null);
            var bytes = (long)count * own.Height * own.Width * own.Channels;
            if (bytes > Array.MaxLength)
                throw DataErrors.TooLargeForMemory(path, bytes);
            all ??= new byte[bytes];
            var target = all.AsSpan(filled, (int)header.Elements);
            if (header.Descr == "|u1")
                data.Span.CopyTo(target);
            else
                NpyArray.ToBytes(header, data.Span, _isUnit ??= IsUnit(), target, path);
            filled += target.Length;
        }

        return new ImageSet(all!, [.. labels.SelectMany(l => l)], shape!.Value, names, null);
    }
}
