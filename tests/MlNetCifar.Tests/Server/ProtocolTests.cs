using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Server;

/// <summary>The Open Inference Protocol, version 2: shapes of answers as its text gives them.</summary>
[TestClass]
public sealed class ProtocolTests
{
    [TestMethod]
    public async Task Server_TellsOfItself()
    {
        await using var server = await RunningServer.Start();
        var metadata = await server.Get("/v2");
        Assert.AreEqual("mlnetcifar", metadata.GetProperty("name").GetString());
        CollectionAssert.Contains(metadata.GetProperty("extensions").EnumerateArray().Select(e => e.GetString()).ToArray(), "binary_tensor_data");
        Assert.IsTrue((await server.Get("/v2/health/live")).GetProperty("live").GetBoolean());
        var ready = await server.Get("/v2/health/ready");
        Assert.IsTrue(ready.GetProperty("ready").GetBoolean() && ready.GetProperty("live").GetBoolean());
        var model = await server.Get("/v2/models/small");
        Assert.AreEqual("small", model.GetProperty("name").GetString());
        Assert.AreEqual("BYTES", model.GetProperty("inputs")[0].GetProperty("datatype").GetString());
        CollectionAssert.AreEqual(new[] { -1, 3 }, model.GetProperty("outputs")[0].GetProperty("shape").EnumerateArray().Select(d => d.GetInt32()).ToArray());
        Assert.IsTrue((await server.Get("/v2/models/small/versions/1/ready")).GetProperty("ready").GetBoolean());
    }

    [TestMethod]
    public async Task Bytes_InJson()
    {
        await using var server = await RunningServer.Start();
        var answer = await server.Post("/v2/models/small/infer", Request("BYTES", "[2]", $"[\"{Convert.ToBase64String(RunningServer.Png(1))}\",\"{Convert.ToBase64String(RunningServer.Png(2))}\"]"));
        Assert.AreEqual("42", answer.GetProperty("id").GetString());
        Assert.AreEqual("small", answer.GetProperty("model_name").GetString());
        Assert.IsFalse(answer.TryGetProperty("model_version", out _), "the file has no version");
        var outputs = answer.GetProperty("outputs").EnumerateArray().ToDictionary(o => o.GetProperty("name").GetString()!);
        CollectionAssert.AreEquivalent(new[] { "probabilities", "label", "index", "unknown" }, outputs.Keys.ToArray());
        CollectionAssert.AreEqual(Expected(server, 1, 2), outputs["probabilities"].GetProperty("data").EnumerateArray().Select(v => v.GetSingle()).ToArray());
        Assert.AreEqual(server.Model.Classify(RunningServer.Png(2)).Predictions[0].Label, outputs["label"].GetProperty("data")[1].GetString());
        Assert.AreEqual(server.Model.Classify(RunningServer.Png(1)).Predictions[0].Index, outputs["index"].GetProperty("data")[0].GetInt32());
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public async Task Pixels_FlatAndNested_AnswerAsTheirPicture(bool isNested)
    {
        await using var server = await RunningServer.Start();
        var picture = RgbImage.Decode(RunningServer.Png(5));
        var bytes = picture.Pixels.ToArray();
        string[] texts = [.. bytes.Select(b => b.ToString(CultureInfo.InvariantCulture))];
        string[] floats = [.. bytes.Select(b => (b / 255f).ToString("R", CultureInfo.InvariantCulture))];
        foreach (var (type, values) in new[] { ("UINT8", texts), ("FP32", floats) })
        {
            var flat = $"[{string.Join(',', values)}]";
            var nested = $"[[{string.Join(',', values.Chunk(3 * picture.Width).Select(row => $"[{string.Join(',', row.Chunk(3).Select(p => $"[{string.Join(',', p)}]"))}]"))}]]";
            var answer = await server.Post("/v2/models/small/infer", Request(type, $"[1,{picture.Height},{picture.Width},3]", isNested ? nested : flat));
            CollectionAssert.AreEqual(Expected(server, 5), answer.GetProperty("outputs")[0].GetProperty("data").EnumerateArray().Select(v => v.GetSingle()).ToArray(), type);
        }
    }

    [TestMethod]
    public async Task Grey_StandsForAllThreeChannels()
    {
        await using var server = await RunningServer.Start();
        var grey = new RgbImage(4, 5);
        for (var i = 0; i < 20; i++)
            grey.Pixels.Slice(3 * i, 3).Fill((byte)(10 * i));
        var answer = await server.Post("/v2/models/small/infer", Request("UINT8", "[1,5,4,1]", $"[{string.Join(',', Enumerable.Range(0, 20).Select(i => 10 * i))}]"));
        CollectionAssert.AreEqual(
            server.Model.Classify(grey).Predictions.OrderBy(p => p.Index).Select(p => p.Probability).ToArray(), answer.GetProperty("outputs")[0].GetProperty("data").EnumerateArray().Select(v => v.GetSingle()).ToArray());
    }

    [TestMethod]
    public async Task BinaryTensors_InAndOut()
    {
        await using var server = await RunningServer.Start();
        using var tensor = new MemoryStream();
        foreach (var seed in new[] { 1, 2 })
        {
            var file = RunningServer.Png(seed);
            tensor.Write(BitConverter.GetBytes(file.Length));
            tensor.Write(file);
        }

        var head = Encoding.UTF8.GetBytes(
            $"{{\"inputs\":[{{\"name\":\"image\",\"shape\":[2],\"datatype\":\"BYTES\",\"parameters\":{{\"binary_data_size\":{tensor.Length}}}}}],"
            + "\"outputs\":[{\"name\":\"probabilities\",\"parameters\":{\"binary_data\":true}},{\"name\":\"label\",\"parameters\":{\"binary_data\":true}},{\"name\":\"index\"}]}");
        using var content = RunningServer.Body([.. head, .. tensor.ToArray()], "application/octet-stream");
        content.Headers.Add("Inference-Header-Content-Length", head.Length.ToString(CultureInfo.InvariantCulture));
        using var response = await server.Client.PostAsync("/v2/models/small/infer", content);
        var body = await response.Content.ReadAsByteArrayAsync();
        Assert.AreEqual(200, (int)response.StatusCode, Encoding.UTF8.GetString(body));
        var length = int.Parse(response.Headers.GetValues("Inference-Header-Content-Length").Single(), CultureInfo.InvariantCulture);
        var json = JsonDocument.Parse(body.AsMemory(0, length)).RootElement.GetProperty("outputs");
        Assert.AreEqual(24, json[0].GetProperty("parameters").GetProperty("binary_data_size").GetInt32());
        var floats = Enumerable.Range(0, 6).Select(i => BinaryPrimitives.ReadSingleLittleEndian(body.AsSpan(length + (4 * i)))).ToArray();
        CollectionAssert.AreEqual(Expected(server, 1, 2), floats);
        var label = Encoding.UTF8.GetBytes(server.Model.Classify(RunningServer.Png(1)).Predictions[0].Label);
        Assert.AreEqual(label.Length, BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(length + 24)));
        CollectionAssert.AreEqual(label, body.AsSpan(length + 28, label.Length).ToArray());
        Assert.AreEqual(2, json[2].GetProperty("data").GetArrayLength());
    }

    [TestMethod]
    public async Task Classification_AsTritonWritesIt_AndUnknownParametersAreIgnored()
    {
        await using var server = await RunningServer.Start();
        var answer = await server.Post("/v2/models/small/infer", RunningServer.Json(
            $"{{\"parameters\":{{\"priority\":3}},\"inputs\":[{{\"name\":\"image\",\"shape\":[1,1],\"datatype\":\"BYTES\",\"parameters\":{{\"x\":1}},\"data\":[[\"{Convert.ToBase64String(RunningServer.Png())}\"]]}}],"
            + "\"outputs\":[{\"name\":\"probabilities\",\"parameters\":{\"classification\":2}}]}"));
        var best = server.Model.Classify(RunningServer.Png()).Predictions[0];
        Assert.AreEqual(FormattableString.Invariant($"{best.Probability}:{best.Index}:{best.Label}"), answer.GetProperty("outputs")[0].GetProperty("data")[0].GetString());
        Assert.AreEqual(2, answer.GetProperty("outputs")[0].GetProperty("shape")[1].GetInt32());
    }

    [TestMethod]
    public async Task Faults_AreErrorsOfOneMember()
    {
        await using var server = await RunningServer.Start();
        var fault = await server.Post("/v2/models/other/infer", RunningServer.Json("{}"), 404);
        Assert.HasCount(1, fault.EnumerateObject().ToArray());
        StringAssert.StartsWith(fault.GetProperty("error").GetString(), "MNC8001");
    }

    static StringContent Request(string type, string shape, string data) =>
        RunningServer.Json($"{{\"id\":\"42\",\"inputs\":[{{\"name\":\"image\",\"shape\":{shape},\"datatype\":\"{type}\",\"data\":{data}}}]}}");

    static float[] Expected(RunningServer server, params int[] seeds) =>
        [.. seeds.SelectMany(seed => server.Model.Classify(RunningServer.Png(seed)).Predictions.OrderBy(p => p.Index).Select(p => p.Probability))];
}
