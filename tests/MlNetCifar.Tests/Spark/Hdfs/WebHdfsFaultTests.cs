using System.Net;
using System.Text;
using MlNetCifar.Spark;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Tests.Spark.Hdfs;

/// <summary>The WebHDFS client against an HDFS of a few lines that breaks where it is told to.</summary>
[TestClass]
public sealed class WebHdfsFaultTests
{
    static WebHdfsClient Client(FakeHdfs hdfs, int nameNodes = 1) => new(
        new()
        {
            NameNodes = [.. Enumerable.Range(0, nameNodes).Select(i => new Uri($"http://nn{i}:9870"))],
            WriteBlock = 10,
            User = "ann",
            Retry = new() { MaxAttempts = 5, InitialDelay = TimeSpan.Zero },
        }, hdfs);

    static byte[] Bytes(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)(i * 7))];

    [TestMethod]
    public async Task Write_NeverDuplicates_WhereverAnAnswerOrARequestIsLost()
    {
        // Each fault is: how many bytes of which data request arrive before the connection breaks.
        for (var request = 0; request < 4; request++)
        {
            for (var arrived = 0; arrived <= 10; arrived++)
            {
                var hdfs = new FakeHdfs { BreakDataRequest = request, ArriveBeforeBreak = arrived };
                using var client = Client(hdfs);
                await client.WriteAsync("/a", Bytes(35));
                CollectionAssert.AreEqual(Bytes(35), hdfs.Files["/a"].ToArray(), $"request {request}, {arrived} bytes arrived");
            }
        }
    }

    [TestMethod]
    public async Task Read_GoesOnWhereTheConnectionBroke()
    {
        for (var after = 0; after <= 35; after++)
        {
            var hdfs = new FakeHdfs { BreakReadAfter = after };
            hdfs.Files["/a"] = [.. Bytes(35)];
            using var client = Client(hdfs);
            await using var stream = await client.OpenReadAsync("/a");
            var memory = new MemoryStream();
            await stream.CopyToAsync(memory);
            CollectionAssert.AreEqual(Bytes(35), memory.ToArray(), $"break after {after}");
        }
    }

    [TestMethod]
    public void Dispose_OfAStoreInPlace_LeavesTheClientToItsOwner()
    {
        var hdfs = new FakeHdfs();
        using var store = new HdfsFileStore(new("hdfs://nn0"), Client(hdfs));
        using (var inPlace = store.InPlace())
            inPlace.Write("hdfs://nn0/a", stream => stream.Write(Bytes(3)));
        store.Write("hdfs://nn0/b", stream => stream.Write(Bytes(4)));
        CollectionAssert.AreEqual(Bytes(3), hdfs.Files["/a"].ToArray());
        Assert.HasCount(2, hdfs.Files);
    }

    [TestMethod]
    public async Task StandbyNode_IsSkipped_AndTheActiveOneRemembered()
    {
        var hdfs = new FakeHdfs { Standby = "nn0" };
        using var client = Client(hdfs, nameNodes: 2);
        await client.WriteAsync("/a", Bytes(3));
        Assert.AreEqual(1, hdfs.StandbyCalls);
        await client.GetStatusAsync("/a");
        Assert.AreEqual(1, hdfs.StandbyCalls);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public async Task WhatNeverAnswered_IsGivenUpSoon_WhatHas_IsWaitedFor()
    {
        var retry = new RetryPolicy { MaxAttempts = 200, InitialDelay = TimeSpan.FromMilliseconds(20), Factor = 1, FirstAnswer = TimeSpan.FromMilliseconds(100) };
        var handler = new Outage();
        using var client = new WebHdfsClient(new() { NameNodes = [new("http://nn0:9870")], Retry = retry }, handler);
        handler.Answer = 30;
        Assert.AreEqual("MNC6001", (await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => client.GetStatusAsync("/"))).Code);
        Assert.IsLessThan(30, handler.Calls, "given up after a tenth of a second, not after 30 attempts of 20 ms each");
        handler.Calls = handler.Answer = 0;
        Assert.IsNull(await client.GetStatusAsync("/"));
        handler.Calls = 0;
        handler.Answer = 60;
        Assert.IsNull(await client.GetStatusAsync("/"));
        Assert.AreEqual(61, handler.Calls, "60 attempts take longer than the first answer may");

        handler.Calls = 0;
        using var patient = new WebHdfsClient(new() { NameNodes = [new("http://nn0:9870")], Retry = retry with { FirstAnswer = Timeout.InfiniteTimeSpan } }, handler);
        Assert.IsNull(await patient.GetStatusAsync("/"));
    }

    [TestMethod]
    public async Task SafeMode_IsToldSoon_UntilSomethingWasWritten()
    {
        var retry = new RetryPolicy { MaxAttempts = 200, InitialDelay = TimeSpan.FromMilliseconds(20), Factor = 1, FirstAnswer = TimeSpan.FromMilliseconds(100) };
        var handler = new Outage { SafeMode = true };
        using var client = new WebHdfsClient(new() { NameNodes = [new("http://nn0:9870")], Retry = retry }, handler);
        Assert.IsNull(await client.GetStatusAsync("/"));
        handler.Calls = 0;
        handler.Answer = 60;
        Assert.AreEqual("MNC6005", (await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => client.MakeFolderAsync("/a"))).Code);
        handler.Calls = handler.Answer = 0;
        await client.MakeFolderAsync("/a");
        handler.Calls = 0;
        handler.Answer = 60;
        await client.MakeFolderAsync("/a");
        Assert.AreEqual(61, handler.Calls);
    }

    [TestMethod]
    public async Task Kerberos_IsRefusedByName()
    {
        using var client = new WebHdfsClient(new() { NameNodes = [new("http://nn0:9870")] }, new Negotiating());
        Assert.AreEqual("MNC6017", (await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => client.GetStatusAsync("/"))).Code);
    }

    /// <summary>As a name node of a secured cluster answers who shows nothing.</summary>
    sealed class Negotiating : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = new HttpResponseMessage(HttpStatusCode.Unauthorized) { Content = new StringContent("<html><h2>HTTP ERROR 401 Authentication required</h2></html>") };
            response.Headers.WwwAuthenticate.Add(new("Negotiate"));
            return Task.FromResult(response);
        }
    }

    [TestMethod]
    [DataRow("022", 0x12)]
    [DataRow("0027", 0x17)]
    [DataRow("u=rwx,g=rx,o=", 0x17)]
    [DataRow("u=rwx,g=,o=", 0x3F)]
    public void Hadoop_SaysHowFilesAreMade(string umask, int expected)
    {
        var hadoop = new HadoopConfiguration(new Dictionary<string, string> { ["fs.permissions.umask-mode"] = umask, ["dfs.replication"] = "2", ["dfs.client.use.datanode.hostname"] = "true" });
        var options = WebHdfsOptions.For(new("hdfs://nn0:8020"), hadoop);
        Assert.AreEqual((2, expected, true), (options.Replication, options.Umask, options.UseDataNodeNames));
        Assert.AreEqual($"&permission={Convert.ToString(0x1B6 & ~expected, 8)}", options.PermissionOf(0x1B6));
        Assert.IsNull(WebHdfsOptions.For(new("hdfs://nn0:8020"), HadoopConfiguration.Empty).Umask);
    }

    [TestMethod]
    [DataRow("fs.permissions.umask-mode", "rwx")]
    [DataRow("fs.permissions.umask-mode", "089")]
    [DataRow("dfs.replication", "0")]
    public void Hadoop_WithAValueThatIsNone_IsNamed(string name, string value)
    {
        var hadoop = new HadoopConfiguration(new Dictionary<string, string> { [name] = value });
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => WebHdfsOptions.For(new("hdfs://nn0:8020"), hadoop));
        Assert.AreEqual("MNC6016", error.Code);
        StringAssert.Contains(error.Message, name);
    }

    /// <summary>A name node that fails, or is in safe mode, until so many have asked.</summary>
    sealed class Outage : HttpMessageHandler
    {
        public int Answer { get; set; }

        public int Calls { get; set; }

        public bool SafeMode { get; init; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (Calls++ >= Answer)
                return Reply(request.Method == HttpMethod.Get ? HttpStatusCode.NotFound : HttpStatusCode.OK, request.Method == HttpMethod.Get ? "FileNotFoundException" : null);
            return SafeMode ? Reply(HttpStatusCode.Forbidden, "SafeModeException") : throw new HttpRequestException("refused");
        }

        static Task<HttpResponseMessage> Reply(HttpStatusCode status, string? exception) => Task.FromResult(new HttpResponseMessage(status)
        {
            Content = new StringContent(exception is null ? """{"boolean":true}""" : $$$"""{"RemoteException":{"exception":"{{{exception}}}","message":"m"}}"""),
        });
    }

    [TestMethod]
    public async Task UserAndPath_AreEscaped()
    {
        var hdfs = new FakeHdfs();
        using var client = Client(hdfs);
        await client.WriteAsync("/a b/ü#?", Bytes(1));
        Assert.IsTrue(hdfs.Files.ContainsKey("/a b/ü#?"), string.Join(", ", hdfs.Files.Keys));
        StringAssert.Contains(hdfs.LastQuery, "user.name=ann");
    }

    [TestMethod]
    public async Task NobodyThere_NamesTheNodes()
    {
        var hdfs = new FakeHdfs { IsDown = true };
        using var client = Client(hdfs, nameNodes: 2);
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => client.GetStatusAsync("/a"));
        Assert.AreEqual("MNC6001", error.Code);
        StringAssert.Contains(error.Message, "nn0");
        StringAssert.Contains(error.Message, "nn1");
        Assert.AreEqual(10, hdfs.Requests, "five rounds over two nodes");
    }

    [TestMethod]
    public async Task Rename_WhoseAnswerIsLost_IsRecognisedAsDone()
    {
        var hdfs = new FakeHdfs { LoseRenameAnswer = true };
        hdfs.Files["/a"] = [.. Bytes(5)];
        using var client = Client(hdfs);
        await client.RenameAsync("/a", "/b");
        Assert.IsTrue(hdfs.Files.ContainsKey("/b"));
    }

    [TestMethod]
    [DataRow("hdfs://h:9000/a/b", "h:9000", "/a/b")]
    [DataRow("hdfs://ns/a%20b/", "ns", "/a%20b")]
    [DataRow("hdfs://h", "h", "/")]
    [DataRow("hdfs:///a", "", "/a")]
    public void Split_TakesAuthorityAndPath(string address, string authority, string path)
    {
        var (fileSystem, local) = HdfsPath.Split(address);
        Assert.AreEqual(authority, fileSystem.Authority);
        Assert.AreEqual(path, local);
    }

    [TestMethod]
    public void Configuration_ResolvesNameServicesAndPorts()
    {
        var configuration = new HadoopConfiguration(new Dictionary<string, string>
        {
            ["fs.defaultFS"] = "hdfs://${service}",
            ["service"] = "pics",
            ["dfs.nameservices"] = "pics,other",
            ["dfs.ha.namenodes.pics"] = "a,b",
            ["dfs.namenode.http-address.pics.a"] = "one:50070",
            ["dfs.namenode.http-address.pics.b"] = "two:50070",
        });
        string[] both = ["http://one:50070/", "http://two:50070/"];
        CollectionAssert.AreEqual(both, configuration.NameNodes(new("hdfs://pics/")).Select(u => u.ToString()).ToArray());
        CollectionAssert.AreEqual(both, configuration.NameNodes(new("hdfs:///")).Select(u => u.ToString()).ToArray());
        Assert.AreEqual("http://far:9870/", configuration.NameNodes(new("hdfs://far:8020/")).Single().ToString());
        Assert.AreEqual("https://far:9871/", configuration.NameNodes(new("swebhdfs://far:9871/")).Single().ToString());
        var single = new HadoopConfiguration(new Dictionary<string, string>
        {
            ["fs.defaultFS"] = "hdfs://one:9000",
            ["dfs.namenode.http-address"] = "0.0.0.0:9999",
        });
        Assert.AreEqual("http://one:9999/", single.NameNodes(new("hdfs://one:9000/")).Single().ToString());
    }

    [TestMethod]
    public void Configuration_NamesRpcAddresses_ButNotOfASecuredCluster()
    {
        var properties = new Dictionary<string, string>
        {
            ["fs.defaultFS"] = "hdfs://pics",
            ["dfs.nameservices"] = "pics",
            ["dfs.ha.namenodes.pics"] = "a,b",
            ["dfs.namenode.rpc-address.pics.a"] = "one:8020",
            ["dfs.namenode.rpc-address.pics.b"] = "two:8020",
        };
        string[] Rpc(string address) => [.. new HadoopConfiguration(properties).RpcNodes(new(address)).Select(u => u.ToString())];
        CollectionAssert.AreEqual(new[] { "hdfs://one:8020/", "hdfs://two:8020/" }, Rpc("hdfs:///"));
        CollectionAssert.AreEqual(new[] { "hdfs://far:9000/" }, Rpc("hdfs://far:9000/"));
        Assert.AreEqual(0, Rpc("webhdfs://far:9870/").Length);
        foreach (var (name, value) in new[] { ("hadoop.security.authentication", "kerberos"), ("dfs.encrypt.data.transfer", "true"), ("dfs.data.transfer.protection", "privacy") })
        {
            properties[name] = value;
            Assert.AreEqual(0, Rpc("hdfs:///").Length, name);
            properties.Remove(name);
        }
    }

    /// <summary>Files in a dictionary behind the two steps of WebHDFS.</summary>
    sealed class FakeHdfs : HttpMessageHandler
    {
        int _dataRequests;
        bool _broken;

        public Dictionary<string, List<byte>> Files { get; } = [];

        public int BreakDataRequest { get; init; } = -1;

        public int ArriveBeforeBreak { get; init; }

        public int BreakReadAfter { get; init; } = -1;

        public string? Standby { get; init; }

        public bool IsDown { get; init; }

        public bool LoseRenameAnswer { get; init; }

        public int StandbyCalls { get; private set; }

        public int Requests { get; private set; }

        public string LastQuery { get; private set; } = "";

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests++;
            if (IsDown)
                throw new HttpRequestException("refused");
            var uri = request.RequestUri!;
            LastQuery = uri.Query;
            var path = Uri.UnescapeDataString(uri.AbsolutePath["/webhdfs/v1".Length..]);
            var query = System.Web.HttpUtility.ParseQueryString(uri.Query);
            if (uri.Host == Standby)
            {
                StandbyCalls++;
                return Error("StandbyException", "not me", HttpStatusCode.Forbidden);
            }

            if (uri.Host.StartsWith("nn", StringComparison.Ordinal))
                return NameNode(path, query["op"]!, query["destination"], uri);
            var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
            return query["op"] == "OPEN" ? Open(path, query) : Store(path, query, body);
        }

        HttpResponseMessage NameNode(string path, string op, string? destination, Uri uri)
        {
            switch (op)
            {
                case "GETFILESTATUS" when !Files.ContainsKey(path):
                    return Error("FileNotFoundException", path, HttpStatusCode.NotFound);
                case "GETFILESTATUS":
                    return Json($$"""{"FileStatus":{"pathSuffix":"","length":{{Files[path].Count}},"type":"FILE","modificationTime":0} }""");
                case "RENAME":
                    var done = Files.Remove(path, out var content);
                    if (done)
                        Files[destination!] = content!;
                    if (LoseRenameAnswer && done)
                        throw new HttpRequestException("lost");
                    return Json($$"""{"boolean": {{(done ? "true" : "false")}} }""");
                default:
                    var redirect = new HttpResponseMessage(HttpStatusCode.TemporaryRedirect) { Content = new StringContent("") };
                    redirect.Headers.Location = new UriBuilder(uri) { Host = "dn" }.Uri;
                    return redirect;
            }
        }

        HttpResponseMessage Store(string path, System.Collections.Specialized.NameValueCollection query, byte[] body)
        {
            if (query["op"] == "CREATE")
            {
                if (Files.ContainsKey(path) && query["overwrite"] != "true")
                    return Error("FileAlreadyExistsException", path, HttpStatusCode.Forbidden);
                Files[path] = [];
            }

            if (_dataRequests++ == BreakDataRequest)
            {
                Files[path].AddRange(body.Take(ArriveBeforeBreak));
                throw new HttpRequestException("broken");
            }

            Files[path].AddRange(body);
            return new(query["op"] == "CREATE" ? HttpStatusCode.Created : HttpStatusCode.OK);
        }

        HttpResponseMessage Open(string path, System.Collections.Specialized.NameValueCollection query)
        {
            var offset = int.Parse(query["offset"] ?? "0");
            var length = int.Parse(query["length"] ?? $"{Files[path].Count - offset}");
            var bytes = Files[path].Skip(offset).Take(length).ToArray();
            var breaks = BreakReadAfter >= 0 && !_broken;
            _broken = true;
            var content = new StreamContent(breaks ? new BreakingStream(bytes, BreakReadAfter) : new MemoryStream(bytes));
            content.Headers.ContentLength = bytes.Length;
            return new(HttpStatusCode.OK) { Content = content };
        }

        static HttpResponseMessage Json(string text) => new(HttpStatusCode.OK) { Content = new StringContent(text, Encoding.UTF8, "application/json") };

        static HttpResponseMessage Error(string exception, string message, HttpStatusCode status) => new(status)
        {
            Content = new StringContent($$"""{"RemoteException": {"exception": "{{exception}}", "javaClassName": "x.{{exception}}", "message": "{{message}}"} }"""),
        };
    }

    sealed class BreakingStream(byte[] bytes, int breakAfter) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position >= breakAfter && breakAfter < Length)
                throw new IOException("broken");
            return base.ReadAsync(buffer[..(int)Math.Min(buffer.Length, Math.Max(breakAfter - Position, breakAfter >= Length ? buffer.Length : 1))], cancellationToken);
        }
    }
}
