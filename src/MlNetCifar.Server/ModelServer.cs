using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using MlNetCifar.Server.Requests;
using Scalar.AspNetCore;

namespace MlNetCifar.Server;

/// <summary>A server of its own: what the command <c>serve</c> runs.</summary>
public sealed class ModelServer : IAsyncDisposable
{
    /// <summary>Where it listens unless told otherwise: this machine alone can reach it.</summary>
    public const string DefaultAddress = "http://127.0.0.1:8080";

    readonly WebApplication _app;
    readonly Serving _serving;

    ModelServer(WebApplication app) => (_app, _serving) = (app, app.Services.GetRequiredService<Serving>());

    /// <summary>Where it listens, ports filled in.</summary>
    public IReadOnlyList<string> Addresses => [.. _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses];

    /// <summary>Starts a server and returns when every model of the options is warm.</summary>
    /// <param name="options">What is served, and within which bounds.</param>
    /// <param name="addresses">Separated by semicolons; port 0 for a free one. The default is <see cref="DefaultAddress"/>.</param>
    /// <param name="logging">Where log lines go; null for nowhere.</param>
    /// <param name="arguments">Settings of ASP.NET Core as on its command line, for example <c>--Kestrel:Certificates:Default:Path=cert.pfx</c>; null for none.</param>
    /// <param name="grpcAddress">Where calls of gRPC are taken without TLS, which HTTP/2 needs an address of its own for; null for nowhere. With TLS every address takes them.</param>
    /// <param name="cancellation">Ends the start.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="MlNetCifarException">A model of the options cannot be loaded (MNC40xx), a candidate has other classes than its model (MNC8023), or the address cannot be listened on (MNC8020).</exception>
    public static async Task<ModelServer> StartAsync(
        ServingOptions options, string? addresses = null, Action<ILoggingBuilder>? logging = null, string[]? arguments = null, string? grpcAddress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var server = new ModelServer(Build(options, addresses ?? DefaultAddress, grpcAddress, logging, arguments ?? []));
        try
        {
            await server._app.StartAsync(cancellation).ConfigureAwait(false);
            await server._serving.Loaded.WaitAsync(cancellation).ConfigureAwait(false);
            foreach (var path in options.Models.Values)
            {
                if (server._serving.Watcher.Faults.TryGetValue(path, out var fault))
                    throw fault;
            }

            if (server._serving.Candidates.Fault() is { } unusable)
                throw unusable;

            return server;
        }
        catch (Exception e)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw e is IOException or System.Net.Sockets.SocketException ? ServerErrors.CannotListen(addresses ?? DefaultAddress, e) : e;
        }
    }

    /// <summary>Says that it is not ready, answers on for the drain delay, ends what is under way, and stops.</summary>
    /// <param name="cancellation">Ends the waiting; what is under way is then cut off.</param>
    public async Task StopAsync(CancellationToken cancellation = default)
    {
        _serving.Drain();
        await Task.Delay(_serving.Options.DrainDelay, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _app.StopAsync(cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    static WebApplication Build(ServingOptions options, string addresses, string? grpcAddress, Action<ILoggingBuilder>? logging, string[] arguments)
    {
        // Settings come from the caller alone, not from files that happen to lie in the current folder.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = arguments, ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        logging?.Invoke(builder.Logging);
        builder.Services.AddMlNetCifar(options);
        builder.Services.AddOpenApi("openapi", o => o.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new() { Title = "MlNetCifar", Version = "1", Description = "Names what is on pictures." };
            return Task.CompletedTask;
        }));
        builder.Services.ConfigureHttpJsonOptions(o => o.SerializerOptions.TypeInfoResolverChain.Insert(0, Routes.AnswerJson.Default));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        Listen(builder, addresses, grpcAddress);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        });
        var app = builder.Build();
        app.Use(SayGoodbyeAsync);
        app.UseStatusCodePages(context => WriteUnknownAsync(context.HttpContext));
        app.MapOpenApi("/{documentName}.json");
        app.MapScalarApiReference("/docs", o => o.WithOpenApiRoutePattern("/openapi.json").DisableDefaultFonts());
        app.MapMlNetCifar();
        return app;
    }

    static void Listen(WebApplicationBuilder builder, string addresses, string? grpcAddress)
    {
        if (grpcAddress is null)
        {
            builder.WebHost.UseUrls(addresses);
            return;
        }

        // Without TLS a connection cannot say which version of HTTP it speaks. Keys are numbers, so that the addresses keep their order.
        var settings = addresses.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Append(grpcAddress).Index()
            .ToDictionary(a => $"Kestrel:Endpoints:{a.Index}:Url", string? (a) => a.Item);
        settings.Add($"Kestrel:Endpoints:{settings.Count - 1}:Protocols", "Http2");
        builder.Configuration.AddInMemoryCollection(settings);
    }

    /// <summary>A server that is about to end asks its clients to open new connections, which then reach another.</summary>
    static Task SayGoodbyeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.RequestServices.GetRequiredService<Serving>().IsDraining)
            context.Response.Headers.Connection = "close";
        return next(context);
    }

    /// <summary>Paths and methods that nobody has mapped.</summary>
    static Task WriteUnknownAsync(HttpContext context)
    {
        var status = context.Response.StatusCode;
        return Faults.WriteAsync(context, new(status, "MNC8013", status == 405 ? "The path does not take this method." : "There is nothing here.", "GET /routes lists what there is."), isProtocol: false);
    }

    /// <summary>Signals are the caller's.</summary>
    sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
