using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.TestKit;

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
    [DataRow(0, "one bit")]
    [DataRow(0, "cut")]
    [DataRow(0, "cut in the header")]
    [DataRow(0, "longer")]
    [DataRow(0, "missing")]
    [DataRow(1, "one bit")]
    [DataRow(1, "cut")]
    [DataRow(1, "longer")]
    [DataRow(1, "missing")]
    [DataRow(2, "one bit")]
    [DataRow(2, "cut")]
    [DataRow(2, "longer")]
    [DataRow(2, "missing")]
    public void DamagedFile_OfAPartInMemory_IsRefused(int file, string damage)
    {
        using var folder = Shards();
        ShardPartInfo part;
        using (var local = ShardSource.Open(folder["out"]))
            part = local.Manifest.Parts[0];
        var path = Path.Combine(folder["out"], part.Files[file].Name);
        var bytes = File.ReadAllBytes(path);
        switch (damage)
        {
            case "one bit":
                bytes[^3] ^= 1;
                break;
            case "cut":
                bytes = bytes[..^5];
                break;
            case "cut in the header":
                bytes = bytes[..7];
                break;
            case "longer":
                bytes = [.. bytes, 1];
                break;
        }

        File.Delete(path);
        if (damage != "missing")
            File.WriteAllBytes(path, bytes);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() =>
        {
            using var remote = ShardSource.Open(folder["out"], new CountingStore(), cacheFolder: null);
            remote.CopyPixels(0, new byte[remote.ImageLength]);
            remote.Name(0);
        });
        StringAssert.Matches(error.Code, new("MNC10[23]0"));
        StringAssert.Contains(error.Message, part.Files[file].Name);
        Assert.DoesNotContain("System.", error.Message);
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

    [TestMethod]
    public void FailedFetch_IsTriedAgain()
    {
        using var folder = Shards();
        var store = new CountingStore();
        using var local = ShardSource.Open(folder["out"]);
        using var remote = ShardSource.Open(folder["out"], store, folder["cache"]);
        store.Fault = new FileNotFoundException("The server is away.");
        Assert.AreEqual("MNC1030", Assert.ThrowsExactly<MlNetCifarException>(() => remote.CopyPixels(0, new byte[remote.ImageLength])).Code);
        store.Fault = null;
        Assert.AreEqual(local.ContentHash(), remote.ContentHash());
        Assert.HasCount(3, Directory.GetFiles(folder["cache"]));
    }

    [TestMethod]
    public void FolderThatCanBeWrittenLater_IsUsedThen()
    {
        using var folder = Shards(parts: 6);
        File.WriteAllText(folder["cache"], "a file where the folder should be");
        using var remote = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"]);
        remote.ContentHash();
        File.Delete(folder["cache"]);
        remote.ContentHash();
        Assert.IsTrue(File.Exists(Path.Combine(folder["cache"], remote.Manifest.Parts[0].Files[0].Sha256)), "the last parts may still be in memory, the first is not");
    }

    [TestMethod]
    public void Folder_StaysWithinItsLimit_AndHoldsWhatWasReadLast()
    {
        using var folder = Shards(parts: 6);
        using var local = ShardSource.Open(folder["out"]);
        var length = local.Manifest.Parts[0].Files[0].Length;
        using var remote = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"], (4 * length) + 1);
        for (var turn = 0; turn < 2; turn++)
        {
            Assert.AreEqual(local.ContentHash(), remote.ContentHash());
            var kept = Directory.GetFiles(folder["cache"]).Select(Path.GetFileName).ToArray();
            CollectionAssert.AreEquivalent(local.Manifest.Parts.TakeLast(4).Select(p => p.Files[0].Sha256).ToArray(), kept);
        }
    }

    [TestMethod]
    public void Limit_TakesTheLongestUnusedFirst_AndNeverOneInUse()
    {
        using var folder = Shards();
        using var local = ShardSource.Open(folder["out"]);
        var length = (int)local.Manifest.Parts[0].Files[0].Length;
        var (used, old, recent, strange) = (Path.Combine(folder["cache"], new string('a', 64)), Path.Combine(folder["cache"], new string('b', 64)), Path.Combine(folder["cache"], new string('c', 64)), Path.Combine(folder["cache"], "notes.txt"));
        Directory.CreateDirectory(folder["cache"]);
        foreach (var (path, age) in new[] { (used, 3), (old, 2), (recent, 1), (strange, 9) })
        {
            File.WriteAllBytes(path, new byte[length]);
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-age));
        }

        using var reader = File.OpenRead(used);
        using var remote = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"], 3 * length);
        remote.CopyPixels(0, new byte[remote.ImageLength]);
        Assert.IsTrue(File.Exists(used) && File.Exists(recent) && File.Exists(strange));
        Assert.IsFalse(File.Exists(old));
    }

    [TestMethod]
    public void Use_OfAnOldCopyMakesItANewOne()
    {
        using var folder = Shards();
        using (var first = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"]))
            first.ContentHash();
        foreach (var file in Directory.GetFiles(folder["cache"]))
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddDays(-9));
        using var again = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"]);
        again.CopyPixels(0, new byte[again.ImageLength]);
        Assert.HasCount(1, Directory.GetFiles(folder["cache"]).Where(f => File.GetLastWriteTimeUtc(f) > DateTime.UtcNow.AddDays(-1)));
    }

    [TestMethod]
    public void PartLargerThanTheLimit_IsReadWithoutACopy()
    {
        using var folder = Shards();
        using var local = ShardSource.Open(folder["out"]);
        using var remote = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"], 100);
        Assert.AreEqual(local.ContentHash(), remote.ContentHash());
        Assert.IsFalse(Directory.Exists(folder["cache"]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ShardSource.Open(folder["out"], new CountingStore(), folder["cache"], 0));
    }

    [TestMethod]
    public void ManyReaders_OfMoreThanTheLimitHolds_SeeTheRightRows()
    {
        using var folder = Shards(parts: 6);
        using var local = ShardSource.Open(folder["out"]);
        var length = local.Manifest.Parts[0].Files[0].Length;
        foreach (var limit in new[] { (4 * length) + 1, 100 })
        {
            using var remote = ShardSource.Open(folder["out"], new CountingStore(), folder["cache"], limit);
            Parallel.For(0, 600, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
            {
                var index = i * 7919 % local.Count;
                byte[] expected = new byte[local.ImageLength], found = new byte[local.ImageLength];
                local.CopyPixels(index, expected);
                remote.CopyPixels(index, found);
                CollectionAssert.AreEqual(expected, found);
            });
        }
    }

    static TestFolder Shards(int parts = 3)
    {
        var folder = new TestFolder().AddPictures("in/", 3, 20);
        ShardWriter.Write(folder["in"], folder["out"], new ShardOptions { Spec = new() { Width = 8, Height = 8 }, Parts = parts });
        return folder;
    }

    /// <summary>A store whose streams are not local files; counts how often picture files are opened: once for the header, once for all of it.</summary>
    sealed class CountingStore : ForwardingStore
    {
        public int Opened { get; private set; }

        public Exception? Fault { get; set; }

        public override Stream OpenRead(string path)
        {
            if (Fault is not null)
                throw Fault;
            Opened += FileTree.Name(path).StartsWith('X') ? 1 : 0;
            return new BufferedStream(base.OpenRead(path));
        }
    }
}
