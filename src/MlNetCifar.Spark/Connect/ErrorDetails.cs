using System.Text;
using Grpc.Core;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>Turns a failed call into an error a user can act on, asking the server for the untruncated message and its causes.</summary>
static class ErrorDetails
{
    /// <summary>What gRPC says for a server whose own code threw.</summary>
    const string Broken = "Application error processing RPC";

    static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    public static async Task<MlNetCifarException> TranslateAsync(ISparkConnectRpc rpc, SparkConnection connection, RpcException e)
    {
        if (e.IsUnavailable())
            return SparkErrors.Unreachable(connection, e);
        if (e.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied)
            return SparkErrors.Refused(e.Status.Detail);
        if (e.StatusCode == StatusCode.Unimplemented)
            return SparkErrors.BrokenProtocol(e.Status.Detail);
        if (e.Is("INVALID_HANDLE.SESSION") || e.Is("INVALID_HANDLE.OPERATION_NOT_FOUND"))
            return SparkErrors.SessionLost(e);
        if (e is { StatusCode: StatusCode.Unknown, Status.Detail: Broken })
            return SparkErrors.BrokenServer(e);
        var metadata = e.Info()?.Metadata;
        var errorClass = metadata?.GetValueOrDefault("errorClass") ?? "";
        if (metadata?.GetValueOrDefault("errorId") is { Length: > 0 } id && await FetchAsync(rpc, connection, id).ConfigureAwait(false) is { Errors.Count: > 0 } details)
            return SparkErrors.Failed(errorClass, Describe(details), e);
        return SparkErrors.Failed(errorClass, e.Status.Detail, e);
    }

    // The root error and, of its causes, what adds something.
    internal static string Describe(FetchErrorDetailsResponse details)
    {
        var text = new StringBuilder();
        var seen = new HashSet<int>();
        for (var i = details.RootErrorIdx; i >= 0 && i < details.Errors.Count && seen.Add(i);)
        {
            var error = details.Errors[i];
            var message = FirstLines(error.Message);
            if (message.Length > 0 && !text.ToString().Contains(message, StringComparison.Ordinal))
                text.Append(text.Length > 0 ? " Caused by: " : "").Append(message);
            i = error.HasCauseIdx ? error.CauseIdx : -1;
        }

        return text.ToString();
    }

    // What follows is the executor's stack trace.
    static string FirstLines(string message) =>
        string.Join(' ', message.Split('\n').Select(l => l.Trim()).TakeWhile(l => !l.StartsWith("at ", StringComparison.Ordinal)).Where(l => l.Length > 0));

    static async Task<FetchErrorDetailsResponse?> FetchAsync(ISparkConnectRpc rpc, SparkConnection connection, string id)
    {
        try
        {
            using var limit = new CancellationTokenSource(s_limit);
            return await rpc.FetchErrorDetailsAsync(new()
            {
                SessionId = connection.SessionId,
                UserContext = new() { UserId = connection.UserId },
                ErrorId = id,
            }, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            return null;
        }
    }
}
