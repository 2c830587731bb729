using System.Net;
using System.Text;
using System.Text.Json;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Observability;

[TestClass]
public sealed class MlflowTests
{
    [TestMethod]
    public void Run_WithAServer_IsLoggedWhole()
    {
        using var folder = new TemporaryFolder();
        using var server = new Server();
        using var observer = new MlflowObserver(Options(server.Address, folder));
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        Assert.AreEqual(0, result.Warnings.Count, string.Join("; ", result.Warnings));
        Assert.AreEqual("run1", observer.RunId);
        server.AssertWhole(result);
    }

    [TestMethod]
    public void Run_WithNoServer_EndsAsWithout_AndIsSentLater()
    {
        using var folder = new TemporaryFolder();
        var checkpoints = Path.Combine(folder.Path, "run");
        using var server = new Server(start: false);
        TrainingResult first;
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
        {
            first = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints, observers: observer));
            Assert.IsTrue(observer.Waiting >= 6, $"{observer.Waiting}");
        }

        Assert.IsTrue(first.Warnings.Any(w => w.Contains("MLflow", StringComparison.Ordinal)));
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam)), first);
        server.Start();
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
        {
            var again = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, checkpoints, resume: true, observers: observer));
            Assert.AreEqual(0, observer.Waiting);
            server.AssertWhole(again);
        }

        Assert.AreEqual(1, server.Calls.Count(c => c.Call == "runs/create"), "a resumed run is the same run");
    }

    [TestMethod]
    public void Run_WithAServerThatFailsNowAndThen_LosesNothing()
    {
        using var folder = new TemporaryFolder();
        using var server = new Server { FailEvery = 3 };
        using var observer = new MlflowObserver(Options(server.Address, folder));
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        Assert.AreEqual(0, observer.Waiting);
        server.AssertWhole(result);
    }

    [TestMethod]
    public void Run_ThatFails_IsMarkedSo()
    {
        using var folder = new TemporaryFolder();
        using var server = new Server();
        using (var observer = new MlflowObserver(Options(server.Address, folder)))
        {
            var breaker = new AfterStep(run =>
            {
                if (run.Step == 7)
                    throw new InvalidOperationException();
            });
            Assert.ThrowsExactly<InvalidOperationException>(() => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: [observer, breaker])));
        }

        Assert.AreEqual("FAILED", server.Calls[^1].Body.GetProperty("status").GetString());
    }

    static MlflowOptions Options(Uri server, TemporaryFolder folder) => new()
    {
        Server = server, Experiment = "pets & more", RunName = "first", Folder = Path.Combine(folder.Path, "mlflow"), Backoff = TimeSpan.FromMilliseconds(20),
        FinalWait = TimeSpan.FromSeconds(server.Port == 0 ? 0 : 3), Timeout = TimeSpan.FromSeconds(2),
    };

    /// <summary>Answers as a tracking server does, for the calls that logging makes.</summary>
    sealed class Server : IDisposable
    {
        readonly HttpListener _listener = new();
        readonly List<(string Call, JsonElement Body)> _calls = [];
        int _requests;
        bool _experiment;

        public Server(bool start = true)
        {
            using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                Address = new Uri($"http://localhost:{((IPEndPoint)probe.LocalEndpoint).Port}");
            }

            _listener.Prefixes.Add($"{Address}");
            if (start)
                Start();
        }

        public Uri Address { get; }

        public int FailEvery { get; init; }

        public IReadOnlyList<(string Call, JsonElement Body)> Calls
        {
            get
            {
                lock (_calls)
                    return [.. _calls];
            }
        }

        public void Start()
        {
            _listener.Start();
            new Thread(Serve) { IsBackground = true }.Start();
        }

        public void AssertWhole(TrainingResult result)
        {
            var batches = Calls.Where(c => c.Call == "runs/log-batch").Select(c => c.Body).ToArray();
            Assert.IsTrue(batches.All(b => b.GetProperty("run_id").GetString() == "run1"));
            var parameters = batches.Where(b => b.TryGetProperty("params", out _)).SelectMany(b => b.GetProperty("params").EnumerateArray())
                .ToDictionary(p => p.GetProperty("key").GetString()!, p => p.GetProperty("value").GetString());
            Assert.AreEqual("16", parameters["batch_size"]);
            Assert.AreEqual("small", parameters["network"]);
            var losses = batches.Where(b => b.TryGetProperty("metrics", out _)).SelectMany(b => b.GetProperty("metrics").EnumerateArray())
                .Where(m => m.GetProperty("key").GetString() == "train/loss").ToArray();
            CollectionAssert.AreEqual(result.History.Select(h => h.TrainLoss).ToArray(), losses.Select(m => m.GetProperty("value").GetDouble()).ToArray());
            CollectionAssert.AreEqual(new long[] { 5, 10, 15 }, losses.Select(m => m.GetProperty("step").GetInt64()).ToArray());
            var tag = Calls.Last(c => c.Call == "runs/set-tag").Body;
            Assert.AreEqual(result.WeightsSha256, tag.GetProperty("value").GetString());
            Assert.AreEqual("FINISHED", Calls[^1].Body.GetProperty("status").GetString());
        }

        public void Dispose() => ((IDisposable)_listener).Dispose();

        void Serve()
        {
            try
            {
                while (true)
                    Answer(_listener.GetContext());
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        void Answer(HttpListenerContext context)
        {
            var call = context.Request.Url!.AbsolutePath.Replace("/api/2.0/mlflow/", "", StringComparison.Ordinal);
            using var reader = new StreamReader(context.Request.InputStream, Encoding.UTF8);
            var text = reader.ReadToEnd();
            var (status, answer) = FailEvery > 0 && ++_requests % FailEvery == 0 ? (500, "") : Answer(call, context.Request.QueryString["experiment_name"], text);
            context.Response.StatusCode = status;
            context.Response.OutputStream.Write(Encoding.UTF8.GetBytes(answer));
            context.Response.Close();
        }

        (int Status, string Answer) Answer(string call, string? experiment, string text)
        {
            if (call == "experiments/get-by-name")
                return _experiment && experiment == "pets & more" ? (200, """{"experiment":{"experiment_id":"7"}}""") : (404, """{"error_code":"RESOURCE_DOES_NOT_EXIST"}""");
            var body = JsonDocument.Parse(text).RootElement;
            lock (_calls)
                _calls.Add((call, body));
            _experiment |= call == "experiments/create" && body.GetProperty("name").GetString() == "pets & more";
            return call switch
            {
                "experiments/create" => (200, """{"experiment_id":"7"}"""),
                "runs/create" when body.GetProperty("experiment_id").GetString() == "7" => (200, """{"run":{"info":{"run_id":"run1"}}}"""),
                "runs/log-batch" or "runs/update" or "runs/set-tag" => (200, "{}"),
                _ => (400, """{"error_code":"BAD_REQUEST"}"""),
            };
        }
    }
}
