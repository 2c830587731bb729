using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Principal;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// Shows a Kerberos ticket where a server asks for one (SPNEGO over HTTP, RFC 4559), and afterwards the cookie that Hadoop's servers give for it, so that a ticket is shown once
/// and not with each request. Written against the published protocol and tested with recorded exchanges, not on such a cluster.
/// </summary>
/// <param name="inner">Sends the requests.</param>
/// <param name="tickets">Begins an exchange with a service, for example <c>HTTP/namenode.example</c>; null for the tickets of this user.</param>
sealed class SpnegoHandler(HttpMessageHandler inner, Func<string, ITicket>? tickets = null) : DelegatingHandler(inner)
{
    const string Scheme = "Negotiate";
    const string CookieName = "hadoop.auth";

    readonly ConcurrentDictionary<string, string> _cookies = new(StringComparer.OrdinalIgnoreCase);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var server = request.RequestUri!.Authority;
        if (_cookies.TryGetValue(server, out var cookie))
            request.Headers.Add("Cookie", cookie);
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Unauthorized || Challenge(response) is null)
            return response;
        response.Dispose();
        _cookies.TryRemove(server, out _);
        using var ticket = (tickets ?? Ticket.Begin)($"HTTP/{request.RequestUri.Host}");
        using var again = new HttpRequestMessage(request.Method, request.RequestUri) { Content = request.Content };
        again.Headers.Authorization = new(Scheme, ticket.Next(null) ?? throw HdfsErrors.WantsKerberos(null, ticket.Fault));
        response = await base.SendAsync(again, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            response.Dispose();
            throw HdfsErrors.WantsKerberos(null, "the name node did not accept this user's");
        }

        // Its answer to the ticket proves that the server is the one that was meant.
        if (Challenge(response) is { Length: > 0 } proof)
        {
            ticket.Next(proof);
            if (ticket.Fault is { } fault)
            {
                response.Dispose();
                throw HdfsErrors.WantsKerberos(null, fault);
            }
        }

        if (CookieOf(response) is { } given)
            _cookies[server] = given;
        return response;
    }

    // Empty where a ticket is asked for, null where none is.
    static string? Challenge(HttpResponseMessage response) =>
        response.Headers.WwwAuthenticate.FirstOrDefault(a => a.Scheme.Equals(Scheme, StringComparison.OrdinalIgnoreCase)) is { } challenge ? challenge.Parameter ?? "" : null;

    static string? CookieOf(HttpResponseMessage response) => response.Headers.TryGetValues("Set-Cookie", out var cookies)
        ? cookies.Select(c => c.Split(';')[0].Trim()).FirstOrDefault(c => c.StartsWith($"{CookieName}=", StringComparison.Ordinal) && c.Length > CookieName.Length + 3) : null;

    sealed class Ticket(string service) : ITicket
    {
        NegotiateAuthentication? _exchange;

        public string? Fault { get; private set; }

        public static ITicket Begin(string service) => new Ticket(service);

        public string? Next(string? challenge)
        {
            try
            {
                _exchange ??= new(new NegotiateAuthenticationClientOptions
                {
                    Package = Scheme,
                    TargetName = service,
                    Credential = CredentialCache.DefaultNetworkCredentials,
                    RequireMutualAuthentication = true,
                    AllowedImpersonationLevel = TokenImpersonationLevel.Identification,
                });
                var token = _exchange.GetOutgoingBlob(challenge, out var status);
                if (status is not (NegotiateAuthenticationStatusCode.Completed or NegotiateAuthenticationStatusCode.ContinueNeeded))
                    Fault = status.ToString();
                return Fault is null ? token : null;
            }
            catch (Exception e) when (e is PlatformNotSupportedException or InvalidOperationException or FormatException or DllNotFoundException)
            {
                Fault = e.Message.TrimEnd('.');
                return null;
            }
        }

        public void Dispose() => _exchange?.Dispose();
    }
}

/// <summary>An exchange with a service that asks for a ticket.</summary>
interface ITicket : IDisposable
{
    /// <summary>Why there is none, or why the server is not the one that was meant; null as long as all is well.</summary>
    string? Fault { get; }

    /// <summary>What is sent next, in base64.</summary>
    /// <param name="challenge">What the server sent; null at first.</param>
    string? Next(string? challenge);
}
