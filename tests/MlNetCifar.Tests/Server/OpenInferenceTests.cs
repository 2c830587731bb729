using System.Text.Json;

namespace MlNetCifar.Tests.Server;

/// <summary>Every object and every example of the published specification of the Open Inference Protocol, version 2 (REST): what the server answers has the shape that is printed there.</summary>
[TestClass]
public sealed class OpenInferenceTests
{
    const string Tensor = "name:string datatype:string shape:numbers";

    /// <summary>Name of the object there, what is asked for, the status, and its members; those with ? may be missing.</summary>
    static IEnumerable<object?[]> Objects =>
    [
        ["ready_server_response", "/v2/health/ready", null, 200, "live:bool ready?:bool"],
        ["live_server_response", "/v2/health/live", null, 200, "live:bool"],
        ["ready_model_response", "/v2/models/small/ready", null, 200, "name:string ready:bool"],
        ["ready_model_response, of a version", "/v2/models/dog/versions/3/ready", null, 200, "name:string ready:bool"],
        ["metadata_server_response", "/v2", null, 200, "name:string version:string extensions:strings"],
        ["metadata_model_response", "/v2/models/small", null, 200, "name:string versions?:strings platform:string inputs:objects outputs:objects parameters?:object"],
        ["metadata_model_response, of a version", "/v2/models/dog/versions/3", null, 200, "name:string versions:strings platform:string inputs:objects outputs:objects parameters?:object"],
        ["metadata_model_error_response", "/v2/models/none", null, 404, "error:string"],
        ["metadata_model_error_response, of a version", "/v2/models/dog/versions/4", null, 404, "error:string"],
        ["inference_response", "/v2/models/small/infer", "{\"id\":\"7\",INPUT}", 200, "model_name:string id:string outputs:objects"],
        ["inference_response, of a version", "/v2/models/dog/versions/3/infer", "{\"id\":\"7\",INPUT}", 200, "model_name:string model_version:string id:string outputs:objects"],
        ["inference_response, without an id", "/v2/models/small/infer", "{INPUT}", 200, "model_name:string outputs:objects"],
        ["inference_response, with parameters that are not known", "/v2/models/small/infer", "{\"parameters\":{\"a\":1,\"b\":\"x\",\"c\":true},INPUT}", 200, "model_name:string outputs:objects"],
        ["inference_error_response", "/v2/models/none/infer", "{INPUT}", 404, "error:string"],
        ["inference_error_response, of JSON that is none", "/v2/models/small/infer", "{\"inputs\":", 400, "error:string"],
        ["the example: two inputs, of which none is a picture", "/v2/models/small/infer", "{\"id\":\"42\",\"inputs\":[{\"name\":\"input0\",\"shape\":[2,2],\"datatype\":\"UINT32\",\"data\":[1,2,3,4]},{\"name\":\"input1\",\"shape\":[3],\"datatype\":\"BOOL\",\"data\":[true]}],\"outputs\":[{\"name\":\"output0\"}]}", 422, "error:string"],
    ];

    [TestMethod]
    public async Task Objects_HaveTheirShape()
    {
        await using var server = await RunningServer.Start(o => o with { ModelsFolder = Path.GetDirectoryName(o.Models["small"]) });
        Directory.CreateDirectory(server["dog"]);
        server.Model.Save(server["dog/3.safetensors"]);
        await RunningServer.Until(() => server.Log.Text.Contains("dog version 3", StringComparison.Ordinal));
        var input = $"\"inputs\":[{{\"name\":\"image\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"{Convert.ToBase64String(RunningServer.Png())}\"]}}]";
        foreach (var row in Objects)
        {
            var (name, path, body, status, members) = ((string)row[0]!, (string)row[1]!, (string?)row[2], (int)row[3]!, (string)row[4]!);
            var answer = body is null ? await server.Get(path, status) : await server.Post(path, RunningServer.Json(body.Replace("INPUT", input, StringComparison.Ordinal)), status);
            AssertShape(answer, members, name);
            foreach (var tensor in new[] { "inputs", "outputs" }.Where(t => answer.TryGetProperty(t, out _)).SelectMany(t => answer.GetProperty(t).EnumerateArray()))
                AssertShape(tensor, body is null ? Tensor : Tensor + " data:array parameters?:object", name);
        }
    }

    [TestMethod]
    public async Task Example_OfTheServersError_IsOfOneMember()
    {
        await using var server = await RunningServer.Start(o => o with { ApiKey = "key" });
        AssertShape(await server.Get("/v2", 401), "error:string", "metadata_server_error_response");
    }

    /// <summary>The example asks for one output of a request by its name, and gets its id and that output alone.</summary>
    [TestMethod]
    public async Task Example_OfOneOutput_GetsIt_FlatAndNestedDataAreTheSame()
    {
        await using var server = await RunningServer.Start();
        byte[] pixels = [.. Enumerable.Range(0, 2 * 2 * 2 * 3).Select(i => (byte)(10 * i))];
        var nested = JsonSerializer.Serialize(pixels.Select(p => (int)p).Chunk(3).Chunk(2).Chunk(2));
        var answers = new List<JsonElement>();
        foreach (var data in new[] { $"[{string.Join(',', pixels)}]", nested })
        {
            var answer = await server.Post("/v2/models/small/infer", RunningServer.Json($"{{\"id\":\"42\",\"inputs\":[{{\"name\":\"input0\",\"shape\":[2,2,2,3],\"datatype\":\"UINT8\",\"data\":{data}}}],\"outputs\":[{{\"name\":\"probabilities\"}}]}}"));
            Assert.AreEqual("42", answer.GetProperty("id").GetString());
            var output = answer.GetProperty("outputs").EnumerateArray().Single();
            Assert.AreEqual(("probabilities", "FP32"), (output.GetProperty("name").GetString(), output.GetProperty("datatype").GetString()));
            CollectionAssert.AreEqual(new[] { 2, 3 }, output.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32()).ToArray());
            Assert.AreEqual(6, output.GetProperty("data").GetArrayLength(), "flat, rows first");
            answers.Add(output);
        }

        Assert.AreEqual(answers[0].GetRawText(), answers[1].GetRawText());
    }

    static void AssertShape(JsonElement found, string members, string name)
    {
        Assert.AreEqual(JsonValueKind.Object, found.ValueKind, name);
        var left = found.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
        foreach (var member in members.Split(' '))
        {
            var (key, type) = (member.Split(':')[0].TrimEnd('?'), member.Split(':')[1]);
            if (left.Remove(key, out var value))
                Assert.IsTrue(Is(value, type), $"{name}: {key} is {value.GetRawText()}, expected {type}");
            else
                Assert.IsTrue(member.Contains('?', StringComparison.Ordinal), $"{name} has no {key}: {found.GetRawText()}");
        }

        Assert.IsEmpty(left, $"{name} has more: {string.Join(", ", left.Keys)}");
    }

    static bool Is(JsonElement value, string type) => type switch
    {
        "string" => value.ValueKind == JsonValueKind.String,
        "bool" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "strings" => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String),
        "numbers" => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number),
        "objects" => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Object),
        _ => throw new ArgumentException(type),
    };
}
