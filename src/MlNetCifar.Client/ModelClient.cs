using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Http.Resilience;
using Polly;
using Polly.Timeout;

namespace MlNetCifar.Client;

/// <summary>Asks a server of MlNetCifar what is on pictures. Thread-safe; one for all calls of a program.</summary>
public sealed class ModelClient : IDisposable
{
    const string Binary = "application/octet-stream";

    readonly HttpClient _http;
    readonly bool _isOwner;

    /// <summary>A client over connections of the caller's, whose address, keys, deadline and retries are the caller's too.</summary>
    /// <param name="http">Not disposed with the client.</param>
    public ModelClient(HttpClient http)
    {
        ArgumentNullException.ThrowIfNull(http);
        _http = http;
    }

    /// <summary>A client with connections of its own. In an application with services see <see cref="ModelClientExtensions.AddModelClient"/>.</summary>
    /// <param name="options">Where the server is, and how patient the client.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public ModelClient(ModelClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var pipeline = new ResiliencePipelineBuilder<HttpResponseMessage>();
        Patience.Add(pipeline, options);
        _http = new HttpClient(new ResilienceHandler(pipeline.Build()) { InnerHandler = new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(2) } });
        _isOwner = true;
        options.Apply(_http);
    }

    /// <summary>Names what is on a picture.</summary>
    /// <param name="picture">A file: JPEG, PNG, BMP, PNM or GIF.</param>
    /// <param name="options">Model, number of classes, threshold; null for the defaults.</param>
    /// <param name="cancellation">Ends the call; the server then stops working for it.</param>
    /// <exception cref="ServerException">The server refused, after the retries.</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached, after the retries.</exception>
    /// <exception cref="TimeoutException">The time of the options is over.</exception>
    public Task<PictureAnswer> PredictAsync(ReadOnlyMemory<byte> picture, PredictOptions? options = null, CancellationToken cancellation = default) =>
        SendAsync(HttpMethod.Post, "predict" + Query(options), Content(picture), ClientJson.Default.PictureAnswer, cancellation);

    /// <summary>Names what is on several pictures, in one request.</summary>
    /// <param name="pictures">Files; at least one. The server takes 64 at once unless it is told otherwise.</param>
    /// <param name="options">Model, number of classes, threshold; null for the defaults.</param>
    /// <param name="cancellation">Ends the call; the server then stops working for it.</param>
    /// <returns>One a picture, in their order: a bad one has its fault in its place.</returns>
    /// <exception cref="ServerException">The server refused all of it, after the retries.</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached, after the retries.</exception>
    /// <exception cref="TimeoutException">The time of the options is over.</exception>
    public async Task<IReadOnlyList<PictureResult>> PredictAsync(IReadOnlyList<ReadOnlyMemory<byte>> pictures, PredictOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        ArgumentOutOfRangeException.ThrowIfZero(pictures.Count, nameof(pictures));
        if (pictures.Count == 1)
            return [new(await PredictAsync(pictures[0], options, cancellation).ConfigureAwait(false), null)];
        var form = new MultipartFormDataContent();
        for (var i = 0; i < pictures.Count; i++)
            form.Add(Content(pictures[i]), "file", i.ToString(CultureInfo.InvariantCulture));
        var results = await SendAsync(HttpMethod.Post, "predict" + Query(options), form, ClientJson.Default.Results, cancellation).ConfigureAwait(false);
        return [.. results.All.Select(result => result.Error is { } error
            ? new PictureResult(null, Exception(error, error.Status ?? 0, null))
            : new PictureResult(new(result.Predictions ?? [], result.Unknown ?? false, results.Model, result.RequestId, result.LabelSet), null))];
    }

    /// <summary>Shows where on a picture a class was seen (Grad-CAM).</summary>
    /// <param name="picture">A file.</param>
    /// <param name="label">The class; null for the most probable one.</param>
    /// <param name="model">Name of the model; null for the only one.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <returns>A PNG file.</returns>
    /// <exception cref="ServerException">The server refused, after the retries.</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached, after the retries.</exception>
    /// <exception cref="TimeoutException">The time of the options is over.</exception>
    public async Task<byte[]> ExplainAsync(ReadOnlyMemory<byte> picture, string? label = null, string? model = null, CancellationToken cancellation = default)
    {
        using var response = await SendAsync(HttpMethod.Post, "explain" + Query(("class", label), ("model", model)), Content(picture), false, cancellation).ConfigureAwait(false);
        await CheckAsync(response, cancellation).ConfigureAwait(false);
        return await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Tells the true label of an answer, once.</summary>
    /// <param name="requestId">The answer's.</param>
    /// <param name="label">A class of the model that answered.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <returns>Whether the answer was right.</returns>
    /// <exception cref="ServerException">The answer is not remembered or its label was told already (404, MNC8012), or the label is no class of the model (400).</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached; whether it counted the label is not known.</exception>
    /// <exception cref="TimeoutException">The time of the options is over.</exception>
    public async Task<bool> TellAsync(string requestId, string label, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(requestId);
        ArgumentException.ThrowIfNullOrEmpty(label);
        using var content = JsonContent.Create(new Told(requestId, label), ClientJson.Default.Told);
        using var response = await SendAsync(HttpMethod.Post, "feedback", content, true, cancellation).ConfigureAwait(false);
        return (await ReadAsync(response, ClientJson.Default.ToldAnswer, cancellation).ConfigureAwait(false)).Right;
    }

    /// <summary>The models that are served.</summary>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="ServerException">The server is not ready, after the retries.</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached, after the retries.</exception>
    /// <exception cref="TimeoutException">The time of the options is over.</exception>
    public async Task<IReadOnlyList<ServedModel>> ModelsAsync(CancellationToken cancellation = default) =>
        (await SendAsync(HttpMethod.Get, "health", null, ClientJson.Default.Health, cancellation).ConfigureAwait(false)).Models;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isOwner)
            _http.Dispose();
    }

    async Task<T> SendAsync<T>(HttpMethod method, string path, HttpContent? content, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        using var response = await SendAsync(method, path, content, false, cancellation).ConfigureAwait(false);
        return await ReadAsync(response, type, cancellation).ConfigureAwait(false);
    }

    async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, bool once, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Options.Set(Patience.Once, once);
        try
        {
            return await _http.SendAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutRejectedException e)
        {
            throw new TimeoutException("There was no answer in time.", e);
        }
    }

    static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        await CheckAsync(response, cancellation).ConfigureAwait(false);
        try
        {
            return await response.Content.ReadFromJsonAsync(type, cancellation).ConfigureAwait(false) ?? throw new JsonException("null");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new ServerException((int)response.StatusCode, null, $"The answer is not one of MlNetCifar's server: {e.Message}", "Check the address.", null, null);
        }
    }

    static async Task CheckAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.IsSuccessStatusCode)
            return;
        var wait = response.Headers.RetryAfter?.Delta;
        if (response.Content.Headers.ContentType?.MediaType == "application/problem+json")
        {
            try
            {
                if (await response.Content.ReadFromJsonAsync(ClientJson.Default.Problem, cancellation).ConfigureAwait(false) is { } problem)
                    throw Exception(problem, (int)response.StatusCode, wait);
            }
            catch (JsonException)
            {
                // Not the server's: its status is all there is to tell.
            }
        }

        throw new ServerException((int)response.StatusCode, null, $"The answer is {(int)response.StatusCode} {response.ReasonPhrase}.", null, null, wait);
    }

    static ServerException Exception(Problem problem, int status, TimeSpan? wait) =>
        new(problem.Status ?? status, problem.Code, problem.Detail ?? $"The answer is {status}.", problem.Action, problem.RequestId, wait);

    static ReadOnlyMemoryContent Content(ReadOnlyMemory<byte> picture) => new(picture) { Headers = { ContentType = new MediaTypeHeaderValue(Binary) } };

    static string Query(PredictOptions? options) => options is null ? "" : Query(
        ("model", options.Model), ("version", options.Version), ("top_k", options.Top.ToString(CultureInfo.InvariantCulture)),
        ("threshold", options.Threshold == 0 ? null : options.Threshold.ToString("0.#########", CultureInfo.InvariantCulture)));

    static string Query(params (string Name, string? Value)[] parameters) => string.Concat(
        parameters.Where(p => p.Value is not null).Select((p, i) => $"{(i == 0 ? '?' : '&')}{p.Name}={Uri.EscapeDataString(p.Value!)}"));
}
