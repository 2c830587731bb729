using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Tests.Server;

[TestClass]
public sealed partial class MonitoringTests
{
    [TestMethod]
    public async Task Metrics_AreTextThatPrometheusReads()
    {
        await using var server = await RunningServer.Start();
        await server.Post("/predict", RunningServer.Body(RunningServer.Png()));
        await server.Post("/predict", RunningServer.Body([1]), 400);
        using var response = await server.Client.GetAsync("/metrics");
        StringAssert.StartsWith(response.Content.Headers.ContentType!.ToString(), "text/plain; version=0.0.4");
        var text = await response.Content.ReadAsStringAsync();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Assert.IsTrue(Sample().IsMatch(line), line);
        var label = server.Model.Classify(RunningServer.Png()).Predictions[0].Label;
        StringAssert.Contains(text, $"mlnetcifar_predictions_total{{model=\"small\",label=\"{label}\"}} 1\n");
        StringAssert.Contains(text, "mlnetcifar_rejected_total{reason=\"MNC1202\"} 1\n");
        StringAssert.Contains(text, "http_request_duration_seconds_count{route=\"/predict\",method=\"POST\",code=\"200\"} 1\n");
        StringAssert.Contains(text, "mlnetcifar_ready 1\n");
    }

    [TestMethod]
    public void Text_KeepsItsSizeWhateverLabelsCome()
    {
        using var meter = new Meter("test");
        using var text = new PrometheusText(meter);
        var counter = meter.CreateCounter<long>("c_total", null, "A counter");
        var histogram = meter.CreateHistogram<double>("h", "s", "A histogram");
        for (var i = 0; i < 5000; i++)
            counter.Add(1, new KeyValuePair<string, object?>("label", $"{i}\"\\\n"));
        histogram.Record(0.004);
        histogram.Record(100);
        var written = text.Write();
        Assert.IsLessThanOrEqualTo(1001, written.Split('\n').Count(l => l.StartsWith("c_total", StringComparison.Ordinal)));
        StringAssert.Contains(written, "c_total 4000\n");
        StringAssert.Contains(written, "c_total{label=\"7\\\"\\\\\\n\"} 1\n");
        StringAssert.Contains(written, "h_bucket{le=\"0.0025\"} 0\nh_bucket{le=\"0.005\"} 1\n");
        StringAssert.Contains(written, "h_bucket{le=\"+Inf\"} 2\nh_sum 100.004\nh_count 2\n");
    }

    [TestMethod]
    public async Task Feedback_GivesRollingAccuracy()
    {
        await using var server = await RunningServer.Start();
        for (var i = 0; i < 10; i++)
        {
            var answer = await server.Post("/predict", RunningServer.Body(RunningServer.Png(i)));
            var (id, label) = (answer.GetProperty("request_id").GetString(), answer.GetProperty("predictions")[0].GetProperty("label").GetString());
            var told = i < 7 ? label : server.Model.Classes.First(c => c != label);
            var state = await server.Post("/feedback", RunningServer.Json($"{{\"request_id\":\"{id}\",\"label\":\"{told}\"}}"));
            Assert.AreEqual(i < 7, state.GetProperty("right").GetBoolean());
            await server.Post("/feedback", RunningServer.Json($"{{\"request_id\":\"{id}\",\"label\":\"{told}\"}}"), 404);
        }

        // Wilson's interval of 7 in 10, by his formula elsewhere: 0.3968 to 0.8922.
        var feedback = (await server.Get("/health")).GetProperty("models")[0].GetProperty("feedback");
        Assert.AreEqual(0.7, feedback.GetProperty("accuracy").GetDouble());
        Assert.AreEqual(0.3968, feedback.GetProperty("low").GetDouble(), 1e-4);
        Assert.AreEqual(0.8922, feedback.GetProperty("high").GetDouble(), 1e-4);
    }

    [TestMethod]
    public async Task Routes_AreListed_AndDescribed()
    {
        await using var server = await RunningServer.Start();
        var routes = (await server.Get("/routes")).GetProperty("routes").EnumerateArray().Select(r => r.GetProperty("path").GetString()!).ToArray();
        foreach (var path in new[] { "/health", "/predict", "/explain", "/v2/models/{model}/infer", "/v1/models/{model}:predict", "/metrics", "/ping" })
            CollectionAssert.Contains(routes, path);
        var api = await server.Get("/openapi.json");
        StringAssert.StartsWith(api.GetProperty("openapi").GetString(), "3.1");
        var described = api.GetProperty("paths").EnumerateObject().Select(p => p.Name).ToArray();
        CollectionAssert.IsSubsetOf(routes.Where(r => r is not "/" && !r.StartsWith("/inference.", StringComparison.Ordinal) && !r.StartsWith("/openapi", StringComparison.Ordinal) && !r.StartsWith("/docs", StringComparison.Ordinal) && !r.StartsWith("/{document", StringComparison.Ordinal)).ToArray(), described);
        var docs = await server.Client.GetStringAsync("/docs/");
        Assert.IsFalse(docs.Contains("https://", StringComparison.Ordinal), "the page of the API must need no network");
    }

    [GeneratedRegex("""\A(# (HELP|TYPE) [a-z_:]+ .+|[a-z_]+(\{[a-z_]+="([^"\\]|\\.)*"(,[a-z_]+="([^"\\]|\\.)*")*\})? [-+0-9.EeInfNa]+)\z""")]
    private static partial Regex Sample();
}
