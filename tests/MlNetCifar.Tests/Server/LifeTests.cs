using System.Net;
using MlNetCifar.Server;
using MlNetCifar.Tests.Inference;

namespace MlNetCifar.Tests.Server;

/// <summary>Models come and go, servers start and end: nobody's request is lost.</summary>
[TestClass]
public sealed class LifeTests
{
    [TestMethod]
    public async Task Swap_LosesNoRequest_AndEachAnswerIsOfOneModel()
    {
        using var other = SmallModel.Create(seed: 2);
        await using var server = await RunningServer.Start();
        var expected = new[] { server.Model, other }.ToDictionary(m => m.WeightsSha256, m => m.Classify(RunningServer.Png()));
        using var done = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 8).Select(async _ =>
        {
            var versions = new HashSet<string>();
            while (!done.IsCancellationRequested)
            {
                var answer = await server.Post("/predict", RunningServer.Body(RunningServer.Png()));
                RunningServer.AssertSame(expected[answer.GetProperty("model").GetProperty("sha256").GetString()!], answer);
                versions.Add(answer.GetProperty("model").GetProperty("version").GetString()!);
            }

            return versions;
        }).ToArray();
        for (var i = 1; i <= 5; i++)
        {
            (i % 2 == 0 ? server.Model : other).Save(server["small.safetensors"]);
            await RunningServer.Until(() => server.Log.Text.Contains($"version {i + 1} is served", StringComparison.Ordinal));
        }

        await done.CancelAsync();
        Assert.IsGreaterThan(2, (await Task.WhenAll(clients)).SelectMany(v => v).Distinct().Count());
    }

    [TestMethod]
    public async Task BadFile_LeavesTheOldModel()
    {
        await using var server = await RunningServer.Start();
        await File.WriteAllTextAsync(server["small.safetensors"], "no model");
        await RunningServer.Until(() => server.Log.Text.Contains("was not loaded", StringComparison.Ordinal));
        RunningServer.AssertSame(server.Model.Classify(RunningServer.Png()), await server.Post("/predict", RunningServer.Body(RunningServer.Png())));
        var health = await server.Get("/health");
        Assert.AreEqual("MNC4002", health.GetProperty("faults")[0].GetProperty("code").GetString());

        // A good one heals it.
        server.Model.Save(server["small.safetensors"]);
        await RunningServer.Until(() => server.Log.Text.Contains("version 3 is served", StringComparison.Ordinal) || server.Log.Text.Contains("version 2 is served", StringComparison.Ordinal));
        Assert.AreEqual(0, (await server.Get("/health")).GetProperty("faults").GetArrayLength());
    }

    [TestMethod]
    public async Task Folder_IsWatched_WithVersions()
    {
        await using var server = await RunningServer.Start(o => o with { ModelsFolder = Path.GetDirectoryName(o.Models["small"]) });
        Directory.CreateDirectory(server["dog"]);
        server.Model.Save(server["dog/1.safetensors"]);
        server.Model.Save(server["dog/12.safetensors"]);
        server.Model.Save(server[".hidden.safetensors"]);
        await RunningServer.Until(() => server.Log.Text.Contains("dog version 12", StringComparison.Ordinal) && server.Log.Text.Contains("dog version 1 ", StringComparison.Ordinal));
        CollectionAssert.AreEqual(new[] { "1", "12" }, (await server.Get("/v2/models/dog")).GetProperty("versions").EnumerateArray().Select(v => v.GetString()).ToArray());
        Assert.AreEqual("12", (await server.Post("/predict?model=dog", RunningServer.Body(RunningServer.Png()))).GetProperty("model").GetProperty("version").GetString());
        Assert.AreEqual("1", (await server.Post("/predictions/dog/1?top_k=1", RunningServer.Body(RunningServer.Png()))).EnumerateObject().Count().ToString(null, null));
        Assert.HasCount(2, (await server.Get("/v1/models")).GetProperty("models").EnumerateArray().ToArray());
        Assert.AreEqual("MNC8001", (await server.Post("/predict", RunningServer.Body(RunningServer.Png()), 400)).GetProperty("code").GetString());
        File.Delete(server["dog/12.safetensors"]);
        await RunningServer.Until(() => server.Log.Text.Contains("is gone", StringComparison.Ordinal));
        await server.Post("/predict?model=dog&version=12", RunningServer.Body(RunningServer.Png()), 404);
    }

    [TestMethod]
    public async Task End_FinishesWhatIsUnderWay_AndSaysSoFirst()
    {
        await using var server = await RunningServer.Start();
        using var done = new CancellationTokenSource();
        var served = 0;
        var clients = Enumerable.Range(0, 8).Select(async _ =>
        {
            // Each request on its own connection: one that was accepted must be answered.
            using var client = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero }) { BaseAddress = server.Client.BaseAddress };
            while (true)
            {
                try
                {
                    using var response = await client.PostAsync("/predict", RunningServer.Body(RunningServer.Png()));
                    Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
                    RunningServer.AssertSame(server.Model.Classify(RunningServer.Png()), System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
                    Interlocked.Increment(ref served);
                }
                catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConnectionError && done.IsCancellationRequested)
                {
                    return;
                }
            }
        }).ToArray();
        await RunningServer.Until(() => Volatile.Read(ref served) > 20);
        var stop = server.Stop();
        await done.CancelAsync();
        using (var ready = await server.Client.GetAsync("/readyz"))
        {
            Assert.AreEqual(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
            Assert.IsTrue(ready.Headers.ConnectionClose);
        }

        await server.Get("/livez");
        await stop;
        await Task.WhenAll(clients);
        Assert.IsTrue(stop.IsCompletedSuccessfully);
    }

    [TestMethod]
    public async Task Overload_IsRefusedAtOnce()
    {
        await using var server = await RunningServer.Start(o => o with { MaxPictures = 4, BatchDelay = TimeSpan.FromMilliseconds(500), BatchSize = 64 });
        var responses = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => server.Client.PostAsync("/predict", RunningServer.Body(RunningServer.Png(i)))));
        Assert.IsGreaterThan(0, responses.Count(r => r.StatusCode == HttpStatusCode.OK));
        var refused = responses.Where(r => r.StatusCode != HttpStatusCode.OK).ToArray();
        Assert.IsGreaterThan(20, refused.Length);
        foreach (var response in refused)
        {
            Assert.AreEqual(HttpStatusCode.TooManyRequests, response.StatusCode);
            Assert.IsGreaterThanOrEqualTo(TimeSpan.FromSeconds(1), response.Headers.RetryAfter!.Delta!.Value);
            StringAssert.Contains(await response.Content.ReadAsStringAsync(), "MNC8006");
        }

        Array.ForEach(responses, r => r.Dispose());
        await server.Post("/predict", RunningServer.Body(RunningServer.Png()));
    }

    [TestMethod]
    public async Task Deadline_EndsTheRequest()
    {
        await using var server = await RunningServer.Start(o => o with { BatchDelay = TimeSpan.FromSeconds(1), BatchSize = 64 });
        var fault = await server.Post("/predict?timeout_ms=50", RunningServer.Body(RunningServer.Png()), 504);
        Assert.AreEqual("MNC8008", fault.GetProperty("code").GetString());
        StringAssert.Contains(fault.GetProperty("detail").GetString(), "50 ms");
    }

    [TestMethod]
    public async Task Keys_AreAskedFor()
    {
        await using var server = await RunningServer.Start(o => o with { ApiKey = "right", BearerToken = "token" });
        foreach (var open in new[] { "/livez", "/readyz", "/healthz", "/ping", "/v2/health/live", "/" })
            Assert.AreEqual(HttpStatusCode.OK, (await server.Client.GetAsync(open)).StatusCode, open);
        foreach (var closed in new[] { "/health", "/metrics", "/routes", "/v2", "/v1/models" })
            Assert.AreEqual(HttpStatusCode.Unauthorized, (await server.Client.GetAsync(closed)).StatusCode, closed);
        foreach (var (name, value, status) in new[] { ("X-Api-Key", "right", 200), ("X-Api-Key", "wrong", 401), ("X-Api-Key", "token", 401), ("Authorization", "Bearer token", 200), ("Authorization", "Bearer right", 401), ("Authorization", "Basic token", 401) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/predict") { Content = RunningServer.Body(RunningServer.Png()) };
            request.Headers.TryAddWithoutValidation(name, value);
            using var response = await server.Client.SendAsync(request);
            Assert.AreEqual(status, (int)response.StatusCode, $"{name}: {value}");
        }

        Assert.IsFalse(server.Log.Text.Contains("right", StringComparison.Ordinal));
    }

    [TestMethod]
    public async Task MissingModel_DoesNotStart()
    {
        var fault = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => ModelServer.StartAsync(new ServingOptions { Models = new Dictionary<string, string> { ["x"] = "not-here.safetensors" } }, "http://127.0.0.1:0"));
        Assert.AreEqual("MNC4001", fault.Code);
        await using var server = await RunningServer.Start();
        fault = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => ModelServer.StartAsync(new ServingOptions { Models = new Dictionary<string, string> { ["x"] = server["small.safetensors"] } }, server.Client.BaseAddress!.ToString()));
        Assert.AreEqual("MNC8020", fault.Code);
    }

    [TestMethod]
    public void Options_TellAllFaults()
    {
        var fault = Assert.ThrowsExactly<ArgumentException>(() => new ServingOptions { BatchSize = 0, Models = new Dictionary<string, string> { ["../a"] = "x" }, ApiKey = "" }.Validate());
        StringAssert.Contains(fault.Message, "BatchSize");
        StringAssert.Contains(fault.Message, "'../a' is no name");
        StringAssert.Contains(fault.Message, "must not be empty");
    }
}
