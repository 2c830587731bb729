using System.Net;
using Microsoft.Extensions.Http.Resilience;
using Polly;
using Polly.Timeout;

namespace MlNetCifar.Client;

/// <summary>Deadline and retries of calls.</summary>
internal static class Patience
{
    /// <summary>Marks requests that must not be sent twice unless the server says that it did nothing.</summary>
    public static readonly HttpRequestOptionsKey<bool> Once = new("mlnetcifar.once");

    /// <summary>Adds them: the deadline outermost.</summary>
    public static void Add(ResiliencePipelineBuilder<HttpResponseMessage> pipeline, ModelClientOptions options)
    {
        pipeline.AddTimeout(new TimeoutStrategyOptions { Timeout = options.Timeout });
        if (options.Retries == 0)
            return;
        pipeline.AddRetry(new HttpRetryStrategyOptions
        {
            MaxRetryAttempts = options.Retries,
            Delay = options.Delay,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldRetryAfterHeader = true,
            ShouldHandle = arguments => ValueTask.FromResult(Helps(arguments.Outcome, arguments.Context)),
        });
    }

    static bool Helps(Outcome<HttpResponseMessage> outcome, ResilienceContext context)
    {
        var isOnce = context.GetRequestMessage()?.Options.TryGetValue(Once, out var once) == true && once;
        return outcome switch
        {
            { Result.StatusCode: HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable } => true,
            { Result.StatusCode: HttpStatusCode.GatewayTimeout } => !isOnce,
            { Exception: HttpRequestException } => !isOnce,
            _ => false,
        };
    }
}
