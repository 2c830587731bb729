namespace MlNetCifar.Client;

/// <summary>Where a server is, and how patient its client. Immutable.</summary>
public sealed record ModelClientOptions
{
    /// <summary>The server's address, for example http://127.0.0.1:8080.</summary>
    public required Uri Address { get; init; }

    /// <summary>Sent in <c>X-Api-Key</c>; null (the default) for none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Sent in <c>Authorization: Bearer</c>; null (the default) for none.</summary>
    public string? BearerToken { get; init; }

    /// <summary>Longest time a call may take, retries and the waits before them included; &gt; 0. The default is 60 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How often a call is tried again, 0 … 100, where the server is busy, not ready or too late (429, 503, 504) or cannot be reached: after what its <c>Retry-After</c> says, else after waits that
    /// double from <see cref="Delay"/>. The default is 4. <see cref="ModelClient.TellAsync"/> is tried again only where the server has said that it did nothing.
    /// </summary>
    public int Retries { get; init; } = 4;

    /// <summary>Wait before the first retry, more or less, &gt; 0. The default is 200 ms.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Checks every property.</summary>
    /// <exception cref="ArgumentException">Lists all faults.</exception>
    public void Validate()
    {
        string[] faults =
        [
            .. Check(Address is { IsAbsoluteUri: true, Scheme: "http" or "https" }, $"{nameof(Address)} must be an address of http or https"),
            .. Check(Timeout > TimeSpan.Zero, $"{nameof(Timeout)} must be above 0"),
            .. Check(Retries is >= 0 and <= 100, $"{nameof(Retries)} must be 0 to 100"),
            .. Check(Delay > TimeSpan.Zero, $"{nameof(Delay)} must be above 0"),
        ];
        if (faults.Length > 0)
            throw new ArgumentException($"The options of the client are not valid: {string.Join("; ", faults)}.");
    }

    /// <summary>Address, keys; the clock is the pipeline's.</summary>
    internal void Apply(HttpClient http)
    {
        http.BaseAddress = Address.AbsoluteUri.EndsWith('/') ? Address : new Uri(Address.AbsoluteUri + "/");
        http.Timeout = System.Threading.Timeout.InfiniteTimeSpan;
        if (ApiKey is not null)
            http.DefaultRequestHeaders.Add("X-Api-Key", ApiKey);
        if (BearerToken is not null)
            http.DefaultRequestHeaders.Authorization = new("Bearer", BearerToken);
    }

    static string[] Check(bool holds, string fault) => holds ? [] : [fault];
}
