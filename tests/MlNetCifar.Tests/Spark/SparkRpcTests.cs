using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlNetCifar.Spark;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Tests.Spark;

/// <summary>What the client makes of answers that a real server gives seldom, from a small server that speaks just enough gRPC.</summary>
[TestClass]
public sealed class SparkRpcTests
{
    const int FiveMebibytes = 5 << 20;

    static WebApplication s_server = null!;
    static SparkConnection s_connection = null!;
    static int s_calls;
    static int s_reattached;
    static bool s_aborts;

    [ClassInitialize]
    public static async Task StartAsync(TestContext context)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        s_server = builder.Build();
        s_server.MapPost("/spark.connect.SparkConnectService/{method}", AnswerAsync);
        await s_server.StartAsync();
        var port = new Uri(s_server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
        s_connection = new() { Host = "127.0.0.1", Port = port, Retry = new() { MaxAttempts = 3, InitialDelay = TimeSpan.FromMilliseconds(1) } };
    }

    [ClassCleanup]
    public static Task StopAsync() => s_server.DisposeAsync().AsTask();

    static async Task AnswerAsync(HttpContext context, string method)
    {
        context.Response.ContentType = "application/grpc";
        if (method is "ExecutePlan" or "ReattachExecute")
        {
            await StreamAsync(context, method);
            return;
        }

        if (method == "ReleaseExecute")
        {
            await WriteAsync(context, new ReleaseExecuteResponse());
            return;
        }

        var key = method == "Config" ? ConfigRequest.Parser.ParseFrom(await MessageAsync(context.Request)).Operation.GetOption.Keys[0] : "";
        switch (key)
        {
            case "large":
                await WriteAsync(context, new ConfigResponse { Pairs = { new KeyValue { Key = key, Value = new('x', FiveMebibytes) } } });
                break;
            case "error":
                var info = new ErrorInfo { Reason = "java.lang.Exception" };
                info.Metadata.Add("errorClass", "SOME_CLASS");
                context.Response.Headers["grpc-status"] = "13";
                context.Response.Headers["grpc-message"] = "something%20broke";
                context.Response.Headers["grpc-status-details-bin"] =
                    Convert.ToBase64String(new MlNetCifar.Spark.Protos.Status { Code = 13, Details = { Any.Pack(info) } }.ToByteArray()).TrimEnd('=');
                break;
            case "broken":
                context.Response.Headers["grpc-status"] = "2";
                context.Response.Headers["grpc-message"] = "Application error processing RPC";
                break;
            case "abort" when Interlocked.Increment(ref s_calls) == 1:
                context.Abort();
                break;
            case "statusless" when Interlocked.Increment(ref s_calls) == 1:
                // The body ends, and no trailer says how.
                break;
            case "hang":
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
                break;
            case "":
                context.Response.StatusCode = 404;
                context.Response.ContentType = "text/html";
                break;
            default:
                await WriteAsync(context, new ConfigResponse { Pairs = { new KeyValue { Key = key, Value = context.Request.Headers["x-team"].ToString() } } });
                break;
        }
    }

    // Two responses, and between them the connection breaks or the stream ends.
    static async Task StreamAsync(HttpContext context, string method)
    {
        if (method == "ReattachExecute")
        {
            s_reattached++;
            await WriteAsync(context, new ExecutePlanResponse { ResponseId = "2", ResultComplete = new() });
            return;
        }

        await WriteAsync(context, new ExecutePlanResponse { ResponseId = "1", ExecutionProgress = new() { NumInflightTasks = 1 } }, isLast: false);
        await context.Response.Body.FlushAsync();
        if (s_aborts)
            context.Abort();
    }

    static async Task<byte[]> MessageAsync(HttpRequest request)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        return body.ToArray()[5..];
    }

    static async Task WriteAsync(HttpContext context, IMessage message, bool isLast = true)
    {
        var bytes = message.ToByteArray();
        await context.Response.Body.WriteAsync(new byte[] { 0, (byte)(bytes.Length >> 24), (byte)(bytes.Length >> 16), (byte)(bytes.Length >> 8), (byte)bytes.Length });
        await context.Response.Body.WriteAsync(bytes);
        if (isLast)
            context.Response.AppendTrailer("grpc-status", "0");
    }

    static SparkSession Session() => new(s_connection, new SparkConnectRpc(s_connection with { Headers = new Dictionary<string, string> { ["X-Team"] = "vision" } }));

    [TestMethod]
    public async Task Message_AboveFourMebibytes_Arrives() => Assert.AreEqual(FiveMebibytes, (await Session().GetAsync("large"))!.Length);

    [TestMethod]
    public async Task Headers_OfTheAddress_AreSent() => Assert.AreEqual("vision", await Session().GetAsync("team"));

    [TestMethod]
    public async Task Error_CarriesWhatItsDetailsSay()
    {
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => Session().GetAsync("error"));
        Assert.AreEqual("MNC6023", error.Code);
        StringAssert.Contains(error.Message, "[SOME_CLASS]: something broke");
    }

    [TestMethod]
    [DataRow("abort")]
    [DataRow("statusless")]
    [DoNotParallelize]
    public async Task Call_WhoseConnectionBreaks_IsRepeated(string how)
    {
        s_calls = 0;
        Assert.AreEqual("vision", await Session().GetAsync(how));
        Assert.AreEqual(2, s_calls);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [DoNotParallelize]
    public async Task Stream_ThatBreaksOrEndsWithoutAStatus_IsTakenUpAgain(bool aborts)
    {
        (s_aborts, s_reattached) = (aborts, 0);
        var seen = 0;
        await foreach (var _ in Session().ExecuteAsync(new(), new Progress(() => seen++), default))
            Assert.Fail("There are no rows.");
        Assert.AreEqual(1, s_reattached);

        // A connection that breaks may take along what was on its way; the server has it yet.
        Assert.IsTrue(seen == 1 || (aborts && seen == 0));
    }

    sealed class Progress(Action tell) : IProgress<SparkProgress>
    {
        public void Report(SparkProgress value) => tell();
    }

    [TestMethod]
    public async Task Cancelling_EndsACallThatHangs()
    {
        using var source = new CancellationTokenSource(100);
        await Assert.ThrowsAsync<OperationCanceledException>(() => Session().GetAsync("hang", source.Token));
    }

    [TestMethod]
    public async Task Server_ThatIsAnother_IsNamed()
    {
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => Session().InterruptAllAsync());
        Assert.AreEqual("MNC6027", error.Code);
    }

    [TestMethod]
    public async Task Server_WhoseApplicationHasEnded_IsNamed()
    {
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => Session().GetAsync("broken"));
        Assert.AreEqual("MNC6028", error.Code);
    }

    [TestMethod]
    [DataRow("x team")]
    [DataRow("x-bin")]
    [DataRow("ü")]
    public void HeaderThatCannotBeSent_IsRefusedInTheAddress(string name) =>
        Assert.AreEqual("MNC6020", Assert.ThrowsExactly<MlNetCifarException>(() => SparkConnection.Parse($"sc://host/;{name}=1")).Code);
}
