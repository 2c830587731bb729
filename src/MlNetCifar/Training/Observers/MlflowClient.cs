using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace MlNetCifar.Training;

/// <summary>The few calls of MLflow's REST interface (2.0) that logging takes. Not thread-safe.</summary>
internal sealed class MlflowClient(MlflowOptions options) : IDisposable
{
    readonly HttpClient _http = new() { Timeout = options.Timeout };

    public string ExperimentId(string name)
    {
        using var found = Send(HttpMethod.Get, $"experiments/get-by-name?experiment_name={Uri.EscapeDataString(name)}", null, out var status);
        if (status != HttpStatusCode.NotFound)
            return found!.RootElement.GetProperty("experiment").GetProperty("experiment_id").GetString()!;
        using var made = Send(HttpMethod.Post, "experiments/create", Body(json => json.WriteString("name", name)), out _);
        return made!.RootElement.GetProperty("experiment_id").GetString()!;
    }

    public string CreateRun(string experiment, string name, long started)
    {
        using var made = Send(HttpMethod.Post, "runs/create", Body(json =>
        {
            json.WriteString("experiment_id", experiment);
            json.WriteString("run_name", name);
            json.WriteNumber("start_time", started);
        }), out _);
        return made!.RootElement.GetProperty("run").GetProperty("info").GetProperty("run_id").GetString()!;
    }

    /// <summary>Sends a call that was prepared without the run's identity.</summary>
    /// <param name="call">For example <c>runs/log-batch</c>.</param>
    /// <param name="run">The run.</param>
    /// <param name="body">A JSON object.</param>
    public void Send(string call, string run, JsonElement body) => Send(HttpMethod.Post, call, Body(json =>
    {
        json.WriteString("run_id", run);
        foreach (var member in body.EnumerateObject())
            member.WriteTo(json);
    }), out _)?.Dispose();

    public static byte[] Body(Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    public void Dispose() => _http.Dispose();

    JsonDocument? Send(HttpMethod method, string call, byte[]? body, out HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(method, new Uri(options.Server, $"/api/2.0/mlflow/{call}"));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        using var response = _http.Send(request);
        status = response.StatusCode;
        using var reader = new StreamReader(response.Content.ReadAsStream(), Encoding.UTF8);
        var text = reader.ReadToEnd();
        if (status == HttpStatusCode.NotFound && method == HttpMethod.Get)
            return null;
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException($"{call}: {(int)status} {Short(text)}", null, status);
        return text.Length == 0 ? null : JsonDocument.Parse(text);
    }

    static string Short(string text) => text.Length <= 200 ? text : text[..200];
}
