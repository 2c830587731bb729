using System.Net.Http.Headers;
using System.Text.Json;
using MlNetCifar.Tests.Inference;

namespace MlNetCifar.Tests.Server;

[TestClass]
public sealed class PredictTests
{
    [TestMethod]
    public async Task Answers_AreThoseOfTheModelAlone_BitByBit_InAnyBatch()
    {
        await using var server = await RunningServer.Start(o => o with { BatchDelay = TimeSpan.FromMilliseconds(20) });
        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => server.Post("/predict", RunningServer.Body(RunningServer.Png(i, 5 + i, 7 + (i % 9))))));
        for (var i = 0; i < answers.Length; i++)
            RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(i, 5 + i, 7 + (i % 9))), answers[i]);

        // The test would say nothing of batches if there were none.
        var metrics = await server.Client.GetStringAsync("/metrics");
        var batches = long.Parse(Line(metrics, "mlnetcifar_batch_size_count{model=\"small\"} "), System.Globalization.CultureInfo.InvariantCulture);
        Assert.IsLessThan(60, batches);
    }

    [TestMethod]
    public async Task Calibrated_AnswersWithLabelSetAndUnknown()
    {
        using var plain = SmallModel.Create();
        await using var server = await RunningServer.Start(model: plain.Calibrate(SmallModel.Images(300)));
        for (var i = 0; i < 10; i++)
        {
            var answer = await server.Post("/predict", RunningServer.Body(RunningServer.Png(i)));
            var expected = server.Model.Classify(RunningServer.Png(i));
            RunningServer.AssertSame(expected, answer);
            Assert.AreEqual(expected.IsUnknown, answer.GetProperty("unknown").GetBoolean());
            CollectionAssert.AreEqual(expected.LabelSet!.Select(p => p.Label).ToArray(), answer.GetProperty("label_set").EnumerateArray().Select(p => p.GetProperty("label").GetString()).ToArray());
        }
    }

    [TestMethod]
    public async Task Ensemble_AnswersAsAnyModel()
    {
        using var a = SmallModel.Create(1);
        using var b = SmallModel.Create(2);
        await using var server = await RunningServer.Start(model: ModelEnsemble.Average([a, b]));
        for (var i = 0; i < 5; i++)
            RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(i)), await server.Post("/predict", RunningServer.Body(RunningServer.Png(i))));
    }

    [TestMethod]
    public async Task Answer_SaysModelTimesAndId()
    {
        await using var server = await RunningServer.Start();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/predict?model=small&version=1") { Content = RunningServer.Body(RunningServer.Png(), "application/octet-stream") };
        request.Headers.Add("X-Request-Id", "my-id.7");
        using var response = await server.Client.SendAsync(request);
        Assert.AreEqual("my-id.7", response.Headers.GetValues("X-Request-Id").Single());
        var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.AreEqual("my-id.7", answer.GetProperty("request_id").GetString());
        Assert.AreEqual("small", answer.GetProperty("model").GetProperty("name").GetString());
        Assert.AreEqual("1", answer.GetProperty("model").GetProperty("version").GetString());
        Assert.AreEqual(server.Model.WeightsSha256, answer.GetProperty("model").GetProperty("sha256").GetString());
        Assert.IsGreaterThan(0, answer.GetProperty("timings_ms").GetProperty("total").GetDouble());
        Assert.IsFalse(answer.TryGetProperty("label_set", out _), "a model without calibration promises nothing");
    }

    [TestMethod]
    public async Task Pictures_ComeInJsonAndForms()
    {
        await using var server = await RunningServer.Start();
        var expected = server.Model.Classify(RunningServer.Png(3));
        var base64 = Convert.ToBase64String(RunningServer.Png(3));
        RunningServer.AssertSame(expected, await server.Post("/predict", RunningServer.Json($"{{\"image\":\"{base64}\"}}")));
        RunningServer.AssertSame(expected, await server.Post("/predict", RunningServer.Json($"{{\"image\":\"data:image/png;base64,{base64}\"}}")));
        RunningServer.AssertSame(expected, await server.Post("/predict", Form(RunningServer.Png(3))));
        RunningServer.AssertSame(expected, await server.Post("/predict", RunningServer.Body(RunningServer.Png(3), null)));
    }

    [TestMethod]
    public async Task SeveralPictures_AreAnsweredInOrder_AndABadOneSpoilsNone()
    {
        await using var server = await RunningServer.Start();
        var answer = await server.Post("/predict", Form(RunningServer.Png(1), [1, 2, 3], RunningServer.Png(2)));
        var results = answer.GetProperty("results").EnumerateArray().ToArray();
        Assert.HasCount(3, results);
        RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(1)), results[0]);
        RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(2)), results[2]);
        Assert.AreEqual("MNC1202", results[1].GetProperty("error").GetProperty("code").GetString());
        Assert.AreEqual("1.png", results[1].GetProperty("file").GetString());
        var many = await server.Post("/predict", RunningServer.Json($"{{\"images\":[\"{Convert.ToBase64String(RunningServer.Png(1))}\",\"{Convert.ToBase64String(RunningServer.Png(2))}\"]}}"));
        RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(2)), many.GetProperty("results")[1]);
    }

    [TestMethod]
    public async Task TopAndThreshold_Choose()
    {
        await using var server = await RunningServer.Start();
        var model = server.Model.Classify(RunningServer.Png());
        RunningServer.AssertSame(server.Model.Classify(RunningServer.Png(), 1), await server.Post("/predict?top_k=1", RunningServer.Body(RunningServer.Png())));
        var second = model.Predictions[1].Probability;
        var some = await server.Post(FormattableString.Invariant($"/predict?threshold={second:0.000000}"), RunningServer.Body(RunningServer.Png()));
        Assert.AreEqual(model.Predictions.Count(p => p.Probability >= float.Parse(second.ToString("0.000000", null), null)), some.GetProperty("predictions").GetArrayLength());
        var none = await server.Post("/predict?threshold=1", RunningServer.Body(RunningServer.Png()));
        Assert.AreEqual(0, none.GetProperty("predictions").GetArrayLength());
        Assert.IsTrue(none.GetProperty("unknown").GetBoolean());
    }

    [TestMethod]
    public async Task Aliases_AnswerAsTheirServersDo()
    {
        await using var server = await RunningServer.Start();
        var expected = server.Model.Classify(RunningServer.Png());
        using var put = await server.Client.PutAsync("/predictions/small", RunningServer.Body(RunningServer.Png(), null));
        var torch = JsonDocument.Parse(await put.Content.ReadAsStringAsync()).RootElement;
        Assert.AreEqual(expected.Predictions[0].Probability, torch.GetProperty(expected.Predictions[0].Label).GetSingle());
        Assert.AreEqual("Healthy", (await server.Get("/ping")).GetProperty("status").GetString());

        var base64 = Convert.ToBase64String(RunningServer.Png());
        foreach (var instance in new[] { $"{{\"image\":{{\"b64\":\"{base64}\"}}}}", $"{{\"b64\":\"{base64}\"}}", $"{{\"image\":\"{base64}\"}}", $"\"{base64}\"" })
        {
            var kserve = await server.Post("/v1/models/small:predict", RunningServer.Json($"{{\"instances\":[{instance}]}}"));
            RunningServer.AssertSame(expected, kserve.GetProperty("predictions")[0]);
        }

        Assert.AreEqual("small", (await server.Get("/v1/models")).GetProperty("models")[0].GetString());
        Assert.IsTrue((await server.Get("/v1/models/small")).GetProperty("ready").GetBoolean());
    }

    [TestMethod]
    public async Task Explanation_IsAPicture_OrNumbersOfTheModel()
    {
        await using var server = await RunningServer.Start();
        using var picture = await server.Client.PostAsync("/explain", RunningServer.Body(RunningServer.Png()));
        Assert.AreEqual("image/png", picture.Content.Headers.ContentType!.MediaType);
        Assert.IsGreaterThan(20, RgbImage.Decode(await picture.Content.ReadAsByteArrayAsync()).Width);

        foreach (var path in new[] { "/explain?class=b", "/explanations/small?class=1" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = RunningServer.Body(RunningServer.Png()) };
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            using var response = await server.Client.SendAsync(request);
            var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            using var gradCam = new MlNetCifar.Explain.GradCam(server.Model);
            var expected = gradCam.Explain(RgbImage.Decode(RunningServer.Png()), 1);
            CollectionAssert.AreEqual(expected.Values.ToArray(), json.GetProperty("values").EnumerateArray().Select(v => v.GetSingle()).ToArray());
            Assert.AreEqual("b", json.GetProperty("label").GetString());
            Assert.AreEqual((6, 8), (json.GetProperty("width").GetInt32(), json.GetProperty("height").GetInt32()));
        }
    }

    static string Line(string metrics, string start) => metrics.Split('\n').Single(line => line.StartsWith(start, StringComparison.Ordinal))[start.Length..];

    static MultipartFormDataContent Form(params byte[][] files)
    {
        var form = new MultipartFormDataContent();
        for (var i = 0; i < files.Length; i++)
            form.Add(RunningServer.Body(files[i]), "file", $"{i}.png");
        return form;
    }
}
