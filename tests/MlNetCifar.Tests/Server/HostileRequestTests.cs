using System.Net.Sockets;
using System.Text;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Server;

/// <summary>What no server should be sent: each is refused with the status that says why, and the server goes on.</summary>
[TestClass]
public sealed class HostileRequestTests
{
    const string Png64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

    static RunningServer? s_server;

    [ClassInitialize]
    public static async Task Start(TestContext context) => s_server = await RunningServer.Start(
        o => o with { MaxBodyBytes = 200_000, MaxPicturePixels = 1_000_000, MaxDimension = 4000, MaxPicturesPerRequest = 4, Timeout = TimeSpan.FromSeconds(10) });

    [ClassCleanup]
    public static async Task Stop() => await s_server!.DisposeAsync();

    /// <summary>Method, path, content type, body, and the status.</summary>
    static IEnumerable<(string Method, string Path, string? Type, byte[] Body, int Status)> Requests()
    {
        byte[] png = RunningServer.Png(), none = [];
        yield return ("POST", "/predict", "image/png", none, 400);
        yield return ("POST", "/predict", "image/png", "hello"u8.ToArray(), 400);
        yield return ("POST", "/predict", "image/png", new byte[1000], 400);
        yield return ("POST", "/predict", "image/png", png[..40], 400);
        yield return ("POST", "/predict", "image/png", png[..^20], 400);
        yield return ("POST", "/predict", "image/png", [.. png[..60], 255, .. png[61..]], 400);
        yield return ("POST", "/predict", "image/jpeg", [0xFF, 0xD8, 0xFF, 0xD9], 400);
        yield return ("POST", "/predict", "image/webp", [.. "RIFF"u8, 4, 0, 0, 0, .. "WEBPVP8 "u8], 415);
        yield return ("POST", "/predict", "image/tiff", [.. "II*\0"u8, 8, 0, 0, 0], 415);
        yield return ("POST", "/predict", "image/png", Announcing(20_000, 20_000), 413);
        yield return ("POST", "/predict", "image/png", Announcing(4001, 1), 413);
        yield return ("POST", "/predict", "image/png", Announcing(1001, 1001), 413);
        yield return ("POST", "/predict", "image/png", Announcing(int.MaxValue, int.MaxValue), 413);
        yield return ("POST", "/predict", "image/x-portable-pixmap", "P6 999999999 999999999 255\n"u8.ToArray(), 413);
        yield return ("POST", "/predict", "image/png", new byte[200_001], 413);
        yield return ("POST", "/predict", "text/plain", "cat"u8.ToArray(), 415);
        yield return ("POST", "/predict", "application/x-www-form-urlencoded", png, 415);
        yield return ("POST", "/predict", "application/xml", "<a/>"u8.ToArray(), 415);
        yield return ("POST", "/predict", "no type at all", png, 415);
        yield return ("POST", "/predict", "application/json", "{"u8.ToArray(), 400);
        yield return ("POST", "/predict", "application/json", "null"u8.ToArray(), 400);
        yield return ("POST", "/predict", "application/json", "{\"image\":5}"u8.ToArray(), 400);
        yield return ("POST", "/predict", "application/json", "{\"image\":\"*\"}"u8.ToArray(), 400);
        yield return ("POST", "/predict", "application/json", "{\"images\":[]}"u8.ToArray(), 400);
        yield return ("POST", "/predict", "application/json", "{\"image\":\"\",\"image\":\"\"}"u8.ToArray(), 400);
        yield return ("POST", "/predict", "application/json", "{\"image\":\"\"}"u8.ToArray(), 400);
        yield return ("POST", "/predict", "application/json", Encoding.UTF8.GetBytes(new string('[', 100_000)), 400);
        yield return ("POST", "/predict", "application/json", [0xC3, 0x28], 400);
        yield return ("POST", "/predict", "application/json", Encoding.UTF8.GetBytes($"{{\"images\":[{string.Join(',', Enumerable.Repeat('"' + Png64 + '"', 5))}]}}"), 413);
        yield return ("POST", "/predict", "multipart/form-data", png, 400);
        yield return ("POST", "/predict", "multipart/form-data; boundary=" + new string('x', 300), png, 400);
        yield return ("POST", "/predict", "multipart/form-data; boundary=b", png, 400);
        yield return ("POST", "/predict", "multipart/form-data; boundary=b", "--b\r\n"u8.ToArray(), 400);
        yield return ("POST", "/predict", "multipart/form-data; boundary=b", "--b--\r\n"u8.ToArray(), 400);
        yield return ("POST", "/predict", "multipart/form-data; boundary=b", Part("file", ""), 400);
        yield return ("POST", "/predict", "multipart/form-data; boundary=b", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n", 5)) + "--b--\r\n"), 413);
        yield return ("POST", "/predict", "multipart/form-data; boundary=b", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nx\r\n", 300)) + "--b--\r\n"), 413);
        yield return ("POST", "/predict", "multipart/form-data; boundary=b", Encoding.UTF8.GetBytes($"--b\r\nX: {new string('y', 9000)}\r\n\r\nx\r\n--b--\r\n"), 400);
        yield return ("POST", "/predict?top_k=0", "image/png", png, 400);
        yield return ("POST", "/predict?top_k=-1", "image/png", png, 400);
        yield return ("POST", "/predict?top_k=99999999999999999999", "image/png", png, 400);
        yield return ("POST", "/predict?threshold=NaN", "image/png", png, 400);
        yield return ("POST", "/predict?threshold=2", "image/png", png, 400);
        yield return ("POST", "/predict?timeout_ms=never", "image/png", png, 400);
        yield return ("POST", "/predict?model=..%2F..%2Fetc%2Fpasswd", "image/png", png, 404);
        yield return ("POST", "/predict?model=small&version=..", "image/png", png, 404);
        yield return ("POST", "/predictions/..%2Fsmall", "image/png", png, 404);
        yield return ("POST", "/predictions/small/2", "image/png", png, 404);
        yield return ("POST", "/explain?class=nothing", "image/png", png, 400);
        yield return ("POST", "/explain?class=3", "image/png", png, 400);
        yield return ("POST", "/explain", "image/png", Announcing(2000, 2000), 413);
        yield return ("GET", "/predict", null, none, 405);
        yield return ("DELETE", "/v2/models/small", null, none, 405);
        yield return ("GET", "/nothing/here", null, none, 404);
        yield return ("GET", "/../../etc/passwd", null, none, 404);
        yield return ("GET", "/v2/models/%2e%2e%2f", null, none, 404);
        yield return ("POST", "/v1/models/small:predict", "application/json", "{\"instances\":{}}"u8.ToArray(), 400);
        yield return ("POST", "/v1/models/small:predict", "application/json", "{\"instances\":[[1,2]]}"u8.ToArray(), 400);
        yield return ("POST", "/feedback", "application/json", "{\"request_id\":\"x\"}"u8.ToArray(), 400);
        yield return ("POST", "/feedback", "application/json", "{\"request_id\":\"x\",\"label\":\"a\"}"u8.ToArray(), 404);
        yield return ("POST", "/feedback", "text/plain", "x"u8.ToArray(), 415);
        foreach (var (json, status) in Infer())
            yield return ("POST", "/v2/models/small/infer", "application/json", Encoding.UTF8.GetBytes(json), status);
    }

    static IEnumerable<(string Json, int Status)> Infer()
    {
        yield return ("", 400);
        yield return ("[]", 400);
        yield return ("{}", 400);
        yield return ("{\"inputs\":[]}", 422);
        yield return (Input("BYTES", "[1]", "[]"), 422);
        yield return (Input("BYTES", "[2]", $"[\"{Png64}\"]"), 422);
        yield return (Input("BYTES", "[5]", $"[\"{Png64}\"]"), 413);
        yield return (Input("BYTES", "[1]", "[7]"), 400);
        yield return (Input("BYTES", "[-1]", $"[\"{Png64}\"]"), 422);
        yield return (Input("BYTES", "[1.5]", $"[\"{Png64}\"]"), 422);
        yield return (Input("BYTES", "[]", "[]"), 422);
        yield return (Input("FP64", "[1]", "[1]"), 422);
        yield return (Input("FP32", "[1,1,1,3]", "[0,0,2]"), 422);
        yield return (Input("FP32", "[1,1,1,3]", "[0,0,1e999]"), 422);
        yield return (Input("UINT8", "[1,1,1,3]", "[0,0,256]"), 422);
        yield return (Input("UINT8", "[1,1,1,3]", "[0,0]"), 422);
        yield return (Input("UINT8", "[1,1,1,3]", "[0,0,0,0]"), 422);
        yield return (Input("UINT8", "[1,1,1,3]", "[0,0,\"a\"]"), 400);
        yield return (Input("UINT8", "[1,1,1,2]", "[0,0]"), 422);
        yield return (Input("UINT8", "[1,100000,100000,3]", "[0]"), 413);
        yield return (Input("UINT8", "[1,2147483647,2147483647,3]", "[0]"), 413);
        yield return (Input("UINT8", "[9223372036854775807,1,1,3]", "[0]"), 422);
        yield return ($"{{\"inputs\":[{{\"name\":\"x\",\"shape\":[1],\"datatype\":\"BYTES\",\"parameters\":{{\"binary_data_size\":9}}}}]}}", 400);
        yield return (Input("BYTES", "[1]", $"[\"{Png64}\"]")[..^1] + ",\"outputs\":[{\"name\":\"nothing\"}]}", 400);
        yield return (Input("BYTES", "[1]", $"[\"{Png64}\"]")[..^1] + ",\"id\":{}}", 400);
    }

    [TestMethod]
    public async Task EachIsRefused_AndTheServerGoesOn()
    {
        var (faults, count) = (new List<string>(), 0);
        foreach (var (method, path, type, body, expected) in Requests())
        {
            count++;
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            if (method != "GET")
                request.Content = RunningServer.Body(body, null);
            if (type is not null)
                request.Content!.Headers.TryAddWithoutValidation("Content-Type", type);
            using var response = await s_server!.Client.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            if ((int)response.StatusCode != expected || !text.Contains("MNC", StringComparison.Ordinal) || text.Contains("   at ", StringComparison.Ordinal))
                faults.Add($"{method} {path} {type} ({body.Length} bytes): {(int)response.StatusCode}, expected {expected}: {text}");
        }

        Assert.IsEmpty(faults, string.Join('\n', faults));
        Assert.IsGreaterThanOrEqualTo(40, count);
        RunningServer.AssertSame(s_server!.Model.Classify(RunningServer.Png()), await s_server.Post("/predict", RunningServer.Body(RunningServer.Png())));
        Assert.IsFalse(s_server.Log.Text.Contains("Error", StringComparison.Ordinal), s_server.Log.Text);
    }

    [TestMethod]
    [DataRow("GET / HTTP/9.9\r\n\r\n", 505)]
    [DataRow("\0\0\0\0\r\n\r\n", 400)]
    [DataRow("GET /health HTTP/1.1\r\n\r\n", 400)]
    [DataRow("GET /predictions/small%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [DataRow("GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400)]
    [DataRow("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: -5\r\n\r\n", 400)]
    [DataRow("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 99999999999\r\n\r\n", 413)]
    [DataRow("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400)]
    [DataRow("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nTransfer-Encoding: gzip\r\n\r\n", 400)]
    public async Task RawBytes_AreRefused(string text, int status) => Assert.AreEqual(status, await Send(text));

    [TestMethod]
    public async Task HugeHeaders_AreRefused() =>
        Assert.AreEqual(431, await Send($"GET /health HTTP/1.1\r\nHost: a\r\nX: {new string('y', 20_000)}\r\n\r\n"));

    [TestMethod]
    public async Task ChunkedBody_IsCutOffAtTheLimit()
    {
        var chunk = new string('x', 60_000);
        Assert.AreEqual(413, await Send($"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n{string.Concat(Enumerable.Repeat($"EA60\r\n{chunk}\r\n", 4))}0\r\n\r\n"));
    }

    /// <summary>The status that bytes are answered with.</summary>
    static async Task<int> Send(string text)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", s_server!.Client.BaseAddress!.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text));
        using var reader = new StreamReader(stream);
        var line = await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20));
        return int.Parse(line!.Split(' ')[1], null);
    }

    /// <summary>A PNG whose header announces a size, with a body that has next to nothing.</summary>
    static byte[] Announcing(int width, int height)
    {
        var png = PngEncoder.Encode(new byte[3], 1, 1, 3);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), width);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), height);

        // The checksum must be right, so that the size is what it is refused for.
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), System.IO.Hashing.Crc32.HashToUInt32(png.AsSpan(12, 17)));
        return png;
    }

    static byte[] Part(string name, string content) => Encoding.UTF8.GetBytes($"--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.png\"\r\n\r\n{content}\r\n--b--\r\n");

    static string Input(string type, string shape, string data) => $"{{\"inputs\":[{{\"name\":\"image\",\"shape\":{shape},\"datatype\":\"{type}\",\"data\":{data}}}]}}";
}
