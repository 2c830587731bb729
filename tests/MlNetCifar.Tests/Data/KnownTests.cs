using System.Formats.Tar;
using System.Net;
using System.Security.Cryptography;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.Files;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class KnownTests
{
    static readonly byte[] s_content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];

    [TestMethod]
    public async Task DownloadAsync_WholeFile_IsCheckedAndReported()
    {
        using var folder = new TestFolder();
        using var server = new Server();
        using var client = new HttpClient();
        var last = default(DownloadProgress);
        var path = await new DatasetDownloader(client).DownloadAsync(server.Dataset(), folder.Root, new Direct(p => last = p));
        CollectionAssert.AreEqual(s_content, File.ReadAllBytes(path));
        Assert.AreEqual(new DownloadProgress(s_content.Length, s_content.Length), last);
        Assert.HasCount(1, Directory.GetFiles(folder.Root));
        await new DatasetDownloader(client).DownloadAsync(server.Dataset(), folder.Root);
        Assert.AreEqual(1, server.Requests);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public async Task DownloadAsync_AfterABreak_ContinuesWhereTheServerCan(bool ranges)
    {
        using var folder = new TestFolder();
        using var server = new Server { BreakAfter = 100_000, Ranges = ranges };
        using var client = new HttpClient();
        var path = await new DatasetDownloader(client, new Hasty()).DownloadAsync(server.Dataset(), folder.Root);
        CollectionAssert.AreEqual(s_content, File.ReadAllBytes(path));
        Assert.AreEqual(2, server.Requests);
        Assert.AreEqual(ranges, server.SentRange);
    }

    [TestMethod]
    public async Task DownloadAsync_LeftoverOfAnEarlierRun_IsContinuedEvenWhenComplete()
    {
        using var folder = new TestFolder().Add("x.bin.part", s_content[..5000]);
        using var server = new Server();
        using var client = new HttpClient();
        var path = await new DatasetDownloader(client).DownloadAsync(server.Dataset(), folder.Root);
        CollectionAssert.AreEqual(s_content, File.ReadAllBytes(path));
        Assert.IsTrue(server.SentRange);
        File.Move(path, path + ".part");
        Assert.AreEqual(path, await new DatasetDownloader(client).DownloadAsync(server.Dataset(), folder.Root));
    }

    [TestMethod]
    public async Task DownloadAsync_OverALink_ReplacesWhatItLeadsTo()
    {
        using var folder = new TestFolder().Add("there/old", [1, 2, 3]);
        using var server = new Server();
        using var client = new HttpClient();
        File.CreateSymbolicLink(folder["x.bin"], "there/old");
        await new DatasetDownloader(client).DownloadAsync(server.Dataset(), folder.Root);
        Assert.AreEqual("there/old", new FileInfo(folder["x.bin"]).LinkTarget);
        CollectionAssert.AreEqual(s_content, File.ReadAllBytes(folder["there/old"]));
    }

    [TestMethod]
    [DataRow("x.bin")]
    [DataRow("x.bin.part")]
    public async Task DownloadAsync_OverAPipe_IsRefused(string name)
    {
        using var folder = new TestFolder();
        using var server = new Server();
        using var client = new HttpClient();
        Nodes.Pipe(folder[name]);
        var e = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => new DatasetDownloader(client).DownloadAsync(server.Dataset(), folder.Root));
        Assert.AreEqual("MNC1024", e.Code);
        StringAssert.Contains(e.Message, "pipe");
        Assert.AreEqual(0, server.Requests);
    }

    [TestMethod]
    public async Task DownloadAsync_WrongContent_IsRefusedAndRemoved()
    {
        using var folder = new TestFolder();
        using var server = new Server();
        using var client = new HttpClient();
        var dataset = server.Dataset() with { Md5 = new string('0', 32) };
        var e = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => new DatasetDownloader(client).DownloadAsync(dataset, folder.Root));
        Assert.AreEqual("MNC1042", e.Code);
        Assert.IsEmpty(Directory.GetFiles(folder.Root));
    }

    [TestMethod]
    [DataRow(404, 1)]
    [DataRow(503, 4)]
    public async Task DownloadAsync_Refusal_IsNamedAndRetriedOnlyWhereItHelps(int status, int requests)
    {
        using var folder = new TestFolder();
        using var server = new Server { Status = status };
        using var client = new HttpClient();
        var e = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => new DatasetDownloader(client, new Hasty()).DownloadAsync(server.Dataset(), folder.Root));
        Assert.AreEqual("MNC1041", e.Code);
        StringAssert.Contains(e.Message, $"{status}");
        Assert.AreEqual(requests, server.Requests);
    }

    [TestMethod]
    public void Find_KnowsCifarAndNamesTheOthers()
    {
        Assert.AreEqual("c32a1d4ab5d03f1284b67883e8d87530", KnownDataset.Find("CIFAR10").Md5);
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => KnownDataset.Find("mnist"));
        Assert.AreEqual("MNC1040", e.Code);
        StringAssert.Contains(e.Message, "cifar10");
    }

    [TestMethod]
    public void Import_Archive_UnpacksFilesOnceAndStaysInside()
    {
        using var folder = new TestFolder().Add("in/a/1.jpg", "in/b/2.jpg");
        TarFile.CreateFromDirectory(folder["in"], folder["in.tar"], includeBaseDirectory: false);
        Assert.AreEqual(2, DatasetImporter.Import(folder["in.tar"], folder["out"]).Files);
        Assert.AreEqual("in/b/2.jpg", File.ReadAllText(folder["out/b/2.jpg"]));
        Assert.AreEqual("MNC1043", Assert.ThrowsExactly<MlNetCifarException>(() => DatasetImporter.Import(folder["in.tar"], folder["out"])).Code);
        using (var writer = new TarWriter(File.Create(folder["evil.tar"])))
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "good.jpg") { DataStream = new MemoryStream([1]) });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "link") { LinkName = "/etc" });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "a/../../evil.jpg") { DataStream = new MemoryStream([1]) });
        }

        Assert.AreEqual("MNC1010", Assert.ThrowsExactly<MlNetCifarException>(() => DatasetImporter.Import(folder["evil.tar"], folder["evil"])).Code);
        Assert.IsFalse(Directory.Exists(folder["evil"]));
        Assert.IsFalse(File.Exists(folder["evil.jpg"]));
    }

    [TestMethod]
    public void Write_Sample_IsBalancedRepeatableAndUnchanged()
    {
        using var folder = new TestFolder().AddPictures("in/train/", 2, 30).AddPictures("in/test/", 2, 10);
        Assert.AreEqual(16, DatasetSampler.Write(folder["in"], folder["a.tar.gz"], 6, 2, seed: 4));
        DatasetSampler.Write(folder["in"], folder["b.tar.gz"], 6, 2, seed: 4);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder["a.tar.gz"]), File.ReadAllBytes(folder["b.tar.gz"]));
        DatasetImporter.Import(folder["a.tar.gz"], folder["out"]);
        foreach (var split in new[] { ("train", 6), ("test", 2) })
        {
            for (var c = 0; c < 2; c++)
            {
                var files = Directory.GetFiles(folder[$"out/{split.Item1}/class{c}"]);
                Assert.HasCount(split.Item2, files);
                foreach (var file in files)
                    CollectionAssert.AreEqual(File.ReadAllBytes(file.Replace("/out/", "/in/")), File.ReadAllBytes(file));
            }
        }

        Assert.AreEqual("MNC1015", Assert.ThrowsExactly<MlNetCifarException>(
            () => DatasetSampler.Write(folder["in"], folder["c.tar.gz"], 6, 11, seed: 4)).Code);
        Assert.IsFalse(File.Exists(folder["c.tar.gz"]));
    }

    [TestMethod]
    public void Write_SampleOfNestedFolders_KeepsEveryFile()
    {
        using var folder = new TestFolder();
        foreach (var split in new[] { "train", "test" })
            foreach (var label in new[] { "cat", "dog" })
                foreach (var inner in new[] { "", "a/", "b/" })
                    folder.Add($"in/{split}/{label}/{inner}1.jpg", $"in/{split}/{label}/{inner}{new string('n', 150)}.jpg");
        Assert.AreEqual(24, DatasetSampler.Write(folder["in"], folder["a.tar.gz"], 6, 6));
        DatasetSampler.Write(folder["in"], folder["b.tar.gz"], 6, 6);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder["a.tar.gz"]), File.ReadAllBytes(folder["b.tar.gz"]));
        Assert.AreEqual(24, DatasetImporter.Import(folder["a.tar.gz"], folder["out"]).Files);
        Assert.HasCount(24, Directory.GetFiles(folder["out"], "*", SearchOption.AllDirectories).Select(File.ReadAllText).Distinct());
    }

    [TestMethod]
    public void Write_SampleOfAMissingFile_IsNamed()
    {
        using var folder = new TestFolder().AddPictures("in/train/", 2, 2).AddPictures("in/test/", 2, 2);
        File.Delete(folder["in/train/class0/000.png"]);
        File.CreateSymbolicLink(folder["in/train/class0/000.png"], "nowhere");
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => DatasetSampler.Write(folder["in"], folder["a.tar.gz"], 2, 2));
        Assert.AreEqual("MNC1011", e.Code);
        Assert.IsFalse(File.Exists(folder["a.tar.gz"]));
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Sample_InTheRepository_IsWhatTheSamplerDraws()
    {
        var full = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_SHARED") ?? "", "data", "cifar10-jpeg.tar.gz");
        if (!File.Exists(full))
            Assert.Inconclusive("MLNETCIFAR_SHARED names no folder with data/cifar10-jpeg.tar.gz.");
        using var folder = new TestFolder();
        DatasetSampler.Write(full, folder["sample.tar.gz"]);
        Assert.AreEqual(Digest(folder["sample.tar.gz"]), Digest(SamplePath()));
    }

    internal static string SamplePath()
    {
        var folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "MlNetCifar.sln")))
            folder = Path.GetDirectoryName(folder);
        Assert.IsNotNull(folder, "The tests run outside the repository.");
        return Path.Combine(folder, "src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz");
    }

    static string Digest(string archive)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var tree = FileTree.Open(archive, LocalFileStore.Instance).ToRandomAccess(default);
        byte[] buffer = [];
        for (var i = 0; i < tree.Files.Count; i++)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(tree.Files[i].Path));
            var length = tree.Read(i, ref buffer);
            hash.AppendData(buffer, 0, length);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    sealed class Direct(Action<DownloadProgress> report) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => report(value);
    }

    /// <summary>Waits end at once.</summary>
    sealed class Hasty : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : TimeSpan.Zero, period);
    }

    sealed class Server : IDisposable
    {
        readonly HttpListener _listener = new();
        readonly Task _loop;
        readonly int _port;

        public Server()
        {
            using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                _port = ((IPEndPoint)probe.LocalEndpoint).Port;
            }

            _listener.Prefixes.Add($"http://127.0.0.1:{_port}/");
            _listener.Start();
            _loop = Task.Run(Serve);
        }

        public int Status { get; init; } = 200;

        public int? BreakAfter { get; set; }

        public bool Ranges { get; init; } = true;

        public int Requests { get; private set; }

        public bool SentRange { get; private set; }

        public KnownDataset Dataset() =>
            new("x", "", new($"http://127.0.0.1:{_port}/x.bin"), "x.bin", s_content.Length, Convert.ToHexStringLower(MD5.HashData(s_content)));

        public void Dispose()
        {
            _listener.Stop();
            _loop.Wait();
        }

        void Serve()
        {
            while (true)
            {
                try
                {
                    Answer(_listener.GetContext());
                }
                catch (HttpListenerException)
                {
                    return;
                }
                catch (InvalidOperationException)
                {
                    // Stopped or disposed before it was asked again.
                    return;
                }
            }
        }

        void Answer(HttpListenerContext context)
        {
            Requests++;
            var response = context.Response;
            response.StatusCode = Status;
            var first = 0;
            if (Ranges && context.Request.Headers["Range"] is { } range)
            {
                first = int.Parse(range["bytes=".Length..].TrimEnd('-'));
                SentRange = true;
                response.StatusCode = first < s_content.Length ? 206 : 416;
                response.Headers["Content-Range"] = first < s_content.Length ? $"bytes {first}-{s_content.Length - 1}/{s_content.Length}" : $"bytes */{s_content.Length}";
            }

            if (response.StatusCode is not (200 or 206))
            {
                response.Close();
                return;
            }

            response.ContentLength64 = s_content.Length - first;
            if (BreakAfter is { } limit)
            {
                BreakAfter = null;
                response.OutputStream.Write(s_content, first, limit);
                response.Abort();
                return;
            }

            response.OutputStream.Write(s_content, first, s_content.Length - first);
            response.Close();
        }
    }
}
