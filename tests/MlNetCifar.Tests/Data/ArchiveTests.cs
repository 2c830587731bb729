using System.Formats.Tar;
using System.IO.Compression;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class ArchiveTests
{
    static readonly string[] s_names =
        ["photos/train/dog/2.jpg", "photos/train/cat/1.jpg", "photos/train/dog/1.jpg", "photos/test/cat/9.png", "photos/train/cat/._1.jpg", "__MACOSX/photos/x.jpg"];

    [TestMethod]
    [DataRow(".tar")]
    [DataRow(".tar.gz")]
    [DataRow(".tgz")]
    [DataRow(".zip")]
    public void Open_Archive_StripsTheWrappingFolderAndReadsEveryFile(string extension)
    {
        using var folder = new TestFolder();
        var path = Write(folder, extension, s_names[..5]);
        using var catalog = ImageCatalog.Open(path);
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, catalog.Classes.ToArray());
        CollectionAssert.AreEqual(
            new[] { "photos/train/cat/1.jpg", "photos/train/dog/1.jpg", "photos/train/dog/2.jpg", "photos/test/cat/9.png" },
            catalog.Images.Select(i => i.Path).ToArray());
        foreach (var image in catalog.Images)
            Assert.AreEqual(image.Path, System.Text.Encoding.UTF8.GetString(catalog.Read(image)));
        StringAssert.StartsWith(catalog.Locate(catalog.Images[0]), path + ":");
        ReadAll(catalog.Tree);
        using var random = catalog.Tree.ToRandomAccess(default);
        Assert.IsTrue(random.IsRandomAccess);
        ReadAll(random);
    }

    [TestMethod]
    [DataRow(".tar")]
    [DataRow(".tar.gz")]
    [DataRow(".zip")]
    public void Open_EscapingEntry_IsRefused(string extension)
    {
        foreach (var name in new[] { "../evil/1.jpg", "a/../../1.jpg", "/etc/1.jpg", "C:\\x\\1.jpg", "..\\1.jpg" })
        {
            using var folder = new TestFolder();
            var path = Write(folder, extension, ["a/1.jpg", name]);
            Assert.AreEqual("MNC1010", Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(path)).Code, name);
        }
    }

    [TestMethod]
    [DataRow(".tar")]
    [DataRow(".tar.gz")]
    [DataRow(".zip")]
    public void Open_DamagedArchive_IsNamed(string extension)
    {
        using var folder = new TestFolder();
        var path = Write(folder, extension, s_names);
        var bytes = File.ReadAllBytes(path);
        foreach (var damaged in new[] { bytes[..(bytes.Length / 3)], "no archive at all, but long enough to look at"u8.ToArray() })
        {
            File.WriteAllBytes(path, damaged);
            var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(path).Dispose());
            Assert.IsTrue(e.Code is "MNC1009" or "MNC1003", e.Message);
        }
    }

    [TestMethod]
    [DataRow(".tar")]
    [DataRow(".tar.gz")]
    public void Open_TarCutBetweenTwoEntries_IsNoticed(string extension)
    {
        using var folder = new TestFolder();
        var whole = Unpacked(Write(folder, extension, s_names));

        // Two blocks of zeros end the archive; the entry before them has two of extensions, one of its own and one of content.
        foreach (var blocks in new[] { 2, 6 })
        {
            using (var stream = extension == ".tar" ? File.Create(folder["x.tar"]) : (Stream)new GZipStream(File.Create(folder["x.tar.gz"]), CompressionLevel.Fastest))
                stream.Write(whole[..^(512 * blocks)]);
            Assert.AreEqual("MNC1009", Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder["x" + extension]).Dispose()).Code);
        }

        static byte[] Unpacked(string path)
        {
            using Stream file = path.EndsWith(".tar", StringComparison.Ordinal) ? File.OpenRead(path) : new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            using var copy = new MemoryStream();
            file.CopyTo(copy);
            return copy.ToArray();
        }
    }

    [TestMethod]
    public void Open_NameTwiceInTar_LastContentWins()
    {
        using var folder = new TestFolder();
        var path = folder["x.tar.gz"];
        using (var writer = new TarWriter(new GZipStream(File.Create(path), CompressionLevel.Fastest)))
        {
            foreach (var (name, content) in new[] { ("a/1.jpg", "old"), ("b/1.jpg", "b"), ("a/1.jpg", "newer") })
                writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(content)) });
        }

        using var catalog = ImageCatalog.Open(path);
        Assert.AreEqual("newer", System.Text.Encoding.UTF8.GetString(catalog.Read(catalog.Images[0])));
        Assert.AreEqual("b", System.Text.Encoding.UTF8.GetString(catalog.Read(catalog.Images[1])));
    }

    static void ReadAll(FileTree tree)
    {
        using var cursor = tree.ReadAll([.. Enumerable.Range(0, tree.Files.Count)]);
        var seen = new HashSet<int>();
        byte[] buffer = [];
        while (cursor.TryRead(ref buffer, out var file, out var length, out var fault))
        {
            Assert.IsNull(fault);
            Assert.IsTrue(seen.Add(file));
            Assert.AreEqual(tree.Files[file].Path, System.Text.Encoding.UTF8.GetString(buffer, 0, length));
        }

        Assert.HasCount(tree.Files.Count, seen);
    }

    static string Write(TestFolder folder, string extension, string[] names)
    {
        var path = folder["x" + extension];
        using var file = File.Create(path);
        if (extension == ".zip")
        {
            using var zip = new ZipArchive(file, ZipArchiveMode.Create);
            foreach (var name in names)
            {
                using var stream = zip.CreateEntry(name).Open();
                stream.Write(System.Text.Encoding.UTF8.GetBytes(name));
            }

            return path;
        }

        using Stream target = extension == ".tar" ? file : new GZipStream(file, CompressionLevel.Optimal);
        using var tar = new TarWriter(target, TarEntryFormat.Pax);
        foreach (var name in names)
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(name)) });
        return path;
    }
}
