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
