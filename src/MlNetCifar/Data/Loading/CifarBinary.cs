using System.Globalization;
using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.Data;

/// <summary>
/// The official binary form of CIFAR: records of one label byte (CIFAR-100: coarse and fine) and 1,024 bytes each of red, green and blue. Any of the files will do.
/// </summary>
internal sealed class CifarBinary
{
    const int Side = 32;
    const int Plane = Side * Side;
    const int Batches = 5;
    const string TenTest = "test_batch.bin";
    const string TenNames = "batches.meta.txt";
    const string HundredTrain = "train.bin";
    const string HundredTest = "test.bin";
    const string HundredNames = "fine_label_names.txt";

    static readonly string[] s_cifar10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    readonly FileTree _tree;
    readonly PreprocessSpec? _spec;
    readonly string _folder;
    readonly bool _isHundred;
    readonly List<string> _warnings = [];

    /// <param name="tree">One that <see cref="Matches"/>.</param>
    /// <param name="spec">Null for the pictures as they are.</param>
    public CifarBinary(FileTree tree, PreprocessSpec? spec)
    {
        (_tree, _spec) = (tree, spec);
        var first = First(tree);
        _isHundred = Name(first) is HundredTrain or HundredTest;
        _folder = first[..(first.LastIndexOf('/') + 1)];
    }

    /// <summary>Things worth knowing that are no errors.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Whether a tree holds CIFAR-10 or CIFAR-100 in this form.</summary>
    public static bool Matches(FileTree tree) => First(tree).Length > 0;

    /// <summary>The files that may lie beside one of them and belong to it; null where it is none.</summary>
    public static IEnumerable<string>? Siblings(string file) =>
        Batch(file) > 0 || file is TenTest ? [file, TenNames] : file is HundredTrain or HundredTest ? [file, HundredNames] : null;

    /// <summary>Reads all records.</summary>
    public Dictionary<DatasetSplit, ImageSource> Read(CancellationToken cancellation)
    {
        var classes = Classes();
        var train = _isHundred ? Existing(HundredTrain) : BatchFiles();
        var splits = new Dictionary<DatasetSplit, ImageSource>();
        if (train.Length > 0)
            splits.Add(DatasetSplit.Train, Read(_tree, train, _isHundred ? 2 : 1, classes, _spec, cancellation));
        if (Existing(_isHundred ? HundredTest : TenTest) is { Length: > 0 } test)
            splits.Add(DatasetSplit.Test, Read(_tree, test, _isHundred ? 2 : 1, classes, _spec, cancellation));
        return splits;
    }

    // CIFAR-100's names are so common that they count only beside the names of its classes, or where they were asked for.
    static string First(FileTree tree)
    {
        var names = tree.Files.Within(folders: 1).Select(f => tree.Files[f].Path).ToArray();
        return names.FirstOrDefault(n => Batch(Name(n)) > 0) ?? names.FirstOrDefault(n => Name(n) == TenTest)
            ?? (names.Length == 1 || names.Any(n => Name(n) == HundredNames) ? names.FirstOrDefault(n => Name(n) is HundredTrain or HundredTest) : null) ?? "";
    }

    /// <summary>The number in <c>data_batch_3.bin</c>; 0 for every other name.</summary>
    static int Batch(string name) =>
        name.StartsWith("data_batch_", StringComparison.Ordinal) && name.EndsWith(".bin", StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(11, name.Length - 15), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];

    int[] Existing(string name) => _tree.Files.IndexOf(_folder + name) is >= 0 and var file ? [file] : [];

    int[] BatchFiles()
    {
        var files = _tree.Files.StartingWith(_folder).Where(f => f.Path.IndexOf('/', _folder.Length) < 0).ToArray();
        var batches = files.Where(f => Batch(Name(f.Path)) > 0).ToArray();
        if (batches.Length == 0)
            return [];
        var missing = Enumerable.Range(1, Batches).Except(batches.Select(b => Batch(Name(b.Path)))).ToArray();
        if (missing.Length > 0)
            _warnings.Add($"{_tree.Origin}: of CIFAR-10's {Batches} training files {missing.Length} {(missing.Length == 1 ? "is" : "are")} missing: {string.Join(", ", missing.Select(m => $"data_batch_{m}.bin"))}.");
        var longest = batches.Max(b => _tree.Files.Length(b.Index));
        foreach (var (index, path) in batches.Where(b => _tree.Files.Length(b.Index) < longest))
            _warnings.Add($"{_tree.Locate(path)}: has {_tree.Files.Length(index) / ((3 * Plane) + 1):N0} records, others {longest / ((3 * Plane) + 1):N0}.");
        foreach (var (_, path) in files.Where(f => Name(f.Path).StartsWith("data_batch", StringComparison.Ordinal) && Batch(Name(f.Path)) == 0))
            _warnings.Add($"{_tree.Locate(path)}: ignored, since its name is none of CIFAR-10's.");
        return [.. batches.Select(b => b.Index)];
    }

    IReadOnlyList<string> Classes()
    {
        var expected = _isHundred ? 100 : 10;
        if (Existing(_isHundred ? HundredNames : TenNames) is not [var file])
            return _isHundred ? throw DataErrors.Cifar(_tree.Origin, $"There is no {HundredNames} beside it, which names the classes.") : s_cifar10;
        var names = _tree.ReadText(file).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (names.Length != expected || names.Distinct().Count() != expected)
            throw DataErrors.Cifar(_tree.Locate(_tree.Files[file].Path), $"The file names {names.Distinct().Count()} classes, expected {expected}.");
        return names;
    }

    static ImageSet Read(FileTree tree, int[] files, int labelBytes, IReadOnlyList<string> classes, PreprocessSpec? spec, CancellationToken cancellation)
    {
        var record = labelBytes + (3 * Plane);
        foreach (var file in files)
        {
            if (tree.Files.Length(file) is var length && (length == 0 || length % record != 0))
                throw DataErrors.Cifar(tree.Locate(tree.Files[file].Path), $"The file has {length:N0} bytes, expected a multiple of {record:N0}.");
        }

        var count = (int)files.Sum(f => tree.Files.Length(f) / record);
        var target = new RecordTarget(count, spec);
        var order = files.Select((f, i) => (f, First: (int)files.Take(i).Sum(g => tree.Files.Length(g) / record))).ToDictionary(f => f.f, f => f.First);
        using var cursor = tree.ReadAll(files);
        byte[] buffer = [];
        while (cursor.TryRead(ref buffer, out var file, out var length, out var fault))
        {
            var path = tree.Locate(tree.Files[file].Path);
            if (fault is not null || length < tree.Files.Length(file))
                throw fault is null ? FileErrors.ShortRead(path, length, tree.Files.Length(file)) : FileErrors.Unreadable(path, fault);
            for (var i = 0; i < length / record; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                var bytes = buffer.AsSpan(i * record, record);
                if (bytes[labelBytes - 1] >= classes.Count)
                    throw DataErrors.Cifar(path, $"Record {i} has the label {bytes[labelBytes - 1]}; there are {classes.Count} classes.");
                target.Set(order[file] + i, bytes[labelBytes - 1], bytes[labelBytes..], $"{Name(tree.Files[file].Path)}:{i}");
            }
        }

        return target.ToSet(classes);
    }

    /// <summary>Interleaves the planes and, where another size is asked for, preprocesses.</summary>
    sealed class RecordTarget(int count, PreprocessSpec? spec)
    {
        readonly PreprocessSpec _spec = spec ?? new();
        readonly Preprocessor? _preprocessor = spec is null || spec == new PreprocessSpec() ? null : new(spec);
        readonly byte[] _pixels = GC.AllocateUninitializedArray<byte>(count * (spec ?? new()).Width * (spec ?? new()).Height * (spec ?? new()).Channels);
        readonly RgbImage _image = new(Side, Side);
        readonly int[] _labels = new int[count];
        readonly string[] _names = new string[count];

        public void Set(int index, int label, ReadOnlySpan<byte> planes, string name)
        {
            var stride = _pixels.Length / _labels.Length;
            var destination = _pixels.AsSpan(index * stride, stride);
            var rgb = _preprocessor is null ? destination : _image.Pixels;
            for (var i = 0; i < Plane; i++)
            {
                rgb[3 * i] = planes[i];
                rgb[(3 * i) + 1] = planes[Plane + i];
                rgb[(3 * i) + 2] = planes[(2 * Plane) + i];
            }

            _preprocessor?.Apply(_image, destination);
            _labels[index] = label;
            _names[index] = name;
        }

        public ImageSet ToSet(IReadOnlyList<string> classes) => new(_pixels, _labels, _spec.Width, _spec.Height, _spec.Channels, classes, _names);
    }
}
