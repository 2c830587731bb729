using Grpc.AspNetCore.Server;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using MlNetCifar.Server.Calls;
using MlNetCifar.Server.Routes;

namespace MlNetCifar.Server;

/// <summary>Serves classifiers from an ASP.NET Core application of one's own.</summary>
public static class ServingExtensions
{
    /// <summary>Adds what <see cref="MapMlNetCifar"/> needs: models that are loaded and watched in the background, the engine, metrics, and a health check named <c>mlnetcifar</c>.</summary>
    /// <param name="services">Of the application.</param>
    /// <param name="options">What is served, and within which bounds.</param>
    /// <returns>The services.</returns>
    /// <exception cref="ArgumentException">An argument is null, or an option out of range.</exception>
    public static IServiceCollection AddMlNetCifar(this IServiceCollection services, ServingOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        services.TryAddSingleton(provider => new Serving(options, provider.GetRequiredService<ILoggerFactory>()));
        services.TryAddSingleton<RequestPipeline>();
        services.AddHostedService<ServingService>();
        services.AddGrpc().AddServiceOptions<InferenceService>(grpc =>
        {
            grpc.MaxReceiveMessageSize = (int)Math.Min(options.MaxBodyBytes, int.MaxValue);
            grpc.IgnoreUnknownServices = true;
        });
        services.AddHealthChecks().AddCheck<ReadyCheck>("mlnetcifar");
        return services;
    }

    /// <summary>Maps all routes.</summary>
    /// <param name="routes">Of the application.</param>
    /// <returns>All of them, for conventions such as authorisation.</returns>
    /// <exception cref="InvalidOperationException"><see cref="AddMlNetCifar"/> was not called.</exception>
    public static IEndpointConventionBuilder MapMlNetCifar(this IEndpointRouteBuilder routes)
    {
        ArgumentNullException.ThrowIfNull(routes);
        if (routes.ServiceProvider.GetService<Serving>() is null)
            throw new InvalidOperationException($"Call {nameof(AddMlNetCifar)} on the services first.");
        var group = routes.MapGroup("");
        HealthRoutes.Map(group);
        PredictRoutes.Map(group);
        ExplainRoutes.Map(group);
        ProtocolRoutes.Map(group);
        KServeRoutes.Map(group);
        MonitoringRoutes.Map(group);
        PageRoutes.Map(group);
        group.MapGrpcService<InferenceService>();
        ((IEndpointConventionBuilder)group).Finally(endpoint =>
        {
            if (endpoint is not RouteEndpointBuilder { RequestDelegate: { } inner } route)
                return;
            var pattern = route.RoutePattern.RawText ?? "";
            route.RequestDelegate = route.Metadata.OfType<GrpcMethodMetadata>().FirstOrDefault() is { } call
                ? RequestPipeline.AroundCall(inner, pattern, InferenceService.IsOpen(call.Method.Name))
                : RequestPipeline.Around(inner, pattern, route.Metadata.OfType<OpenRoute>().Any(), route.Metadata.OfType<ProtocolRoute>().Any());
        });
        return group;
    }

    /// <summary>Loads and watches models while the application runs; its end makes the server say that it is not ready.</summary>
    sealed class ServingService(Serving serving, IHostApplicationLifetime lifetime) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken)
        {
            lifetime.ApplicationStopping.Register(serving.Drain);
            return Task.Factory.StartNew(() => serving.Run(stoppingToken), stoppingToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    sealed class ReadyCheck(Serving serving) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(serving.WhyNotReady is { } why ? new HealthCheckResult(context.Registration.FailureStatus, why) : HealthCheckResult.Healthy());
    }
}
