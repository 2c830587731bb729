using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;

namespace MlNetCifar.Server.Requests;

/// <summary>Turns faults into answers.</summary>
internal static class Faults
{
    /// <summary>The status that goes with an error of the library.</summary>
    public static RequestFault Of(MlNetCifarException fault)
    {
        var status = fault.Code switch
        {
            "MNC1203" or "MNC1204" => 415,
            "MNC1207" => 413,
            "MNC5501" or "MNC5502" => 422,
            _ => fault.Kind == ErrorKind.Failure ? 500 : 400,
        };

        // A hint about options of the command line helps no client.
        var action = fault.Action?.Contains("--", StringComparison.Ordinal) == true ? null : fault.Action;
        return new(status, fault.Code, fault.Reason, action);
    }

    /// <summary>The fault that an exception stands for; null where the client has gone and nobody reads an answer.</summary>
    public static RequestFault? Of(HttpContext context, Exception exception, RequestScope? scope, ILogger logger)
    {
        if (context.RequestAborted.IsCancellationRequested)
            return null;
        switch (exception)
        {
            case RequestFault fault:
                return fault;
            case MlNetCifarException known:
                return Of(known);
            case BadHttpRequestException bad:
                return new(bad.StatusCode, bad.StatusCode == 413 ? "MNC8004" : "MNC8003", bad.Message);
            case IOException:
                return ServerErrors.Malformed("The body ended too early.");
            case OperationCanceledException when scope is not null:
                return ServerErrors.TooLate(scope.Limit);
            case ObjectDisposedException:
                return ServerErrors.NotReady("The server is about to end.");
            default:
                logger.Failed(exception, scope?.Id ?? "");
                return ServerErrors.Internal();
        }
    }

    /// <summary>Writes a fault: as RFC 9457 says, or as the inference protocols do.</summary>
    public static async Task WriteAsync(HttpContext context, RequestFault fault, bool isProtocol)
    {
        if (context.Response.HasStarted)
        {
            // Half an answer must not look like a whole one.
            context.Abort();
            return;
        }

        var response = context.Response;
        response.StatusCode = fault.Status;
        if (fault.RetryAfter is { } wait)
            response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        // What is too large is not read to its end, so that the connection cannot carry another request.
        if (fault.Status == 413)
            response.Headers.Connection = "close";
        if (fault.Status == 401)
            response.Headers.WWWAuthenticate = "Bearer";
        response.ContentType = isProtocol ? "application/json" : "application/problem+json";
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (isProtocol)
                json.WriteString("error", fault.Text);
            else
                WriteMembers(json, fault, context);
            json.WriteEndObject();
        }

        response.ContentLength = buffer.Length;
        await response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length)).ConfigureAwait(false);
    }

    /// <summary>The members of a problem.</summary>
    public static void WriteMembers(Utf8JsonWriter json, RequestFault fault, HttpContext? context)
    {
        json.WriteString("type", $"urn:mlnetcifar:error:{fault.Code}");
        json.WriteString("title", ReasonPhrases.GetReasonPhrase(fault.Status));
        json.WriteNumber("status", fault.Status);
        json.WriteString("detail", fault.Message);
        json.WriteString("code", fault.Code);
        if (fault.Action is not null)
            json.WriteString("action", fault.Action);
        if (context?.Response.Headers["X-Request-Id"] is [{ } id])
            json.WriteString("request_id", id);
    }
}
