using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>The real thing. Thread-safe.</summary>
sealed class SparkConnectRpc : ISparkConnectRpc
{
    const int MaxMessage = 512 << 20;

    readonly GrpcChannel _channel;
    readonly SparkConnectService.SparkConnectServiceClient _client;

    public SparkConnectRpc(SparkConnection connection)
    {
        _channel = GrpcChannel.ForAddress(connection.Address, new()
        {
            HttpHandler = Handler(connection),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MaxMessage,
        });
        // A header of each call: the library's credentials would want TLS on this machine too.
        _client = new(_channel.Intercept(headers => AddHeaders(headers, connection)));
    }

    public IAsyncEnumerable<ExecutePlanResponse> ExecutePlanAsync(ExecutePlanRequest request, CancellationToken cancellationToken) =>
        ReadAsync(ct => _client.ExecutePlan(request, cancellationToken: ct), cancellationToken);

    public IAsyncEnumerable<ExecutePlanResponse> ReattachExecuteAsync(ReattachExecuteRequest request, CancellationToken cancellationToken) =>
        ReadAsync(ct => _client.ReattachExecute(request, cancellationToken: ct), cancellationToken);

    public async Task<ReleaseExecuteResponse> ReleaseExecuteAsync(ReleaseExecuteRequest request, CancellationToken cancellationToken) =>
        await _client.ReleaseExecuteAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);

    public async Task<AnalyzePlanResponse> AnalyzePlanAsync(AnalyzePlanRequest request, CancellationToken cancellationToken) =>
        await _client.AnalyzePlanAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);

    public async Task<ConfigResponse> ConfigAsync(ConfigRequest request, CancellationToken cancellationToken) =>
        await _client.ConfigAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);

    public async Task<AddArtifactsResponse> AddArtifactsAsync(Func<IEnumerable<AddArtifactsRequest>> requests, CancellationToken cancellationToken)
    {
        using var call = _client.AddArtifacts(cancellationToken: cancellationToken);
        // The messages are made one at a time while they are sent.
        foreach (var request in requests())
            await call.RequestStream.WriteAsync(request, cancellationToken).ConfigureAwait(false);
        await call.RequestStream.CompleteAsync().ConfigureAwait(false);
        return await call.ConfigureAwait(false);
    }

    public async Task<InterruptResponse> InterruptAsync(InterruptRequest request, CancellationToken cancellationToken) =>
        await _client.InterruptAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);

    public async Task<ReleaseSessionResponse> ReleaseSessionAsync(ReleaseSessionRequest request, CancellationToken cancellationToken) =>
        await _client.ReleaseSessionAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);

    public async Task<FetchErrorDetailsResponse> FetchErrorDetailsAsync(FetchErrorDetailsRequest request, CancellationToken cancellationToken) =>
        await _client.FetchErrorDetailsAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);

    public void Dispose() => _channel.Dispose();

    static async IAsyncEnumerable<ExecutePlanResponse> ReadAsync(
        Func<CancellationToken, AsyncServerStreamingCall<ExecutePlanResponse>> start, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var call = start(cancellationToken);
        while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
            yield return call.ResponseStream.Current;
    }

    static Metadata AddHeaders(Metadata headers, SparkConnection connection)
    {
        if (connection.Token is { } token)
            headers.Add("authorization", $"Bearer {token}");
        foreach (var (key, value) in connection.Headers)
            headers.Add(key, value);
        return headers;
    }

    static SocketsHttpHandler Handler(SparkConnection connection)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = connection.Retry.ConnectTimeout,
            KeepAlivePingDelay = TimeSpan.FromSeconds(60),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(30),
        };
        if (connection.TrustedCertificates is { } file)
            handler.SslOptions.CertificateChainPolicy = Trust(file);
        return handler;
    }

    static X509ChainPolicy Trust(string file)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(file);
        return policy;
    }
}
