using System.Buffers;
using System.Globalization;
using System.Net;

namespace MlNetCifar.Spark.Connect;

/// <summary>Where a Spark Connect server is and who asks: <c>sc://host:port/;token=…;use_ssl=true;user_id=…;session_id=…</c>.</summary>
public sealed record SparkConnection
{
    /// <summary>The port where none is given.</summary>
    public const int DefaultPort = 15002;

    static readonly SearchValues<char> s_headerCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    /// <summary>Name or address of the server.</summary>
    public required string Host { get; init; }

    /// <summary>Its port. The default is 15002.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>A bearer token, sent over TLS (or to this machine) only and never logged; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>Whether to use TLS. The default is false; a token implies it unless the server is this machine.</summary>
    public bool UseTls { get; init; }

    /// <summary>Sent as the user. The default is the system's user.</summary>
    public string UserId { get; init; } = Environment.UserName;

    /// <summary>The session; a new one by default.</summary>
    public string SessionId { get; init; } = Guid.NewGuid().ToString();

    /// <summary>A PEM file of certificates to trust instead of the system's; null for the system's.</summary>
    public string? TrustedCertificates { get; init; }

    /// <summary>Further headers of each request.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Attempts of each call.</summary>
    public RetryPolicy Retry { get; init; } = new();

    internal Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"{(UseTls ? "https" : "http")}://{Bracketed}:{Port}"));

    string Bracketed => Host.Contains(':') ? $"[{Host.Trim('[', ']')}]" : Host;

    /// <summary>Reads an address.</summary>
    /// <param name="text"><c>sc://host[:port][/;key=value…]</c>.</param>
    /// <exception cref="MlNetCifarException">The address is malformed or would send a token in clear text over a network (MNC6020).</exception>
    public static SparkConnection Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split(';');
        if (!Uri.TryCreate(parts[0], UriKind.Absolute, out var uri) || uri.Scheme != "sc" || uri.Host.Length == 0)
            throw SparkErrors.BadConnection("it does not start with sc://host.");
        if (uri.AbsolutePath is not ("" or "/") || uri.Query.Length > 0 || uri.UserInfo.Length > 0)
            throw SparkErrors.BadConnection("parameters follow after '/;'.");
        var connection = new SparkConnection { Host = uri.Host, Port = uri.Port > 0 ? uri.Port : DefaultPort };
        bool? tls = null;
        foreach (var part in parts.Skip(1).Where(p => p.Length > 0))
            connection = connection.With(part, ref tls);
        var isLocal = uri.Host == "localhost" || (IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
        if (connection.Token is not null && !isLocal && tls == false)
            throw SparkErrors.BadConnection("a token needs use_ssl=true.");
        return connection with { UseTls = tls ?? (connection.Token is not null && !isLocal) };
    }

    SparkConnection With(string part, ref bool? tls)
    {
        var equals = part.IndexOf('=');
        if (equals <= 0)
            throw SparkErrors.BadConnection("a parameter is no key=value.");
        var (key, value) = (part[..equals], Uri.UnescapeDataString(part[(equals + 1)..]));
        switch (key)
        {
            case "token":
                return this with { Token = value };
            case "user_id":
                return this with { UserId = value };
            case "session_id":
                return this with { SessionId = Guid.TryParse(value, out _) ? value : throw SparkErrors.BadConnection("session_id is no UUID.") };
            case "trusted_certificates":
                return this with { TrustedCertificates = value };
            case "use_ssl":
                tls = bool.TryParse(value, out var use) ? use : throw SparkErrors.BadConnection("use_ssl is neither true nor false.");
                return this;
            default:
                if (key.AsSpan().ContainsAnyExcept(s_headerCharacters) || key.EndsWith("-bin", StringComparison.OrdinalIgnoreCase))
                    throw SparkErrors.BadConnection("a parameter's name cannot be sent as a header.");
                return this with { Headers = new Dictionary<string, string>(Headers) { [key] = value } };
        }
    }

    /// <summary>Without secrets.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"sc://{Bracketed}:{Port}/;use_ssl={(UseTls ? "true" : "false")};user_id={UserId}{(Token is null ? "" : ";token=***")}");
}
