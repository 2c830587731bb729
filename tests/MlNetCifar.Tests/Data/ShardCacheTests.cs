using MlNetCifar.Data.Files;
using MlNetCifar.Data.Shards;

namespace MlNetCifar.Tests.Data;

/// <summary>Parts of shards on a remote store, kept in a local folder once read.</summary>
[TestClass]
public sealed class ShardCacheTests
{
    [TestMethod]
    public void Parts_AreReadOnce_AndByOtherRunsNotAtAll()
    {
        using var folder = Shards();
        var store = new CountingStore();
        using var local = ShardSource.Open(folder["out"]);
        var parts = local.Manifest.Parts.Count;
        using (var remote = ShardSource.Open(folder["out"], store, folder["cache"]))
        {
            Assert.AreEqual(parts, store.Opened, "a part that is not wanted yet is not read");
            Assert.AreEqual(local.ContentHash(), remote.ContentHash());
            Assert.AreEqual(local.ContentHash(), remote.ContentHash());
            Assert.AreEqual(2 * parts, store.Opened);
        }

        using var again = ShardSource.Open(folder["out"], store, folder["cache"]);
        Assert.AreEqual(local.ContentHash(), again.ContentHash());
        Assert.AreEqual(3 * parts, store.Opened);
        CollectionAssert.AreEquivalent(
            local.Manifest.Parts.Select(p => p.Files[0].Sha256).ToArray(), Directory.EnumerateFiles(folder["cache"]).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void DamagedPart_IsRefused_AndNotKept()
    {
        using var folder = Shards();
        using (var manifest = ShardSource.Open(folder["out"]))
        {
            var path = Path.Combine(folder["out"], manifest.Manifest.Parts[0].Files[0].Name);
            var bytes = File.ReadAllBytes(path);
            bytes[^1] ^= 1;
            File.WriteAllBytes(path, bytes);
        }

        using var remote = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"]);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => remote.CopyPixels(0, new byte[remote.ImageLength]));
        Assert.AreEqual("MNC1030", error.Code);
        Assert.IsEmpty(Directory.EnumerateFiles(folder["cache"]));
    }

    [TestMethod]
    public void FolderThatCannotBeWritten_CostsSpeedOnly()
    {
        using var folder = Shards();
        File.WriteAllText(folder["cache"], "a file where the folder should be");
        using var local = ShardSource.Open(folder["out"]);
        using var remote = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"]);
        Assert.AreEqual(local.ContentHash(), remote.ContentHash());
    }

    static TestFolder Shards()
    {
        var folder = new TestFolder().AddPictures("in/", 3, 20);
        ShardWriter.Write(folder["in"], folder["out"], new ShardOptions { Spec = new() { Width = 8, Height = 8 }, Parts = 3 });
        return folder;
    }

    /// <summary>A store whose streams are not local files; counts how often picture files are opened: once for the header, once for all of it.</summary>
    sealed class CountingStore : ForwardingStore
    {
        public int Opened { get; private set; }

        public override Stream OpenRead(string path)
        {
            Opened += FileTree.Name(path).StartsWith('X') ? 1 : 0;
            return new BufferedStream(base.OpenRead(path));
        }
    }
}
