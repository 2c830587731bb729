using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace MlNetCifar.Tests.Training.Observability;

/// <summary>
/// Answers as a tracking server does: states, codes and shapes are those that MLflow 3.3.2 was seen to give, with its file store and its login for HTTP Basic.
/// </summary>
sealed class MlflowServer : IDisposable
{
    readonly List<(string Call, JsonElement Body)> _calls = [];
    readonly Dictionary<string, string> _experiments = [];
    readonly int _port;
    WebApplication? _server;
    int _requests;
    int _made;

    public MlflowServer(bool start = true)
    {
        using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            _port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        if (start)
            Start();
    }

    /// <summary>One run at the server.</summary>
    public sealed class Run
    {
        public required string Name { get; init; }

        public required string Experiment { get; init; }

        public string Status { get; set; } = "RUNNING";

        public Dictionary<string, string> Parameters { get; } = [];

        public List<(string Key, double Value, long Step)> Metrics { get; } = [];

        public Dictionary<string, string> Tags { get; } = [];
    }

    public Uri Address => At("");

    /// <summary>What the header must be; null for an open server.</summary>
    public string? Authorization { get; set; }

    /// <summary>The path it lives under.</summary>
    public string Path { get; init; } = "";

    public bool Tls { get; init; }

    /// <summary>Every n-th request gets status 500.</summary>
    public int FailEvery { get; init; }

    /// <summary>A parameter it will not have.</summary>
    public string? Unwanted { get; init; }

    /// <summary>Where everything is redirected to.</summary>
    public string? RedirectsTo { get; init; }

    /// <summary>Whether it is something else altogether.</summary>
    public bool IsForeign { get; init; }

    /// <summary>Requests that are never answered.</summary>
    public bool IsSilent { get; set; }

    public bool ExperimentsAreDeleted { get; set; }

    public Dictionary<string, Run> Runs { get; } = [];

    public IReadOnlyList<string> Headers
    {
        get
        {
            lock (_calls)
                return [.. _headers];
        }
    }

    readonly List<string> _headers = [];

    public IReadOnlyList<(string Call, JsonElement Body)> Calls
    {
        get
        {
            lock (_calls)
                return [.. _calls];
        }
    }

    /// <summary>The address with a login in it.</summary>
    public Uri At(string login) => new($"{(Tls ? "https" : "http")}://{login}127.0.0.1:{_port}{Path}");

    public void Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, _port, listener =>
        {
            if (Tls)
                listener.UseHttps(Certificate());
        }));
        _server = builder.Build();
        _server.Run(AnswerAsync);
        _server.StartAsync().GetAwaiter().GetResult();
    }

    /// <summary>Loses everything, as a server whose store is new.</summary>
    public void Forget()
    {
        lock (_calls)
        {
            _experiments.Clear();
            Runs.Clear();
        }
    }

    public void Dispose()
    {
        if (_server is null)
            return;
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        _server.StopAsync(now.Token).GetAwaiter().GetResult();
        ((IDisposable)_server).Dispose();
    }

    async Task AnswerAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync();
        if (IsSilent)
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
        int status;
        string answer;
        lock (_calls)
            (status, answer) = Answer(context, text);
        context.Response.StatusCode = status;
        context.Response.ContentType = answer.StartsWith('{') ? "application/json" : "text/html; charset=utf-8";
        await context.Response.WriteAsync(answer);
    }

    (int Status, string Answer) Answer(HttpContext context, string text)
    {
        var request = context.Request;
        _headers.Add(request.Headers.Authorization.ToString());
        if (RedirectsTo is not null)
        {
            context.Response.Headers.Location = RedirectsTo;
            return (302, "");
        }

        if (IsForeign)
            return (200, "<!doctype html><title>Welcome</title>");
        if (Authorization is not null && request.Headers.Authorization != Authorization)
            return (401, "You are not authenticated.");
        if (FailEvery > 0 && ++_requests % FailEvery == 0)
            return (500, "<!doctype html><title>500 Internal Server Error</title>");
        var api = $"{Path}/api/2.0/mlflow/";
        if (!request.Path.Value!.StartsWith(api, StringComparison.Ordinal))
            return (404, "<!doctype html><title>404 Not Found</title>");
        var call = request.Path.Value[api.Length..];
        if (call == "experiments/get-by-name")
            return Experiment(request.Query["experiment_name"]!);
        var body = JsonDocument.Parse(text).RootElement;
        _calls.Add((call, body));
        return call switch
        {
            "experiments/create" => CreateExperiment(body.GetProperty("name").GetString()!),
            "runs/create" => CreateRun(body),
            "runs/log-batch" or "runs/update" or "runs/set-tag" => Change(call, body),
            _ => (404, "<!doctype html><title>404 Not Found</title>"),
        };
    }

    (int, string) Experiment(string name)
    {
        if (!_experiments.TryGetValue(name, out var id))
            return Error(404, "RESOURCE_DOES_NOT_EXIST", "There is no such experiment.");
        var stage = ExperimentsAreDeleted ? "deleted" : "active";
        return (200, Json(("experiment", new Dictionary<string, object>
        {
            ["experiment_id"] = id, ["name"] = name, ["artifact_location"] = $"/store/{id}", ["lifecycle_stage"] = stage,
            ["last_update_time"] = 1795894419975, ["creation_time"] = 1795894419975,
        })));
    }

    (int, string) CreateExperiment(string name)
    {
        if (_experiments.ContainsKey(name))
            return Error(400, "RESOURCE_ALREADY_EXISTS", "There is such an experiment.");
        var id = $"{700 + _experiments.Count}";
        _experiments.Add(name, id);
        return (200, $$"""{"experiment_id":"{{id}}"}""");
    }

    (int, string) CreateRun(JsonElement body)
    {
        var experiment = body.GetProperty("experiment_id").GetString()!;
        if (_experiments.FirstOrDefault(e => e.Value == experiment).Key is not { } owner)
            return Error(404, "RESOURCE_DOES_NOT_EXIST", "There is no such experiment.");
        var (id, name) = ($"run{++_made}", body.GetProperty("run_name").GetString()!);
        Runs.Add(id, new Run { Name = name, Experiment = owner });
        var data = new { tags = new[] { new { key = "mlflow.runName", value = name } } };
        return (200, Json(("run", new { info = Info(id), data, inputs = new { }, outputs = new { } })));
    }

    (int, string) Change(string call, JsonElement body)
    {
        if (!body.TryGetProperty("run_id", out var id))
            return Error(400, "INVALID_PARAMETER_VALUE", "The parameter 'run_id' is missing.");
        if (!Runs.TryGetValue(id.GetString()!, out var run))
            return Error(404, "RESOURCE_DOES_NOT_EXIST", "There is no such run.");
        switch (call)
        {
            case "runs/update":
                run.Status = body.GetProperty("status").GetString()!;
                return (200, Json(("run_info", Info(id.GetString()!))));
            case "runs/set-tag":
                run.Tags[body.GetProperty("key").GetString()!] = body.GetProperty("value").GetString()!;
                return (200, "{}");
        }

        foreach (var parameter in Members(body, "params"))
        {
            var (key, value) = (parameter.GetProperty("key").GetString()!, parameter.GetProperty("value").GetString()!);
            if (key == Unwanted || run.Parameters.GetValueOrDefault(key, value) != value)
                return Error(400, "INVALID_PARAMETER_VALUE", $"The parameter '{key}' has another value already.");
            run.Parameters[key] = value;
        }

        foreach (var metric in Members(body, "metrics"))
            run.Metrics.Add((metric.GetProperty("key").GetString()!, metric.GetProperty("value").GetDouble(), metric.GetProperty("step").GetInt64()));
        return (200, "{}");
    }

    Dictionary<string, object> Info(string id) => new()
    {
        ["run_uuid"] = id, ["experiment_id"] = "700", ["run_name"] = Runs[id].Name, ["user_id"] = "", ["status"] = Runs[id].Status, ["start_time"] = 1700000000000,
        ["artifact_uri"] = $"/store/{id}/artifacts", ["lifecycle_stage"] = "active", ["run_id"] = id,
    };

    static IEnumerable<JsonElement> Members(JsonElement body, string name) => body.TryGetProperty(name, out var array) ? array.EnumerateArray() : [];

    static (int, string) Error(int status, string code, string message) => (status, Json(("error_code", code), ("message", message)));

    static string Json(params ReadOnlySpan<(string Name, object Value)> members) => JsonSerializer.Serialize(members.ToArray().ToDictionary(m => m.Name, m => m.Value));

    static X509Certificate2 Certificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=elsewhere", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }
}
