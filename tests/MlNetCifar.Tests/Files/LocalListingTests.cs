using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Files;

/// <summary>Folders with links in them, as caches and annexes make them.</summary>
[TestClass]
public sealed class LocalListingTests
{
    [TestMethod]
    public void List_LinkedFiles_HaveTheLengthOfWhatTheyLeadTo()
    {
        using var folder = new TestFolder();
        Linked(folder);
        var files = LocalFileStore.Instance.List(folder["data"]).Where(e => !e.IsFolder).ToDictionary(e => e.Path, e => e.Length);
        Assert.HasCount(4, files);
        foreach (var (path, length) in files)
        {
            Assert.AreEqual(1000L, length, path);
            Assert.AreEqual(1000L, LocalFileStore.Instance.FindLength(folder["data/" + path]), path);
        }
    }

    [TestMethod]
    public void Import_LinkedFiles_CopiesTheirContents()
    {
        using var folder = new TestFolder();
        Linked(folder);
        Assert.AreEqual(4, DatasetImporter.Import(folder["data"], folder["copy"]).Files);
        foreach (var file in Directory.GetFiles(folder["copy"], "*", SearchOption.AllDirectories))
            Assert.AreEqual(1000, new FileInfo(file).Length, file);
        Assert.IsNull(new FileInfo(folder["copy/cat/1.jpg"]).LinkTarget);
    }

    [TestMethod]
    public void Open_LinkedFiles_ReadsWhatTheFilesHold()
    {
        using var folder = new TestFolder();
        foreach (var (name, pixel) in new[] { ("cat", (byte)10), ("dog", (byte)200) })
        {
            folder.Add($"blobs/{name}", TestImages.Png(pixel));
            Directory.CreateDirectory(folder[$"data/{name}"]);
            File.CreateSymbolicLink(folder[$"data/{name}/1.png"], $"../../blobs/{name}");
        }

        using var data = ImageDataset.Open(folder["data"]);
        Assert.IsEmpty(data.BadFiles);
        Assert.AreEqual(2, data.Train.Count);
    }

    [TestMethod]
    [DataRow("up", "..")]
    [DataRow("self", ".")]
    [DataRow("root", "../..")]
    public void List_LinkThatLeadsBack_IsCut(string name, string target)
    {
        using var folder = new TestFolder();
        folder.Add("data/cat/1.jpg", "data/cat/deep/2.jpg", "data/dog/1.jpg");
        Directory.CreateSymbolicLink(folder["data/cat/" + name], target);
        var files = LocalFileStore.Instance.List(folder["data"]).Where(e => !e.IsFolder).Select(e => e.Path).Order(StringComparer.Ordinal);
        CollectionAssert.AreEqual(new[] { "cat/1.jpg", "cat/deep/2.jpg", "dog/1.jpg" }, files.ToArray());
    }

    [TestMethod]
    public void List_LinksToOneAnother_AreCutToo()
    {
        using var folder = new TestFolder();
        folder.Add("data/a/1.jpg", "data/b/2.jpg");
        Directory.CreateSymbolicLink(folder["data/a/b"], "../b");
        Directory.CreateSymbolicLink(folder["data/b/a"], "../a");
        var files = LocalFileStore.Instance.List(folder["data"]).Where(e => !e.IsFolder).Select(e => e.Path).Order(StringComparer.Ordinal);
        CollectionAssert.AreEqual(new[] { "a/1.jpg", "a/b/2.jpg", "b/2.jpg", "b/a/1.jpg" }, files.ToArray());
    }

    [TestMethod]
    public void List_DeepFolders_AreFoundToTheEnd()
    {
        using var folder = new TestFolder();
        var path = string.Concat(Enumerable.Range(0, 60).Select(i => $"{i}/")) + "1.jpg";
        folder.Add(path);
        Assert.AreEqual(path, LocalFileStore.Instance.List(folder.Root).Single(e => !e.IsFolder).Path);
    }

    [TestMethod]
    public void List_PipesAndSockets_AreNoFiles()
    {
        using var folder = new TestFolder();
        folder.Add("cat/1.jpg");
        Nodes.Pipe(folder["cat/2.jpg"]);
        using var socket = Nodes.Socket(folder["cat/3.jpg"]);
        Assert.AreEqual("cat/1.jpg", LocalFileStore.Instance.List(folder.Root).Single(e => !e.IsFolder).Path);
    }

    [TestMethod]
    public void Open_LinksThatLeadNowhere_AreBadFiles()
    {
        using var folder = new TestFolder();
        folder.Add("data/cat/1.png", TestImages.Png(1)).Add("data/dog/1.png", TestImages.Png(2));
        File.CreateSymbolicLink(folder["data/dog/2.png"], "../annex/missing");
        Assert.IsFalse(LocalFileStore.Instance.FileExists(folder["data/dog/2.png"]));
        using var data = ImageDataset.Open(folder["data"]);
        Assert.AreEqual("MNC1011", data.BadFiles.Single().Code);
        StringAssert.Contains(data.BadFiles.Single().Reason, "link");
    }

    static void Linked(TestFolder folder)
    {
        folder.Add("store/blob", new byte[1000]).Add("data/cat/0.jpg", new byte[1000]);
        File.CreateSymbolicLink(folder["data/cat/1.jpg"], "../../store/blob");
        File.CreateSymbolicLink(folder["data/cat/2.jpg"], folder["store/blob"]);
        folder.Add("elsewhere/dog/3.jpg", new byte[1000]);
        Directory.CreateSymbolicLink(folder["data/dog"], folder["elsewhere/dog"]);
    }
}
