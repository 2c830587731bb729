using System.Text.Json;
using MlNetCifar.Nn;
using MlNetCifar.Server;
using MlNetCifar.Tests.Inference;

namespace MlNetCifar.Tests.Server;

/// <summary>Shadows and canaries: clients get right answers whatever the candidate does, and what is counted is what both models say.</summary>
[TestClass]
public sealed class CandidateTests
{
    [TestMethod]
    public async Task Shadow_AnswersNobody_AndIsCompared()
    {
        using var candidate = SmallModel.Create(seed: 2);
        await using var server = await Start(candidate, share: 0);
        for (var i = 0; i < 40; i++)
        {
            var answer = await server.Post("/predict", RunningServer.Body(RunningServer.Png(i)));
            RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(i)), answer);
            Assert.IsFalse(answer.GetProperty("model").TryGetProperty("role", out _));
        }

        var expected = Enumerable.Range(0, 40).Count(i => Best(server.Model, i) != Best(candidate, i));
        Assert.IsGreaterThan(0, expected, "the pictures must tell the models apart");
        var state = await Compared(server, 40);
        Assert.AreEqual("shadow", state.GetProperty("state").GetString());
        Assert.AreEqual(candidate.WeightsSha256, state.GetProperty("sha256").GetString());
        Assert.AreEqual(expected, state.GetProperty("comparison").GetProperty("disagreements").GetInt32());
        var metrics = await server.Client.GetStringAsync("/metrics");
        StringAssert.Contains(metrics, "mlnetcifar_candidate_pictures{model=\"small\"} 40\n");
        StringAssert.Contains(metrics, $"mlnetcifar_candidate_disagreements{{model=\"small\"}} {expected}\n");
        Assert.AreEqual(40, Sum(metrics, "mlnetcifar_predictions_total"), "what nobody asked for is no prediction");
    }

    [TestMethod]
    public async Task Shadow_IsSkipped_WhereTheEngineHasNoRoom()
    {
        using var candidate = SmallModel.Create(seed: 2);
        await using var server = await Start(candidate, share: 0, batch: 1);
        const int requests = 200;
        await Task.WhenAll(Enumerable.Range(0, requests).Select(async i =>
            RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(i)), await server.Post("/predict", RunningServer.Body(RunningServer.Png(i))))));
        var (compared, skipped) = (0, 0);
        await RunningServer.Until(() =>
        {
            var state = State(server).GetAwaiter().GetResult();
            (compared, skipped) = (state.GetProperty("comparison").GetProperty("pictures").GetInt32(), state.GetProperty("skipped").GetInt32());
            return compared + skipped == requests;
        });
        Assert.IsGreaterThan(0, skipped);
    }

    [TestMethod]
    public async Task Canary_AnswersItsShare_ByTheIdOfTheRequest()
    {
        using var candidate = SmallModel.Create(seed: 2);
        await using var server = await Start(candidate, share: 0.3, disagreement: 1);
        var byCanary = new List<string>();
        for (var round = 0; round < 2; round++)
        {
            var now = new List<string>();
            for (var i = 0; i < 100; i++)
            {
                var answer = await Ask(server, i, $"id-{i}");
                var isCanary = answer.GetProperty("model").TryGetProperty("role", out var role);
                RunningServer.AssertSame((isCanary ? candidate : server.Model).Classify(RunningServer.Png(i)), answer);
                if (isCanary)
                    now.Add($"id-{i}: {role}");
            }

            // 100 draws at 0.3: outside 12 to 51 has a probability below 1e-4.
            Assert.IsTrue(now.Count is > 12 and < 51, $"{now.Count} of 100");
            if (round == 1)
                CollectionAssert.AreEqual(byCanary, now);
            byCanary = now;
        }

        var state = await Compared(server, 200);
        Assert.AreEqual("canary", state.GetProperty("state").GetString());
        Assert.AreEqual(2 * Enumerable.Range(0, 100).Count(i => Best(server.Model, i) != Best(candidate, i)), state.GetProperty("comparison").GetProperty("disagreements").GetInt32());

        // A version that is asked for is what answers, and its other routes know nothing of the canary.
        for (var i = 0; i < 20; i++)
            Assert.IsFalse((await server.Post("/predict?model=small&version=1", RunningServer.Body(RunningServer.Png(i)))).GetProperty("model").TryGetProperty("role", out _));
        foreach (var (path, body) in new[] { ("/v2/models/small/infer", $"{{\"inputs\":[{{\"name\":\"image\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"{Base64(1)}\"]}}]}}"), ("/v1/models/small:predict", $"{{\"instances\":[\"{Base64(1)}\"]}}") })
            for (var i = 0; i < 20; i++)
                await server.Post(path, RunningServer.Json(body));
    }

    [TestMethod]
    public async Task Canary_ThatFails_LosesNoRequest_AndIsRolledBack()
    {
        using var broken = Broken();
        await using var server = await Start(broken, share: 0.9);
        for (var i = 0; i < 40; i++)
            RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(i)), await server.Post("/predict", RunningServer.Body(RunningServer.Png(i))));
        await RunningServer.Until(() => server.Log.Text.Contains("the candidate for small answers no request any more: it failed on 3 pictures", StringComparison.Ordinal));
        var state = await State(server);
        Assert.AreEqual(("rolled back", 0.0), (state.GetProperty("state").GetString(), state.GetProperty("share").GetDouble()));

        // Another file begins anew.
        server.Model.Save(server["new.safetensors"]);
        await RunningServer.Until(() => server.Log.Text.Contains("candidate small version 2 is served", StringComparison.Ordinal));
        Assert.AreEqual("canary", (await State(server)).GetProperty("state").GetString());
        await RunningServer.Until(() => Ask(server, 1, Guid.NewGuid().ToString("N")).GetAwaiter().GetResult().GetProperty("model").TryGetProperty("role", out _));
    }

    [TestMethod]
    public async Task Canary_ThatDiffersTooOften_IsRolledBack()
    {
        using var candidate = SmallModel.Create(seed: 2);
        await using var server = await Start(candidate, share: 0.5, disagreement: 0.01);
        await RunningServer.Until(() => Answered(server) && server.Log.Text.Contains("answers differ, more than 1 %", StringComparison.Ordinal));
        for (var i = 0; i < 40; i++)
            Assert.IsFalse((await Ask(server, i, $"id-{i}")).GetProperty("model").TryGetProperty("role", out _));

        static bool Answered(RunningServer server)
        {
            for (var i = 0; i < 16; i++)
                Ask(server, i, Guid.NewGuid().ToString("N")).GetAwaiter().GetResult();
            return true;
        }
    }

    [TestMethod]
    public async Task Canary_ThatIsWorseByLabelsTold_IsRolledBack()
    {
        using var candidate = SmallModel.Create(seed: 2);
        await using var server = await Start(candidate, share: 0.5, disagreement: 1);
        var (told, differ) = (0, 0);
        for (var i = 0; i < 400 && differ < 10; i++)
        {
            var id = $"id-{i}";
            await Ask(server, i, id);
            await Compared(server, ++told);
            await server.Post("/feedback", RunningServer.Json($"{{\"request_id\":\"{id}\",\"label\":\"{Best(server.Model, i)}\"}}"));
            differ += Best(server.Model, i) != Best(candidate, i) ? 1 : 0;
            Assert.AreEqual(differ == 10, server.Log.Text.Contains("any more", StringComparison.Ordinal), $"{differ}");
        }

        Assert.AreEqual(10, differ);
        StringAssert.Contains(server.Log.Text, $"of {told} labels told, the stable model alone had 10, the candidate alone 0");
        var comparison = (await State(server)).GetProperty("comparison");
        Assert.AreEqual((told, 10, 0), (comparison.GetProperty("told").GetInt32(), comparison.GetProperty("only_stable_right").GetInt32(), comparison.GetProperty("only_candidate_right").GetInt32()));
        Assert.AreEqual(2.0 / 1024, comparison.GetProperty("accuracy_p").GetDouble(), 1e-12);
    }

    [TestMethod]
    public async Task OtherClasses_AreToldAtTheStart_AndBadFilesToo()
    {
        using var small = SmallModel.Create();
        using var other = new ImageClassifier(NetworkWeights.Initialize(SmallModel.Spec, 1), ["a", "b", "d"], small.Preprocess, small.Normalization);
        Assert.AreEqual("MNC8023", (await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => Start(other, share: 0))).Code);
        Assert.AreEqual("MNC4001", (await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => RunningServer.Start(o => o with { Candidates = new Dictionary<string, string> { ["small"] = Path.Combine(Path.GetDirectoryName(o.Models["small"])!, "none.safetensors") } }))).Code);
    }

    [TestMethod]
    public void Options_AreChecked()
    {
        var options = new ServingOptions { Models = new Dictionary<string, string> { ["a"] = "a.safetensors" } };
        foreach (var wrong in new[]
        {
            options with { Candidates = new Dictionary<string, string> { ["b"] = "b.safetensors" } }, options with { CanaryShare = 0.1 }, options with { CanaryDisagreement = 1.1 },
            options with { Candidates = new Dictionary<string, string> { ["a"] = "b.safetensors" }, CanaryShare = 1 },
        })
            Assert.ThrowsExactly<ArgumentException>(wrong.Validate);
    }

    static Task<RunningServer> Start(ImageClassifier candidate, double share, double disagreement = 0.2, int batch = 512) => RunningServer.Start(options =>
    {
        var path = Path.Combine(Path.GetDirectoryName(options.Models["small"])!, "new.safetensors");
        candidate.Save(path);

        // Large batches, so that nothing is skipped on a slow machine.
        return options with { BatchSize = batch, Candidates = new Dictionary<string, string> { ["small"] = path }, CanaryShare = share, CanaryDisagreement = disagreement };
    });

    /// <summary>A model whose probabilities are no numbers.</summary>
    static ImageClassifier Broken()
    {
        var weights = NetworkWeights.Initialize(SmallModel.Spec, 3);
        foreach (var tensor in weights.Tensors)
            tensor.Values.Fill(float.NaN);
        weights.Changed();
        return new ImageClassifier(weights, ["a", "b", "ç"], new PreprocessSpec { Width = 6, Height = 8 }, new Normalization([0.4f, 0.5f, 0.6f], [0.2f, 0.3f, 0.25f]));
    }

    static string Best(ImageClassifier model, int seed) => model.Classify(RunningServer.Png(seed)).Predictions[0].Label;

    static string Base64(int seed) => Convert.ToBase64String(RunningServer.Png(seed));

    static async Task<JsonElement> Ask(RunningServer server, int seed, string id)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/predict") { Content = RunningServer.Body(RunningServer.Png(seed)) };
        request.Headers.Add("X-Request-Id", id);
        using var response = await server.Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.AreEqual(200, (int)response.StatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }

    static async Task<JsonElement> State(RunningServer server) => (await server.Get("/health")).GetProperty("models")[0].GetProperty("candidate");

    /// <summary>What is known once so many pictures were compared.</summary>
    static async Task<JsonElement> Compared(RunningServer server, int count)
    {
        JsonElement state = default;
        await RunningServer.Until(() => (state = State(server).GetAwaiter().GetResult()).GetProperty("comparison").GetProperty("pictures").GetInt32() >= count);
        Assert.AreEqual((count, 0), (state.GetProperty("comparison").GetProperty("pictures").GetInt32(), state.GetProperty("skipped").GetInt32()));
        return state;
    }

    static int Sum(string metrics, string name) => metrics.Split('\n').Where(l => l.StartsWith(name + "{", StringComparison.Ordinal)).Sum(l => int.Parse(l.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture));
}
