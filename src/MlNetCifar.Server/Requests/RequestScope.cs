using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http.Features;

namespace MlNetCifar.Server.Requests;

/// <summary>One request: its id, its deadline, and what its parts took.</summary>
internal sealed class RequestScope : IDisposable
{
    const int MostIdCharacters = 64;

    readonly CancellationTokenSource _stop;
    readonly long _start = Stopwatch.GetTimestamp();

    RequestScope(HttpContext context, string id, TimeSpan limit)
    {
        (Id, Limit) = (id, limit);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        _stop.CancelAfter(limit);
    }

    /// <summary>As the client sent it in <c>X-Request-Id</c>, or made up.</summary>
    public string Id { get; }

    /// <summary>The time it may take.</summary>
    public TimeSpan Limit { get; private set; }

    /// <summary>Ends the work at the deadline, or when the client has gone.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>What a call was answered that failed; null for none, and for requests that are no calls.</summary>
    public RequestFault? Fault { get; set; }

    /// <summary>Seconds since it came.</summary>
    public double Seconds => Stopwatch.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Begins a request's scope.</summary>
    /// <exception cref="RequestFault">The deadline asked for is no number (400).</exception>
    public static RequestScope Begin(HttpContext context, ServingOptions options)
    {
        string? given = context.Request.Headers["X-Request-Id"];
        var id = given is { Length: > 0 and <= MostIdCharacters } && given.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? given : Guid.NewGuid().ToString("N");
        context.Response.Headers["X-Request-Id"] = id;
        var scope = new RequestScope(context, id, options.Timeout);
        context.Features.Set(scope);
        return scope;
    }

    /// <summary>Takes the deadline that the client asks for, where it is the earlier one.</summary>
    public void Shorten(HttpContext context)
    {
        string? text = context.Request.Query["timeout_ms"];
        if (text is null)
            return;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) || wanted < 1)
            throw ServerErrors.Parameter("timeout_ms", text, "a whole number, at least 1");
        Shorten(TimeSpan.FromMilliseconds(wanted));
    }

    /// <summary>Takes a deadline where it is the earlier one.</summary>
    public void Shorten(TimeSpan left)
    {
        if (left >= Limit)
            return;
        Limit = left > TimeSpan.Zero ? left : TimeSpan.Zero;
        _stop.CancelAfter(Limit);
    }

    /// <summary>The scope of a request that has one.</summary>
    public static RequestScope Of(HttpContext context) => context.Features.GetRequiredFeature<RequestScope>();

    public void Dispose() => _stop.Dispose();
}
