using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark.Hdfs;

/// <summary>Real name and data nodes without WebHDFS, and with it where the short cut fails.</summary>
[TestClass]
[TestCategory("Spark")]
public sealed class NativeHdfsTests
{
    const int BlockBytes = 1 << 16;

    static LocalCluster s_cluster = null!;
    static HdfsFileStore s_store = null!;

    [ClassInitialize]
    public static async Task OpenAsync(TestContext _)
    {
        s_cluster = await SparkFixture.ClusterAsync();
        s_store = new(new(s_cluster.FileSystem!), new(WebHdfsOptions.For(new(s_cluster.FileSystem!), HadoopConfiguration.Load(s_cluster.HadoopConfiguration))));
    }

    [ClassCleanup]
    public static void Close() => s_store?.Dispose();

    static NativeHdfs Reader(string? address = null) => new(
        new() { NameNodes = [], RpcNodes = [new(address ?? s_cluster.FileSystem!)], User = "ann", Timeout = TimeSpan.FromSeconds(20) }, new());

    static byte[] Bytes(int count, int seed = 1)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    // In blocks of 64 KiB, which the client itself cannot ask for.
    static async Task WriteInBlocksAsync(string path, byte[] content)
    {
        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        using var first = await http.PutAsync(new Uri(s_cluster.NameNode!, $"/webhdfs/v1{path}?op=CREATE&blocksize={BlockBytes}&overwrite=true&user.name=ann"), null);
        using var second = await http.PutAsync(first.Headers.Location, new ByteArrayContent(content));
        Assert.AreEqual(System.Net.HttpStatusCode.Created, second.StatusCode);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(511)]
    [DataRow(512)]
    [DataRow(513)]
    [DataRow(65_535)]
    [DataRow(65_536)]
    [DataRow(65_537)]
    [DataRow(300_001)]
    public async Task File_OfAnyLength_IsReadAcrossItsBlocks(int length)
    {
        var content = Bytes(length);
        var path = $"/native/length/{length}";
        await WriteInBlocksAsync(path, content);
        using var reader = Reader();
        var read = new byte[length];
        Assert.IsTrue(reader.TryRead(path, read));
        CollectionAssert.AreEqual(content, read);
        Assert.IsFalse(reader.TryRead(path, new byte[length + 1]), "another length");
        Assert.IsFalse(reader.TryRead("/native/none", read), "a missing file");
        Assert.IsTrue(reader.TryRead(path, read), "afterwards");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(511)]
    [DataRow(512)]
    [DataRow(513)]
    [DataRow(64_511)]
    [DataRow(64_512)]
    [DataRow(64_513)]
    [DataRow(8_000_000)]
    public async Task Write_IsWhatWebHdfsReads(int length)
    {
        var content = Bytes(length);
        var path = $"/native/write/ü {length}";
        using var native = Reader();
        for (var i = 0; i < 2; i++)
            Assert.IsTrue(native.TryWrite(path, content), $"time {i + 1}");
        await using (var stream = await s_store.Client.OpenReadAsync(path))
        {
            var read = new MemoryStream();
            await stream.CopyToAsync(read);
            CollectionAssert.AreEqual(content, read.ToArray());
        }

        // Closed: another writer may append.
        var status = await s_store.Client.GetStatusAsync(path);
        Assert.AreEqual(length, status!.Value.Length);
        Assert.IsTrue(native.TryRename(path, path + " renamed"));
        Assert.IsTrue(native.TryGetStatus(path, out var gone));
        Assert.IsNull(gone);
        Assert.IsTrue(native.TryGetStatus(path + " renamed", out var there));
        Assert.AreEqual(status.Value with { Name = "" }, there);
        Assert.IsTrue(native.TryDelete(path + " renamed", recursive: false));
        Assert.IsNull(await s_store.Client.GetStatusAsync(path + " renamed"));
    }

    [TestMethod]
    public async Task Places_NotedByAListing_AreReadFrom_UntilTheyAreNoMore()
    {
        const string root = "/native/places";
        var files = Enumerable.Range(0, 20).Select(i => ($"f{i:D2}", Bytes(1000 + i, i))).ToArray();
        foreach (var (name, content) in files)
            await s_store.Client.WriteAsync($"{root}/{name}", content, overwrite: true);
        await s_store.Client.WriteAsync($"{root}/empty", ReadOnlyMemory<byte>.Empty, overwrite: true);
        await WriteInBlocksAsync($"{root}/large", Bytes(100_000));
        using var store = new HdfsFileStore(new(s_cluster.FileSystem!), new(s_store.Client.Options)) { Places = new() };
        Assert.AreEqual(22, store.List(root).Count());
        Assert.AreEqual(20, store.Places.Count, "those of one block");

        using var folder = new TestFolder();
        new PartTask(0, 0, "key", [.. files.Select(f => new ShardItem(f.Item1, 0, f.Item2.Length)), new("large", 0, 100_000)]).Write(LocalFileStore.Instance, folder.Root, store.Places, root);
        using var task = new PartTaskReader(LocalFileStore.Instance, folder.Root, 0);
        var placed = task.PlacedItems().ToArray();
        Assert.IsNull(placed[20].Block);
        var read = files.Select(f => new byte[f.Item2.Length]).ToArray();
        SmallFile Wanted(int i, byte[] destination) => new($"{root}/{files[i].Item1}", destination, placed[i].Block);
        var wanted = read.Select((bytes, i) => Wanted(i, bytes)).ToArray();
        store.TryReadAll(wanted);
        Assert.IsTrue(wanted.All(f => f.IsRead));
        foreach (var (content, i) in files.Select((f, i) => (f.Item2, i)))
            CollectionAssert.AreEqual(content, read[i]);

        // The data node keeps a block for a while that no file has any more.
        await s_store.Client.WriteAsync($"{root}/f07", Bytes(1007, 99), overwrite: true);
        var again = new byte[1007];
        var stale = Wanted(7, again);
        for (var end = DateTime.UtcNow.AddSeconds(60); DateTime.UtcNow < end; await Task.Delay(500))
        {
            stale = Wanted(7, again);
            store.TryReadAll([stale]);
            if (!stale.IsRead)
                break;
        }

        Assert.IsFalse(stale.IsRead);
        Assert.AreEqual(1007, store.ReadWhole($"{root}/f07", again));
        CollectionAssert.AreEqual(Bytes(1007, 99), again);
    }

    [TestMethod]
    public async Task Refusals_AreLeftToWebHdfs()
    {
        await s_store.Client.MakeFolderAsync("/native/refusals/folder/inner");
        using var native = Reader();
        for (var i = 0; i < 5; i++)
        {
            Assert.IsFalse(native.TryRename("/native/none", "/native/other"));
            Assert.IsFalse(native.TryDelete("/native/refusals/folder", recursive: false));
            Assert.IsFalse(native.TryWrite("/native/refusals/folder", Bytes(10)));
        }

        Assert.IsTrue(native.IsUsable, "a refusal is no fault");
        Assert.IsTrue(s_store.FolderExists("/native/refusals/folder/inner"));
        Assert.AreEqual(HdfsErrors.NotFoundCode, Assert.ThrowsExactly<MlNetCifarException>(() => s_store.Rename("/native/none", "/native/other", 1)).Code);
    }

    [TestMethod]
    public async Task Listing_IsTheOneOfWebHdfs_WhereverItIsTakenUp()
    {
        // The name node answers with 1,000 entries at most.
        const int count = 1003;
        await Parallel.ForEachAsync(Enumerable.Range(0, count), async (i, ct) => await s_store.Client.MakeFolderAsync($"/native/listing/f{i:D4}", ct));
        await s_store.Client.WriteAsync("/native/listing/ü a%2F+#", Bytes(7), overwrite: true);
        await s_store.Client.WriteAsync("/native/listing/f0007/inner", Bytes(8), overwrite: true);
        using var web = new HdfsFileStore(new(s_cluster.FileSystem!), new(s_store.Client.Options with { RpcNodes = [] }));
        var expected = web.List("/native/listing").ToArray();
        Assert.HasCount(count + 2, expected);
        CollectionAssert.AreEquivalent(expected, s_store.List("/native/listing").ToArray());
        CollectionAssert.AreEqual(web.List("/native/listing/ü a%2F+#").ToArray(), s_store.List("/native/listing/ü a%2F+#").ToArray());
        Assert.ThrowsExactly<DirectoryNotFoundException>(() => s_store.List("/native/none").ToArray());

        using var native = Reader();
        Assert.IsTrue(native.TryList("/native/listing", "f0999", out var rest, out var isLast));
        Assert.IsTrue(isLast);
        var behind = new List<HdfsStatus>();
        await foreach (var entry in s_store.Client.ListAsync("/native/listing", "f0999"))
            behind.Add(entry);
        CollectionAssert.AreEqual(behind, rest);
        // A name node takes the bytes of a name for signed ones: ü comes before f.
        Assert.HasCount(count - 1000, rest);
    }

    [TestMethod]
    public async Task StoreInPlace_WritesUnderTheFilesOwnName_AndLeavesNothingOfAWriteThatFails()
    {
        await s_store.Client.MakeFolderAsync("/native/in place");
        var inPlace = s_store.InPlace();
        var folder = $"{s_cluster.FileSystem}/native/in place";
        foreach (var length in new[] { 10, 20 << 20 })
        {
            inPlace.Write($"{folder}/{length}", stream =>
            {
                stream.Write(Bytes(length));
                Assert.IsFalse(s_store.List(folder).Any(e => e.Path.EndsWith(".tmp", StringComparison.Ordinal)));
            });
            var read = new byte[length];
            Assert.AreEqual(length, s_store.ReadWhole($"{folder}/{length}", read));
            CollectionAssert.AreEqual(Bytes(length), read);
            Assert.ThrowsExactly<InvalidOperationException>(() => inPlace.Write($"{folder}/failed", stream =>
            {
                stream.Write(Bytes(length));
                throw new InvalidOperationException();
            }));
        }

        CollectionAssert.AreEquivalent(new[] { "10", $"{20 << 20}" }, s_store.List(folder).Select(e => e.Path).ToArray());
    }

    [TestMethod]
    public async Task ManyFiles_AreReadByManyThreads_WithTheFoldersListing()
    {
        const int count = 60;
        await Parallel.ForEachAsync(Enumerable.Range(0, count), async (i, ct) => await s_store.Client.WriteAsync($"/native/many/ü {i}", Bytes(1000 + i, i), overwrite: true, cancellationToken: ct));
        using var reader = Reader();
        // The second and third time, the first listing's places have been handed out.
        for (var round = 0; round < 3; round++)
        {
            Parallel.For(0, count, i =>
            {
                var read = new byte[1000 + i];
                Assert.IsTrue(reader.TryRead($"/native/many/ü {i}", read));
                CollectionAssert.AreEqual(Bytes(1000 + i, i), read);
            });
        }
    }

    [TestMethod]
    public async Task FileThatChangedSinceItsFolderWasListed_IsReadAsItIs()
    {
        const int count = 40;
        for (var i = 0; i < count; i++)
            await s_store.Client.WriteAsync($"/native/changing/{i}", Bytes(500, i), overwrite: true);
        using var reader = Reader();
        var read = new byte[500];
        for (var i = 0; i < count - 2; i++)
            Assert.IsTrue(reader.TryRead($"/native/changing/{i}", read));
        await s_store.Client.WriteAsync($"/native/changing/{count - 1}", Bytes(500, 99), overwrite: true);
        // Its old block may be there for a while yet, so the old bytes are right too; a mixture is not.
        var isRead = reader.TryRead($"/native/changing/{count - 1}", read);
        Assert.IsTrue(!isRead || read.AsSpan().SequenceEqual(Bytes(500, 99)) || read.AsSpan().SequenceEqual(Bytes(500, count - 1)));
        Assert.AreEqual(500, s_store.ReadWhole($"/native/changing/{count - 1}", read));
        CollectionAssert.AreEqual(Bytes(500, 99), read);
    }

    [TestMethod]
    public async Task DamagedBlock_IsNeverTakenForTheFile()
    {
        var marker = Encoding.ASCII.GetBytes($"marker {Guid.NewGuid()}");
        byte[] content = [.. marker, .. Bytes(5000)];
        await s_store.Client.WriteAsync("/native/damaged", content, overwrite: true);
        var block = Directory.EnumerateFiles(Path.Combine(s_cluster.Folder, "dn"), "blk_*", SearchOption.AllDirectories)
            .Single(f => !f.EndsWith(".meta", StringComparison.Ordinal) && File.ReadAllBytes(f).AsSpan().StartsWith(marker));
        var damaged = await File.ReadAllBytesAsync(block);
        damaged[3000] ^= 1;
        await File.WriteAllBytesAsync(block, damaged);
        using var reader = Reader();
        Assert.IsFalse(reader.TryRead("/native/damaged", new byte[content.Length]));
        var patient = new HdfsFileStore(new(s_cluster.FileSystem!), new(s_store.Client.Options with { Retry = new() { MaxAttempts = 2 } }));
        using (patient)
            Assert.ThrowsExactly<MlNetCifarException>(() => patient.ReadWhole("/native/damaged", new byte[content.Length]));
    }

    [TestMethod]
    public async Task ServerThatIsNoNameNode_IsGivenUp_AndWebHdfsAnswers()
    {
        var content = Bytes(3000);
        await s_store.Client.WriteAsync("/native/other", content, overwrite: true);
        // The web port does not speak RPC, the other has nobody.
        foreach (var address in new[] { $"hdfs://127.0.0.1:{s_cluster.NameNode!.Port}", "hdfs://127.0.0.1:9" })
        {
            using var store = new HdfsFileStore(new(s_cluster.FileSystem!), new(s_store.Client.Options with { RpcNodes = [new(address)] }));
            var read = new byte[content.Length];
            for (var i = 0; i < 5; i++)
                Assert.AreEqual(content.Length, store.ReadWhole("/native/other", read));
            CollectionAssert.AreEqual(content, read);
            store.Write("/native/other copy", stream => stream.Write(content));
            Assert.AreEqual(content.Length, (await s_store.Client.GetStatusAsync("/native/other copy"))!.Value.Length);
            using var reader = Reader(address);
            for (var i = 0; i < 3; i++)
                Assert.IsFalse(reader.TryRead("/native/other", read));
            Assert.IsFalse(reader.IsUsable);
        }
    }
}
