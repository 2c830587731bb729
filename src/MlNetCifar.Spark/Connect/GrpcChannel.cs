using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>gRPC over HTTP/2: unary, server-streaming and client-streaming calls. Thread-safe.</summary>
sealed class GrpcChannel : IDisposable
{
    const int MaxMessage = 512 << 20;

    readonly HttpMessageInvoker _http;
    readonly SparkConnection _connection;

    public GrpcChannel(SparkConnection connection, HttpMessageHandler? handler = null)
    {
        _connection = connection;
        _http = new HttpMessageInvoker(handler ?? Handler(connection));
    }

    /// <summary>One message there, one back.</summary>
    public async Task<TResponse> UnaryAsync<TResponse>(
        string method, IMessage request, MessageParser<TResponse> parser, CancellationToken cancellationToken)
        where TResponse : IMessage<TResponse>
    {
        TResponse? answer = default;
        await foreach (var message in StreamAsync(method, new GrpcContent([request]), parser, cancellationToken).ConfigureAwait(false))
            answer = message;
        return answer ?? throw SparkErrors.BrokenProtocol($"{method} gave no answer.");
    }

    /// <summary>One message there, many back.</summary>
    public IAsyncEnumerable<TResponse> ServerStreamAsync<TResponse>(
        string method, IMessage request, MessageParser<TResponse> parser, CancellationToken cancellationToken)
        where TResponse : IMessage<TResponse> => StreamAsync(method, new GrpcContent([request]), parser, cancellationToken);

    /// <summary>Many messages there, one back. The messages are made one at a time while they are sent.</summary>
    public async Task<TResponse> ClientStreamAsync<TResponse>(
        string method, IEnumerable<IMessage> requests, MessageParser<TResponse> parser, CancellationToken cancellationToken)
        where TResponse : IMessage<TResponse>
    {
        TResponse? answer = default;
        await foreach (var message in StreamAsync(method, new GrpcContent(requests), parser, cancellationToken).ConfigureAwait(false))
            answer = message;
        return answer ?? throw SparkErrors.BrokenProtocol($"{method} gave no answer.");
    }

    public void Dispose() => _http.Dispose();

    async IAsyncEnumerable<TResponse> StreamAsync<TResponse>(
        string method, GrpcContent content, MessageParser<TResponse> parser, [EnumeratorCancellation] CancellationToken cancellationToken)
        where TResponse : IMessage<TResponse>
    {
        using var response = await GuardAsync(() => _http.SendAsync(Request(method, content), cancellationToken), cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
            throw new GrpcException(FromHttp(response.StatusCode), $"HTTP status {(int)response.StatusCode}");
        Check(response.Headers);
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        while (await GuardAsync(() => ReadAsync(body, cancellationToken), cancellationToken).ConfigureAwait(false) is { } frame)
            yield return parser.ParseFrom(frame);
        if (!Check(response.TrailingHeaders) && !response.Headers.Contains("grpc-status"))
            throw new GrpcException(GrpcStatus.Unavailable, "The stream ended without a status.");
    }

    HttpRequestMessage Request(string method, GrpcContent content)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_connection.Address, $"/spark.connect.SparkConnectService/{method}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        request.Headers.TE.Add(new("trailers"));
        if (_connection.Token is { } token)
            request.Headers.Authorization = new("Bearer", token);
        foreach (var (key, value) in _connection.Headers)
            request.Headers.TryAddWithoutValidation(key, value);
        return request;
    }

    static async Task<byte[]?> ReadAsync(Stream body, CancellationToken cancellationToken)
    {
        var head = new byte[5];
        var n = await body.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (n == 0)
            return null;
        if (n < 5)
            throw new EndOfStreamException("The stream ended within a message.");
        var length = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(1));
        if (head[0] != 0 || length > MaxMessage)
            throw SparkErrors.BrokenProtocol(head[0] != 0 ? "compressed messages were not asked for." : $"a message of {length} bytes.");
        var frame = GC.AllocateUninitializedArray<byte>((int)length);
        await body.ReadExactlyAsync(frame, cancellationToken).ConfigureAwait(false);
        return frame;
    }

    // True where there is a status; throws unless it is OK.
    static bool Check(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var values))
            return false;
        var status = (GrpcStatus)int.Parse(values.First(), CultureInfo.InvariantCulture);
        if (status == GrpcStatus.Ok)
            return true;
        var message = headers.TryGetValues("grpc-message", out var texts) ? Uri.UnescapeDataString(texts.First()) : status.ToString();
        Status? details = null;
        if (headers.TryGetValues("grpc-status-details-bin", out var binary))
            details = Details(binary.First());
        throw new GrpcException(status, message, details);
    }

    static Status? Details(string base64)
    {
        try
        {
            return Status.Parser.ParseFrom(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
        }
        catch (Exception e) when (e is FormatException or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    static GrpcStatus FromHttp(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized => GrpcStatus.Unauthenticated,
        HttpStatusCode.Forbidden => GrpcStatus.PermissionDenied,
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => GrpcStatus.Unavailable,
        _ => GrpcStatus.Unknown,
    };

    static async Task<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException && !cancellationToken.IsCancellationRequested)
        {
            throw new GrpcException(GrpcStatus.Unavailable, e.GetBaseException().Message, inner: e);
        }
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
