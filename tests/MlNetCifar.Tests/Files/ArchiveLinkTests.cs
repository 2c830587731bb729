using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Files;

/// <summary>Links inside archives stand for files; nothing outside is looked at.</summary>
[TestClass]
public sealed class ArchiveLinkTests
{
    static readonly (TarEntryType Type, string Name, string Target)[] s_entries =
    [
        (TarEntryType.RegularFile, "blobs/one", "1"),
        (TarEntryType.RegularFile, "data/cat/1.jpg", "2"),
        (TarEntryType.SymbolicLink, "data/cat/2.jpg", "../../blobs/one"),
        (TarEntryType.HardLink, "data/cat/3.jpg", "data/cat/1.jpg"),
        (TarEntryType.HardLink, "data/cat/4.jpg", "./blobs/one"),
        (TarEntryType.SymbolicLink, "data/dog", "cat"),
        (TarEntryType.SymbolicLink, "data/cow/1.jpg", "../dog/2.jpg"),
    ];

    [TestMethod]
    [DataRow(".tar")]
    [DataRow(".tar.gz")]
    public void Open_LinksInTar_StandForTheirFiles(string extension)
    {
        using var folder = new TestFolder();
        using var tree = FileTree.Open(Tar(folder["x" + extension], s_entries), LocalFileStore.Instance);
        Assert.IsEmpty(tree.Warnings);
        AssertContents(tree, new()
        {
            ["blobs/one"] = "1",
            ["data/cat/1.jpg"] = "2",
            ["data/cat/2.jpg"] = "1",
            ["data/cat/3.jpg"] = "2",
            ["data/cat/4.jpg"] = "1",
            ["data/dog/1.jpg"] = "2",
            ["data/dog/2.jpg"] = "1",
            ["data/dog/3.jpg"] = "2",
            ["data/dog/4.jpg"] = "1",
            ["data/cow/1.jpg"] = "1",
        });
        using var random = tree.ToRandomAccess(default);
        Assert.AreEqual(tree.Files.Count, random.Files.Count);
        Assert.AreEqual("1", Read(random, random.Files.IndexOf("data/dog/4.jpg")));
        Assert.AreEqual(10, DatasetImporter.Import(tree.Origin, folder["out"]).Files);
        Assert.AreEqual("1", File.ReadAllText(folder["out/data/cow/1.jpg"]));
        Assert.IsNull(new FileInfo(folder["out/data/dog"]).LinkTarget);
    }

    [TestMethod]
    [DataRow(".tar")]
    [DataRow(".tar.gz")]
    public void Open_LinksThatLeadOutNowhereOrInCircles_AreCountedAndLeftOut(string extension)
    {
        using var folder = new TestFolder();
        var path = Tar(folder["x" + extension],
        [
            (TarEntryType.RegularFile, "a/1.jpg", "1"), (TarEntryType.RegularFile, "b/1.jpg", "2"),
            (TarEntryType.SymbolicLink, "a/2.jpg", "/etc/hostname"), (TarEntryType.SymbolicLink, "a/3.jpg", "../../x"), (TarEntryType.HardLink, "a/4.jpg", "none"),
            (TarEntryType.SymbolicLink, "a/5.jpg", "6.jpg"), (TarEntryType.SymbolicLink, "a/6.jpg", "5.jpg"), (TarEntryType.SymbolicLink, "a/up", ".."), (TarEntryType.SymbolicLink, "a/here", "."),
            (TarEntryType.Fifo, "a/pipe", ""),
        ]);
        var report = DatasetImporter.Import(path, folder["out"]);
        Assert.AreEqual(2, report.Files);
        Assert.HasCount(2, report.Warnings);
        StringAssert.Contains(report.Warnings[0], "7 links");
        StringAssert.Contains(report.Warnings[0], "a/2.jpg -> /etc/hostname");
        StringAssert.Contains(report.Warnings[1], "'a/pipe'");
        using var catalog = ImageCatalog.Open(path);
        CollectionAssert.AreEqual(report.Warnings.ToArray(), catalog.Warnings.ToArray());
    }

    [TestMethod]
    public void Open_LinksThatMultiply_EndSoon()
    {
        using var folder = new TestFolder();
        var entries = new List<(TarEntryType, string, string)> { (TarEntryType.RegularFile, "f0/1.jpg", "1") };
        for (var i = 1; i < 60; i++)
            for (var n = 0; n < 2; n++)
                entries.Add((TarEntryType.SymbolicLink, $"f{i}/{n}", $"../f{i - 1}"));
        using var tree = FileTree.Open(Tar(folder["x.tar"], entries), LocalFileStore.Instance);
        Assert.IsLessThan(1_100_000, tree.Files.Count);
        Assert.IsNotEmpty(tree.Warnings);
    }

    [TestMethod]
    public void Open_LinkInZip_StandsForItsFile()
    {
        using var folder = new TestFolder();
        using (var zip = new ZipArchive(File.Create(folder["x.zip"]), ZipArchiveMode.Create))
        {
            foreach (var (name, content, mode) in new[] { ("blobs/one", "picture", 0x81A4), ("cat/1.jpg", "../blobs/one", 0xA1FF), ("dog/1.jpg", "../../out", 0xA1FF), ("dog/2.jpg", "x", 0x81A4) })
            {
                var entry = zip.CreateEntry(name);
                entry.ExternalAttributes = mode << 16;
                using var stream = entry.Open();
                stream.Write(Encoding.UTF8.GetBytes(content));
            }
        }

        using var tree = FileTree.Open(folder["x.zip"], LocalFileStore.Instance);
        AssertContents(tree, new() { ["blobs/one"] = "picture", ["cat/1.jpg"] = "picture", ["dog/2.jpg"] = "x" });
        StringAssert.Contains(tree.Warnings.Single(), "dog/1.jpg -> ../../out");
    }

    static void AssertContents(FileTree tree, Dictionary<string, string> expected)
    {
        CollectionAssert.AreEqual(expected.Keys.Order(StringComparer.Ordinal).ToArray(), tree.Files.Select(f => f.Path).ToArray());
        using var cursor = tree.ReadAll([.. Enumerable.Range(0, tree.Files.Count).Reverse()]);
        byte[] buffer = [];
        while (cursor.TryRead(ref buffer, out var file, out var length, out var fault))
        {
            Assert.IsNull(fault);
            Assert.IsTrue(expected.Remove(tree.Files[file].Path, out var content));
            Assert.AreEqual(content, Encoding.UTF8.GetString(buffer, 0, length));
            Assert.AreEqual(length, tree.Files[file].Length);
        }

        Assert.IsEmpty(expected);
    }

    static string Read(FileTree tree, int file)
    {
        byte[] buffer = [];
        var length = tree.Read(file, ref buffer);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    static string Tar(string path, IEnumerable<(TarEntryType Type, string Name, string Target)> entries)
    {
        using var file = File.Create(path);
        using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        using var writer = new TarWriter(stream, TarEntryFormat.Pax);
        foreach (var (type, name, target) in entries)
        {
            var entry = new PaxTarEntry(type, name);
            if (type == TarEntryType.RegularFile)
                entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(target));
            else if (type != TarEntryType.Fifo)
                entry.LinkName = target;
            writer.WriteEntry(entry);
        }

        return path;
    }
}
