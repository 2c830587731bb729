using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.Data;

/// <summary>
/// The official binary form of CIFAR: records of one label byte (CIFAR-100: coarse and fine) and 1,024 bytes each of red, green and blue.
/// </summary>
internal static class CifarBinary
{
    const int Side = 32;
    const int Plane = Side * Side;

    static readonly string[] s_cifar10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>Whether a tree holds CIFAR-10 or CIFAR-100 in this form.</summary>
    public static bool Matches(FileTree tree) => Find(tree, "data_batch_1.bin") >= 0 || IsHundred(tree);

    /// <summary>Reads all records.</summary>
    public static (ImageSet Train, ImageSet? Test) Read(FileTree tree, PreprocessSpec? spec, CancellationToken cancellation)
    {
        var hundred = IsHundred(tree);
        var folder = Folder(tree.Files[Find(tree, hundred ? "train.bin" : "data_batch_1.bin")].Path);
        var classes = Classes(tree, folder, hundred);
        var train = tree.Files.Select((f, i) => (f.Path, Index: i))
            .Where(f => Folder(f.Path) == folder && (hundred ? Name(f.Path) == "train.bin" : Name(f.Path).StartsWith("data_batch_", StringComparison.Ordinal)))
            .Select(f => f.Index).ToArray();
        var test = Find(tree, hundred ? "test.bin" : "test_batch.bin");
        var labelBytes = hundred ? 2 : 1;
        return (Read(tree, train, labelBytes, classes, spec, cancellation), test < 0 ? null : Read(tree, [test], labelBytes, classes, spec, cancellation));
    }

    static bool IsHundred(FileTree tree) => Find(tree, "train.bin") >= 0 && Find(tree, "fine_label_names.txt") >= 0;

    static int Find(FileTree tree, string name)
    {
        foreach (var file in tree.Files.Within(folders: 1))
        {
            if (Name(tree.Files[file].Path) == name)
                return file;
        }

        return -1;
    }

    static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];

    static string Folder(string path) => path[..(path.LastIndexOf('/') + 1)];

    static IReadOnlyList<string> Classes(FileTree tree, string folder, bool hundred)
    {
        var file = Find(tree, hundred ? "fine_label_names.txt" : "batches.meta.txt");
        if (file < 0 || Folder(tree.Files[file].Path) != folder)
            return s_cifar10;
        var names = tree.ReadText(file).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var expected = hundred ? 100 : 10;
        if (names.Length != expected || names.Distinct().Count() != expected)
            throw DataErrors.Cifar(tree.Locate(tree.Files[file].Path), $"The file names {names.Distinct().Count()} classes, expected {expected}.");
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

        public ImageSet ToSet(IReadOnlyList<string> classes) => new(_pixels, _labels, _spec.Height, _spec.Width, _spec.Channels, classes, _names);
    }
}
