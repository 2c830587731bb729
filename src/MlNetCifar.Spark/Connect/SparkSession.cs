using System.Runtime.CompilerServices;
using Grpc.Core;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>A session on a Spark Connect server. Thread-safe; several queries may run at once.</summary>
public sealed class SparkSession : IAsyncDisposable
{
    const string ClientType = "mlnetcifar";
    static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(5);

    readonly ISparkConnectRpc _rpc;
    readonly TimeProvider? _time;

    internal SparkSession(SparkConnection connection, ISparkConnectRpc rpc, TimeProvider? time = null)
    {
        Connection = connection;
        _time = time;
        _rpc = new RetryingRpc(rpc, connection.Retry, time);
    }

    /// <summary>Where the server is.</summary>
    public SparkConnection Connection { get; }

    /// <summary>Connects and asks the server for its version.</summary>
    /// <param name="address"><c>sc://host:port/;…</c>, see <see cref="SparkConnection"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="MlNetCifarException">The address is malformed (MNC6020), nobody answers (MNC6021), or the token is refused (MNC6022).</exception>
    public static Task<SparkSession> ConnectAsync(string address, CancellationToken cancellationToken = default) =>
        ConnectAsync(SparkConnection.Parse(address), cancellationToken);

    /// <summary>Connects and asks the server for its version.</summary>
    /// <param name="connection">Where the server is.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="MlNetCifarException">Nobody answers (MNC6021), or the token is refused (MNC6022).</exception>
    public static async Task<SparkSession> ConnectAsync(SparkConnection connection, CancellationToken cancellationToken = default)
    {
        var session = new SparkSession(connection, new SparkConnectRpc(connection));
        try
        {
            session.Version = await session.VersionAsync(cancellationToken).ConfigureAwait(false);
            return session;
        }
        catch
        {
            session._rpc.Dispose();
            throw;
        }
    }

    /// <summary>The server's version, for example <c>4.3.0</c>.</summary>
    public string Version { get; private set; } = "";

    /// <summary>A query in SQL; commands go to <see cref="ExecuteSqlAsync"/>.</summary>
    /// <param name="query">A SELECT.</param>
    public SparkDataFrame Sql(string query) => new(this, Plans.Sql(query));

    /// <summary>A table or temporary view.</summary>
    /// <param name="name">Its name.</param>
    public SparkDataFrame Table(string name) => new(this, Plans.Table(name));

    /// <summary>Files as rows.</summary>
    /// <param name="format"><c>binaryFile</c>, <c>parquet</c>, <c>json</c>, …</param>
    /// <param name="paths">Files or folders as Spark sees them.</param>
    /// <param name="options">Of the source; null for none.</param>
    /// <param name="schema">Column names and types in SQL's notation; null to let Spark find out.</param>
    public SparkDataFrame Read(string format, IEnumerable<string> paths, IReadOnlyDictionary<string, string>? options = null, string? schema = null) =>
        new(this, Plans.Source(format, paths, options, schema));

    /// <summary>Runs a command in SQL.</summary>
    /// <param name="command">For example a CREATE or DROP.</param>
    /// <param name="cancellationToken">Interrupts it.</param>
    public Task ExecuteSqlAsync(string command, CancellationToken cancellationToken = default) =>
        CommandAsync(Plans.SqlCommand(command), null, cancellationToken);

    /// <summary>Sets properties of the session.</summary>
    /// <param name="properties">Names and values.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task SetAsync(IReadOnlyDictionary<string, string> properties, CancellationToken cancellationToken = default)
    {
        var set = new ConfigRequest.Types.Set();
        set.Pairs.Add(properties.Select(p => new KeyValue { Key = p.Key, Value = p.Value }));
        return ConfigAsync(new() { Set = set }, cancellationToken);
    }

    /// <summary>A property of the session, or null where it is not set.</summary>
    /// <param name="name">The property.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<string?> GetAsync(string name, CancellationToken cancellationToken = default)
    {
        var get = new ConfigRequest.Types.GetOption();
        get.Keys.Add(name);
        var response = await ConfigAsync(new() { GetOption = get }, cancellationToken).ConfigureAwait(false);
        return response.Pairs.FirstOrDefault(p => p.Key == name) is { HasValue: true } pair ? pair.Value : null;
    }

    /// <summary>Ships a file to the executors: it lies in their working directory under a folder of the session.</summary>
    /// <param name="name">A plain file name.</param>
    /// <param name="file">The local file.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="MlNetCifarException">The file arrived damaged (MNC6026).</exception>
    public async Task AddFileAsync(string name, string file, CancellationToken cancellationToken = default)
    {
        var response = await GuardAsync(
            () => _rpc.AddArtifactsAsync(() => Artifacts.Requests(NewArtifactRequest, $"files/{name}", file), cancellationToken), cancellationToken).ConfigureAwait(false);
        if (response.Artifacts.Any(a => !a.IsCrcSuccessful))
            throw SparkErrors.BadArtifact(name);
    }

    /// <summary>Stops everything that runs in this session.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>How many queries were stopped.</returns>
    public async Task<int> InterruptAllAsync(CancellationToken cancellationToken = default)
    {
        var request = new InterruptRequest
        {
            SessionId = Connection.SessionId,
            UserContext = User,
            ClientType = ClientType,
            InterruptType = InterruptRequest.Types.InterruptType.All,
        };
        return (await GuardAsync(() => _rpc.InterruptAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false)).InterruptedIds.Count;
    }

    /// <summary>Ends the session on the server and closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            using var limit = new CancellationTokenSource(s_farewell);
            await _rpc.ReleaseSessionAsync(new() { SessionId = Connection.SessionId, UserContext = User, ClientType = ClientType }, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or MlNetCifarException)
        {
            // A server that is gone has forgotten the session too.
        }

        _rpc.Dispose();
    }

    internal async Task CommandAsync(Plan plan, IProgress<SparkProgress>? progress, CancellationToken cancellationToken)
    {
        await foreach (var _ in ExecuteAsync(plan, progress, cancellationToken).ConfigureAwait(false))
        {
        }
    }

    internal async IAsyncEnumerable<SparkRow> ExecuteAsync(
        Plan plan, IProgress<SparkProgress>? progress, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = NewExecuteRequest(plan);
        var execution = new ReattachableExecution(_rpc, request, Connection.Retry, _time);
        var responses = execution.RunAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (responses.ConfigureAwait(false))
        {
            while (await NextAsync(responses, request.OperationId, cancellationToken).ConfigureAwait(false))
            {
                if (responses.Current.ArrowBatch is { } batch)
                {
                    foreach (var row in ArrowRows.Read(batch.Data.Memory))
                        yield return row;
                }
                else if (responses.Current.ExecutionProgress is { } state)
                {
                    progress?.Report(new(state.Stages.Sum(s => s.NumTasks), state.Stages.Sum(s => s.NumCompletedTasks), state.NumInflightTasks,
                        state.Stages.Count, state.Stages.Sum(s => s.InputBytesRead)));
                }
            }
        }
    }

    async Task<bool> NextAsync(IAsyncEnumerator<ExecutePlanResponse> responses, string operation, CancellationToken cancellationToken)
    {
        try
        {
            return await GuardAsync(() => responses.MoveNextAsync().AsTask(), cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await InterruptAsync(operation).ConfigureAwait(false);
            throw;
        }
    }

    async Task InterruptAsync(string operation)
    {
        try
        {
            using var limit = new CancellationTokenSource(s_farewell);
            await _rpc.InterruptAsync(new()
            {
                SessionId = Connection.SessionId,
                UserContext = User,
                ClientType = ClientType,
                InterruptType = InterruptRequest.Types.InterruptType.OperationId,
                OperationId = operation,
            }, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            // The caller is told of the cancellation, not of this.
        }
    }

    UserContext User => new() { UserId = Connection.UserId, UserName = Connection.UserId };

    ExecutePlanRequest NewExecuteRequest(Plan plan) => new()
    {
        SessionId = Connection.SessionId,
        UserContext = User,
        ClientType = ClientType,
        OperationId = Guid.NewGuid().ToString(),
        Plan = plan,
        RequestOptions = { new ExecutePlanRequest.Types.RequestOption { ReattachOptions = new() { Reattachable = true } } },
    };

    AddArtifactsRequest NewArtifactRequest() => new() { SessionId = Connection.SessionId, UserContext = User, ClientType = ClientType };

    internal async Task<string> ExplainAsync(Plan plan, CancellationToken cancellationToken) =>
        (await AnalyzeAsync(
            r => r.Explain = new() { Plan = plan, ExplainMode = AnalyzePlanRequest.Types.Explain.Types.ExplainMode.Simple }, cancellationToken).ConfigureAwait(false))
            .Explain?.ExplainString ?? "";

    async Task<string> VersionAsync(CancellationToken cancellationToken) =>
        (await AnalyzeAsync(r => r.SparkVersion = new(), cancellationToken).ConfigureAwait(false)).SparkVersion?.Version ?? "";

    Task<AnalyzePlanResponse> AnalyzeAsync(Action<AnalyzePlanRequest> ask, CancellationToken cancellationToken)
    {
        var request = new AnalyzePlanRequest { SessionId = Connection.SessionId, UserContext = User, ClientType = ClientType };
        ask(request);
        return GuardAsync(() => _rpc.AnalyzePlanAsync(request, cancellationToken), cancellationToken);
    }

    Task<ConfigResponse> ConfigAsync(ConfigRequest.Types.Operation operation, CancellationToken cancellationToken)
    {
        var request = new ConfigRequest { SessionId = Connection.SessionId, UserContext = User, ClientType = ClientType, Operation = operation };
        return GuardAsync(() => _rpc.ConfigAsync(request, cancellationToken), cancellationToken);
    }

    async Task<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            if (cancellationToken.IsCancellationRequested)
                throw new OperationCanceledException("The query was cancelled.", e, cancellationToken);
            throw await ErrorDetails.TranslateAsync(_rpc, Connection, e).ConfigureAwait(false);
        }
    }
}
