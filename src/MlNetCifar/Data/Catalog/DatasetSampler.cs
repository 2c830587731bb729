using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using MlNetCifar.Files;
using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>Draws a small balanced data set from a large one, the files themselves unchanged.</summary>
public static class DatasetSampler
{
    static readonly DateTimeOffset s_noTime = DateTimeOffset.UnixEpoch;

    /// <summary>
    /// Writes a .tar.gz of <c>train/class/…</c> and <c>test/class/…</c>. Each class and split is shuffled by (seed, split, class) and its first images are taken;
    /// entries are sorted and carry no times or owners, so the same input, counts and seed give the same archive.
    /// </summary>
    /// <param name="source">A folder or archive with <c>train</c> and <c>test</c>.</param>
    /// <param name="archive">The file to write.</param>
    /// <param name="trainPerClass">Training images of each class.</param>
    /// <param name="testPerClass">Test images of each class.</param>
    /// <param name="seed">Which images are drawn.</param>
    /// <param name="cancellation">Leaves no file behind.</param>
    /// <returns>The images drawn.</returns>
    /// <exception cref="MlNetCifarException">The source is wrong, or a class has too few images (MNC10xx).</exception>
    public static int Write(string source, string archive, int trainPerClass = 800, int testPerClass = 200, ulong seed = 0, CancellationToken cancellation = default)
    {
        using var catalog = ImageCatalog.Open(source, cancellation: cancellation);
        using var tree = catalog.Tree.ToRandomAccess(cancellation);
        if (catalog.Classes.FirstOrDefault(c => c.AsSpan().ContainsAny('/', '\\', '\0') || c is "." or "..") is { } name)
            throw DataErrors.UnwritableClass(source, name, "a folder of an archive");
        var drawn = new List<ImageRef>();
        for (var label = 0; label < catalog.Classes.Count; label++)
        {
            Draw(catalog, DatasetSplit.Train, label, trainPerClass, seed, drawn);
            Draw(catalog, DatasetSplit.Test, label, testPerClass, seed, drawn);
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var entries = drawn.OrderBy(i => i.File).Select(i => (Name: EntryName(i, catalog.Classes, names), i.File)).ToList();
        entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        LocalFileStore.Instance.Write(archive, stream => WriteArchive(stream, tree, entries, cancellation));
        return entries.Count;
    }

    static void Draw(ImageCatalog catalog, DatasetSplit split, int label, int count, ulong seed, List<ImageRef> drawn)
    {
        var images = catalog.Images.Where(i => i.Split == split && i.Label == label).ToArray();
        if (images.Length < count)
            throw DataErrors.TooFew(catalog.Origin, catalog.Classes[label], images.Length, count);
        var random = new SplitRandom(seed, RandomPurpose.Split, (ulong)split, (ulong)label);
        random.Shuffle<ImageRef>(images);
        drawn.AddRange(images.Take(count));
    }

    // Files of several folders of one class may have the same name.
    static string EntryName(ImageRef image, IReadOnlyList<string> classes, HashSet<string> taken)
    {
        var folder = $"{(image.Split == DatasetSplit.Train ? "train" : "test")}/{classes[image.Label]}/";
        var file = Path.GetFileName(image.Path);
        var name = folder + file;
        for (var n = 2; !taken.Add(name); n++)
            name = $"{folder}{Path.GetFileNameWithoutExtension(file)}-{n}{Path.GetExtension(file)}";
        return name;
    }

    static void WriteArchive(Stream stream, FileTree tree, List<(string Name, int File)> entries, CancellationToken cancellation)
    {
        using var gzip = new GZipStream(stream, CompressionLevel.SmallestSize, leaveOpen: true);
        using var writer = new TarWriter(gzip, TarEntryFormat.Ustar, leaveOpen: true);
        byte[] buffer = [];
        foreach (var (name, file) in entries)
        {
            cancellation.ThrowIfCancellationRequested();
            var length = Read(tree, file, ref buffer);
            var entry = Entry(name);
            entry.DataStream = new MemoryStream(buffer, 0, length);
            entry.ModificationTime = s_noTime;
            entry.Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
            writer.WriteEntry(entry);
        }
    }

    // The older form has no room for longer names.
    static PosixTarEntry Entry(string name) => Encoding.UTF8.GetByteCount(name) <= 100
        ? new UstarTarEntry(TarEntryType.RegularFile, name)
        : new GnuTarEntry(TarEntryType.RegularFile, name) { AccessTime = s_noTime, ChangeTime = s_noTime };

    static int Read(FileTree tree, int file, ref byte[] buffer)
    {
        var (path, expected, _) = tree.Files[file];
        try
        {
            var length = tree.Read(file, ref buffer);
            return length == expected ? length : throw FileErrors.ShortRead(tree.Locate(path), length, expected);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw FileErrors.Unreadable(tree.Locate(path), e);
        }
    }
}
