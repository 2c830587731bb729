using System.Runtime.Versioning;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Reporting;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Files;

/// <summary>Writers replace files and nothing else.</summary>
[TestClass]
[UnsupportedOSPlatform("windows")]
public sealed class FileTargetTests
{
    static readonly LocalFileStore s_store = LocalFileStore.Instance;

    /// <summary>Every way of the library to write one file of a chosen name.</summary>
    static IEnumerable<(string Name, Action<string> Write)> Writers =>
    [
        ("store", path => s_store.Write(path, s => s.Write("content"u8))),
        ("move", path =>
        {
            var from = path.TrimEnd('/') + ".from";
            File.WriteAllText(from, "content");
            s_store.Move(from, path);
            Assert.IsFalse(File.Exists(from));
        }),
        ("text", path => AtomicFile.WriteText(path, w => w.Write("content"))),
        ("labels", path => LabelsFile.Write(["cat", "dog"], path)),
        ("bad files", path => BadFile.Write([new("a.jpg", "MNC1203", "Short.")], path)),
    ];

    public static IEnumerable<object[]> WriterNames => Writers.Select(w => new object[] { w.Name });

    [TestMethod]
    [DynamicData(nameof(WriterNames))]
    public void Write_ToADevice_LeavesTheDevice(string name)
    {
        using var folder = new TestFolder();
        var device = Nodes.Null(folder["null"]);
        var before = Nodes.Describe(device);
        StringAssert.StartsWith(before, "character special file 1:3");
        Writer(name)(device);
        Assert.AreEqual(before, Nodes.Describe(device));
        File.CreateSymbolicLink(folder["link"], "null");
        Writer(name)(folder["link"]);
        Assert.AreEqual(before, Nodes.Describe(device));
        StringAssert.StartsWith(Nodes.Describe(folder["link"]), "symbolic link");
        Assert.HasCount(2, Directory.GetFileSystemEntries(folder.Root));
    }

    [TestMethod]
    public void Write_ToAFullDevice_SaysSo()
    {
        using var folder = new TestFolder();
        var device = Nodes.Full(folder["full"]);
        Assert.ThrowsExactly<IOException>(() => s_store.Write(device, s => s.Write(new byte[1 << 20])));
        StringAssert.StartsWith(Nodes.Describe(device), "character special file 1:7");
    }

    [TestMethod]
    [DynamicData(nameof(WriterNames))]
    public async Task Write_ToAPipe_ReachesItsReader(string name)
    {
        using var folder = new TestFolder();
        Writer(name)(folder["file"]);
        var pipe = Nodes.Pipe(folder["pipe"]);
        var read = Task.Run(() => File.ReadAllBytes(pipe));
        Writer(name)(pipe);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder["file"]), await read);
        StringAssert.StartsWith(Nodes.Describe(pipe), "fifo");
    }

    [TestMethod]
    [DynamicData(nameof(WriterNames))]
    public void Write_ToASocketOrFolder_IsRefused(string name)
    {
        using var folder = new TestFolder();
        using var socket = Nodes.Socket(folder["socket"]);
        StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => Writer(name)(folder["socket"])).Message, "socket");
        StringAssert.StartsWith(Nodes.Describe(folder["socket"]), "socket");
        Directory.CreateDirectory(folder["folder"]);
        StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => Writer(name)(folder["folder"])).Message, "folder");
        Assert.Contains("folder", Assert.ThrowsExactly<IOException>(() => Writer(name)(folder["none"] + "/")).Message);
    }

    [TestMethod]
    [DynamicData(nameof(WriterNames))]
    public void Write_OverALink_ReplacesWhatItLeadsTo(string name)
    {
        using var folder = new TestFolder();
        folder.Text("there/file", "old");
        File.CreateSymbolicLink(folder["one"], "there/file");
        File.CreateSymbolicLink(folder["two"], folder["one"]);
        Writer(name)(folder["two"]);
        Assert.AreEqual("there/file", new FileInfo(folder["one"]).LinkTarget);
        Assert.AreEqual(folder["one"], new FileInfo(folder["two"]).LinkTarget);
        Assert.AreNotEqual("old", File.ReadAllText(folder["there/file"]));

        File.CreateSymbolicLink(folder["empty"], "new/place");
        Writer(name)(folder["empty"]);
        Assert.AreEqual("new/place", new FileInfo(folder["empty"]).LinkTarget);
        Assert.AreEqual(File.ReadAllText(folder["there/file"]), File.ReadAllText(folder["new/place"]));
    }

    [TestMethod]
    public void Write_ThroughLinkedFolders_FindsTheRealPlace()
    {
        using var folder = new TestFolder();
        folder.Text("store/blobs/x", "old").Text("store/snapshot/y", "");
        File.CreateSymbolicLink(folder["store/snapshot/file"], "../blobs/x");
        Directory.CreateSymbolicLink(folder["data"], "store/snapshot");

        // Read as text, data/../blobs/x is another place.
        s_store.Write(folder["data/file"], s => s.Write("new"u8));
        Assert.AreEqual("new", File.ReadAllText(folder["store/blobs/x"]));
        Assert.AreEqual("../blobs/x", new FileInfo(folder["store/snapshot/file"]).LinkTarget);
        Assert.IsFalse(Directory.Exists(folder["blobs"]));
    }

    [TestMethod]
    public void Write_LinksInACircle_AreRefused()
    {
        using var folder = new TestFolder();
        File.CreateSymbolicLink(folder["a"], "b");
        File.CreateSymbolicLink(folder["b"], "a");
        Assert.ThrowsExactly<IOException>(() => s_store.Write(folder["a"], s => s.WriteByte(1)));
    }

    [TestMethod]
    [DynamicData(nameof(WriterNames))]
    public void Write_OverAFile_KeepsPermissionsAndOwner(string name)
    {
        using var folder = new TestFolder();
        folder.Text("file", "old");
        File.SetUnixFileMode(folder["file"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherExecute);
        if (Environment.IsPrivilegedProcess)
            Assert.AreEqual(0, Nodes.Shell("chown", "12345:23456", folder["file"]));
        var before = Nodes.Describe(folder["file"]);
        Writer(name)(folder["file"]);
        Assert.AreEqual(before, Nodes.Describe(folder["file"]));
        Assert.AreNotEqual("old", File.ReadAllText(folder["file"]));
    }

    [TestMethod]
    public void Write_OverAPrivateFile_IsPrivateMeanwhile()
    {
        using var folder = new TestFolder();
        folder.Text("file", "old");
        File.SetUnixFileMode(folder["file"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        s_store.Write(folder["file"], _ => Assert.AreEqual(
            UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Directory.GetFiles(folder.Root, ".*.tmp").Single())));
    }

    [TestMethod]
    public void Write_ThatFails_LeavesTheOldFileAndNoOther()
    {
        using var folder = new TestFolder();
        folder.Text("file", "old");
        Assert.ThrowsExactly<InvalidDataException>(() => s_store.Write(folder["file"], s =>
        {
            s.WriteByte(1);
            throw new InvalidDataException();
        }));
        Assert.AreEqual("old", File.ReadAllText(folder["file"]));
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Root));
    }

    [TestMethod]
    public void Write_NameOfGreatestLength_Succeeds()
    {
        using var folder = new TestFolder();
        var name = new string('n', 255);
        s_store.Write(folder[name], s => s.WriteByte(1));
        Assert.AreEqual(1, new FileInfo(folder[name]).Length);
    }

    [TestMethod]
    public void Delete_TakesFilesAndLinksOnly()
    {
        using var folder = new TestFolder();
        folder.Text("file", "x");
        File.CreateSymbolicLink(folder["link"], "file");
        Nodes.Pipe(folder["pipe"]);
        s_store.Delete(folder["link"]);
        Assert.IsTrue(File.Exists(folder["file"]));
        Assert.IsNull(new FileInfo(folder["link"]).LinkTarget);
        s_store.Delete(folder["pipe"]);
        StringAssert.StartsWith(Nodes.Describe(folder["pipe"]), "fifo");
        s_store.Delete(folder["file"]);
        s_store.Delete(folder["file"]);
        Assert.IsFalse(File.Exists(folder["file"]));
    }

    [TestMethod]
    public void ClusterState_OverALink_KeepsIt()
    {
        using var folder = new TestFolder();
        folder.Text("there/state.json", "{}");
        File.CreateSymbolicLink(folder["cluster.json"], "there/state.json");
        new ClusterState { Connect = 7 }.Write(folder.Root);
        Assert.AreEqual("there/state.json", new FileInfo(folder["cluster.json"]).LinkTarget);
        Assert.AreEqual(7, ClusterState.Read(folder.Root)!.Connect);
    }

    [TestMethod]
    public void Import_OverALink_IsRefused()
    {
        using var folder = new TestFolder();
        folder.Text("from/a/1.jpg", "x");
        Directory.CreateDirectory(folder["to/a"]);
        File.CreateSymbolicLink(folder["to/a/1.jpg"], folder["elsewhere"]);
        Assert.AreEqual("MNC1043", Assert.ThrowsExactly<MlNetCifarException>(() => DatasetImporter.Import(folder["from"], folder["to"])).Code);
        Assert.IsFalse(File.Exists(folder["elsewhere"]));
    }

    static Action<string> Writer(string name) => Writers.Single(w => w.Name == name).Write;
}
