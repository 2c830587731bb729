namespace MlNetCifar.Client;

/// <summary>A server's answer that is none: what it found, and what helps.</summary>
public sealed class ServerException : Exception
{
    internal ServerException(int status, string? code, string message, string? action, string? requestId, TimeSpan? retryAfter)
        : base(action is null ? message : $"{message} {action}") =>
        (Status, Code, Action, RequestId, RetryAfter) = (status, code, action, requestId, retryAfter);

    /// <summary>The status of HTTP, for example 429.</summary>
    public int Status { get; }

    /// <summary>The server's code, for example MNC8006; null where something else than the server answered.</summary>
    public string? Code { get; }

    /// <summary>What helps; null where nothing is known to.</summary>
    public string? Action { get; }

    /// <summary>The request's id, as the server's log has it; null where something else answered.</summary>
    public string? RequestId { get; }

    /// <summary>After which time another attempt makes sense; null where the server does not say.</summary>
    public TimeSpan? RetryAfter { get; }
}
