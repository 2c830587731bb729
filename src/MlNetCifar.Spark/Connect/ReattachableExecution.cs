using System.Runtime.CompilerServices;
using Grpc.Core;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>
/// Runs a plan to its end over any number of broken streams: the server keeps the responses until they are released,
/// and after a break the stream is taken up behind the last one received, so each arrives exactly once. A stream that ends before the result is
/// a break like any other: between two that bring nothing there is a wait, and the policy says after how many of them it is enough.
/// </summary>
sealed class ReattachableExecution(ISparkConnectRpc rpc, ExecutePlanRequest request, RetryPolicy policy, TimeProvider? time = null)
{
    static readonly TimeSpan s_releaseTimeout = TimeSpan.FromSeconds(5);

    string? _last;
    string? _released;

    public async IAsyncEnumerable<ExecutePlanResponse> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var retry = new RetryState(policy, time);
        var stream = rpc.ExecutePlanAsync(request, cancellationToken).GetAsyncEnumerator(cancellationToken);
        try
        {
            while (true)
            {
                var (response, fault) = await NextAsync(stream).ConfigureAwait(false);
                if (response is not null)
                {
                    retry.Reset();
                    _last = response.ResponseId;
                    yield return response;
                    if (response.ResponseTypeCase == ExecutePlanResponse.ResponseTypeOneofCase.ResultComplete)
                        break;
                    ReleaseUntilLast(response);
                    continue;
                }

                await stream.DisposeAsync().ConfigureAwait(false);
                fault ??= new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "The server ended the stream before the result."));
                if (!await MayGoOnAsync(fault, retry, cancellationToken).ConfigureAwait(false))
                    throw fault;
                stream = Resume(fault, cancellationToken).GetAsyncEnumerator(cancellationToken);
            }
        }
        finally
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            await ReleaseAsync(new() { ReleaseAll = new() }).ConfigureAwait(false);
        }
    }

    static async Task<(ExecutePlanResponse?, RpcException?)> NextAsync(IAsyncEnumerator<ExecutePlanResponse> stream)
    {
        try
        {
            return (await stream.MoveNextAsync().ConfigureAwait(false) ? stream.Current : null, null);
        }
        catch (RpcException e)
        {
            return (null, e);
        }
    }

    async ValueTask<bool> MayGoOnAsync(RpcException fault, RetryState retry, CancellationToken cancellationToken) =>
        (fault.IsTransient() || (IsUnknown(fault) && _last is null)) && await retry.WaitAsync(fault, hasAnswered: true, cancellationToken).ConfigureAwait(false);

    static bool IsUnknown(RpcException fault) => fault.Is("INVALID_HANDLE.OPERATION_NOT_FOUND") || fault.Is("INVALID_HANDLE.SESSION_NOT_FOUND");

    // An operation the server never heard of can be started again only if nothing of it was seen yet.
    IAsyncEnumerable<ExecutePlanResponse> Resume(RpcException fault, CancellationToken cancellationToken)
    {
        if (IsUnknown(fault))
            return rpc.ExecutePlanAsync(request, cancellationToken);
        var reattach = new ReattachExecuteRequest
        {
            SessionId = request.SessionId,
            UserContext = request.UserContext,
            OperationId = request.OperationId,
            ClientType = request.ClientType,
        };
        if (_last is not null)
            reattach.LastResponseId = _last;
        return rpc.ReattachExecuteAsync(reattach, cancellationToken);
    }

    // Only batches are worth it: progress messages are small and many.
    void ReleaseUntilLast(ExecutePlanResponse response)
    {
        if (response.ResponseTypeCase != ExecutePlanResponse.ResponseTypeOneofCase.ArrowBatch || _released == response.ResponseId)
            return;
        _released = response.ResponseId;
        _ = ReleaseAsync(new() { ReleaseUntil = new() { ResponseId = response.ResponseId } });
    }

    async Task ReleaseAsync(ReleaseExecuteRequest release)
    {
        release.SessionId = request.SessionId;
        release.UserContext = request.UserContext;
        release.OperationId = request.OperationId;
        release.ClientType = request.ClientType;
        try
        {
            using var limit = new CancellationTokenSource(s_releaseTimeout);
            await rpc.ReleaseExecuteAsync(release, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or ObjectDisposedException or MlNetCifarException)
        {
            // The server forgets abandoned operations by itself.
        }
    }
}
