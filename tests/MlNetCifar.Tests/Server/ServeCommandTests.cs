using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using MlNetCifar.App.Cli;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Server;

[TestClass]
public sealed class ServeCommandTests
{
    [TestMethod]
    public void WrongWords_AreTold()
    {
        using var folder = new TestFolder();
        Cli.Run("serve", "--model", folder["none.safetensors"], "--urls", "http://127.0.0.1:0").Bad(ExitCodes.DataRejected, "MNC4001");
        Cli.Run("serve", "--models", folder["none"]).Bad(ExitCodes.DataRejected, "MNC9011");
        Cli.Run("serve", "a=x.safetensors", "a=y.safetensors").Bad(ExitCodes.Usage, "MNC9002");
        Cli.Run("serve", "--model", "../a=x.safetensors").Bad(ExitCodes.Usage, "MNC9012");
        Cli.Run("serve", "a=x.safetensors", "--shadow", "b=y.safetensors").Bad(ExitCodes.Usage, "MNC9012");
        Cli.Run("serve", "a=x.safetensors", "b=y.safetensors", "--shadow", "z.safetensors").Bad(ExitCodes.Usage, "MNC9002");
        Cli.Run("serve", "a=x.safetensors", "--canary", "0.1").Bad(ExitCodes.Usage, "MNC9012");
        Cli.Run("serve", "--check", "http://127.0.0.1:1").Bad(ExitCodes.Failure, "MNC9033");
    }

    [TestMethod]
    public async Task PortTaken_IsToldOnce()
    {
        await using var other = await RunningServer.Start();
        var run = Cli.Run("serve", "--model", other["small.safetensors"], "--urls", other.Client.BaseAddress!.ToString());
        run.Bad(ExitCodes.Failure, "MNC8020");
        Assert.HasCount(2, run.Error.Split("already in use"), run.Error);
    }

    [TestMethod]
    public async Task Otlp_SendsMetricsAndSpans()
    {
        using var folder = new Pictures();
        using (var model = SmallModel.Create())
            model.Save(folder["small.safetensors"]);
        var sent = new ConcurrentDictionary<string, string>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var collector = builder.Build();
        collector.MapPost("/{**path}", async (HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            sent.AddOrUpdate(request.Path, _ => Encoding.Latin1.GetString(body.ToArray()), (_, before) => before + Encoding.Latin1.GetString(body.ToArray()));
        });
        await collector.StartAsync();
        using var server = new ProgramProcess(["serve", "--model", $"cats={folder["small.safetensors"]}", "--urls", "http://127.0.0.1:0", "--otlp", collector.Urls.Single()]);
        var address = server.Until("http://").Log.Split('\n').First(line => line.StartsWith("http://", StringComparison.Ordinal)).Trim();
        using var client = new HttpClient { BaseAddress = new Uri(address) };
        using (var answer = await client.PostAsync("/predict", RunningServer.Body(RunningServer.Png())))
            Assert.AreEqual(200, (int)answer.StatusCode);
        server.Signal("TERM");
        Assert.AreEqual(ExitCodes.Terminated, server.Exit());
        CollectionAssert.AreEquivalent(new[] { "/v1/metrics", "/v1/traces" }, sent.Keys.ToArray());
        foreach (var name in new[] { "mlnetcifar_predictions_total", "http_request_duration_seconds", "mlnetcifar_queue_depth", "service.name" })
            StringAssert.Contains(sent["/v1/metrics"], name);
        foreach (var name in new[] { "decode", "queue", "score", "Microsoft.AspNetCore" })
            StringAssert.Contains(sent["/v1/traces"], name);
    }

    [TestMethod]
    public async Task Command_ServesUntilItIsAskedToEnd_AndIsBackAtOnceAfterAKill()
    {
        using var folder = new Pictures();
        using (var model = SmallModel.Create())
            model.Save(folder["small.safetensors"]);
        for (var round = 0; round < 2; round++)
        {
            var clock = Stopwatch.StartNew();
            using var server = new ProgramProcess(["serve", "--model", $"cats={folder["small.safetensors"]}", "--urls", "http://127.0.0.1:0"]);
            var address = server.Until("http://").Log.Split('\n').First(line => line.StartsWith("http://", StringComparison.Ordinal)).Trim();
            Console.WriteLine($"ready after {clock.Elapsed.TotalSeconds:0.00} s");
            using var client = new HttpClient { BaseAddress = new Uri(address) };
            using var answer = await client.PostAsync("/predict", RunningServer.Body(RunningServer.Png()));
            StringAssert.Contains(await answer.Content.ReadAsStringAsync(), "\"name\":\"cats\"");
            // As whoever watches a container does: one late answer is none that it would be ended for.
            Assert.IsTrue(Enumerable.Range(0, 3).Any(_ => Cli.Run("serve", "--check", address).ExitCode == ExitCodes.Ok));
            if (round == 0)
            {
                server.Signal("KILL");
                continue;
            }

            server.Signal("TERM");
            Assert.AreEqual(ExitCodes.Terminated, server.Exit());
        }
    }
}
