using MlNetCifar.Server.Candidates;
using MlNetCifar.Server.Models;

namespace MlNetCifar.Server.Routes;

/// <summary>Whether the server lives, whether it is ready, and what it has.</summary>
internal static class HealthRoutes
{
    /// <summary>End of the routes by which gRPC says that there is no such method.</summary>
    const string Unimplemented = ":grpcunimplemented}";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health", (Delegate)HealthAsync).WithSummary("State of the server and its models").Produces<HealthJson>().Produces<HealthJson>(503);
        routes.MapGet("/routes", (Delegate)RoutesAsync).WithSummary("All routes").Produces<RoutesJson>();
        foreach (var path in new[] { "/livez", "/healthz" })
            routes.MapGet(path, (Delegate)LiveAsync).WithMetadata(new OpenRoute()).WithSummary("Whether the process lives").Produces<StatusJson>();
        routes.MapGet("/readyz", (Delegate)ReadyAsync).WithMetadata(new OpenRoute()).WithSummary("Whether requests are welcome").Produces<StatusJson>().Produces<StatusJson>(503);
        routes.MapGet("/ping", (Delegate)PingAsync).WithMetadata(new OpenRoute()).WithSummary("Health as TorchServe tells it").Produces<StatusJson>().Produces<StatusJson>(503);
    }

    static Task HealthAsync(HttpContext context)
    {
        var serving = context.RequestServices.GetRequiredService<Serving>();
        var why = serving.WhyNotReady;
        var health = new HealthJson(
            why is null ? "ok" : "unavailable", why, [.. serving.Store.All().Select(model => State(model, model == serving.Store.Current(model.Name) ? serving.Candidates.Read(model.Name) : null))],
            [.. serving.Watcher.Faults.Concat(serving.Candidates.Watcher.Faults).Select(f => new ModelFaultJson(Path.GetFileName(f.Key), f.Value.Code, f.Value.Reason))],
            Math.Round((DateTime.Now - System.Diagnostics.Process.GetCurrentProcess().StartTime).TotalSeconds, 1));
        return Answer.WriteAsync(context, health, AnswerJson.Default.HealthJson, why is null ? 200 : 503);
    }

    static ModelStateJson State(LoadedModel model, CandidateState? candidate) => new(
        model.Name, model.VersionText, model.Classifier.WeightsSha256, model.Classifier.Classes, model.Classifier.Preprocess.Width, model.Classifier.Preprocess.Height,
        model.Classifier.Calibration is not null, MonitoringRoutes.State(model.Feedback),
        model.Drift.HasReference ? new DriftStateJson(model.Drift.Windows, model.Drift.Alarms, model.Drift.Last) : null, candidate);

    static Task RoutesAsync(HttpContext context)
    {
        var endpoints = context.RequestServices.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();
        RouteJson[] routes =
        [
            .. from endpoint in endpoints
               let path = "/" + endpoint.RoutePattern.RawText?.TrimStart('/')
               where !path.EndsWith(Unimplemented, StringComparison.Ordinal)
               let methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? []
               group methods by path into same
               orderby same.Key
               select new RouteJson(same.Key, [.. same.SelectMany(m => m).Distinct().Order()]),
        ];
        return Answer.WriteAsync(context, new RoutesJson(routes), AnswerJson.Default.RoutesJson);
    }

    static Task LiveAsync(HttpContext context) => Answer.WriteAsync(context, new StatusJson("ok"), AnswerJson.Default.StatusJson);

    static Task ReadyAsync(HttpContext context) => Ready(context, "ok");

    static Task PingAsync(HttpContext context) => Ready(context, "Healthy");

    static Task Ready(HttpContext context, string word)
    {
        var why = context.RequestServices.GetRequiredService<Serving>().WhyNotReady;
        return Answer.WriteAsync(context, new StatusJson(why ?? word), AnswerJson.Default.StatusJson, why is null ? 200 : 503);
    }
}
