using Grpc.Core;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>Repeats the unary calls that fail for a passing reason. The streams go through as they are: their reattaching repeats them.</summary>
sealed class RetryingRpc(ISparkConnectRpc inner, RetryPolicy policy, TimeProvider? time = null) : ISparkConnectRpc
{
    bool _hasAnswered;

    public IAsyncEnumerable<ExecutePlanResponse> ExecutePlanAsync(ExecutePlanRequest request, CancellationToken cancellationToken) =>
        inner.ExecutePlanAsync(request, cancellationToken);

    public IAsyncEnumerable<ExecutePlanResponse> ReattachExecuteAsync(ReattachExecuteRequest request, CancellationToken cancellationToken) =>
        inner.ReattachExecuteAsync(request, cancellationToken);

    public Task<ReleaseExecuteResponse> ReleaseExecuteAsync(ReleaseExecuteRequest request, CancellationToken cancellationToken) =>
        RetryAsync(() => inner.ReleaseExecuteAsync(request, cancellationToken), cancellationToken);

    public Task<AnalyzePlanResponse> AnalyzePlanAsync(AnalyzePlanRequest request, CancellationToken cancellationToken) =>
        RetryAsync(() => inner.AnalyzePlanAsync(request, cancellationToken), cancellationToken);

    public Task<ConfigResponse> ConfigAsync(ConfigRequest request, CancellationToken cancellationToken) =>
        RetryAsync(() => inner.ConfigAsync(request, cancellationToken), cancellationToken);

    public Task<AddArtifactsResponse> AddArtifactsAsync(Func<IEnumerable<AddArtifactsRequest>> requests, CancellationToken cancellationToken) =>
        RetryAsync(() => inner.AddArtifactsAsync(requests, cancellationToken), cancellationToken);

    public Task<InterruptResponse> InterruptAsync(InterruptRequest request, CancellationToken cancellationToken) =>
        RetryAsync(() => inner.InterruptAsync(request, cancellationToken), cancellationToken);

    // Both are sent when something has ended already; repeating them would only delay that.
    public Task<ReleaseSessionResponse> ReleaseSessionAsync(ReleaseSessionRequest request, CancellationToken cancellationToken) =>
        inner.ReleaseSessionAsync(request, cancellationToken);

    public Task<FetchErrorDetailsResponse> FetchErrorDetailsAsync(FetchErrorDetailsRequest request, CancellationToken cancellationToken) =>
        inner.FetchErrorDetailsAsync(request, cancellationToken);

    public void Dispose() => inner.Dispose();

    async Task<T> RetryAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        var retry = new RetryState(policy, time);
        while (true)
        {
            try
            {
                var response = await call().ConfigureAwait(false);
                Volatile.Write(ref _hasAnswered, true);
                return response;
            }
            catch (RpcException e) when (e.IsTransient() && !cancellationToken.IsCancellationRequested)
            {
                if (!await retry.WaitAsync(e, Volatile.Read(ref _hasAnswered), cancellationToken).ConfigureAwait(false))
                    throw;
            }
        }
    }
}
