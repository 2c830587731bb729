using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>The remote procedures of Spark Connect that this client calls; the seam for fakes.</summary>
interface ISparkConnectRpc : IDisposable
{
    IAsyncEnumerable<ExecutePlanResponse> ExecutePlanAsync(ExecutePlanRequest request, CancellationToken cancellationToken);

    IAsyncEnumerable<ExecutePlanResponse> ReattachExecuteAsync(ReattachExecuteRequest request, CancellationToken cancellationToken);

    Task<ReleaseExecuteResponse> ReleaseExecuteAsync(ReleaseExecuteRequest request, CancellationToken cancellationToken);

    Task<AnalyzePlanResponse> AnalyzePlanAsync(AnalyzePlanRequest request, CancellationToken cancellationToken);

    Task<ConfigResponse> ConfigAsync(ConfigRequest request, CancellationToken cancellationToken);

    Task<AddArtifactsResponse> AddArtifactsAsync(Func<IEnumerable<AddArtifactsRequest>> requests, CancellationToken cancellationToken);

    Task<InterruptResponse> InterruptAsync(InterruptRequest request, CancellationToken cancellationToken);

    Task<ReleaseSessionResponse> ReleaseSessionAsync(ReleaseSessionRequest request, CancellationToken cancellationToken);

    Task<FetchErrorDetailsResponse> FetchErrorDetailsAsync(FetchErrorDetailsRequest request, CancellationToken cancellationToken);
}

/// <summary>The real thing.</summary>
sealed class SparkConnectRpc(GrpcChannel channel) : ISparkConnectRpc
{
    public IAsyncEnumerable<ExecutePlanResponse> ExecutePlanAsync(ExecutePlanRequest request, CancellationToken cancellationToken) =>
        channel.ServerStreamAsync("ExecutePlan", request, ExecutePlanResponse.Parser, cancellationToken);

    public IAsyncEnumerable<ExecutePlanResponse> ReattachExecuteAsync(ReattachExecuteRequest request, CancellationToken cancellationToken) =>
        channel.ServerStreamAsync("ReattachExecute", request, ExecutePlanResponse.Parser, cancellationToken);

    public Task<ReleaseExecuteResponse> ReleaseExecuteAsync(ReleaseExecuteRequest request, CancellationToken cancellationToken) =>
        channel.UnaryAsync("ReleaseExecute", request, ReleaseExecuteResponse.Parser, cancellationToken);

    public Task<AnalyzePlanResponse> AnalyzePlanAsync(AnalyzePlanRequest request, CancellationToken cancellationToken) =>
        channel.UnaryAsync("AnalyzePlan", request, AnalyzePlanResponse.Parser, cancellationToken);

    public Task<ConfigResponse> ConfigAsync(ConfigRequest request, CancellationToken cancellationToken) =>
        channel.UnaryAsync("Config", request, ConfigResponse.Parser, cancellationToken);

    public Task<AddArtifactsResponse> AddArtifactsAsync(Func<IEnumerable<AddArtifactsRequest>> requests, CancellationToken cancellationToken) =>
        channel.ClientStreamAsync("AddArtifacts", requests(), AddArtifactsResponse.Parser, cancellationToken);

    public Task<InterruptResponse> InterruptAsync(InterruptRequest request, CancellationToken cancellationToken) =>
        channel.UnaryAsync("Interrupt", request, InterruptResponse.Parser, cancellationToken);

    public Task<ReleaseSessionResponse> ReleaseSessionAsync(ReleaseSessionRequest request, CancellationToken cancellationToken) =>
        channel.UnaryAsync("ReleaseSession", request, ReleaseSessionResponse.Parser, cancellationToken);

    public Task<FetchErrorDetailsResponse> FetchErrorDetailsAsync(FetchErrorDetailsRequest request, CancellationToken cancellationToken) =>
        channel.UnaryAsync("FetchErrorDetails", request, FetchErrorDetailsResponse.Parser, cancellationToken);

    public void Dispose() => channel.Dispose();
}
