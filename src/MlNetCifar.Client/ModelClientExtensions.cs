using Microsoft.Extensions.DependencyInjection;

namespace MlNetCifar.Client;

/// <summary>Puts the client into an application's services.</summary>
public static class ModelClientExtensions
{
    /// <summary>Adds <see cref="ModelClient"/>, whose connections the application's factory keeps.</summary>
    /// <param name="services">Of the application.</param>
    /// <param name="options">Where the server is, and how patient the client.</param>
    /// <returns>For handlers of one's own.</returns>
    /// <exception cref="ArgumentException">An argument is null, or an option out of range.</exception>
    public static IHttpClientBuilder AddModelClient(this IServiceCollection services, ModelClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var builder = services.AddHttpClient(nameof(ModelClient), options.Apply).AddTypedClient(http => new ModelClient(http));
        builder.AddResilienceHandler("patience", pipeline => Patience.Add(pipeline, options));
        return builder;
    }
}
