using MlNetCifar.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class ImageCatalogTests
{
    [TestMethod]
    [DataRow("val")]
    [DataRow("valid")]
    [DataRow("validation")]
    public void Open_Splits_FollowTheConvention(string validation)
    {
        using var folder = new TestFolder().Add(
            "train/b/2.JPG", "train/b/10.jpg", "train/b/sub/1.png", "train/B/x.jpeg", "train/a/1.bmp", "train/a/notes.txt", "train/.hidden/1.jpg",
            "train/a/.2.jpg", $"{validation}/a/3.jpg", "test/b/4.gif", "test/B/5.webp", "test/a/6.tif");
        using var catalog = ImageCatalog.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { "B", "a", "b" }, catalog.Classes.ToArray());
        CollectionAssert.AreEqual(
            new[] { "train/B/x.jpeg", "train/a/1.bmp", "train/b/10.jpg", "train/b/2.JPG", "train/b/sub/1.png" },
            catalog.Of(DatasetSplit.Train).Select(i => i.Path).ToArray());
        CollectionAssert.AreEqual(new[] { 0, 1, 2, 2, 2 }, catalog.Of(DatasetSplit.Train).Select(i => i.Label).ToArray());
        Assert.AreEqual(1, catalog.Of(DatasetSplit.Validation).Single().Label);
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, catalog.Of(DatasetSplit.Test).Select(i => i.Label).ToArray());
        Assert.HasCount(2, catalog.Warnings);
        StringAssert.Contains(catalog.Warnings[0], $"{validation}: no image of 2 classes (B, b) in this split");
        StringAssert.Contains(catalog.Warnings[1], "1 file (1 .txt)");
    }

    [TestMethod]
    public void Open_Unsplit_IsAllTraining()
    {
        using var folder = new TestFolder().Add("cat/1.jpg", "dog/1.jpg", "test/1.jpg", "stray.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { "cat", "dog", "test" }, catalog.Classes.ToArray());
        Assert.HasCount(3, catalog.Images);
        StringAssert.Contains(catalog.Warnings.Single(), "1 images outside");
    }

    [TestMethod]
    public void Open_KnownClasses_TakeATestSplitAlone()
    {
        using var folder = new TestFolder().Add("test/dog/1.jpg");
        Assert.AreEqual("MNC1007", Code(folder.Root));
        using var catalog = ImageCatalog.Open(folder.Root, new() { Classes = ["cat", "dog"] });
        Assert.AreEqual(1, catalog.Images.Single().Label);
        StringAssert.Contains(catalog.Warnings.Single(), "'cat'");
    }

    [TestMethod]
    [DataRow("MNC1003", "")]
    [DataRow("MNC1003", "notes.txt")]
    [DataRow("MNC1003", "1.jpg,2.jpg")]
    [DataRow("MNC1003", "train/a/1.txt,train/b/1.txt")]
    [DataRow("MNC1004", "train/a/1.jpg,train/b/1.jpg,train/c/1.txt")]
    [DataRow("MNC1005", "a/1.jpg,a/2.jpg")]
    [DataRow("MNC1006", "train/a/1.jpg,train/b/1.jpg,test/c/1.jpg")]
    [DataRow("MNC1006", "train/a/1.jpg,train/b/1.jpg,val/A/1.jpg")]
    [DataRow("MNC1007", "test/a/1.jpg,val/b/1.jpg")]
    [DataRow("MNC1008", "train/a/1.jpg,train/b/1.jpg,val/a/1.jpg,valid/a/1.jpg")]
    public void Open_WrongFolders_AreNamed(string code, string files)
    {
        using var folder = new TestFolder().Add(files.Split(',', StringSplitOptions.RemoveEmptyEntries));
        Assert.AreEqual(code, Code(folder.Root));
    }

    [TestMethod]
    public void Open_UnknownClass_NamesItsFolder()
    {
        using var folder = new TestFolder().Add("train/a/1.jpg", "train/b/1.jpg", "test/zebra/1.jpg");
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder.Root));
        Assert.AreEqual(folder["test/zebra"], e.Path);
        Assert.AreEqual(ErrorKind.Data, e.Kind);
    }

    [TestMethod]
    public void Open_WithKnownClasses_SaysWhatIsKnown()
    {
        using var folder = new TestFolder().Add("a/1.jpg", "Bee/1.jpg", "c/1.jpg");
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder.Root, new() { Classes = ["a", "bee", "c"] }));
        Assert.AreEqual("The class 'Bee' is none of those that are known: a, bee, c. 'bee' differs from it only in case. Call it 'bee'.", $"{e.Reason} {e.Action}");
        e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder.Root, new() { Classes = [.. Enumerable.Range(0, 12).Select(i => $"k{i}")] }));
        StringAssert.Contains(e.Message, "none of those that are known: k0, k1, k2, k3 and 8 more. Rename or remove it");
        Assert.ThrowsExactly<ArgumentException>(() => new ImageCatalogOptions { Classes = ["a", "a"] });
    }

    [TestMethod]
    public void Open_MissingClasses_AreOneLine()
    {
        using var folder = new TestFolder().Add("a/1.jpg", "b/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root, new() { Classes = [.. "abcdefghijklmnop".Select(c => $"{c}")] });
        StringAssert.EndsWith(catalog.Warnings.Single(), "no image of 14 classes (c, d, e, f and 10 more) in this split; the other classes keep their indices.");
    }

    [TestMethod]
    public void Open_MissingClassInAnotherSplit_KeepsTheIndices()
    {
        using var folder = new TestFolder().Add("train/a/1.jpg", "train/b/1.jpg", "train/c/1.jpg", "val/a/1.jpg", "val/c/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { 0, 2 }, catalog.Of(DatasetSplit.Validation).Select(i => i.Label).ToArray());
        Assert.HasCount(1, catalog.Warnings);
    }

    [TestMethod]
    public void Open_NothingThere_IsNamed()
    {
        Assert.AreEqual("MNC1001", Code(Path.Combine(Path.GetTempPath(), "no-such-folder-here")));
        using var folder = new TestFolder().Add("thing.bin");
        Assert.AreEqual("MNC1002", Code(folder["thing.bin"]));
    }

    [TestMethod]
    public void Read_ManyWays_GivesTheFile()
    {
        using var folder = new TestFolder().Add("a/1.jpg", "b/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        Assert.AreEqual("b/1.jpg", System.Text.Encoding.UTF8.GetString(catalog.Read(catalog.Images[1])));
        File.Delete(folder["b/1.jpg"]);
        Assert.AreEqual("MNC1011", Assert.ThrowsExactly<MlNetCifarException>(() => catalog.Read(catalog.Images[1])).Code);
    }

    [TestMethod]
    public void Read_FileOverTheLimit_IsRefused()
    {
        using var folder = new TestFolder().Add("a/1.jpg", "b/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root, new() { MaxFileBytes = 3 });
        Assert.AreEqual("MNC1012", Assert.ThrowsExactly<MlNetCifarException>(() => catalog.Read(catalog.Images[0])).Code);
    }

    static string Code(string path) => Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(path).Dispose()).Code;
}
