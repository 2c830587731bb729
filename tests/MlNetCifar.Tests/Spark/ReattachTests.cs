using System.Runtime.CompilerServices;
using Grpc.Core;
using MlNetCifar.Spark;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Tests.Spark;

/// <summary>Retries and reattaching against a fake server that breaks streams where it is told to.</summary>
[TestClass]
public sealed class ReattachTests
{
    static readonly SparkConnection s_connection = new()
    {
        Host = "none",
        Retry = new() { MaxAttempts = 4, InitialDelay = TimeSpan.Zero, Jitter = 0 },
    };

    static SparkSession Session(FakeRpc rpc) => new(s_connection, rpc);

    static async Task<int> CountAsync(SparkSession session)
    {
        var count = 0;
        var progress = new Counter();
        await foreach (var _ in session.ExecuteAsync(new(), progress, default))
            count++;
        return progress.Count;
    }

    [TestMethod]
    public async Task Execute_TakesUpBehindTheLastResponse_WhereverTheStreamBreaks()
    {
        for (var first = 0; first <= 5; first++)
        {
            for (var second = 0; second <= 5; second++)
            {
                using var rpc = new FakeRpc(5) { Breaks = new([first, second]) };
                Assert.AreEqual(5, await CountAsync(Session(rpc)), $"breaks after {first} and {second}");
                Assert.AreEqual(1, rpc.Executions, "an operation is started once");
                Assert.IsTrue(rpc.ReleasedAll);
            }
        }
    }

    [TestMethod]
    public async Task Execute_ReattachesWhereTheServerEndsTheStreamEarly()
    {
        using var rpc = new FakeRpc(5) { Breaks = new([2]), BreaksQuietly = true };
        Assert.AreEqual(5, await CountAsync(Session(rpc)));
        Assert.AreEqual(1, rpc.Reattachments);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public async Task Execute_OfStreamsThatOnlyEnd_WaitsAndGivesUp(int first)
    {
        using var rpc = new FakeRpc(5) { Breaks = new([first, .. Enumerable.Repeat(0, 100)]), BreaksQuietly = true };
        var waiting = new SparkSession(s_connection with { Retry = s_connection.Retry with { InitialDelay = TimeSpan.FromMilliseconds(30), Factor = 1 } }, rpc);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => CountAsync(waiting));
        Assert.AreEqual("MNC6021", error.Code);
        Assert.AreEqual(3, rpc.Reattachments);
        Assert.IsGreaterThan(80, clock.ElapsedMilliseconds);
        Assert.IsTrue(rpc.ReleasedAll);
    }

    [TestMethod]
    public async Task Execute_OfStreamsThatEndAfterEachResponse_GoesOnToTheResult()
    {
        using var rpc = new FakeRpc(20) { Breaks = new(Enumerable.Repeat(1, 20)), BreaksQuietly = true };
        Assert.AreEqual(20, await CountAsync(Session(rpc)));
    }

    [TestMethod]
    public async Task Execute_StartsAgain_WhenTheServerNeverHeardOfIt()
    {
        using var rpc = new FakeRpc(3) { Breaks = new([0]), ForgetsOnce = true };
        Assert.AreEqual(3, await CountAsync(Session(rpc)));
        Assert.AreEqual(2, rpc.Executions);
    }

    [TestMethod]
    public async Task Execute_NeverStartsAgain_OnceSomethingWasSeen()
    {
        using var rpc = new FakeRpc(3) { Breaks = new([2]), ForgetsOnce = true };
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => CountAsync(Session(rpc)));
        Assert.AreEqual("MNC6024", error.Code);
        Assert.AreEqual(1, rpc.Executions);
    }

    [TestMethod]
    public async Task Execute_GivesUpAfterThePolicysAttempts()
    {
        using var rpc = new FakeRpc(3) { Breaks = new([1, 0, 0, 0, 0, 0, 0]) };
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => CountAsync(Session(rpc)));
        Assert.AreEqual("MNC6021", error.Code);
        Assert.AreEqual(3, rpc.Reattachments);
    }

    [TestMethod]
    public async Task Unary_IsRepeatedWhileUnavailable()
    {
        using var rpc = new FakeRpc(0) { FailConfig = 3 };
        await Session(rpc).SetAsync(new Dictionary<string, string> { ["a"] = "b" });
        Assert.AreEqual(4, rpc.ConfigCalls);
        rpc.FailConfig = 10;
        await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => Session(rpc).GetAsync("a"));
    }

    [TestMethod]
    public async Task Cancellation_IsSeenWhileWaitingForTheNextAttempt()
    {
        using var rpc = new FakeRpc(0) { FailConfig = 100 };
        var slow = new SparkSession(s_connection with { Retry = new() { InitialDelay = TimeSpan.FromMinutes(5), MaxDelay = TimeSpan.FromMinutes(5) } }, rpc);
        using var source = new CancellationTokenSource(50);
        await Assert.ThrowsAsync<OperationCanceledException>(() => slow.GetAsync("a", source.Token));
    }

    [TestMethod]
    public void Delay_GrowsToItsLimitAndStaysWithinItsJitter()
    {
        var policy = new RetryPolicy { InitialDelay = TimeSpan.FromMilliseconds(100), Factor = 2, MaxDelay = TimeSpan.FromSeconds(1), Jitter = 0.5 };
        CollectionAssert.AreEqual(new[] { 100.0, 200, 400, 800, 1000, 1000 }, Enumerable.Range(1, 6).Select(i => policy.Delay(i, 0.5).TotalMilliseconds).ToArray());
        Assert.AreEqual(50, policy.Delay(1, 0).TotalMilliseconds, 1e-9);
        Assert.AreEqual(150, policy.Delay(1, 1).TotalMilliseconds, 1e-9);
    }

    sealed class Counter : IProgress<SparkProgress>
    {
        public int Count { get; private set; }

        public void Report(SparkProgress value) => Count++;
    }

    /// <summary>Answers a query with numbered progress messages and a final one; a stream breaks after as many messages as <see cref="Breaks"/> says.</summary>
    sealed class FakeRpc(int messages) : ISparkConnectRpc
    {
        public Queue<int> Breaks { get; init; } = new();

        public bool BreaksQuietly { get; init; }

        public bool ForgetsOnce { get; set; }

        public int FailConfig { get; set; }

        public int Executions { get; private set; }

        public int Reattachments { get; private set; }

        public int ConfigCalls { get; private set; }

        public bool ReleasedAll { get; private set; }

        public IAsyncEnumerable<ExecutePlanResponse> ExecutePlanAsync(ExecutePlanRequest request, CancellationToken cancellationToken)
        {
            Executions++;
            return Stream(0, cancellationToken);
        }

        public IAsyncEnumerable<ExecutePlanResponse> ReattachExecuteAsync(ReattachExecuteRequest request, CancellationToken cancellationToken)
        {
            Reattachments++;
            return Stream(request.HasLastResponseId ? int.Parse(request.LastResponseId) + 1 : 0, cancellationToken);
        }

        async IAsyncEnumerable<ExecutePlanResponse> Stream(int from, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            if (ForgetsOnce && Reattachments > 0)
            {
                ForgetsOnce = false;
                throw new RpcException(new(StatusCode.NotFound, "[INVALID_HANDLE.OPERATION_NOT_FOUND]"));
            }

            var left = Breaks.TryDequeue(out var limit) ? limit : int.MaxValue;
            for (var i = from; i <= messages; i++)
            {
                if (left-- == 0)
                {
                    if (BreaksQuietly)
                        yield break;
                    throw new RpcException(new(StatusCode.Unavailable, "broken"));
                }

                yield return i < messages
                    ? new() { ResponseId = $"{i}", ExecutionProgress = new() { NumInflightTasks = i } }
                    : new() { ResponseId = $"{i}", ResultComplete = new() };
            }
        }

        public Task<ReleaseExecuteResponse> ReleaseExecuteAsync(ReleaseExecuteRequest request, CancellationToken cancellationToken)
        {
            ReleasedAll |= request.ReleaseAll is not null;
            return Task.FromResult(new ReleaseExecuteResponse());
        }

        public Task<ConfigResponse> ConfigAsync(ConfigRequest request, CancellationToken cancellationToken)
        {
            ConfigCalls++;
            return FailConfig-- > 0 ? throw new RpcException(new(StatusCode.Unavailable, "busy")) : Task.FromResult(new ConfigResponse());
        }

        public Task<AnalyzePlanResponse> AnalyzePlanAsync(AnalyzePlanRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<AddArtifactsResponse> AddArtifactsAsync(Func<IEnumerable<AddArtifactsRequest>> requests, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<InterruptResponse> InterruptAsync(InterruptRequest request, CancellationToken cancellationToken) => Task.FromResult(new InterruptResponse());

        public Task<ReleaseSessionResponse> ReleaseSessionAsync(ReleaseSessionRequest request, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<FetchErrorDetailsResponse> FetchErrorDetailsAsync(FetchErrorDetailsRequest request, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
