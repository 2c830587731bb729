using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Server.Routes;

/// <summary>Marks a route that needs no key: it tells nothing and costs nothing.</summary>
internal sealed class OpenRoute;

/// <summary>Marks a route whose faults are <c>{"error": …}</c>.</summary>
internal sealed class ProtocolRoute;

/// <summary>What all routes have around them: an id, a deadline, the key, faults as answers, and the clock.</summary>
internal sealed class RequestPipeline(Serving serving)
{
    readonly byte[]? _key = Hash(serving.Options.ApiKey);
    readonly byte[]? _token = Hash(serving.Options.BearerToken);

    /// <summary>Puts all that around a route.</summary>
    public static RequestDelegate Around(RequestDelegate next, string pattern, bool isOpen, bool isProtocol) =>
        context => context.RequestServices.GetRequiredService<RequestPipeline>().RunAsync(context, next, pattern, isOpen, isProtocol);

    /// <summary>Puts an id, a deadline, the key and the clock around a gRPC call; its faults are its service's.</summary>
    public static RequestDelegate AroundCall(RequestDelegate next, string pattern, bool isOpen) =>
        context => context.RequestServices.GetRequiredService<RequestPipeline>().RunCallAsync(context, next, pattern, isOpen);

    async Task RunCallAsync(HttpContext context, RequestDelegate next, string pattern, bool isOpen)
    {
        using var scope = RequestScope.Begin(context, serving.Options);

        // gRPC refuses a message by the length that it begins with, before it is read; Kestrel's limit would end the call without a status.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = null;
        if (isOpen || IsAllowed(context.Request))
            await next(context).ConfigureAwait(false);
        else
            Refuse(context, scope);
        serving.Meter.Answered(pattern, context.Request.Method, scope.Fault?.Status ?? context.Response.StatusCode, scope.Seconds);
    }

    /// <summary>Before the message is read: headers alone are an answer of gRPC.</summary>
    void Refuse(HttpContext context, RequestScope scope)
    {
        const string unauthenticated = "16";
        scope.Fault = ServerErrors.Unauthorized();
        serving.Meter.Rejected(scope.Fault.Code);
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = unauthenticated;
        context.Response.Headers["grpc-message"] = scope.Fault.Text;
    }

    async Task RunAsync(HttpContext context, RequestDelegate next, string pattern, bool isOpen, bool isProtocol)
    {
        using var scope = RequestScope.Begin(context, serving.Options);
        try
        {
            if (!isOpen && !IsAllowed(context.Request))
                throw ServerErrors.Unauthorized();
            scope.Shorten(context);
            await next(context).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            if (Faults.Of(context, e, scope, serving.Logger) is { } fault)
            {
                serving.Meter.Rejected(fault.Code);
                await Faults.WriteAsync(context, fault, isProtocol).ConfigureAwait(false);
            }
            else if (!context.Response.HasStarted)
            {
                // As other servers count a client that has gone.
                context.Response.StatusCode = 499;
            }
        }

        serving.Meter.Answered(pattern, context.Request.Method, context.Response.StatusCode, scope.Seconds);
    }

    bool IsAllowed(HttpRequest request)
    {
        if (_key is null && _token is null)
            return true;
        string? key = request.Headers["X-Api-Key"];
        string? bearer = request.Headers.Authorization;
        const string scheme = "Bearer ";
        return Matches(_key, key) || (bearer?.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) == true && Matches(_token, bearer[scheme.Length..].Trim()));
    }

    // Hashes are of one length, and comparing them takes the same time wherever they differ.
    static bool Matches(byte[]? expected, string? given) => expected is not null && given is not null && CryptographicOperations.FixedTimeEquals(expected, Hash(given)!);

    static byte[]? Hash(string? text) => text is null ? null : SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
