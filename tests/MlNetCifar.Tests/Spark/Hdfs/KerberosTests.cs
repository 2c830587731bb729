using System.Net;
using System.Text;
using MlNetCifar.Spark;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Tests.Spark.Hdfs;

/// <summary>
/// A secured HDFS, by exchanges written down after the published protocols (RFC 4559, WebHDFS, Hadoop's token files): no such cluster has been tried.
/// </summary>
[TestClass]
public sealed class KerberosTests
{
    const string Cookie = "hadoop.auth=\"u=ann&p=ann@EXAMPLE.ORG&t=kerberos&e=1790000000000&s=c2lnbmF0dXJl\"";
    const string Status = """{"FileStatus":{"pathSuffix":"","type":"DIRECTORY","length":0,"modificationTime":0}}""";

    static WebHdfsClient Client(Recorded server, Func<string, ITicket> tickets, string? token = null) => new(
        new() { NameNodes = [new("http://nn0.example:9870")], User = "bob", UsesKerberos = token is null, DelegationToken = token, Retry = RetryPolicy.None }, server, null, tickets);

    static Answer Asks() => new(HttpStatusCode.Unauthorized, "<html>401</html>", Negotiate: "");

    [TestMethod]
    public async Task Ticket_IsShownOnce_ThenTheCookie()
    {
        var server = new Recorded(Asks(), new(HttpStatusCode.OK, Status, Negotiate: "cHJvb2Y=", Cookie: $"{Cookie}; Path=/; HttpOnly"), new(HttpStatusCode.OK, Status));
        var tickets = new List<string>();
        using var client = Client(server, service =>
        {
            tickets.Add(service);
            return new FakeTicket();
        });
        Assert.IsTrue((await client.GetStatusAsync("/a"))!.Value.IsFolder);
        Assert.IsTrue((await client.GetStatusAsync("/a"))!.Value.IsFolder);
        CollectionAssert.AreEqual(new[] { "HTTP/nn0.example" }, tickets);
        CollectionAssert.AreEqual(new string?[] { null, "Negotiate dGlja2V0", null }, server.Requests.Select(r => r.Authorization).ToArray());
        CollectionAssert.AreEqual(new string?[] { null, null, Cookie }, server.Requests.Select(r => r.Cookie).ToArray());

        // The ticket says who the user is; another name beside it would be refused.
        Assert.IsTrue(server.Requests.All(r => r.Address == "http://nn0.example:9870/webhdfs/v1/a?op=GETFILESTATUS"), server.Requests[0].Address);
    }

    [TestMethod]
    public async Task Cookie_ThatHasExpired_IsReplaced()
    {
        var granted = new Answer(HttpStatusCode.OK, Status, Cookie: $"{Cookie}; Path=/");
        var server = new Recorded(Asks(), granted, Asks(), granted with { Cookie = "hadoop.auth=\"u=ann&s=bmV3\"" }, new(HttpStatusCode.OK, Status));
        using var client = Client(server, _ => new FakeTicket());
        for (var i = 0; i < 3; i++)
            await client.GetStatusAsync("/");
        CollectionAssert.AreEqual(new string?[] { null, null, Cookie, null, "hadoop.auth=\"u=ann&s=bmV3\"" }, server.Requests.Select(r => r.Cookie).ToArray());
    }

    [TestMethod]
    public async Task TicketThatIsRefused_NoTicket_AndAWrongServer_AreNamed()
    {
        foreach (var (server, ticket, reason) in new[]
        {
            (new Recorded(Asks(), Asks()), new FakeTicket(), "did not accept"),
            (new Recorded(Asks()), new FakeTicket { First = null, Fault = "NoCredentials" }, "NoCredentials"),
            (new Recorded(Asks(), new(HttpStatusCode.OK, Status, Negotiate: "d3Jvbmc=")), new FakeTicket { Proof = "cHJvb2Y=" }, "another server"),
        })
        {
            using var client = Client(server, _ => ticket);
            var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => client.GetStatusAsync("/"));
            Assert.AreEqual("MNC6017", error.Code);
            StringAssert.Contains(error.Message, reason);
        }
    }

    [TestMethod]
    public async Task DelegationToken_IsAskedFor_Used_AndCancelled()
    {
        var server = new Recorded(new(HttpStatusCode.OK, """{"Token":{"urlString":"AAEBYQFiAA"}}"""), new(HttpStatusCode.OK, """{"Token":null}"""), new(HttpStatusCode.OK, ""));
        using (var client = Client(server, _ => new FakeTicket()))
        {
            Assert.AreEqual("AAEBYQFiAA", await client.GetDelegationTokenAsync("yarn"));
            Assert.IsNull(await client.GetDelegationTokenAsync());
            await client.CancelDelegationTokenAsync("AAEBYQFiAA");
        }

        CollectionAssert.AreEqual(
            new[] { "?op=GETDELEGATIONTOKEN&renewer=yarn", "?op=GETDELEGATIONTOKEN", "?op=CANCELDELEGATIONTOKEN&token=AAEBYQFiAA" }, server.Requests.Select(r => new Uri(r.Address).Query).ToArray());
        Assert.AreEqual("PUT", server.Requests[2].Method);
        var other = new Recorded(new Answer(HttpStatusCode.OK, Status));
        using (var client = Client(other, _ => new FakeTicket(), "AAEBYQFiAA"))
            await client.GetStatusAsync("/a");
        Assert.AreEqual("?op=GETFILESTATUS&delegation=AAEBYQFiAA", new Uri(other.Requests[0].Address).Query);
    }

    /// <summary>As Hadoop's DataOutput writes it: two tokens, one of them for HDFS, and no secret keys.</summary>
    static byte[] TokenFile()
    {
        var identifier = new byte[200];
        identifier.AsSpan().Fill(7);
        return
        [
            .. "HDTS"u8, 0, 2,
            2, .. "rm"u8, 1, 1, 1, 2, 16, .. "RM_DELEGATION_TO"u8, 0,
            // 200 takes a byte that counts, and one.
            3, .. "nn0"u8, 0x8F, 200, .. identifier, 2, 8, 9, 21, .. "HDFS_DELEGATION_TOKEN"u8, 8, .. "nn0:8020"u8,
            0,
        ];
    }

    [TestMethod]
    public void TokenFile_GivesTheTokenOfAFileSystem()
    {
        var token = HadoopTokens.Of(TokenFile(), new("hdfs://nn0:8020/"))!;
        var bytes = System.Buffers.Text.Base64Url.DecodeFromChars(token);
        CollectionAssert.AreEqual(new byte[] { 0x8F, 200, 7 }, bytes[..3]);
        StringAssert.EndsWith(Encoding.UTF8.GetString(bytes), "HDFS_DELEGATION_TOKEN\bnn0:8020");

        // The only one for HDFS is the one, also where its service is an address.
        Assert.AreEqual(token, HadoopTokens.Of(TokenFile(), new("hdfs://cluster/")));
        var written = HadoopTokens.Write([(new("hdfs://a:1/"), token), (new("hdfs://b:2/"), token)]);
        var found = System.Buffers.Text.Base64Url.DecodeFromChars(HadoopTokens.Of(written, new("hdfs://b:2/"))!);
        StringAssert.EndsWith(Encoding.UTF8.GetString(found), "b:2");
        CollectionAssert.AreEqual(bytes[..205], found[..205]);
        Assert.IsNull(HadoopTokens.Of(written, new("hdfs://c:3/")));
    }

    [TestMethod]
    public void TokenFile_ThatIsDamaged_IsRefused()
    {
        var whole = TokenFile();
        for (var length = 0; length < whole.Length - 1; length++)
            Assert.ThrowsExactly<InvalidDataException>(() => HadoopTokens.Of(whole.AsSpan(0, length), new("hdfs://nn0:8020/")));
        var random = new Random(1);
        for (var i = 0; i < 5000; i++)
        {
            var damaged = whole.ToArray();
            damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                HadoopTokens.Of(damaged, new("hdfs://nn0:8020/"));
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    sealed class FakeTicket : ITicket
    {
        public string? First { get; init; } = "dGlja2V0";

        public string? Proof { get; init; }

        public string? Fault { get; set; }

        public string? Next(string? challenge)
        {
            if (challenge is not null && Proof is not null && challenge != Proof)
                Fault = "another server";
            return challenge is null ? First : null;
        }

        public void Dispose()
        {
        }
    }

    sealed record Answer(HttpStatusCode Status, string Body, string? Negotiate = null, string? Cookie = null);

    sealed record Request(string Method, string Address, string? Authorization, string? Cookie);

    sealed class Recorded(params Answer[] answers) : HttpMessageHandler
    {
        public List<Request> Requests { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = answers[Requests.Count];
            Requests.Add(new(request.Method.Method, request.RequestUri!.AbsoluteUri, request.Headers.Authorization?.ToString(),
                request.Headers.TryGetValues("Cookie", out var cookies) ? cookies.Single() : null));
            var response = new HttpResponseMessage(answer.Status) { Content = new StringContent(answer.Body) };
            if (answer.Negotiate is { } challenge)
                response.Headers.WwwAuthenticate.Add(challenge.Length == 0 ? new("Negotiate") : new("Negotiate", challenge));
            if (answer.Cookie is { } cookie)
                response.Headers.Add("Set-Cookie", cookie);
            return Task.FromResult(response);
        }
    }
}
