using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Training;

/// <summary>The few calls of MLflow's REST interface (2.0) that logging takes. Not thread-safe.</summary>
internal sealed class MlflowClient : IDisposable
{
    const string NoSuchResource = "RESOURCE_DOES_NOT_EXIST";
    const string Exists = "RESOURCE_ALREADY_EXISTS";
    const int LongestReason = 300;
    const int LargestAnswer = 1 << 20;

    readonly MlflowOptions _options;
    readonly HttpClient _http;
    readonly Uri _api;

    public MlflowClient(MlflowOptions options)
    {
        _options = options;
        var address = new UriBuilder(options.Server) { UserName = "", Password = "", Query = "", Fragment = "" };
        address.Path = address.Path.TrimEnd('/') + "/api/2.0/mlflow/";
        _api = address.Uri;

        // A redirected POST would become a GET, and its login would go along.
        _http = new HttpClient(Handler(options.InsecureTls)) { Timeout = options.Timeout, MaxResponseContentBufferSize = LargestAnswer };
        _http.DefaultRequestHeaders.Authorization = Login(options);
    }

    /// <summary>The identity of an experiment, which is made where it is missing.</summary>
    public string ExperimentId(string name, CancellationToken cancellation)
    {
        if (Find(name, cancellation) is { } id)
            return id;
        try
        {
            using var made = Send(HttpMethod.Post, "experiments/create", JsonText.Bytes(json => json.WriteString("name", name)), cancellation);
            return Text(made, "experiment_id");
        }
        catch (MlflowFault e) when (e.Message.Contains(Exists, StringComparison.Ordinal))
        {
            // Another run was quicker.
            return Find(name, cancellation) ?? throw new MlflowFault(MlflowOutcome.Away, e.Message, e);
        }
    }

    /// <summary>Makes a run.</summary>
    /// <param name="experiment">Identity of the experiment.</param>
    /// <param name="name">Name of the run.</param>
    /// <param name="started">Milliseconds since 1970, UTC.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <returns>The run's identity.</returns>
    public string CreateRun(string experiment, string name, long started, CancellationToken cancellation)
    {
        using var made = Send(HttpMethod.Post, "runs/create", JsonText.Bytes(json =>
        {
            json.WriteString("experiment_id", experiment);
            json.WriteString("run_name", name);
            json.WriteNumber("start_time", started);
        }), cancellation);
        return Text(made, "run", "info", "run_id");
    }

    /// <summary>Sends a call that was prepared without the run's identity.</summary>
    /// <param name="call">For example <c>runs/log-batch</c>.</param>
    /// <param name="run">The run.</param>
    /// <param name="body">A JSON object.</param>
    /// <param name="cancellation">Ends the call.</param>
    public void Send(string call, string run, JsonElement body, CancellationToken cancellation) => Send(HttpMethod.Post, call, JsonText.Bytes(json =>
    {
        json.WriteString("run_id", run);
        foreach (var member in body.EnumerateObject())
            member.WriteTo(json);
    }), cancellation).Dispose();

    public void Dispose() => _http.Dispose();

    string? Find(string name, CancellationToken cancellation)
    {
        try
        {
            using var found = Send(HttpMethod.Get, $"experiments/get-by-name?experiment_name={Uri.EscapeDataString(name)}", null, cancellation);
            var id = Text(found, "experiment", "experiment_id");
            return found.RootElement.GetProperty("experiment").TryGetProperty("lifecycle_stage", out var stage) && stage.ToString() == "deleted"
                ? throw new MlflowFault(MlflowOutcome.Away, $"the experiment '{name}' is deleted there; restore it")
                : id;
        }
        catch (MlflowFault e) when (e.Outcome == MlflowOutcome.Unknown)
        {
            return null;
        }
    }

    JsonDocument Send(HttpMethod method, string call, byte[]? body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, new Uri(_api, call));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        try
        {
            using var response = _http.Send(request, cancellation);
            using var reader = new StreamReader(response.Content.ReadAsStream(cancellation), Encoding.UTF8);
            var text = reader.ReadToEnd();
            return response.IsSuccessStatusCode ? Answer(call, text) : throw Fault(call.Split('?')[0], response, text);
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException inner)
        {
            throw new MlflowFault(MlflowOutcome.Away, $"{inner.Message.TrimEnd('.')}; set MLFLOW_TRACKING_INSECURE_TLS to true to take any certificate", e);
        }
        catch (HttpRequestException e)
        {
            throw new MlflowFault(MlflowOutcome.Away, e.Message.TrimEnd('.'), e);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new MlflowFault(MlflowOutcome.Away, string.Create(CultureInfo.InvariantCulture, $"no answer within {_options.Timeout.TotalSeconds:0.###} s"), e);
        }
    }

    static JsonDocument Answer(string call, string text)
    {
        try
        {
            return JsonDocument.Parse(text.Length == 0 ? "{}" : text);
        }
        catch (JsonException e)
        {
            throw new MlflowFault(MlflowOutcome.Away, $"what answers there to {call.Split('?')[0]} is no MLflow server", e);
        }
    }

    MlflowFault Fault(string call, HttpResponseMessage response, string text)
    {
        var (code, message) = Error(text);
        var status = (int)response.StatusCode;
        var reason = code is null ? $"{call}: status {status}" : $"{call}: {status} {code}: {Short(message)}";
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden when _http.DefaultRequestHeaders.Authorization is null =>
                new(MlflowOutcome.Away, $"{reason}; it wants a login: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new(MlflowOutcome.Away, $"{reason}; it refuses the login"),
            _ when status is >= 300 and < 400 => new(MlflowOutcome.Away, $"it redirects to {Secrets.InAddress($"{response.Headers.Location}")}; give that address"),
            _ when code == NoSuchResource => new(MlflowOutcome.Unknown, reason),
            HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict or HttpStatusCode.TooManyRequests => new(MlflowOutcome.Busy, reason),

            // Without an error of MLflow's own it is something on the way that does not know the call.
            _ when status is >= 400 and < 500 && code is not null => new(MlflowOutcome.Refused, reason),
            _ => new(status < 500 ? MlflowOutcome.Away : MlflowOutcome.Busy, reason),
        };
    }

    static (string? Code, string Message) Error(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement is { ValueKind: JsonValueKind.Object } error && error.TryGetProperty("error_code", out var code) && code.ValueKind == JsonValueKind.String
                ? (code.GetString(), error.TryGetProperty("message", out var message) ? message.ToString() : "")
                : (null, "");
        }
        catch (JsonException)
        {
            return (null, "");
        }
    }

    static string Text(JsonDocument answer, params ReadOnlySpan<string> path)
    {
        var value = answer.RootElement;
        foreach (var name in path)
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out value) || value.ValueKind == JsonValueKind.Null)
                throw new MlflowFault(MlflowOutcome.Away, $"its answer has no '{name}'; is it an MLflow server?");
        }

        return value.ToString();
    }

    static string Short(string text) => text.Length <= LongestReason ? text.TrimEnd('.') : text[..LongestReason] + "…";

    /// <summary>As MLflow's own client does it: the login of the address, else name and password, else a token.</summary>
    static AuthenticationHeaderValue? Login(MlflowOptions options)
    {
        if (options.Server.UserInfo is { Length: > 0 } login && login != Secrets.Mask)
        {
            var parts = login.Split(':', 2);
            return Basic(Uri.UnescapeDataString(parts[0]), parts.Length == 2 ? Uri.UnescapeDataString(parts[1]) : "");
        }

        return options is { UserName.Length: > 0, Password.Length: > 0 } ? Basic(options.UserName, options.Password)
            : string.IsNullOrEmpty(options.Token) ? null : new("Bearer", options.Token);
    }

    static AuthenticationHeaderValue Basic(string name, string password) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{password}")));

    [SuppressMessage("Security", "CA5359:Do Not Disable Certificate Validation", Justification = "Asked for by MLFLOW_TRACKING_INSECURE_TLS.")]
    static SocketsHttpHandler Handler(bool insecure)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        if (insecure)
            handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        return handler;
    }
}
