using System.Runtime.InteropServices;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Net.Client;
using MlNetCifar.Server.Protos;

namespace MlNetCifar.Tests.Server;

/// <summary>The Open Inference Protocol over gRPC: the answers of REST, to the bit.</summary>
[TestClass]
public sealed class CallTests
{
    const string Address = "http://127.0.0.1:0";

    [TestMethod]
    [DataRow("BYTES", false)]
    [DataRow("BYTES", true)]
    [DataRow("UINT8", false)]
    [DataRow("UINT8", true)]
    [DataRow("FP32", false)]
    [DataRow("FP32", true)]
    public async Task Infer_AnswersAsRestDoes(string type, bool isRaw)
    {
        await using var server = await RunningServer.Start(grpcAddress: Address);
        using var channel = Channel(server);
        var (request, json) = Request(type, isRaw);
        var expected = (await server.Post("/v2/models/small/infer", RunningServer.Json(json))).GetProperty("outputs");
        var answer = await Call<ModelInferRequest, ModelInferResponse>(channel, "ModelInfer", request);
        Assert.AreEqual(("small", "", "42"), (answer.ModelName, answer.ModelVersion, answer.Id));
        CollectionAssert.AreEqual(new[] { "probabilities", "label", "index", "unknown" }, answer.Outputs.Select(o => o.Name).ToArray());
        for (var i = 0; i < answer.Outputs.Count; i++)
        {
            Assert.AreEqual(expected[i].GetProperty("datatype").GetString(), answer.Outputs[i].Datatype);
            CollectionAssert.AreEqual(expected[i].GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray(), answer.Outputs[i].Shape.ToArray());
            Assert.AreEqual(isRaw, answer.Outputs[i].Contents is null);
            CollectionAssert.AreEqual(Raw(expected[i]), isRaw ? answer.RawOutputContents[i].ToByteArray() : Raw(answer.Outputs[i].Contents), answer.Outputs[i].Name);
        }

        Assert.HasCount(isRaw ? 4 : 0, answer.RawOutputContents);
        StringAssert.Contains(await server.Client.GetStringAsync("/metrics"), "http_request_duration_seconds_count{route=\"/inference.GRPCInferenceService/ModelInfer\",method=\"POST\",code=\"200\"} 1\n");
    }

    [TestMethod]
    public async Task Metadata_AreThoseOfRest()
    {
        await using var server = await RunningServer.Start(o => o with { ModelsFolder = Path.GetDirectoryName(o.Models["small"]) }, grpcAddress: Address);
        Directory.CreateDirectory(server["dog"]);
        server.Model.Save(server["dog/3.safetensors"]);
        await RunningServer.Until(() => server.Log.Text.Contains("dog version 3", StringComparison.Ordinal));
        using var channel = Channel(server);
        Assert.IsTrue((await Call<ServerLiveRequest, ServerLiveResponse>(channel, "ServerLive", new())).Live);
        Assert.IsTrue((await Call<ServerReadyRequest, ServerReadyResponse>(channel, "ServerReady", new())).Ready);
        Assert.IsTrue((await Call<ModelReadyRequest, ModelReadyResponse>(channel, "ModelReady", new() { Name = "dog", Version = "3" })).Ready);
        var (found, expected) = (await Call<ServerMetadataRequest, ServerMetadataResponse>(channel, "ServerMetadata", new()), await server.Get("/v2"));
        Assert.AreEqual((expected.GetProperty("name").GetString(), expected.GetProperty("version").GetString()), (found.Name, found.Version));
        var (model, rest) = (await Call<ModelMetadataRequest, ModelMetadataResponse>(channel, "ModelMetadata", new() { Name = "dog" }), await server.Get("/v2/models/dog"));
        Assert.AreEqual((rest.GetProperty("name").GetString(), rest.GetProperty("platform").GetString()), (model.Name, model.Platform));
        CollectionAssert.AreEqual(rest.GetProperty("versions").EnumerateArray().Select(v => v.GetString()).ToArray(), model.Versions.ToArray());
        foreach (var (tensors, found2) in new[] { (rest.GetProperty("inputs"), model.Inputs), (rest.GetProperty("outputs"), model.Outputs) })
        {
            Assert.AreEqual(tensors.GetArrayLength(), found2.Count);
            for (var i = 0; i < found2.Count; i++)
            {
                Assert.AreEqual((tensors[i].GetProperty("name").GetString(), tensors[i].GetProperty("datatype").GetString()), (found2[i].Name, found2[i].Datatype));
                CollectionAssert.AreEqual(tensors[i].GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray(), found2[i].Shape.ToArray());
            }
        }
    }

    [TestMethod]
    public async Task Classification_AsTritonWritesIt()
    {
        await using var server = await RunningServer.Start(grpcAddress: Address);
        using var channel = Channel(server);
        var (request, _) = Request("BYTES", isRaw: false);
        request.Outputs.Add(new ModelInferRequest.Types.InferRequestedOutputTensor { Name = "probabilities", Parameters = { ["classification"] = new InferParameter { Int64Param = 2 } } });
        var output = (await Call<ModelInferRequest, ModelInferResponse>(channel, "ModelInfer", request)).Outputs.Single();
        var best = server.Model.Classify(RunningServer.Png(1)).Predictions[0];
        Assert.AreEqual(FormattableString.Invariant($"{best.Probability}:{best.Index}:{best.Label}"), output.Contents.BytesContents[0].ToStringUtf8());
        CollectionAssert.AreEqual(new long[] { 2, 2 }, output.Shape.ToArray());
    }

    [TestMethod]
    public async Task Faults_HaveTheirStatusAndCode()
    {
        await using var server = await RunningServer.Start(o => o with { MaxBodyBytes = 100_000 }, grpcAddress: Address);
        using var channel = Channel(server);
        await Fails(StatusCode.NotFound, "MNC8001", r => r.ModelName = "other");
        await Fails(StatusCode.NotFound, "MNC8001", r => r.ModelVersion = "7");
        await Fails(StatusCode.InvalidArgument, "MNC8005", r => r.Inputs.Clear());
        await Fails(StatusCode.InvalidArgument, "MNC8005", r => r.Inputs[0].Datatype = "FP64");
        await Fails(StatusCode.InvalidArgument, "MNC8005", r => r.Inputs[0].Shape[0] = 3);
        await Fails(StatusCode.InvalidArgument, "MNC8005", r => r.Inputs[0].Shape[0] = -1);
        await Fails(StatusCode.InvalidArgument, "MNC8004", r => r.Inputs[0].Shape[0] = 65);
        await Fails(StatusCode.InvalidArgument, "MNC8003", r => r.Inputs[0].Contents = null);
        await Fails(StatusCode.InvalidArgument, "MNC8003", r => r.RawInputContents.Add(ByteString.Empty));
        await Fails(StatusCode.InvalidArgument, "MNC8003", r => r.Outputs.Add(new ModelInferRequest.Types.InferRequestedOutputTensor { Name = "logits" }));
        await Fails(StatusCode.InvalidArgument, "MNC1202", r => r.Inputs[0].Contents.BytesContents[1] = ByteString.CopyFrom(1, 2, 3));
        await Fails(StatusCode.ResourceExhausted, null, r => r.Inputs[0].Contents.BytesContents[1] = ByteString.CopyFrom(new byte[200_000]));
        Assert.AreEqual(StatusCode.NotFound, (await Assert.ThrowsExactlyAsync<RpcException>(() => Call<ModelReadyRequest, ModelReadyResponse>(channel, "ModelReady", new() { Name = "other" }))).StatusCode);
        Assert.AreEqual(StatusCode.Unimplemented, (await Assert.ThrowsExactlyAsync<RpcException>(() => Call<ModelReadyRequest, ModelReadyResponse>(channel, "Other", new()))).StatusCode);
        Assert.AreEqual("2", (await Call<ModelInferRequest, ModelInferResponse>(channel, "ModelInfer", Request("BYTES", true).Message)).Outputs[0].Shape[0].ToString(null, null));

        async Task Fails(StatusCode status, string? code, Action<ModelInferRequest> spoil)
        {
            var (request, _) = Request("BYTES", isRaw: false);
            spoil(request);
            var fault = await Assert.ThrowsExactlyAsync<RpcException>(() => Call<ModelInferRequest, ModelInferResponse>(channel, "ModelInfer", request));
            Assert.AreEqual((status, code), (fault.StatusCode, fault.Trailers.GetValue("mlnetcifar-code")), fault.Status.Detail);
        }
    }

    [TestMethod]
    public async Task Keys_AreAskedFor()
    {
        await using var server = await RunningServer.Start(o => o with { ApiKey = "right" }, grpcAddress: Address);
        using var channel = Channel(server);
        Assert.IsTrue((await Call<ServerLiveRequest, ServerLiveResponse>(channel, "ServerLive", new())).Live);
        foreach (var headers in new[] { null, new Metadata { { "x-api-key", "wrong" } } })
        {
            var fault = await Assert.ThrowsExactlyAsync<RpcException>(() => Call<ModelInferRequest, ModelInferResponse>(channel, "ModelInfer", Request("BYTES", true).Message, headers));
            Assert.AreEqual(StatusCode.Unauthenticated, fault.StatusCode);
            StringAssert.StartsWith(fault.Status.Detail, "MNC8009");
        }

        Assert.HasCount(4, (await Call<ModelInferRequest, ModelInferResponse>(channel, "ModelInfer", Request("BYTES", true).Message, new Metadata { { "x-api-key", "right" } })).Outputs);
    }

    [TestMethod]
    public async Task Overload_AndDeadlines_AreTold()
    {
        await using var server = await RunningServer.Start(o => o with { MaxPictures = 4, BatchDelay = TimeSpan.FromMilliseconds(500), BatchSize = 64 }, grpcAddress: Address);
        using var channel = Channel(server);
        var calls = Enumerable.Range(0, 20).Select(_ => Call<ModelInferRequest, ModelInferResponse>(channel, "ModelInfer", Request("BYTES", true).Message)).ToArray();
        await Task.WhenAll(calls).ContinueWith(_ => { }, TaskScheduler.Default);
        var faults = calls.Where(c => c.IsFaulted).Select(c => (RpcException)c.Exception!.InnerException!).ToArray();
        Assert.IsTrue(faults.Length is > 10 and < 20, $"{faults.Length}");
        foreach (var fault in faults)
            Assert.AreEqual((StatusCode.ResourceExhausted, "MNC8006", true), (fault.StatusCode, fault.Trailers.GetValue("mlnetcifar-code"), int.Parse(fault.Trailers.GetValue("grpc-retry-pushback-ms")!, null) >= 1000));
        var late = await Assert.ThrowsExactlyAsync<RpcException>(() => Call<ModelInferRequest, ModelInferResponse>(channel, "ModelInfer", Request("BYTES", true).Message, deadline: DateTime.UtcNow.AddMilliseconds(100)));
        Assert.AreEqual(StatusCode.DeadlineExceeded, late.StatusCode);
    }

    /// <summary>Numbers are the protocol's: whoever renumbers a field speaks another language.</summary>
    [TestMethod]
    public void Fields_HaveTheProtocolsNumbers()
    {
        var expected = new (MessageDescriptor Message, string Fields)[]
        {
            (ModelInferRequest.Descriptor, "model_name:1 model_version:2 id:3 parameters:4 inputs:5 outputs:6 raw_input_contents:7"),
            (ModelInferRequest.Types.InferInputTensor.Descriptor, "name:1 datatype:2 shape:3 parameters:4 contents:5"),
            (ModelInferResponse.Descriptor, "model_name:1 model_version:2 id:3 parameters:4 outputs:5 raw_output_contents:6"),
            (ModelInferResponse.Types.InferOutputTensor.Descriptor, "name:1 datatype:2 shape:3 parameters:4 contents:5"),
            (ModelMetadataResponse.Descriptor, "name:1 versions:2 platform:3 inputs:4 outputs:5"),
            (InferParameter.Descriptor, "bool_param:1 int64_param:2 string_param:3 double_param:4 uint64_param:5"),
            (InferTensorContents.Descriptor, "bool_contents:1 int_contents:2 int64_contents:3 uint_contents:4 uint64_contents:5 fp32_contents:6 fp64_contents:7 bytes_contents:8"),
        };
        foreach (var (message, fields) in expected)
            Assert.AreEqual(fields, string.Join(' ', message.Fields.InFieldNumberOrder().Select(f => $"{f.Name}:{f.FieldNumber}")), message.FullName);
        Assert.AreEqual("inference.GRPCInferenceService", ModelInferRequest.Descriptor.File.Services[0].FullName);
    }

    static GrpcChannel Channel(RunningServer server) => GrpcChannel.ForAddress(server.Server.Addresses[1]);

    /// <summary>By the service's name and method alone, as a client in any language.</summary>
    static async Task<TOut> Call<TIn, TOut>(GrpcChannel channel, string name, TIn request, Metadata? headers = null, DateTime? deadline = null)
        where TIn : class, IMessage<TIn>, new()
        where TOut : class, IMessage<TOut>, new()
    {
        var method = new Method<TIn, TOut>(
            MethodType.Unary, "inference.GRPCInferenceService", name, Marshallers.Create(m => m.ToByteArray(), new MessageParser<TIn>(() => new()).ParseFrom), Marshallers.Create(m => m.ToByteArray(), new MessageParser<TOut>(() => new()).ParseFrom));
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(headers, deadline), request);
        return await call;
    }

    /// <summary>Two pictures as a message and as REST's JSON.</summary>
    static (ModelInferRequest Message, string Json) Request(string type, bool isRaw)
    {
        byte[][] files = [RunningServer.Png(1), RunningServer.Png(2)];
        var pixels = new byte[2 * 5 * 4 * 3];
        new Random(3).NextBytes(pixels);
        float[] floats = [.. pixels.Select(p => p / 255f)];
        long[] shape = type == "BYTES" ? [2] : [2, 5, 4, 3];
        var input = new ModelInferRequest.Types.InferInputTensor { Name = "image", Datatype = type, Shape = { shape } };
        var request = new ModelInferRequest { ModelName = "small", Id = "42", Inputs = { input } };
        var json = type switch
        {
            "BYTES" => JsonSerializer.Serialize(files.Select(Convert.ToBase64String)),
            "UINT8" => $"[{string.Join(',', pixels)}]",
            _ => JsonSerializer.Serialize(floats),
        };
        if (isRaw)
            request.RawInputContents.Add(ByteString.CopyFrom(type switch { "BYTES" => [.. files.SelectMany(f => (byte[])[.. BitConverter.GetBytes(f.Length), .. f])], "UINT8" => pixels, _ => MemoryMarshal.AsBytes<float>(floats).ToArray() }));
        else
            input.Contents = type switch
            {
                "BYTES" => new InferTensorContents { BytesContents = { files.Select(f => ByteString.CopyFrom(f)) } },
                "UINT8" => new InferTensorContents { UintContents = { pixels.Select(p => (uint)p) } },
                _ => new InferTensorContents { Fp32Contents = { floats } },
            };
        return (request, $"{{\"id\":\"42\",\"inputs\":[{{\"name\":\"image\",\"shape\":[{string.Join(',', shape)}],\"datatype\":\"{type}\",\"data\":{json}}}]}}");
    }

    /// <summary>A tensor of REST's JSON as the protocol's bytes.</summary>
    static byte[] Raw(JsonElement output) => [.. output.GetProperty("data").EnumerateArray().SelectMany(value => output.GetProperty("datatype").GetString() switch
    {
        "FP32" => BitConverter.GetBytes(value.GetSingle()),
        "INT32" => BitConverter.GetBytes(value.GetInt32()),
        "BOOL" => [(byte)(value.GetBoolean() ? 1 : 0)],
        _ => Text(ByteString.CopyFromUtf8(value.GetString()!)),
    })];

    static byte[] Raw(InferTensorContents contents) =>
    [
        .. contents.Fp32Contents.SelectMany(BitConverter.GetBytes), .. contents.IntContents.SelectMany(BitConverter.GetBytes), .. contents.BoolContents.Select(flag => (byte)(flag ? 1 : 0)),
        .. contents.BytesContents.SelectMany(Text),
    ];

    static byte[] Text(ByteString text) => [.. BitConverter.GetBytes(text.Length), .. text];
}
