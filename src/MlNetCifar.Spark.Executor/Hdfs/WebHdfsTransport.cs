using System.Net;
using System.Text;
using System.Text.Json;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>Sends WebHDFS requests: fails over between name nodes, follows the redirect to a data node, retries, reads errors.</summary>
sealed class WebHdfsTransport(HttpMessageInvoker http, WebHdfsOptions options, TimeProvider? time = null)
{
    int _active;

    /// <summary>The name node that answered last.</summary>
    public int Active => Volatile.Read(ref _active);

    /// <summary>What the name nodes have done so far, in this way or another.</summary>
    public HdfsContact Contact { get; } = new();

    /// <summary>One request to a name node, retried while nobody answers.</summary>
    public Task<HttpResponseMessage> NameNodeAsync(HttpMethod method, string path, string query, CancellationToken cancellationToken) =>
        RetryAsync(path, ct => OnceAsync(method, path, query, ct), cancellationToken);

    /// <summary>The first of the two steps: where the data goes to or comes from.</summary>
    public Task<Uri> LocateAsync(HttpMethod method, string path, string query, CancellationToken cancellationToken) =>
        RetryAsync(path, ct => LocateOnceAsync(method, path, query, ct), cancellationToken);

    async Task<Uri> LocateOnceAsync(HttpMethod method, string path, string query, CancellationToken cancellationToken)
    {
        using var response = await OnceAsync(method, path, query, cancellationToken).ConfigureAwait(false);
        return response.Headers.Location ?? throw HdfsErrors.NotProtocol(path, $"status {(int)response.StatusCode} without a location.");
    }

    /// <summary>The second step, at a data node, once.</summary>
    public async Task<HttpResponseMessage> DataNodeAsync(
        HttpMethod method, Uri location, HttpContent? content, string path, CancellationToken cancellationToken)
    {
        var response = await SendAsync(new(method, location) { Content = content }, cancellationToken).ConfigureAwait(false);
        if (response.IsSuccessStatusCode)
        {
            Contact.Answered(hasChanged: method != HttpMethod.Get);
            return response;
        }

        using (response)
            throw await ErrorAsync(response, path, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs an operation until it succeeds, fails for good, or the policy is used up.</summary>
    public async Task<T> RetryAsync<T>(string path, Func<CancellationToken, Task<T>> operation, CancellationToken cancellationToken)
    {
        var retry = new RetryState(options.Retry, time);
        while (true)
        {
            try
            {
                return await operation(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (IsTransient(e, cancellationToken))
            {
                if (await retry.WaitAsync(e, Contact.IsWorthWaiting(e), cancellationToken).ConfigureAwait(false))
                    continue;
                if (e is TransientHdfsException { Error: { } error })
                    throw error;
                if (e is NameNodeUnreachableException)
                    throw HdfsErrors.Unreachable(options.NameNodes, e.InnerException);
                throw HdfsErrors.WriteFailed(path, e);
            }
        }
    }

    public static bool IsTransient(Exception e, CancellationToken cancellationToken) =>
        !cancellationToken.IsCancellationRequested
        && e is HttpRequestException or IOException or TimeoutException or TransientHdfsException or NameNodeUnreachableException;

    async Task<HttpResponseMessage> OnceAsync(HttpMethod method, string path, string query, CancellationToken cancellationToken)
    {
        Exception? last = null;
        for (var i = 0; i < options.NameNodes.Count; i++)
        {
            var node = (Active + i) % options.NameNodes.Count;
            try
            {
                var response = await SendAsync(new(method, Address(node, path, query)), cancellationToken).ConfigureAwait(false);
                if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.TemporaryRedirect)
                {
                    Volatile.Write(ref _active, node);
                    Contact.Answered(hasChanged: method != HttpMethod.Get && response.IsSuccessStatusCode);
                    return response;
                }

                using (response)
                    throw Answered(await ErrorAsync(response, path, cancellationToken).ConfigureAwait(false));
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested
                && e is HttpRequestException or IOException or TimeoutException or StandbyException)
            {
                last = e;
            }
        }

        throw new NameNodeUnreachableException(last!);
    }

    // A refusal comes from a name node as well.
    Exception Answered(Exception error)
    {
        if (error is MlNetCifarException or TransientHdfsException { Error.Code: HdfsErrors.SafeModeCode })
            Contact.Answered(hasChanged: false);
        return error;
    }

    Uri Address(int node, string path, string query)
    {
        var escaped = string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
        var who = options.DelegationToken is { } token ? $"&delegation={Uri.EscapeDataString(token)}" : options.UsesKerberos ? "" : $"&user.name={Uri.EscapeDataString(options.User)}";
        return new Uri(options.NameNodes[node], $"/webhdfs/v1{escaped}?{query}{who}");
    }

    async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Timeout);
        try
        {
            return await http.SendAsync(request, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{request.RequestUri!.Authority} did not answer within {options.Timeout.TotalSeconds:0} s.");
        }
    }

    static async Task<Exception> ErrorAsync(HttpResponseMessage response, string path, CancellationToken cancellationToken)
    {
        var status = (int)response.StatusCode;
        if (response.Headers.WwwAuthenticate.Any(a => a.Scheme.Equals("Negotiate", StringComparison.OrdinalIgnoreCase)))
            return HdfsErrors.WantsKerberos(path);
        var body = Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
        if (!TryParse(body, out var name, out var message))
            return status >= 500
                ? new TransientHdfsException(HdfsErrors.FromRemote(path, status, "", body))
                : HdfsErrors.NotProtocol(path, $"status {status}.");
        var error = HdfsErrors.FromRemote(path, status, name, message);
        return name switch
        {
            "StandbyException" => new StandbyException(),
            "RetriableException" or "SafeModeException" or "AlreadyBeingCreatedException" or "RecoveryInProgressException"
                or "ConnectException" or "NoRouteToHostException" or "SocketTimeoutException" => new TransientHdfsException(error),
            _ when message.Contains("could only be written to 0 of the", StringComparison.Ordinal)
                || message.Contains("lease recovery is in progress", StringComparison.Ordinal) => new TransientHdfsException(error),
            _ => error,
        };
    }

    static bool TryParse(string body, out string exception, out string message)
    {
        (exception, message) = ("", "");
        try
        {
            using var json = JsonDocument.Parse(body);
            var remote = json.RootElement.GetProperty("RemoteException");
            exception = remote.GetProperty("exception").GetString() ?? "";
            message = remote.TryGetProperty("message", out var text) ? text.GetString() ?? "" : "";
            return true;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }
}

/// <summary>An answer after which trying again may help.</summary>
sealed class TransientHdfsException(MlNetCifarException error) : Exception(error.Message, error)
{
    public MlNetCifarException Error { get; } = error;
}

/// <summary>The name node asked is not the active one.</summary>
sealed class StandbyException() : IOException("The name node is on standby.");

/// <summary>No name node answered in one round.</summary>
sealed class NameNodeUnreachableException(Exception cause) : Exception(cause.Message, cause);
