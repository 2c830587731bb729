using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Tests.Spark.Hdfs;

/// <summary>The WebHDFS client against a real name node and data node.</summary>
[TestClass]
[TestCategory("Spark")]
[DoNotParallelize]
public sealed class WebHdfsClientTests
{
    static WebHdfsClient s_client = null!;

    [ClassInitialize]
    public static async Task StartAsync(TestContext context)
    {
        s_client = SparkFixture.Client(await SparkFixture.ClusterAsync());
        await s_client.DeleteAsync("/webhdfs", recursive: true);
    }

    [ClassCleanup]
    public static void Close() => s_client?.Dispose();

    static byte[] Bytes(int count, int seed = 1)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    static async Task<byte[]> ReadAsync(string path, long offset = 0, long? length = null)
    {
        await using var stream = await s_client.OpenReadAsync(path, offset, length);
        using var memory = new MemoryStream();
        await stream.CopyToAsync(memory);
        return memory.ToArray();
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow((1 << 20) - 1)]
    [DataRow(1 << 20)]
    [DataRow((3 << 20) + 17)]
    public async Task Write_ReadsBackByteForByte(int length)
    {
        var path = $"/webhdfs/write/{length}";
        await s_client.WriteAsync(path, Bytes(length));
        CollectionAssert.AreEqual(Bytes(length), await ReadAsync(path));
        Assert.AreEqual(length, (await s_client.GetStatusAsync(path))!.Value.Length);
    }

    [TestMethod]
    public async Task OpenRead_GivesTheRangeAskedFor()
    {
        var bytes = Bytes(100_000);
        await s_client.WriteAsync("/webhdfs/range", bytes);
        CollectionAssert.AreEqual(bytes[500..700], await ReadAsync("/webhdfs/range", 500, 200));
        CollectionAssert.AreEqual(bytes[99_000..], await ReadAsync("/webhdfs/range", 99_000));
        await using var stream = await s_client.OpenReadAsync("/webhdfs/range");
        stream.Position = 1234;
        Assert.AreEqual(bytes[1234], (byte)stream.ReadByte());
    }

    [TestMethod]
    public async Task Names_MayHoldAnyCharacter()
    {
        const string path = "/webhdfs/odd/a b%2F+ü#?&=é.jpg";
        await s_client.WriteAsync(path, Bytes(10));
        CollectionAssert.AreEqual(Bytes(10), await ReadAsync(path));
        var names = new List<string>();
        await foreach (var entry in s_client.ListAsync("/webhdfs/odd"))
            names.Add(entry.Name);
        CollectionAssert.AreEqual(new[] { "a b%2F+ü#?&=é.jpg" }, names);
    }

    [TestMethod]
    public async Task List_GoesOnBehindTheFirstBatch()
    {
        // The name node answers with 1,000 entries at most.
        var names = Enumerable.Range(0, 1003).Select(i => $"f{i:D4}").ToArray();
        await Parallel.ForEachAsync(names, async (name, ct) => await s_client.MakeFolderAsync($"/webhdfs/many/{name}", ct));
        var found = new List<string>();
        await foreach (var entry in s_client.ListAsync("/webhdfs/many"))
            found.Add(entry.Name);
        CollectionAssert.AreEqual(names, found);
    }

    [TestMethod]
    public async Task Rename_RefusesAnExistingNameUnlessToldToOverwrite()
    {
        await s_client.WriteAsync("/webhdfs/r/a", Bytes(5));
        await s_client.WriteAsync("/webhdfs/r/b", Bytes(7));
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => s_client.RenameAsync("/webhdfs/r/a", "/webhdfs/r/b"));
        Assert.AreEqual(HdfsErrors.ExistsCode, error.Code);
        await s_client.RenameAsync("/webhdfs/r/a", "/webhdfs/r/b", overwrite: true);
        Assert.AreEqual(5, (await ReadAsync("/webhdfs/r/b")).Length);
        error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => s_client.RenameAsync("/webhdfs/r/a", "/webhdfs/r/c"));
        Assert.AreEqual(HdfsErrors.NotFoundCode, error.Code);
    }

    [TestMethod]
    public async Task Concatenate_JoinsFiles()
    {
        await s_client.WriteAsync("/webhdfs/c/1", Bytes(1000, 1));
        await s_client.WriteAsync("/webhdfs/c/2", Bytes(2000, 2));
        await s_client.ConcatenateAsync("/webhdfs/c/1", ["/webhdfs/c/2"]);
        CollectionAssert.AreEqual(Bytes(1000, 1).Concat(Bytes(2000, 2)).ToArray(), await ReadAsync("/webhdfs/c/1"));
        var summary = await s_client.GetContentSummaryAsync("/webhdfs/c");
        Assert.AreEqual(1, summary.Files);
        Assert.AreEqual(3000, summary.Length);
    }

    [TestMethod]
    public async Task Delete_TellsWhetherThereWasSomething()
    {
        await s_client.MakeFolderAsync("/webhdfs/d/e/f");
        Assert.IsTrue(await s_client.DeleteAsync("/webhdfs/d", recursive: true));
        Assert.IsFalse(await s_client.DeleteAsync("/webhdfs/d", recursive: true));
    }

    [TestMethod]
    public async Task Missing_IsANamedError()
    {
        Assert.IsNull(await s_client.GetStatusAsync("/webhdfs/none"));
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => s_client.OpenReadAsync("/webhdfs/none"));
        Assert.AreEqual(HdfsErrors.NotFoundCode, error.Code);
        Assert.AreEqual("/webhdfs/none", error.Path);
    }

    [TestMethod]
    public async Task Existing_IsNotOverwrittenUnasked()
    {
        await s_client.WriteAsync("/webhdfs/x", Bytes(5));
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => s_client.WriteAsync("/webhdfs/x", Bytes(6)));
        Assert.AreEqual(HdfsErrors.ExistsCode, error.Code);
        await s_client.WriteAsync("/webhdfs/x", Bytes(6), overwrite: true);
        Assert.AreEqual(6, (await ReadAsync("/webhdfs/x")).Length);
    }

    [TestMethod]
    public async Task Store_ListsAndMovesLikeALocalOne()
    {
        using var store = SparkFixture.Store(await SparkFixture.ClusterAsync());
        var root = $"{(await SparkFixture.ClusterAsync()).FileSystem}/webhdfs/store";
        store.Write($"{root}/a/1.bin", s => s.Write(Bytes(3)));
        store.Write($"{root}/b/2.bin", s => s.Write(Bytes(4)));
        store.Move($"{root}/a/1.bin", $"{root}/c/3.bin");
        var entries = store.List(root).OrderBy(e => e.Path, StringComparer.Ordinal).Select(e => $"{e.Path} {e.Length} {e.IsFolder}");
        CollectionAssert.AreEqual(new[] { "a 0 True", "b 0 True", "b/2.bin 4 False", "c 0 True", "c/3.bin 3 False" }, entries.ToArray());
        Assert.ThrowsExactly<InvalidDataException>(() => store.Write($"{root}/bad", _ => throw new InvalidDataException()));
        Assert.IsFalse(store.FileExists($"{root}/bad"));
        Assert.ThrowsExactly<FileNotFoundException>(() => store.OpenRead($"{root}/bad"));
        Assert.AreEqual(5, store.List(root).Count());
    }
}
